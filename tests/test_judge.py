"""The judge: a verdict for every kind of gate, and never a pass without evidence."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relgate.judge import RULES, judge, judge_value
from relgate.measure.drift import Noise
from relgate.policy.limits import Limit, NumberLimit, parse_limit
from relgate.policy.loads import Knee, Load
from relgate.policy.model import Gate, IdRule, Kind, Poll, Probe, Request, Signal
from relgate.values import (
    Answer,
    Answers,
    Cost,
    Dimension,
    Evidence,
    IdFact,
    Ids,
    Judgement,
    Lines,
    Look,
    Measurement,
    Requests,
    Samples,
    Seen,
    Series,
    Statements,
    Verdict,
)
from relgate.verdicts import LEAST, unmeasured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from relgate.values import Floats

PASS, WARN, FAIL, INCONCLUSIVE, ERROR = (
    Verdict.PASS,
    Verdict.WARN,
    Verdict.FAIL,
    Verdict.INCONCLUSIVE,
    Verdict.ERROR,
)
WINDOW_S = 600.0
QUIET = Noise(host_drift=0.01, over_s=50.0, source="declared")
DIMENSIONS: dict[str, Dimension] = {
    "quantile": "time",
    "share": "share",
    "throughput": "rate",
    "capacity": "rate",
    "ids": "share",
    "health": "status",
    "version": "text",
    "gauge": "count",
    "growth": "bytes",
    "trend": "byterate",
    "counter": "rate",
    "patterns": "rate",
    "statements": "time",
    "value": "time",
}
MB = 1e6


def gate(kind: Kind, *fail: str, warn: tuple[str, ...] = (), **more: Any) -> Gate:
    """A gate of a kind with its limits as they are written in policies."""
    limits: tuple[Limit, ...] = tuple(parse_limit(text) for text in fail)
    more.setdefault("dimension", DIMENSIONS[kind])
    more.setdefault("quantile", 0.95 if kind == "quantile" else None)
    return Gate(
        id="g",
        signal="s",
        field=more.pop("field", None),
        kind=kind,
        fail=limits,
        warn=tuple(parse_limit(text) for text in warn),
        **more,
    )


CLIMB = Signal(
    name="s",
    kind="load",
    load=Load(users=("a.py",), rate_per_s=400.0, shape="step", steps=4, each_s=150.0, knee=Knee(limit_s=0.5)),
)
"""Steps of 100 to 400 requests per second over the ten minutes."""


def evidence(candidate: Samples, baseline: Samples | None = None, **more: Any) -> Evidence:
    """Ten minutes of samples."""
    return Evidence("s", more.pop("field", ""), candidate, baseline, 1000.0, 1000.0 + WINDOW_S, **more)


def judged(rule: Gate, candidate: Samples, baseline: Samples | None = None, **more: Any) -> Judgement:
    """The judgement at 95 %."""
    field = more.pop("field", "")
    problems = more.pop("problems", ())
    more = {"alpha": 0.05, "beta": 0.05, "noise": QUIET, **more}
    if rule.kind == "capacity":
        more.setdefault("signal", CLIMB)
    return judge(rule, evidence(candidate, baseline, field=field, problems=problems), **more)


def requests(
    latency_s: Floats | list[float], failed: int = 0, *, spoiled: int = 0, window_s: float = WINDOW_S
) -> Requests:
    """Requests at even times; the first ``failed`` of them spread over the window have failed."""
    latency = np.asarray(latency_s, dtype=np.float64)
    n = latency.size
    bad, unusable = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    bad[np.linspace(0, n - 1, failed, dtype=np.int64)] = True
    unusable[np.linspace(0, n - 1, spoiled, dtype=np.int64)] = True
    return Requests(
        intended_s=np.linspace(0, window_s, n, endpoint=False),
        latency_s=latency,
        lag_s=np.zeros(n),
        status=np.where(bad, 503, 200).astype(np.int64),
        failed=bad,
        usable=~unusable,
        path=np.zeros(n, dtype=np.int64),
    )


def climb(factor: float = 1.0, seed: int = 1) -> Requests:
    """Four steps; P95 is 0.05, 0.13, 0.32 and 1.3 s, so it crosses 0.5 s at about 331/s."""
    medians = (0.02, 0.05, 0.12, 0.5)
    return requests(np.concatenate([lognormal(600, factor * one, seed + n) for n, one in enumerate(medians)]))


def lognormal(n: int, median_s: float = 0.1, seed: int = 1) -> Floats:
    """Latencies with a median; the 95th percentile is 2.68 times that."""
    return np.random.default_rng(seed).lognormal(math.log(median_s), 0.6, n)


def log(*moments: float, plain: int = 50, other: Mapping[str, list[float]] | None = None) -> Lines:
    """Looks once a second at a log with ``plain`` lines each, one error at each moment, and other errors."""
    patterns = {"ERROR boom": moments, **(other or {})}
    of_looks: dict[int, list[Seen]] = {}
    for name, at in patterns.items():
        for look, count in Counter(int(moment) + 1 for moment in at).items():
            of_looks.setdefault(look, []).append(Seen(name, count, f"{name} 4711"))
    looks = (
        Look(
            float(t), plain * (t > 0) + sum(one.count for one in of_looks.get(t, ())), None, tuple(of_looks.get(t, ()))
        )
        for t in range(int(WINDOW_S) + 1)
    )
    return Lines(tuple(looks), 1.0)


SCATTERED = {
    f"ERROR {word}": [60.0 * i, 60.0 * i + 20, 60.0 * i + 40]
    for i, word in enumerate(
        ("disk is full", "no route", "bad gateway from there", "late", "key is gone", "pool", "lock timed out", "x")
    )
}


def database(mean_s: float, calls: int = 20, seed: int = 1, name: str = "select a", **other: float) -> Statements:
    """A statement with its mean, called between looks each 10 s, and others by their names."""
    dice, at_s = np.random.default_rng(seed), [10.0 * k for k in range(61)]
    costs = {}
    for one, mean in {name: mean_s, **other}.items():
        totals = np.cumsum(dice.uniform(0.5, 1.5, 60) * mean * calls)
        costs[one] = tuple(Cost(t, calls * (k + 1), float(totals[k])) for k, t in enumerate(at_s[1:]))
    return Statements(tuple(at_s), costs)


def series(values: Floats | list[float], *faults: str, every_s: float | None = None) -> Series:
    """Observations at even times over the window."""
    numbers = np.asarray(values, dtype=np.float64)
    step = every_s if every_s is not None else WINDOW_S / max(numbers.size, 1)
    return Series(np.arange(numbers.size, dtype=np.float64) * step, numbers, faults)


def answers(*bodies: object, code: int = 200, every_s: float | None = None, **headers: str) -> Answers:
    """Polls at even times over the window; None as a body is no answer."""
    step = every_s if every_s is not None else WINDOW_S / max(len(bodies), 1)
    found = []
    for i, body in enumerate(bodies):
        text = body if isinstance(body, str) else json.dumps(body)
        if body is None:
            found.append(Answer(i * step, 1000 + i * step, 5.0, None, "", error="timed out after 5 s"))
        else:
            found.append(Answer(i * step, 1000 + i * step, 0.01, code, text, tuple(headers.items())))
    return Answers(tuple(found), step)


def facts(n: int, *broken: IdFact) -> Ids:
    """Answers with good ids, and some others."""
    return Ids((*(IdFact(f"i{i}", f"i{i}", 200, "/a") for i in range(n)), *broken))


GOOD_LATENCY, GOOD_IDS = requests(lognormal(3000)), facts(500)
NAN = math.nan

# --- every kind: one pass, one fail, one that is not decided. The table check below wants all three of each kind.

CASES: dict[str, list[tuple[Gate, Samples, Samples | None, Verdict]]] = {
    "quantile": [
        (gate("quantile", "> 2000ms"), GOOD_LATENCY, None, PASS),
        (gate("quantile", "> 250ms"), requests(lognormal(3000, 0.12)), None, FAIL),
        (gate("quantile", "> 270ms"), requests(lognormal(300)), None, INCONCLUSIVE),
        (gate("quantile", "> 2x baseline"), GOOD_LATENCY, requests(lognormal(3000, seed=2)), PASS),
        (gate("quantile", "> baseline + 20%"), requests(lognormal(3000, 0.15)), GOOD_LATENCY, FAIL),
        (gate("quantile", "> baseline + 20%"), requests(lognormal(300, 0.12)), GOOD_LATENCY, INCONCLUSIVE),
        (gate("quantile", "> baseline + 50ms"), requests(lognormal(3000, 0.2)), GOOD_LATENCY, FAIL),
        (gate("quantile", "> baseline + 50ms"), requests(lognormal(3000, seed=4)), GOOD_LATENCY, PASS),
        (gate("quantile", "> 2000ms", warn=("> 200ms",)), GOOD_LATENCY, None, WARN),
        (gate("quantile", "> 2000ms", warn=("> 270ms",)), GOOD_LATENCY, None, WARN),
        (gate("quantile", "> 2000ms", warn=("> 2x baseline",)), GOOD_LATENCY, None, WARN),
        (gate("quantile", "> 2000ms"), requests(lognormal(1000), failed=100), None, FAIL),
        (gate("quantile", "> 2000ms"), requests(lognormal(1000), failed=10), None, PASS),
        (gate("quantile", "> 5s"), answers(*["Healthy"] * 100), None, PASS),
        (gate("quantile", "> 5s for 2m", quantile=0.9), requests(lognormal(3000)), None, PASS),
        (gate("quantile", "> 50ms for 2m", quantile=0.9), requests(lognormal(3000)), None, FAIL),
    ],
    "share": [
        (gate("share", "> 5%"), requests(lognormal(1000), failed=10), None, PASS),
        (gate("share", "> 5%"), requests(lognormal(1000), failed=100), None, FAIL),
        (gate("share", "> 5%"), requests(lognormal(1000), failed=50), None, INCONCLUSIVE),
        (gate("share", "> 5%"), requests(lognormal(59)), None, PASS),
        (gate("share", "> 5%"), requests(lognormal(58)), None, INCONCLUSIVE),
        (gate("share", "> 300% of baseline"), requests(lognormal(1000), 12), requests(lognormal(1000), 12), PASS),
        (gate("share", "> 300% of baseline"), requests(lognormal(1000), 100), requests(lognormal(1000), 5), FAIL),
        (gate("share", "> 300% of baseline"), requests(lognormal(1000), 3), requests(lognormal(1000), 1), INCONCLUSIVE),
        (gate("share", "> 300% of baseline"), requests(lognormal(1000)), requests(lognormal(1000)), PASS),
        (gate("share", "> 300% of baseline"), requests(lognormal(1000)), requests(lognormal(1000), 1), PASS),
        (gate("share", "> 300% of baseline"), requests(lognormal(1000), 2), requests(lognormal(1000)), INCONCLUSIVE),
        (gate("share", "> 300% of baseline"), requests(lognormal(1000), 20), requests(lognormal(1000)), FAIL),
        (gate("share", "> 300% of baseline"), requests(lognormal(29)), requests(lognormal(1000)), INCONCLUSIVE),
        (gate("share", "> 300% of baseline"), requests(lognormal(1000)), requests(lognormal(29)), INCONCLUSIVE),
        (gate("share", "> baseline + 10pp"), requests(lognormal(500), 10), requests(lognormal(500), 5), PASS),
        (gate("share", "> baseline + 10pp"), requests(lognormal(500), 100), requests(lognormal(500), 5), FAIL),
        (gate("share", "any"), requests(lognormal(1000)), None, PASS),
        (gate("share", "any"), requests(lognormal(1000), 1), None, FAIL),
        (gate("share", "> 0%"), requests(lognormal(1000)), None, PASS),
        (gate("share", "any"), requests(lognormal(2), 1), None, FAIL),
        (gate("share", "any"), requests(lognormal(29)), None, INCONCLUSIVE),
        (gate("share", "> 5%, 3 in a row"), requests(lognormal(1000)), None, ERROR),
        (gate("share", "down"), requests(lognormal(1000)), None, ERROR),
    ],
    "throughput": [
        (gate("throughput", "< 1/s"), requests(lognormal(1200)), None, PASS),
        (gate("throughput", "< 1.9/s"), requests(lognormal(1200), failed=300), None, FAIL),
        (gate("throughput", "< 1.5/s"), requests(lognormal(1200), failed=300), None, INCONCLUSIVE),
        (gate("throughput", "< 95% of baseline"), requests(lognormal(1200)), requests(lognormal(1200)), PASS),
        (gate("throughput", "< 95% of baseline"), requests(lognormal(1200), 200), requests(lognormal(1200)), FAIL),
        (gate("throughput", "< 95% of baseline"), requests(lognormal(1200), 1200), requests(lognormal(1200)), FAIL),
        (gate("throughput", "< baseline"), requests(lognormal(1200)), requests(lognormal(1200)), INCONCLUSIVE),
    ],
    "capacity": [
        (gate("capacity", "< 200/s"), climb(), None, PASS),
        (gate("capacity", "< 380/s"), climb(), None, FAIL),
        (gate("capacity", "< 331/s"), climb(), None, INCONCLUSIVE),
        (gate("capacity", "< 90% of baseline"), climb(), climb(seed=9), PASS),
        (gate("capacity", "< 90% of baseline"), climb(3.0), climb(), FAIL),
        (gate("capacity", "< 90% of baseline"), climb(0.1), climb(0.1), INCONCLUSIVE),
    ],
    "ids": [
        (gate("ids", "any"), GOOD_IDS, None, PASS),
        (gate("ids", "any"), facts(500, IdFact("x", None, 200)), None, FAIL),
        (gate("ids", "any"), facts(500, IdFact("x", None, 500)), None, FAIL),
        (gate("ids", "any"), facts(1, IdFact("x", None, 200)), None, FAIL),
        (gate("ids", "any"), facts(29), None, INCONCLUSIVE),
        (gate("ids", "any"), Ids(tuple(IdFact("x", None, 0) for _ in range(100))), None, INCONCLUSIVE),
        (gate("ids", "> 1%"), facts(500, IdFact("x", None, 200)), None, PASS),
        (gate("ids", "> 1%"), facts(500, *[IdFact("x", None, 200)] * 50), None, FAIL),
    ],
    "health": [
        (gate("health", "down", "failing 3 in a row"), answers(*["Healthy"] * 20), None, PASS),
        (gate("health", "down", "failing 3 in a row"), answers(*["Healthy"] * 20, "Down"), None, FAIL),
        (gate("health", "failing 3 in a row"), answers(*["Healthy"] * 9, None, None, None, "Healthy"), None, FAIL),
        (gate("health", "failing 3 in a row"), answers(*["Healthy"] * 9, None, "Healthy"), None, WARN),
        (gate("health", "failing 3 in a row"), answers(*["Healthy"] * 9, None), None, INCONCLUSIVE),
        (gate("health", "failing 3 in a row"), answers(*["Healthy", None] * 9, "Healthy"), None, INCONCLUSIVE),
        (gate("health", "failing for 2m"), answers(*["Healthy"] * 5, *[None] * 5, *["Healthy"] * 10), None, FAIL),
        (gate("health", "failing for 2m"), answers(*["Healthy"] * 18, None, "Healthy"), None, WARN),
        (gate("health", "down", warn=("degraded",)), answers(*["Healthy"] * 9, "Degraded"), None, WARN),
        (gate("health", "down"), answers(*["Degraded"] * 10), None, WARN),
        (gate("health", "down"), answers("Healthy", "Healthy"), None, INCONCLUSIVE),
        (gate("health", "> 5%"), answers(*["Healthy"] * 20), None, ERROR),
    ],
    "version": [
        (gate("version", expect="release"), answers(*['{"version": "1.2.3"}'] * 5), None, PASS),
        (gate("version", expect="1.2.3"), answers(*['{"version": "v1.2.3"}'] * 5), None, PASS),
        (gate("version", expect="release"), answers(*['{"version": "1.2.3"}'] * 5, '{"version": "1.2.2"}'), None, FAIL),
        (gate("version", expect="release"), answers(*['{"version": "1.2.3"}'] * 2), None, INCONCLUSIVE),
        (gate("version", expect="release"), answers(*['{"version": "1.2.3"}'] * 5, "{}"), None, INCONCLUSIVE),
        (gate("version", expect="release"), answers(*['{"version": "1.2.3"}'] * 5, age="9"), None, INCONCLUSIVE),
        (gate("version", expect="release"), answers(*['{"version": "1.2.3"}'] * 5, None), None, INCONCLUSIVE),
        (
            gate("version", expect="release"),
            answers(*['{"version": "1"}', None, *['{"version": "1"}'] * 9]),
            None,
            FAIL,
        ),
        (gate("version", expect=None), answers(*['{"version": "1.2.3"}'] * 5), None, ERROR),
    ],
    "gauge": [
        (gate("gauge", "> 1000"), series([10.0] * 40), None, PASS),
        (gate("gauge", "> 1000"), series([10.0] * 39 + [1001.0]), None, FAIL),
        (gate("gauge", "> 1000", over="mean"), series([10.0] * 39 + [1001.0]), None, PASS),
        (gate("gauge", "> 1000"), series([10.0] * 39 + [NAN]), None, INCONCLUSIVE),
        (gate("gauge", "> 1000"), series([NAN] + [1001.0] * 39), None, FAIL),
        (gate("gauge", "> 1000", over="mean"), series([NAN] + [1001.0] * 39), None, INCONCLUSIVE),
        (gate("gauge", "> 1000"), series([10.0] * 40, "2 series for one query"), None, INCONCLUSIVE),
        (gate("gauge", "> 1000"), series([10.0] * 20, every_s=5.0), None, INCONCLUSIVE),
        (gate("gauge", "< 5"), series([10.0] * 39 + [4.0]), None, FAIL),
        (gate("gauge", "> 1000 for 5m"), series([10.0] * 5 + [2000.0] * 25 + [10.0] * 10), None, FAIL),
        (gate("gauge", "> 1000 for 5m"), series([10.0] * 5 + [2000.0] * 15 + [10.0] * 20), None, WARN),
        (gate("gauge", "> 1000 for 5m"), series([10.0] * 40), None, PASS),
        (gate("gauge", "> 1000 for 15m"), series([2000.0] * 40), None, INCONCLUSIVE),
        (gate("gauge", "> 1000 for 15m"), series([10.0] * 40), None, PASS),
        (gate("gauge", "> 1000, 3 in a row"), series([10.0] * 30 + [2000.0] * 3 + [10.0]), None, FAIL),
        (gate("gauge", "> 1000, 3 in a row"), series([10.0] * 30 + [2000.0] * 2 + [10.0]), None, WARN),
        (gate("gauge", "> 1000, 3 in a row"), series([10.0] * 30 + [2e3, NAN, 2e3] + [10.0]), None, INCONCLUSIVE),
        (gate("gauge", "> 2x baseline"), series([10.0] * 40), series([10.0] * 40), PASS),
        (gate("gauge", "> 2x baseline"), series([21.0] * 40), series([10.0] * 40), FAIL),
        (gate("gauge", "> 2x baseline"), series([10.0] * 40), series([0.0] * 40), INCONCLUSIVE),
        (gate("gauge", "> 2x baseline"), series([10.0] * 40), series([10.0] * 39 + [NAN]), INCONCLUSIVE),
        (gate("gauge", "> 2x baseline for 5m"), series([21.0] * 40), series([10.0] * 40), FAIL),
        (gate("gauge", "any"), series([0.0] * 40), None, PASS),
        (gate("gauge", "any"), series([0.0] * 39 + [1.0]), None, FAIL),
        (gate("gauge", "> 1000"), series([10.0, 10.0]), None, INCONCLUSIVE),
    ],
    "growth": [
        (gate("growth", "> 500MB"), series([400 * MB] * 120), None, PASS),
        (gate("growth", "> 500MB"), series(list(np.linspace(4e8, 12e8, 120))), None, FAIL),
        (gate("growth", "> 500MB"), series([400 * MB] * 11), None, INCONCLUSIVE),
        (gate("growth", "> 500MB"), series([400 * MB] * 119 + [NAN]), None, INCONCLUSIVE),
        (gate("growth", "> baseline + 100MB"), series([4e8] * 120), series([4e8] * 120), PASS),
        (gate("growth", "> 2x baseline"), series([4e8] * 120), series([4e8] * 120), INCONCLUSIVE),
        (gate("growth", "> 500MB for 5m"), series([4e8] * 120), None, ERROR),
    ],
    "trend": [
        (gate("trend", "> 8MB/min"), series([400 * MB] * 120), None, PASS),
        (gate("trend", "> 8MB/min"), series(list(np.linspace(4e8, 12e8, 120))), None, FAIL),
        (gate("trend", "> 8MB/min"), series([400 * MB] * 23), None, INCONCLUSIVE),
        (gate("trend", "> baseline + 8MB/min"), series([4e8] * 120), series([4e8] * 120), PASS),
        (gate("trend", "> 2x baseline"), series([4e8] * 120), series([4e8] * 120), INCONCLUSIVE),
        (gate("trend", "> 8MB/min for 5m"), series([4e8] * 120), None, ERROR),
    ],
    "counter": [
        (gate("counter", "> 10/min"), series(list(np.arange(40.0))), None, PASS),
        (gate("counter", "> 10/min"), series(list(np.arange(40.0) * 10)), None, FAIL),
        (gate("counter", "> 10/min"), series(list(np.arange(40.0) * 2.6)), None, INCONCLUSIVE),
        (gate("counter", "> 10/min"), series([1.0, NAN, 3.0] * 10), None, INCONCLUSIVE),
        (gate("counter", "> 2x baseline"), series(list(np.arange(40.0) * 9)), series(list(np.arange(40.0))), FAIL),
        (gate("counter", "> 2x baseline"), series([7.0] * 40), series([7.0] * 40), PASS),
        # Seconds of CPU are no events: 0.0667 cores are below 0.07 without any interval.
        (gate("counter", "> 0.07", dimension="count"), series(list(np.arange(40.0))), None, PASS),
        (gate("counter", "> 4.2/min"), series(list(np.arange(40.0))), None, INCONCLUSIVE),
        (gate("counter", "> 60/min for 2m"), series(list(np.arange(600.0) * 3)), None, FAIL),
        (gate("counter", "> 60/min for 2m"), series(list(np.arange(600.0) / 10)), None, PASS),
    ],
    "patterns": [
        (gate("patterns", "> baseline + 1/min"), log(), log(), PASS),
        # One line against none proves nothing, neither way: at most 0.47 a minute, and twice none is none.
        (gate("patterns", "> baseline + 1/min"), log(100.0), log(), PASS),
        (gate("patterns", "> 2x baseline"), log(100.0), log(), INCONCLUSIVE),
        (gate("patterns", "> baseline + 1/min"), log(*range(0, 600, 20)), log(), FAIL),
        (gate("patterns", "> 2x baseline"), log(*range(0, 600, 20)), log(), FAIL),
        # The same on both sides is nobody's fault; a burst is one piece of evidence.
        (gate("patterns", "> 2x baseline"), log(*range(0, 600, 5)), log(*range(2, 600, 5)), PASS),
        (gate("patterns", "> baseline + 1/min"), log(*[300.0] * 500), log(), PASS),
        (gate("patterns", "> baseline + 1/min"), log(100.0, plain=0), log(plain=0), INCONCLUSIVE),
        (gate("patterns", "> 2x baseline"), log(), None, INCONCLUSIVE),
        (gate("patterns", "> 1/min"), log(*range(0, 600, 20)), None, FAIL),
        (gate("patterns", "> 1/min for 5m"), log(), None, ERROR),
        (gate("patterns", "< 1/min"), log(), None, ERROR),
        # Eight patterns of three lines each, of which none is proven, are 24 that the baseline has not.
        (gate("patterns", "> baseline + 1/min"), log(other=SCATTERED), log(), FAIL),
    ],
    "statements": [
        (gate("statements", "> 2x baseline"), database(0.01), database(0.01, seed=2), PASS),
        (gate("statements", "> 2x baseline"), database(0.04), database(0.01, seed=2), FAIL),
        (gate("statements", "> 2x baseline"), database(0.02), database(0.01, seed=2), INCONCLUSIVE),
        (gate("statements", "> baseline + 10ms"), database(0.03), database(0.01, seed=2), FAIL),
        (gate("statements", "> 1s"), database(0.01), None, PASS),
        (gate("statements", "> 1s"), database(2.0), None, FAIL),
        (gate("statements", "> 1s"), database(0.01, b=2.0), None, FAIL),
        (gate("statements", "> 1s"), Statements((0.0, 10.0, 600.0), {"q": (Cost(600.0, 3, 9.0),)}), None, INCONCLUSIVE),
        # A query that is new has no baseline to keep to: it is told, and needs a limit of its own.
        (gate("statements", "> 2x baseline"), database(0.01, b=0.1), database(0.01, seed=2), WARN),
        (gate("statements", "> 2x baseline", "> 1s"), database(0.01, b=2.0), database(0.01, seed=2), FAIL),
        (gate("statements", "> 2x baseline"), database(0.01), None, INCONCLUSIVE),
        (gate("statements", "> 1s"), Statements((), {}), None, INCONCLUSIVE),
        (gate("statements", "> 1s for 5m"), database(0.01), None, ERROR),
    ],
}


@pytest.mark.parametrize(
    ("rule", "candidate", "baseline", "expected"),
    [pytest.param(*case, id=f"{kind}-{i}-{case[3]}") for kind, cases in CASES.items() for i, case in enumerate(cases)],
)
def test_verdicts(rule: Gate, candidate: Samples, baseline: Samples | None, expected: Verdict) -> None:
    """Each kind of gate passes, fails and stays undecided where it should, and says why in one line."""
    found = judged(rule, candidate, baseline, expected_version="1.2.3")

    assert found.verdict is expected, found.message
    assert found.message
    assert "\n" not in found.message


def test_every_rule_is_tested() -> None:
    """A kind of gate without a test of its pass, its fail and its doubt is a fault; so is a kind without a rule."""
    assert set(RULES) == set(CASES)
    assert set(get_args(Kind)) == set(RULES) | {"value", "findings"}
    assert set(LEAST) == set(get_args(Kind)) - {"quantile"}
    for kind, cases in CASES.items():
        assert {PASS, FAIL, INCONCLUSIVE} <= {case[3] for case in cases}, kind
        assert {case[0].kind for case in cases} == {kind}


# --- the line at 3 a.m.


def test_the_message_of_a_fail() -> None:
    """Observed, limit, baseline, n and bounds, in this order."""
    found = judged(gate("quantile", "> 250ms"), requests([0.312] * 1000), requests([0.241] * 1000))

    assert found.message == (
        "p95 312 ms > limit 250 ms (baseline 241 ms, n=1000, evidence against it >1e6x of 20x needed after 9 s)"
    )
    assert found.limit == "> 250ms"
    assert found.measurement.value == 0.312
    assert found.measurement.confidence == 0.95


def test_the_message_of_a_doubt() -> None:
    """What is not clear, the bounds, and how many samples would tell."""
    found = judged(gate("share", "> 300% of baseline"), requests(lognormal(1000), 12), requests(lognormal(1000), 5))

    assert found.message == (
        "error rate 1.2 % is not clear of limit 1.5 % (> 300% of baseline, baseline 0.5 %, n=1000, "
        "ratio 2.4, 95 % bounds 0.916-7.08, evidence against it 0.88x of 20x needed); needs about "
        f"{(found.measurement.n_needed or 0) - 1000} more samples or a longer bake"
    )
    assert (found.measurement.n_needed or 0) > 1000


@pytest.mark.parametrize(
    ("rule", "candidate", "expected"),
    [
        (gate("health", "down"), answers("Healthy", {"status": "Down"}, "Healthy"), 'the body says "Down"'),
        (
            gate("ids", "any"),
            facts(99, IdFact("x", None, 503, "/a")),
            "1 missing, e.g. /a: x, 1 of them on 1 error answers",
        ),
        (
            gate("gauge", "> 1000 for 5m"),
            series([2000.0] * 40),
            "value > limit 1000 for 9.75 min (limit '> 1000 for 5m')",
        ),
        (gate("growth", "> 500MB"), series(list(np.linspace(4e8, 12e8, 120))), "MB > limit 500 MB (n=120)"),
        (gate("quantile", "> 2s"), requests([0.1] * 100, failed=90), "p95 no answer > limit 2 s"),
        (
            gate("quantile", "> 2s"),
            requests([0.1] * 10),
            "p95 100 ms: n=10 of at least 59 samples; needs about 49 more",
        ),
        (
            gate("quantile", "> 2x baseline"),
            requests([0.1] * 100),
            "cannot be compared with '> 2x baseline': there is no",
        ),
        (gate("version", expect="2.0"), answers(*['"1.9"'] * 5), "version 1.9 is served, expected 2.0 (n=5)"),
        (gate("patterns", "> 1/min"), log(*range(0, 600, 20)), 'pattern "ERROR boom" 3/min > limit 1/min'),
        (gate("patterns", "> 1/min"), log(*range(0, 600, 20)), "30 lines in 30 episodes, e.g. ERROR boom 4711"),
        (gate("patterns", "> 2x baseline"), log(), "there is no baseline"),
        (gate("statements", "> 1s"), database(0.01, b=2.0), 'statement "b" 1.'),
    ],
)
def test_messages_name_the_grounds(rule: Gate, candidate: Samples, expected: str) -> None:
    """A person understands the line without the policy at hand."""
    assert expected in judged(rule, candidate).message


# --- what no evidence must never become


@pytest.mark.parametrize("kind", sorted(RULES))
def test_problems_are_an_error(kind: str) -> None:
    """Samples that cannot be believed are an error for every kind, also where they would pass or fail."""
    for rule, candidate, baseline, _ in CASES[kind]:
        found = judged(rule, candidate, baseline, problems=("the recorder was killed",), expected_version="1.2.3")

        assert found.verdict is ERROR
        assert "the recorder was killed" in found.message


@pytest.mark.parametrize("kind", sorted(RULES))
def test_other_samples_are_an_error(kind: str) -> None:
    """A rule that gets samples of another kind says what it expected."""
    rule = CASES[kind][0][0]
    wrong: Samples = GOOD_IDS if kind != "ids" else GOOD_LATENCY

    found = judged(rule, wrong, expected_version="1.2.3")

    assert found.verdict is ERROR
    assert "expected samples of kind" in found.message


@pytest.mark.parametrize("kind", sorted(RULES))
def test_a_gate_without_limits_never_passes(kind: str) -> None:
    """Nothing asked, nothing answered."""
    _, candidate, baseline, _ = CASES[kind][0]
    assert judged(gate(kind), candidate, baseline).verdict is ERROR  # type: ignore[arg-type]


@pytest.mark.parametrize("warmup_s", [WINDOW_S, WINDOW_S + 1, NAN])
@pytest.mark.parametrize("kind", sorted(RULES))
def test_nothing_left_after_the_warm_up_is_an_error(kind: str, warmup_s: float) -> None:
    """A warm-up as long as the window leaves no evidence."""
    rule, candidate, baseline, _ = CASES[kind][0]
    assert judged(rule, candidate, baseline, warmup_s=warmup_s).verdict is ERROR


@pytest.mark.parametrize("finished_s", [1000.0, 999.0, math.inf, NAN])
def test_a_window_without_length_is_an_error(finished_s: float) -> None:
    """No time, no evidence."""
    empty = replace(evidence(GOOD_LATENCY), finished_s=finished_s)
    assert judge(gate("quantile", "> 2s"), empty, alpha=0.05, beta=0.05).verdict is ERROR


@pytest.mark.parametrize(
    ("alpha", "beta"), [(0.5, 0.05), (0.05, 0.5), (0.05, 0.0), (-0.1, 0.05), (5.0, 0.05), (NAN, 0.1)]
)
def test_risks_are_probabilities(alpha: float, beta: float) -> None:
    """5 instead of 0.05 is the caller's fault."""
    with pytest.raises(ValueError, match="expected probabilities below"):
        judge(gate("quantile", "> 2s"), evidence(GOOD_LATENCY), alpha=alpha, beta=beta)


def test_warm_up_is_left_out() -> None:
    """Slow first requests do not count within the warm-up, of the gate before that of the stage."""
    slow_start = requests([3.0] * 300 + [0.1] * 700)

    assert judged(gate("quantile", "> 2s"), slow_start).verdict is FAIL
    assert judged(gate("quantile", "> 2s"), slow_start, warmup_s=180).verdict is PASS
    assert judged(gate("quantile", "> 2s", warmup_s=0.0), slow_start, warmup_s=180).verdict is FAIL


def test_a_recorder_that_was_the_bottleneck_decides_nothing() -> None:
    """Above 1 % of unusable samples there is no verdict, at 1 % they are left out; a baseline counts if compared."""
    rule, relative = gate("quantile", "> 2s"), gate("quantile", "> 2x baseline")
    spoiled = requests([0.1] * 1000, spoiled=11)

    assert judged(rule, requests([0.1] * 1000, spoiled=10)).verdict is PASS
    assert judged(rule, spoiled).verdict is INCONCLUSIVE
    assert "the recorder was the bottleneck" in judged(rule, spoiled).message
    assert judged(rule, requests([9.0] * 1000, spoiled=11)).verdict is INCONCLUSIVE
    assert judged(rule, requests([0.1] * 1000), spoiled).verdict is PASS
    assert judged(relative, requests([0.1] * 1000), spoiled).verdict is INCONCLUSIVE


def test_half_a_window_is_no_window() -> None:
    """A probe that ended in the middle of the bake proves nothing about the rest."""
    early = requests([0.1] * 1000, window_s=WINDOW_S / 2)

    assert judged(gate("quantile", "> 2s"), early).verdict is INCONCLUSIVE
    assert judged(gate("quantile", "> 50ms"), early).verdict is FAIL


def polled(*components: str, **more: Any) -> Signal:
    """A health signal."""
    return Signal(name="s", kind="poll", poll=Poll(path="/h", components=components, every_s=60, **more))


def test_health_reads_its_signal() -> None:
    """Format, components and age come from the policy's signal."""
    rule, healthy = gate("health", "down"), answers(*[{"status": "Healthy", "components": {"db": "Healthy"}}] * 10)

    assert judged(rule, healthy, signal=polled("db")).verdict is PASS
    assert judged(rule, healthy, signal=polled("queue")).verdict is INCONCLUSIVE
    assert judged(rule, healthy, signal=polled(format="actuator")).verdict is INCONCLUSIVE


def test_stale_health_is_no_health() -> None:
    """A timestamp that stands still is no evidence either way; a fail only where the policy names it."""
    frozen = answers(*[{"status": "Healthy", "timestamp": "1970-01-01T00:16:40Z"}] * 10)
    signal = polled(max_age_s=60)

    assert judged(gate("health", "down"), frozen, signal=signal).verdict is INCONCLUSIVE
    assert judged(gate("health", "down"), frozen, signal=polled()).verdict is PASS
    assert judged(gate("health", "down or stale"), frozen, signal=signal).verdict is FAIL
    assert judged(gate("health", "failing 3 in a row"), frozen, signal=signal).verdict is INCONCLUSIVE


def test_ids_read_their_signal() -> None:
    """Format and echo come from the policy's signal; the field says whether the log is asked."""
    probe = Probe(rate_per_s=20, requests=(Request(path="/a"),), ids=IdRule(format="uuid", echo=True))
    signal = Signal(name="s", kind="probe", probe=probe)
    logged = Ids(tuple(IdFact(f"i{i}", f"i{i}", 200, "/a", logged=i > 0) for i in range(50)))

    assert judged(gate("ids", "any"), GOOD_IDS, signal=signal).verdict is FAIL
    assert judged(gate("ids", "any"), logged).verdict is PASS
    assert judged(gate("ids", "any"), logged, field="logged").verdict is FAIL
    assert judged(gate("ids", "any"), GOOD_IDS, field="logged").verdict is INCONCLUSIVE


# Cases in which other systems promote or answer at random without evidence, as far as a judge can meet them.
# (Not a judge's: all metrics in dry run, only objectives without limits, no objectives at all: others hold there.)
# Each: what happened there, and the same situation here. None may pass; a warning would promote as well.
_EMPTY = requests([])
_NANS, _ONE_NAN = series([NAN] * 40), series([10.0] * 39 + [NAN])
_LIMIT, _SHARE, _P95 = gate("gauge", "> 10"), gate("share", "> 1%"), gate("quantile", "> 2s")
_NO_EVIDENCE: dict[str, tuple[Gate, Samples, Samples | None]] = {
    "argo: NaN, successCondition only": (gate("gauge", "< 0.95"), _NANS, None),
    "argo: NaN, both conditions": (gate("gauge", "> 10", "< 1"), _NANS, None),
    "argo: NaN, failureCondition only": (gate("gauge", ">= 10"), _NANS, None),
    "argo: no conditions at all": (gate("gauge"), series([1.0] * 40), None),
    "argo: empty vector": (_LIMIT, series([], "no series for the query"), None),
    "argo: terminated before any measurement": (_LIMIT, series([]), None),
    "argo: terminated early": (_LIMIT, series([1.0] * 10, every_s=1.0), None),
    "argo: graphite empty series": (_LIMIT, series([NAN] * 40, *["empty answer"] * 40), None),
    "flagger: prometheus NaN or empty": (_LIMIT, _ONE_NAN, None),
    "flagger: prometheus unreachable": (_LIMIT, series([NAN] * 40, *["connection refused"] * 40), None),
    "flagger: influxdb query returns no rows": (_LIMIT, series([], "no rows"), None),
    "flagger: datadog point value null": (_LIMIT, series([1.0] * 20 + [NAN] + [1.0] * 20), None),
    "flagger: several series returned": (_LIMIT, series([1.0] * 40, "2 series for one query"), None),
    "flagger: no metrics configured": (gate("share"), requests([0.1] * 1000), None),
    "kayenta: experiment empty, NaN removed": (gate("gauge", "> 2x baseline"), series([]), series([1.0] * 40)),
    "kayenta: experiment empty, NaN replaced": (gate("gauge", "> 2x baseline"), _NANS, series([1.0] * 40)),
    "kayenta: experiment empty, critical": (gate("quantile", "> 2x baseline"), _EMPTY, requests([0.1] * 1000)),
    "kayenta: half of it no data": (_LIMIT, series([1.0, NAN] * 20), None),
    "kayenta: less than half of it no data": (_LIMIT, series([1.0, 1.0, NAN] * 13), None),
    "kayenta: control mean 0": (gate("gauge", "> 2x baseline"), series([1.0] * 40), series([0.0] * 40)),
    "kayenta: experiment mean 0, control 0": (gate("gauge", "> 2x baseline"), series([0.0] * 40), series([0.0] * 40)),
    "keptn: SLI missing": (_SHARE, _EMPTY, None),
    "keptn: no previous evaluation": (gate("share", "> 300% of baseline"), requests([0.1] * 1000), None),
    "keptn: no SLO file": (gate("quantile"), requests([0.1] * 1000), None),
    "keptn: SLO file without objectives": (gate("gauge"), _NANS, None),
    "klt: value NaN": (gate("trend", "> 8MB/min"), series([NAN] * 120), None),
    "klt: empty target": (gate("growth"), series([4e8] * 120), None),
    "klt: provider error on a value": (gate("counter", "> 10/min"), series([1.0, 2.0, NAN, 4.0] * 10, "timeout"), None),
    "pipecd: threshold, no points": (gate("growth", "> 500MB"), series([]), None),
    "pipecd: both samples empty": (gate("quantile", "> 2x baseline"), _EMPTY, _EMPTY),
    "pipecd: previous, first deployment": (gate("quantile", "> baseline + 10%"), requests([0.1] * 1000), None),
    "pipecd: baseline empty": (gate("quantile", "> baseline + 10%"), requests([0.1] * 1000), _EMPTY),
    "pipecd: query hangs until the deadline": (gate("health", "down"), answers(None, None, None), None),
    "k6: rate threshold, no samples": (gate("share", "any"), _EMPTY, None),
    "k6: p(95)<N, no samples": (_P95, _EMPTY, None),
    "kayenta: classifier throws": (_P95, requests([0.1] * 999 + [NAN]), None),
    "own: infinity": (_LIMIT, series([1.0] * 39 + [-math.inf]), None),
    "own: no polls": (gate("health", "down"), answers(), None),
    "own: no version": (gate("version", expect="1"), answers(), None),
    "own: no ids": (gate("ids", "any"), Ids(()), None),
    "own: nothing but failed requests": (gate("throughput", "< 1/s"), _EMPTY, None),
    "own: one sample": (_P95, requests([0.1]), None),
    "own: a log without a line": (gate("patterns", "> 1/min"), log(plain=0), None),
    "own: no statement": (gate("statements", "> 1s"), Statements((0.0, 600.0), {}), None),
    "own: two samples": (_SHARE, requests([0.1, 0.1]), None),
}


@pytest.mark.parametrize("scenario", sorted(_NO_EVIDENCE))
def test_no_evidence_never_passes(scenario: str) -> None:
    """What makes other systems promote without evidence is inconclusive or an error here."""
    rule, candidate, baseline = _NO_EVIDENCE[scenario]

    found = judged(rule, candidate, baseline, expected_version="1")

    assert found.verdict in (INCONCLUSIVE, ERROR), found.message


def test_a_bake_too_short_for_a_new_pattern_proves_nothing() -> None:
    """Not one line of errors came, and ten would have been needed: twelve seconds have room for four."""
    short = Lines(log().looks[:13], 1.0)
    seen = replace(evidence(short, short), finished_s=1012.0)

    found = judge(gate("patterns", "> 2x baseline"), seen, alpha=0.05, beta=0.05, noise=QUIET)

    assert found.verdict is INCONCLUSIVE
    assert "has room for 4 episodes of 3 s" in found.message


def test_gates_that_only_warn_need_evidence_too() -> None:
    """A gate with warn limits alone does not go through on no data."""
    for rule, candidate in (
        (gate("gauge", warn=("> 10",)), _NANS),
        (gate("quantile", warn=("> 2s",)), _EMPTY),
        (gate("share", warn=("> 2%",)), _EMPTY),
        (gate("growth", warn=("> 500MB",)), series([NAN] * 120)),
    ):
        assert judged(rule, candidate).verdict is INCONCLUSIVE


# --- properties

LATENCIES = st.lists(st.floats(1e-3, 10), min_size=1, max_size=150)
BASES = ["absolute", "times", "plus"]


@settings(max_examples=60, deadline=None)
@given(LATENCIES, LATENCIES, st.floats(0.01, 5), st.sampled_from(BASES), st.sampled_from([1e-6, 1e6]))
def test_the_unit_never_decides(ours: list[float], theirs: list[float], limit: float, basis: Any, scale: float) -> None:
    """Samples and limit in another unit (x 1e-6, x 1e6) give the same verdict."""

    def verdict(factor: float) -> Verdict:
        bound = NumberLimit(">", limit if basis == "times" else limit * factor, basis, "time", "> limit")
        rule = gate("quantile").model_copy(update={"fail": (bound,)})
        a, b = np.array(ours * 3) * factor, np.array(theirs * 3) * factor
        return judged(rule, requests(a), requests(b)).verdict

    assert verdict(1.0) is verdict(scale)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 300), st.integers(0, 300), st.sampled_from(["> 5%", "> 300% of baseline", "> baseline + 10pp"]))
def test_failures_never_help(failed: int, added: int, limit: str) -> None:
    """More failed requests never turn a fail into a pass."""
    rule, baseline = gate("share", limit), requests([0.1] * 500, 20)
    before = judged(rule, requests([0.1] * 300, failed), baseline).verdict
    after = judged(rule, requests([0.1] * (300 + added), min(failed + added, 300 + added)), baseline).verdict

    assert (before, after) != (FAIL, PASS)
    assert not (before is INCONCLUSIVE and after is PASS and added == 0)


@settings(max_examples=60, deadline=None)
@given(LATENCIES, st.integers(1, 200), st.floats(0.01, 5))
def test_slow_requests_never_help(latencies: list[float], added: int, limit: float) -> None:
    """Adding requests slower than all others never turns a fail into a pass."""
    rule = gate("quantile").model_copy(update={"fail": (NumberLimit(">", limit, "absolute", "time", "> x"),)})
    slow = [max(latencies) * 2] * added

    before, after = (judged(rule, requests(x)).verdict for x in (latencies * 2, latencies * 2 + slow))

    assert (before, after) != (FAIL, PASS)


@settings(max_examples=40, deadline=None)
@given(st.floats(1e-3, 10), st.integers(0, 300), st.floats(1e-3, 10))
def test_constant_samples_are_judged_as_what_they_are(value: float, n: int, limit: float) -> None:
    """Identical samples: fail above the limit, pass at or below it, and nothing at all with too few of them."""
    rule = gate("quantile").model_copy(update={"fail": (NumberLimit(">", limit, "absolute", "time", "> x"),)})

    expected = {PASS if n >= 59 else INCONCLUSIVE}
    if value > limit:
        # No block pays more than five times what was staked on it: a few slow requests prove nothing.
        expected = {INCONCLUSIVE} if n < 4 else {FAIL} if n > 10 else {INCONCLUSIVE, FAIL}
    if not math.isclose(value, limit, rel_tol=1e-9):
        assert judged(rule, requests([value] * n)).verdict in expected


@settings(max_examples=40, deadline=None)
@given(st.integers(59, 400), st.integers(59, 400), st.floats(0.5, 2), st.integers(0, 10**6))
def test_both_ways_round_cannot_fail(n: int, m: int, shift: float, seed: int) -> None:
    """Candidate above baseline and, with the sides swapped, baseline above candidate are never both proven."""
    a, b = requests(lognormal(n, shift, seed)), requests(lognormal(m, 1.0, seed + 1))
    rule = gate("quantile", "> 1x baseline")

    verdicts = {judged(rule, a, b).verdict, judged(rule, b, a).verdict}

    assert verdicts != {FAIL}
    assert verdicts != {PASS}


def test_the_same_release_is_seldom_called_worse() -> None:
    """Of 40 bakes of a release beside itself, at most 5 % (and three standard errors) fail "> baseline"."""
    rule = gate("quantile", "> baseline")
    fails = sum(
        judged(rule, requests(lognormal(200, seed=2 * i)), requests(lognormal(200, seed=2 * i + 1))).verdict is FAIL
        for i in range(40)
    )

    assert fails <= 40 * 0.05 + 3 * math.sqrt(40 * 0.05 * 0.95)


@pytest.mark.parametrize(
    ("rule", "candidate", "alpha"),
    [
        (gate("throughput", "< 0.1/s"), requests(lognormal(600)), 0.01),
        (gate("share", "> 5%"), requests(lognormal(600)), 0.01),
        (gate("health", "down"), answers(*["Healthy"] * 20), None),
        (gate("share", "any"), requests(lognormal(600)), None),
    ],
)
def test_only_what_is_estimated_spends_alpha(rule: Gate, candidate: Samples, alpha: float | None) -> None:
    """States and zero tolerance say what was seen."""
    found = judged(rule, candidate, alpha=0.01)

    assert found.verdict is PASS
    assert found.alpha == alpha


def of_instances(*values: list[float]) -> Series:
    """One series for each of the instances a, b, ... with a value at every moment."""
    n = len(values[0])
    return Series(
        np.tile(np.linspace(0, WINDOW_S, n, endpoint=False), len(values)),
        np.concatenate([np.asarray(one, dtype=np.float64) for one in values]),
        instance=np.repeat(np.arange(len(values)), n),
        instances=tuple("abcdef"[: len(values)]),
    )


def test_the_worst_instance_decides() -> None:
    """One full queue of three is no average queue."""
    rule = gate("gauge", "> 1000, 3 in a row")
    calm, full = [10.0] * 60, [10.0] * 30 + [2000.0] * 30

    assert judged(rule, of_instances(calm, calm, calm)).verdict is PASS
    found = judged(rule, of_instances(calm, full, calm))
    assert found.verdict is FAIL
    assert found.message.startswith("b: ")


def test_instances_are_compared_with_as_many_of_the_baseline() -> None:
    """Two against three is nothing to compare in order; one baseline serves all."""
    rule = gate("gauge", "> 2x baseline")
    calm = [10.0] * 60

    assert judged(rule, of_instances(calm, calm), of_instances(calm, calm)).verdict is PASS
    assert judged(rule, of_instances(calm, [30.0] * 60), of_instances(calm, calm)).verdict is FAIL
    assert judged(rule, of_instances(calm, calm), series(calm)).verdict is PASS
    assert judged(rule, of_instances(calm, calm), of_instances(calm, calm, calm)).verdict is ERROR


# --- a user's own measurement


def test_a_value_is_judged_as_it_is() -> None:
    """A deterministic measurement against a limit, with its baseline taken as known."""
    value = Measurement("time", n=1, value=2.5, baseline=1.0)

    assert judge_value(gate("value", "> 2s"), value).verdict is FAIL
    assert judge_value(gate("value", "> 3s"), value).verdict is PASS
    assert judge_value(gate("value", "> 2x baseline"), value).verdict is FAIL
    assert judge_value(gate("value", "> baseline + 2s"), value).verdict is PASS
    assert judge_value(gate("value", "> 3s", warn=("> 2s",)), value).verdict is WARN


@pytest.mark.parametrize(
    ("measurement", "expected"),
    [
        (Measurement("time", n=100, value=2.5, low=2.1, high=3, confidence=0.95), FAIL),
        (Measurement("time", n=100, value=1.5, low=1.1, high=1.9, confidence=0.95), PASS),
        (Measurement("time", n=100, value=1.5, low=1.1, high=2.1, confidence=0.95), INCONCLUSIVE),
        (Measurement("time", n=100, value=1.5, low=1.1, confidence=0.95), INCONCLUSIVE),
        (Measurement("time", n=100, value=1.5, confidence=0.95), INCONCLUSIVE),
        (Measurement("time", n=0, value=1.5), INCONCLUSIVE),
        (Measurement("time", n=100), INCONCLUSIVE),
        (Measurement("time", n=100, value=1.5, problems=("the load generator died",)), ERROR),
        (Measurement("share", n=100, value=0.5), ERROR),
    ],
)
def test_values_need_evidence(measurement: Measurement, expected: Verdict) -> None:
    """Straddling, open, empty and foreign measurements do not pass."""
    assert judge_value(gate("value", "> 2s"), measurement).verdict is expected


def test_a_value_keeps_the_gates_level_and_size() -> None:
    """A measurement at a lower confidence, or with fewer samples than the gate asks for, is not enough."""
    value = Measurement("time", n=100, value=1.5, low=1.1, high=1.9, confidence=0.9)

    assert judge_value(gate("value", "> 2s", confidence=0.99), value).verdict is INCONCLUSIVE
    assert judge_value(gate("value", "> 2s", min_samples=101), value).verdict is INCONCLUSIVE
    assert judge_value(gate("value", "> 2s", min_samples=100), value).verdict is PASS


def test_values_of_words_and_versions() -> None:
    """States, counts of violations and versions can be measured by a user too."""
    down = Measurement("status", n=1, text="down")
    version = Measurement("text", n=1, text="1.2.3")

    assert judge_value(gate("value", "down", dimension="status"), down).verdict is FAIL
    assert judge_value(gate("value", "failing", dimension="status"), down).verdict is FAIL
    assert judge_value(gate("value", "stale", dimension="status"), down).verdict is PASS
    assert judge_value(gate("value", "failing 3 in a row", dimension="status"), down).verdict is ERROR
    assert judge_value(gate("value", "any", dimension="count"), Measurement("count", n=9, value=1)).verdict is FAIL
    assert judge_value(gate("value", "any", dimension="count"), Measurement("count", n=9, value=0)).verdict is PASS
    assert judge_value(gate("value", dimension="text", expect="1.2.3"), version).verdict is PASS
    assert judge_value(gate("value", dimension="text", expect="release"), version).verdict is ERROR
    assert judge_value(gate("value", dimension="text", expect="release"), version, expected_version="2").verdict is FAIL


def test_a_value_without_a_limit_never_passes() -> None:
    """Nothing asked, nothing answered; and a value gate has no recorded samples."""
    assert judge_value(gate("value"), Measurement("time", n=1, value=1.0)).verdict is ERROR
    assert judged(gate("value", "> 2s"), GOOD_LATENCY).verdict is ERROR


def test_unmeasured_is_an_error_with_a_reason() -> None:
    """A gate that could not be measured says why and keeps its limits."""
    found = unmeasured(gate("quantile", "> 2s"), "the recording is damaged")

    assert found.verdict is ERROR
    assert found.message == "could not be measured: the recording is damaged"
    assert found.limit == "> 2s"
    assert found.measurement.problems == ("the recording is damaged",)


def test_earlier_holds_count_in_both_directions() -> None:
    """Evidence of earlier runs is multiplied with: what spoke for a release is to be outweighed to break a limit."""
    rule = gate("quantile", "> baseline + 20%")
    own, other = requests(lognormal(600, 0.3), window_s=60), requests(lognormal(600, seed=2), window_s=60)
    bake = replace(evidence(own, other), finished_s=1060.0)
    fresh, trusted = (
        judge(rule, bake, alpha=0.05, beta=0.05, noise=QUIET, before=before) for before in ((1.0, 1.0), (1e-9, 10.0))
    )

    assert (fresh.verdict, trusted.verdict) == (FAIL, INCONCLUSIVE)
    assert trusted.e_value == pytest.approx((fresh.e_value or 0) * 1e-9)
    assert trusted.e_health == pytest.approx((fresh.e_health or 0) * 10)


def test_a_release_between_its_limit_and_what_must_not_be_promoted_is_not_said_to_keep_the_limit() -> None:
    """It passes by ``worse_by``; the line at 3 a.m. must not say that 115 is below 110."""
    rule = gate("quantile", "> baseline + 10%", worse_by=0.4, quantile=0.5)
    found = judged(rule, requests(lognormal(6000, 0.115)), requests(lognormal(6000, seed=2)))

    assert found.verdict is PASS
    assert "is not surely > limit" in found.message
