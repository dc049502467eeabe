"""Simulated seconds and blocks whose truth is known: latencies, errors in clusters, drift between hosts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from relgate.values import Floats

    Counts = NDArray[np.int64]

SIGMA = 0.6


def latencies(rng: np.random.Generator, runs: int, n: int, log_factor: Floats | float = 0.0) -> Floats:
    """One second of log-normal latencies around 50 ms, shape (runs, n); ``log_factor`` of each run or of all."""
    shift = np.broadcast_to(np.asarray(log_factor, dtype=np.float64), (runs,))
    drawn: Floats = 0.05 * np.exp(SIGMA * rng.standard_normal((runs, n)) + shift[:, None])
    return drawn


def wandering(rng: np.random.Generator, steps: int, runs: int, sd: float, over: float) -> Floats:
    """A stationary AR(1) process, shape (steps, runs); ``over``: its correlation time in steps."""
    phi = math.exp(-1 / over)
    pushes = rng.standard_normal((steps, runs))
    found = np.empty((steps, runs))
    found[0] = sd * pushes[0]
    for step in range(1, steps):
        found[step] = phi * found[step - 1] + sd * math.sqrt(1 - phi**2) * pushes[step]
    return found


def errors(rng: np.random.Generator, seconds: int, runs: int, per_s: float, burst: float) -> Counts:
    """Errors of each second, shape (seconds, runs): in clusters of geometric size, ``burst`` on average."""
    if burst <= 1:
        return rng.poisson(per_s, (seconds, runs)).astype(np.int64)
    began = rng.poisson(per_s / burst, (seconds, runs))
    sizes = began + np.where(began > 0, rng.negative_binomial(np.maximum(began, 1), 1 / burst), 0)
    later = rng.binomial(sizes, rng.random((seconds, runs)))
    found = (sizes - later).astype(np.int64)
    found[1:] += later[:-1]
    return found


def share_above(e_values: Iterable[Floats], need: float) -> float:
    """Share of runs whose e-value was at least ``need`` at some time."""
    highest = np.max(np.stack(list(e_values)), axis=0)
    return float(np.mean(highest >= need))


def at_most(runs: int) -> float:
    """The share of ``runs`` that a promise of one in twenty allows, with two standard deviations of luck."""
    return 0.05 + 2 * math.sqrt(0.05 * 0.95 / runs)
