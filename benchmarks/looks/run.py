"""What judging costs: a look of ten gates after an hour of bake, and samples judged per second.

    python benchmarks/looks/run.py [SECONDS]

Ten gates on one signal at 1,000 requests per second and side, a look every second; the time of the look at second 60 and
at the last (3600 if nothing is said), each the median and P95 of the sixty looks around it. Beside it, in the same run, what a
script does that tests all samples so far again at each look: scipy's Mann-Whitney for one gate (its P95s are not even in it).
"""

import statistics
import sys
import time

import numpy as np
from scipy.stats import mannwhitneyu

from relgate.measure.noise import ASSUMED
from relgate.policy.limits import parse_limit
from relgate.policy.model import Gate
from relgate.values import Requests
from relgate.watch import Watch

RATE = 1000
LIMITS = {
    "p50": (0.5, ("> baseline + 10%",)),
    "p50-fixed": (0.5, ("> 200ms",)),
    "p95": (0.95, ("> baseline + 10%", "> 2000ms")),
    "p95-plus": (0.95, ("> baseline + 50ms",)),
    "p99": (0.99, ("> 2x baseline", "> 5000ms")),
    "p99-fixed": (0.99, ("> 10000ms",)),
    "whole": (None, ("> baseline + 5%",)),
    "errors": (-1, ("> 1%",)),
    "error-ratio": (-1, ("> 300% of baseline",)),
    "error-points": (-1, ("> baseline + 10pp",)),
}


def gate(id_: str) -> Gate:
    quantile, limits = LIMITS[id_]
    fail = tuple(parse_limit(text) for text in limits)
    if quantile == -1:
        return Gate(id=id_, signal="requests", field="errors", kind="share", dimension="share", fail=fail)
    whole = quantile is None
    return Gate(
        id=id_,
        signal="requests",
        field="latency",
        kind="quantile",
        dimension="time",
        quantile=quantile,
        whole=whole,
        fail=fail,
    )


def second(rng: np.random.Generator, t_s: int, rate: int) -> Requests:
    """Requests of one side that were due within a second, in the order in which they ended, as ``Tail.read`` gives them."""
    latency_s = 0.05 * np.exp(0.6 * rng.standard_normal(rate))
    intended_s = t_s + np.arange(rate) / rate
    order = np.argsort(intended_s + latency_s)
    failed = rng.random(rate) < 0.001
    return Requests(
        intended_s=intended_s[order],
        latency_s=latency_s,
        lag_s=np.zeros(rate),
        status=np.where(failed, 500, 200),
        failed=failed,
        usable=np.ones(rate, dtype=np.bool_),
        path=np.zeros(rate, dtype=np.int64),
    )


def looks(seconds: int) -> None:
    rng = np.random.default_rng(1)
    watches = [Watch(gate(id_), ASSUMED, 0.005, 0.0, looks=True) for id_ in LIMITS]
    took_ms, latencies = [], ([], [])
    for t_s in range(seconds):
        sides = [(name, second(rng, t_s, RATE)) for name in ("candidate", "baseline")]
        for kept, (_, requests) in zip(latencies, sides, strict=True):
            kept.append(requests.latency_s)
        began = time.process_time()
        for watch in watches:
            for name, requests in sides:
                watch.add(name, requests)
            watch.until(t_s + 1)
        _ = [(watch.e_value, [limit.crossed_s for limit in watch.limits]) for watch in watches]
        took_ms.append(1e3 * (time.process_time() - began))
    for at in dict.fromkeys((min(60, seconds), seconds)):
        around = sorted(took_ms[max(0, at - 60) : at])
        naive = naively(*(np.concatenate(kept[:at]) for kept in latencies))
        ours, most = statistics.median(around), around[int(0.95 * len(around))]
        print(
            f"look at second {at:4d}: ten gates {ours:.2f} ms median, {most:.2f} ms P95; "
            f"Mann-Whitney on all {2 * RATE * at:,} samples, one gate: {naive:.0f} ms; ratio {naive / ours:.1f}"
        )


def naively(candidate_s: np.ndarray, baseline_s: np.ndarray) -> float:
    """Milliseconds of one look that starts anew, median of three."""
    took = []
    for _ in range(3):
        began = time.process_time()
        mannwhitneyu(candidate_s, baseline_s, alternative="greater", method="asymptotic")
        took.append(1e3 * (time.process_time() - began))
    return statistics.median(took)


def throughput(rate: int = 100_000, seconds: int = 15) -> None:
    """Samples of both sides, judged by one gate each, per second of one core."""
    for id_ in ("p95", "whole", "error-ratio"):
        rng = np.random.default_rng(2)
        data = [(second(rng, t_s, rate), second(rng, t_s, rate)) for t_s in range(seconds)]
        watch = Watch(gate(id_), ASSUMED, 0.005, 0.0, looks=True)
        began = time.process_time()
        for t_s, (own, other) in enumerate(data):
            watch.add("candidate", own)
            watch.add("baseline", other)
            watch.until(t_s + 1)
        took_s = time.process_time() - began
        print(f"samples judged per second and core, gate {id_}: {2 * rate * seconds / took_s / 1e6:.1f} million")


if __name__ == "__main__":
    looks(int(sys.argv[1]) if len(sys.argv) > 1 else 3600)
    throughput()
