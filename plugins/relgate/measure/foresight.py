"""What a gate will be able to see in a bake, told before it: by rehearsal of the very tests that will judge it.

Every time and share comes from ``rehearsal``, so it is about the service that is rehearsed there: one whose latencies
spread more, whose hosts pause or whose errors come in storms is seen later (two to three times for P95 in the bursty
world of ``backtest``; within a third in the one without pauses). The chance of a false rollback is no simulation: it is
what the gate promises, alpha.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from relgate.measure.describe import describe
from relgate.measure.discordant import MoreErrors
from relgate.measure.drift import Excess
from relgate.measure.exceedance import Beyond
from relgate.measure.latency import WHOLE
from relgate.measure.rehearsal import RUNS, SIGMA, Bake, Counted, blocks, count, cross, together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from relgate.measure.interval import Basis
    from relgate.measure.rehearsal import Block
    from relgate.values import Floats

SLOWER = (1.1, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
"""How much slower a bad release is."""

MORE = (1.5, 2.0, 5.0, 10.0)
"""How many times the limit's share of errors a bad release has."""

_SHOWN = 4
_STEPS = (0.02, 0.035, 0.05, 0.07, 0.1, 0.15, 0.25, 0.7, 1.5)
_SHARE_STEPS = (0.1, 0.2, 0.4, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Effects beyond the limit, in log units, among which the smallest one is looked for."""

Unit = Literal["of the baseline", "of the limit", "errors"]


@dataclass(frozen=True, slots=True)
class Seen:
    """How one effect is seen. ``worse``: factor of the latency, or share of errors, as ``Foresight.unit`` says.

    ``share``: of bakes in which it is seen. ``median_s``, ``late_s``: when half and 90 % of bakes have, since the end
    of the warm-up; infinite when they never do.
    """

    worse: float
    share: float
    median_s: float
    late_s: float


@dataclass(frozen=True, slots=True)
class Foresight:
    """What a gate will see with one limit.

    ``unit``: what effects are counted in; ``allowed``: the limit in it. ``half``, ``most``: the smallest effect seen in
    half and in 95 % of bakes; None if not even the largest that was tried is. ``rolled_back``: share of good releases
    that were rolled back in rehearsals. ``passed``: share of them that passed at the end; None where that cannot be
    foreseen. ``good``: what a good release is.
    """

    bake: Bake
    unit: Unit
    allowed: float
    seen: tuple[Seen, ...]
    half: float | None
    most: float | None
    rolled_back: float
    passed: float | None
    good: str


# --- the kinds of limits


def slower(bake: Bake, allowed: float = 1.0, worst: float | None = None, quantile: float | None = None) -> Foresight:
    """Foresee a limit on latency that is a factor of the baseline's.

    ``allowed``: that factor; ``worst``: the one that must not pass (None: the limit); ``quantile``: that the limit is
    about, None for the whole distribution.
    """
    shown = tuple(factor for factor in SLOWER if factor > allowed * 1.001)[:_SHOWN]
    worse = np.array([1.0, *sorted({*shown, *(allowed * np.exp(_STEPS))})])
    # Of the whole distribution only the rank is rehearsed: what P95 and P99 add makes it a little sooner.
    weight = WHOLE[0][1] if quantile is None else 1.0
    noise, effects = bake.noise, np.log(worse / allowed)[:, None]
    health = _Health(bake, (None, 0.95) if quantile is None else (quantile,), allowed if worst is None else worst)
    at_s = np.full((len(worse), RUNS), math.inf)
    parts = [(cases, Excess(at_s[cases].shape, noise, bake.instances)) for cases in together(len(worse))]
    for block in blocks(bake):
        health.step(block)
        for cases, harm in parts:
            if np.isinf(at_s[cases]).any():
                harm.step(*block.excess(quantile, effects[cases]))
                cross(at_s[cases], bake.alpha * weight * harm.e_value, block.looked_at_s)
    told = _told(bake, "of the baseline", allowed, worse, at_s, shown)
    return replace(told, passed=_passed(bake, at_s, health.sure), good="as fast as its baseline")


def slower_by(bake: Bake, quantile: float | None = None) -> Foresight:
    """Foresee a limit on latency that is some time more than the baseline's, as a factor of that limit.

    Whether a good release passes depends on what the baseline takes.
    """
    return replace(slower(bake, 1.0, None, quantile), unit="of the limit", passed=None)


def slower_than(bake: Bake, quantile: float) -> Foresight:
    """Foresee a fixed limit on a quantile: the share of requests that take longer is counted."""
    from scipy.special import ndtr, ndtri

    limit, shown = 1 - quantile, SLOWER[:_SHOWN]
    worse = np.array([0.5, *sorted({*shown, *np.exp(_STEPS)})])
    shares = ndtr(np.log(worse) / SIGMA - float(ndtri(quantile)))
    found = count(bake, shares, None, lambda runs: Beyond(runs, limit, bake.noise.block_s))
    told = _told(bake, "of the limit", 1.0, worse, found.at_s, shown)
    return replace(told, passed=_kept(bake, found, "absolute", limit), good="that takes half of the limit")


def errors(bake: Bake, limit: float, usual: float) -> Foresight:
    """Foresee a fixed limit on the share of errors; a good release has the ``usual`` share of them."""
    bake, worse = replace(bake, noise=bake.noise.of_events), _shares(limit, usual)
    found = count(bake, worse, None, lambda runs: Beyond(runs, limit, bake.noise.block_s))
    return _of_errors(bake, worse, limit, found, ("absolute", limit))


def more_errors(bake: Bake, usual: float, ratio: float = 1.0, points: float = 0.0) -> Foresight:
    """Foresee a limit on the share of errors beside a baseline that has the ``usual`` one: times, or plus points."""
    limit = ratio * usual + points
    bake, worse = replace(bake, noise=bake.noise.of_events), _shares(limit, usual)
    found = count(bake, worse, usual, lambda runs: MoreErrors(runs, ratio, points, bake.noise.bursts_s))
    return _of_errors(bake, worse, limit, found, ("plus", points) if points else ("times", ratio))


def _shares(limit: float, usual: float) -> Floats:
    """Shares of errors that are rehearsed, the usual one first."""
    steps = limit * np.exp(_SHARE_STEPS)
    return np.array([usual, *sorted({*_shown(limit), *steps[steps < 1]})])


def _shown(limit: float) -> tuple[float, ...]:
    return tuple(factor * limit for factor in MORE if factor * limit < 1)


def _of_errors(bake: Bake, worse: Floats, limit: float, found: Counted, bound: tuple[Basis, float]) -> Foresight:
    told = _told(bake, "errors", limit, worse, found.at_s, _shown(limit))
    return replace(
        told, passed=_kept(bake, found, *bound), good=f"with {_percent(float(worse[0]))} of errors, as usual"
    )


# --- what came of a rehearsal


class _Health:
    """The test of "slower by ``worst``" for a release that is equal to its baseline."""

    def __init__(self, bake: Bake, features: tuple[float | None, ...], worst: float) -> None:
        noise, self._beta = bake.noise, bake.beta
        self._effect = np.full((1, 1), -math.log(worst))
        self._tests = {q: Excess((1, RUNS), noise, bake.instances, first=1.0) for q in features}

    def step(self, block: Block) -> None:
        """Take one block."""
        for q, test in self._tests.items():
            excess, variance = block.excess(q, self._effect)
            test.step(-excess, variance)

    @property
    def sure(self) -> NDArray[np.bool_]:
        """In which runs the release is surely not so slow, shape (RUNS,)."""
        lowest: Floats = np.min([test.e_value[0] for test in self._tests.values()], axis=0)
        return self._beta * lowest >= 1


def _kept(bake: Bake, found: Counted, basis: Basis, boundary: float) -> float:
    return _passed(bake, found.at_s, found.kept(basis, boundary, bake.beta))


def _passed(bake: Bake, at_s: Floats, sure: NDArray[np.bool_]) -> float:
    """Share of good releases (the first case) that pass at the end; too few requests pass nothing."""
    enough = bake.due(0.0, bake.simulated_s) >= max(bake.least, 1)
    return float(np.mean(np.isinf(at_s[0]) & sure)) if enough else 0.0


def _told(bake: Bake, unit: Unit, allowed: float, worse: Floats, at_s: Floats, shown: tuple[float, ...]) -> Foresight:
    """``worse``, ``at_s``: of each case, the first being a good release."""
    shares = np.isfinite(at_s).mean(axis=1)
    seen = tuple(_seen(factor, at_s[1 + int(np.argmin(np.abs(worse[1:] - factor)))]) for factor in shown)
    half, most = (_smallest(worse[1:], shares[1:], allowed, need) for need in (0.5, 0.95))
    return Foresight(bake, unit, allowed, seen, half, most, float(shares[0]), None, "")


def _seen(worse: float, at_s: Floats) -> Seen:
    half_s, late_s = (float(np.quantile(at_s, part, method="inverted_cdf")) for part in (0.5, 0.9))
    return Seen(worse, float(np.isfinite(at_s).mean()), half_s, late_s)


def _smallest(worse: Floats, shares: Floats, allowed: float, need: float) -> float | None:
    """Return the smallest effect beyond the limit that is seen in a share ``need`` of bakes, interpolated."""
    sizes, seen = np.append(0.0, np.log(worse / allowed)), np.append(0.0, np.maximum.accumulate(shares))
    if seen[-1] < need:
        return None
    first = int(np.argmax(seen >= need))
    size = np.interp(need, seen[first - 1 : first + 1], sizes[first - 1 : first + 1])
    return float(allowed * math.exp(size))


# --- in words

_BEST = {
    True: "This is for errors that come one by one; storms of them are seen later.",
    False: "This is for hosts that do not pause; beside garbage collections and the like it is seen later.",
}


def sentences(found: Foresight) -> list[str]:
    """Say what a person wants to know: when effects are seen, whether a good release passes, or is rolled back."""
    bake = found.bake
    if bake.simulated_s <= 0:
        return ["Without requests, or without a bake, nothing is seen and nothing passes."]
    often = [_within(found, one) for one in found.seen if one.share >= 0.5]
    rarely = [f"{_effect(found, one.worse)} (in {_about(one.share)})" for one in found.seen if one.share < 0.5]
    rate = f"At {bake.rate_per_s:g} request{'s' * (bake.rate_per_s != 1)} a second on each side this gate sees"
    bakes = f"bakes of {describe(bake.bake_s, 'time')}"
    said = [f"{rate}, in half of all {bakes}, {'; '.join(often)}."] if often else []
    if rarely:
        said.append(
            f"{'In fewer bakes' if often else f'{rate}, in less than half of all {bakes},'} {'; '.join(rarely)}."
        )
    said.append(f"The least that half of them see is {_size(found, found.half)}, and 95 % {_size(found, found.most)}.")
    said.append(_BEST[found.unit == "errors"])
    if bake.bake_s > bake.simulated_s:
        said.append(f"Only the first {describe(bake.simulated_s, 'time')} of the bake were rehearsed.")
    if found.passed is not None:
        said.append(f"A release {found.good} passes in {_about(found.passed)} of them; otherwise it is not decided.")
    said.append(
        "A release that keeps the limit is rolled back by this gate with a chance of at most "
        f"{_percent(bake.alpha)} (of those rehearsed, {_about(found.rolled_back)} were)."
    )
    return said


def _within(found: Foresight, one: Seen) -> str:
    late = f"90 %: {_time(one.late_s)}" if math.isfinite(one.late_s) else f"in {_about(one.share)} at all"
    return f"{_effect(found, one.worse)} within {_time(one.median_s)} ({late})"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 300 else describe(seconds, "time", 2)


def _effect(found: Foresight, worse: float) -> str:
    """``+20 %``, ``2x``, ``20 % above the limit``, ``2x the limit``, ``1 % of errors``."""
    if found.unit == "errors":
        return f"{_percent(worse)} of errors"
    if found.unit == "of the limit":
        return f"{_percent(worse - 1)} above the limit" if worse < 2 else f"{worse:.3g}x the limit"
    return f"+{_percent(worse - 1)}" if worse < 2 else f"{worse:.3g}x"


def _size(found: Foresight, worse: float | None) -> str:
    return "nothing that was tried" if worse is None else f"about {_effect(found, worse)}"


def _about(share: float) -> str:
    """A share of RUNS bakes, no surer than they are."""
    if share < 1.5 / RUNS:
        return "hardly any"
    return "nearly all" if share > 1 - 1.5 / RUNS else f"about {100 * share:.0f} %"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 1 else f"{100 * share:.0f} %"
