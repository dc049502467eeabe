"""Bakes made of numbers: requests of two sides whose truth is known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from relgate.measure.drift import Noise
from relgate.observe.format import FAULTS
from relgate.policy.limits import parse_limit
from relgate.policy.model import Gate
from relgate.values import Evidence, Requests, Samples
from tests.observe.samples import HEAD, START_NS, TAIL, WALL_NS, writer

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from relgate.values import Floats

BROKEN = FAULTS.index("expectation")
QUIET = Noise(host_drift=0.01, over_s=50.0, bursts_s=2.0, source="declared")


def gate(*fail: str, kind: str = "quantile", **more: Any) -> Gate:
    """A gate on the 95th percentile, or on errors with ``kind="share"``."""
    if kind == "quantile":
        more = {"quantile": 0.95, "dimension": "time"} | more
    limits = tuple(parse_limit(text) for text in fail)
    return Gate(**{"id": "g", "signal": "s", "field": None, "kind": kind, "dimension": "share", "fail": limits, **more})


def due(window_s: float, per_s: float = 10.0, begin_s: float = 0.0) -> Floats:
    """When requests are due at an even rate."""
    return np.arange(round((window_s - begin_s) * per_s)) / per_s + begin_s


def latencies(n: int, seed: int, median_s: float = 0.05) -> Floats:
    """Log-normal seconds."""
    return np.random.default_rng(seed).lognormal(math.log(median_s), 0.6, n)


def requests(
    due_s: Floats,
    latency_s: Floats | float = 0.05,
    failed: NDArray[np.bool_] | None = None,
    usable: NDArray[np.bool_] | None = None,
    instances: tuple[str, ...] = (),
    instance: NDArray[np.int64] | None = None,
) -> Requests:
    """Requests with their latencies; no failed and no spoiled ones where nothing is said."""
    n = len(due_s)
    bad = np.zeros(n, dtype=np.bool_) if failed is None else failed
    return Requests(
        intended_s=np.asarray(due_s, dtype=np.float64),
        latency_s=np.broadcast_to(np.asarray(latency_s, dtype=np.float64), (n,)).copy(),
        lag_s=np.zeros(n),
        status=np.where(bad, 503, 200).astype(np.int64),
        failed=bad,
        usable=np.ones(n, dtype=np.bool_) if usable is None else usable,
        path=np.zeros(n, dtype=np.int64),
        instance=np.zeros(n, dtype=np.int64) if instance is None else instance,
        instances=instances,
    )


def usual(window_s: float, seed: int, factor: float = 1.0, per_s: float = 10.0) -> Requests:
    """Requests of a service whose latencies are log-normal, ``factor`` times as long."""
    due_s = due(window_s, per_s)
    return requests(due_s, factor * latencies(len(due_s), seed))


def part(whole: Requests, mask: NDArray[Any]) -> Requests:
    """Some of the requests: by mask, or in the order of indices."""
    arrays = ("intended_s", "latency_s", "lag_s", "status", "failed", "usable", "path", "instance")
    return Requests(**{name: getattr(whole, name)[mask] for name in arrays}, instances=whole.instances)


def evidence(candidate: Samples, baseline: Samples | None, window_s: float) -> Evidence:
    """Both sides in a window."""
    return Evidence("s", "", candidate, baseline, 1000.0, 1000.0 + window_s)


def stored(
    folder: Path,
    seed: int,
    window_s: float,
    factor: float = 1.0,
    instances: int = 1,
    run_id: str = "run-1",
    storm_s: float = 0.0,
) -> None:
    """Leave the recording of a bake: ten requests a second, the candidate ``factor`` times as slow.

    ``storm_s``: once in a minute every other request to one side fails for so long, to one side after the other.
    """
    sides = {side: [f"https://{side}-{i}" for i in range(instances)] for side in HEAD["sides"]}
    new = writer(folder, run_id=run_id, bake_s=window_s, instances=sides)
    due_ns = START_NS + np.round(due(window_s) * 1e9).astype(np.int64)
    for number, side in enumerate(HEAD["sides"]):
        slow = factor if side == "candidate" else 1.0
        took_ns = np.round(slow * latencies(len(due_ns), 2 * seed + number) * 1e9).astype(np.int64)
        since_s = (due(window_s) + 60.0 * number) % 120.0
        fault = np.where((since_s < storm_s) & (np.arange(len(due_ns)) // instances % 2 == 0), BROKEN, 0)
        rows = [
            (int(at), int(at), int(at + took), WALL_NS, 200, int(fault[i]), 0, i % instances, 21)
            for i, (at, took) in enumerate(zip(due_ns, took_ns, strict=True))
        ]
        new.requests("requests", side, rows)
    new.finish({**TAIL, "observed_s": window_s})
