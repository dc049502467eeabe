"""Both hypotheses of one limit, watched second by second: surely broken, surely kept.

| limit of                  | harm: "it is kept", given up at 1/alpha | health: "it is broken", given up at 1/beta  |
|---------------------------|-----------------------------------------|---------------------------------------------|
| a quantile, to a baseline | ``latency.Slower`` at the limit         | ``latency.Slower``, turned, at ``worse_by`` |
| all quantiles at once     | the same over rank, P95 and P99         | the same over rank and P95, both sure       |
| a quantile, fixed         | ``exceedance.Beyond``: share too slow   | at the end, exact bounds of that share      |
| errors, to a baseline     | ``discordant.MoreErrors``               | at the end, exact bounds of the ratio       |
| errors, fixed             | ``exceedance.Beyond``                   | at the end, exact bounds of the share       |

Harm may be looked at any time. Health counts once, at the end of the window, so that a release that goes bad late
does not keep what it earned before; bounds at the end take clusters into account by the dispersion of counts.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from relgate.measure.discordant import MoreErrors
from relgate.measure.drift import information
from relgate.measure.exceedance import Beyond, Dispersion
from relgate.measure.latency import Change, Slower

if TYPE_CHECKING:
    from relgate.measure.drift import Noise
    from relgate.measure.seconds import Second
    from relgate.measure.trial import Bound
    from relgate.values import Floats

Kind = Literal["quantile", "share"]


class Test(Protocol):
    """An e-process over seconds."""

    def see(self, second: Second) -> None:
        """Take the next second."""

    @property
    def e_value(self) -> Floats:
        """E of each run; 1 before anything was seen."""


def testable(bound: Bound, kind: str) -> bool:
    """Whether a limit has a sequential test: large numbers are bad, and it is no zero tolerance."""
    if kind not in ("quantile", "share") or bound.op not in (">", ">="):
        return False
    if bound.basis != "absolute":
        return bound.basis == "plus" or bound.value > 0
    return bound.value > 0 if kind == "quantile" else 0 < bound.value < 1


def harm(
    bound: Bound, kind: Kind, quantile: float | None, noise: Noise, instances: tuple[int, int], runs: int = 1
) -> Test:
    """Return the test of "the limit is kept". ``quantile`` None: of the whole distribution (relative limits only).

    Raises ValueError for a limit that is not ``testable``.
    """
    if not testable(bound, kind):
        raise ValueError(f"no sequential test for {bound.text!r}")
    if kind == "share":
        if bound.basis == "absolute":
            return _Share(Beyond(runs, bound.value, noise.block_s))
        ratio, points = (bound.value, 0.0) if bound.basis == "times" else (1.0, bound.value)
        return _Errors(MoreErrors(runs, ratio, points, noise.bursts_s))
    if bound.basis == "absolute":
        if quantile is None:
            raise ValueError(f"the whole distribution has no fixed limit like {bound.text!r}")
        return _Slow(Beyond(runs, 1 - quantile, noise.block_s), bound.value)
    return _Latency(Slower(runs, changed(bound.basis, bound.value), noise, instances, quantile))


class Health:
    """Test of "the candidate is worse than what must not be promoted", for latencies beside a baseline.

    ``bound``: its value is what the limit allows; ``worse_by`` (a share above the baseline) is used instead if given.
    """

    def __init__(
        self,
        bound: Bound,
        quantile: float | None,
        noise: Noise,
        instances: tuple[int, int],
        worse_by: float | None = None,
        runs: int = 1,
    ) -> None:
        self._change = changed(bound.basis, bound.value) if worse_by is None else changed("times", 1 + worse_by)
        self._noise, self._instances = noise, instances
        quantiles = (None, 0.95) if quantile is None else (quantile,)
        self._tests = [
            Slower(runs, self._change, noise, instances, q, turned=True, first=1.0, only=True) for q in quantiles
        ]

    def see(self, second: Second) -> None:
        """Take the next second."""
        for test in self._tests:
            test.see(second.candidate_s, second.baseline_s)

    @property
    def e_value(self) -> Floats:
        """The smallest E of all that must be sure."""
        lowest: Floats = np.min([test.e_value for test in self._tests], axis=0)
        return lowest

    def seen(self, blocks: int | None = None) -> float:
        """What the window says about an effect, in 1 / squared log units; of ``blocks`` more like them if given.

        Of the first run; 0 when nothing was seen.
        """
        return min(_told(test, self._noise, self._instances, blocks) for test in self._tests)


def _told(test: Slower, noise: Noise, instances: tuple[int, int], blocks: int | None) -> float:
    own = test.block_variance
    count = test.blocks if blocks is None else blocks
    if not math.isfinite(own) or count == 0:
        return 0.0
    variance = noise.pair_variance(*instances)
    return float(information(variance, noise.over_s, noise.block_s, np.full(count, own))[-1])


def changed(basis: str, value: float) -> Change:
    """Return what a relative limit makes of a baseline's latencies: ``b * value`` or ``b + value`` seconds."""
    if basis == "times":
        return lambda latency_s: latency_s * value
    return lambda latency_s: np.maximum(latency_s + value, 1e-12)


class _Latency:
    def __init__(self, test: Slower) -> None:
        self._test = test

    def see(self, second: Second) -> None:
        self._test.see(second.candidate_s, second.baseline_s)

    @property
    def e_value(self) -> Floats:
        return self._test.e_value


class _Errors:
    def __init__(self, test: MoreErrors) -> None:
        self._test = test

    def see(self, second: Second) -> None:
        runs, n = second.candidate_failed.shape
        m = second.baseline_failed.shape[1]
        self._test.see(
            (second.candidate_failed.sum(axis=1), second.baseline_failed.sum(axis=1)),
            (np.full(runs, n), np.full(runs, m)),
        )

    @property
    def e_value(self) -> Floats:
        return self._test.e_value


class _Share:
    def __init__(self, test: Beyond) -> None:
        self._test = test

    def see(self, second: Second) -> None:
        events = second.candidate_failed.sum(axis=1).astype(np.float64)
        self._test.see(events, np.full(len(events), float(second.candidate_failed.shape[1])))

    @property
    def e_value(self) -> Floats:
        return self._test.e_value


class _Slow:
    def __init__(self, test: Beyond, limit_s: float) -> None:
        self._test, self._limit_s = test, limit_s

    def see(self, second: Second) -> None:
        events = (second.candidate_s > self._limit_s).sum(axis=1).astype(np.float64)
        self._test.see(events, np.full(len(events), float(second.candidate_s.shape[1])))

    @property
    def e_value(self) -> Floats:
        return self._test.e_value


class Clusters:
    """Dispersion of the events of both sides, over blocks: how many events make one piece of evidence."""

    def __init__(self, block_s: int, slower_than_s: float | None = None, runs: int = 1) -> None:
        """Count requests slower than ``slower_than_s``; failed ones where it is None."""
        self._block_s, self._limit_s = block_s, slower_than_s
        self._sides = (Dispersion(runs), Dispersion(runs))
        self._sums = np.zeros((2, 2, runs))
        self._seconds = 0

    def see(self, second: Second) -> None:
        """Take the next second."""
        for side, (latency_s, failed) in enumerate(
            ((second.candidate_s, second.candidate_failed), (second.baseline_s, second.baseline_failed))
        ):
            events = failed if self._limit_s is None else latency_s > self._limit_s
            self._sums[side, 0] += events.sum(axis=1)
            self._sums[side, 1] += events.shape[1]
        self._seconds += 1
        if self._seconds % self._block_s == 0:
            for one, (events_n, n) in zip(self._sides, self._sums, strict=True):
                one.see(events_n, n)
            self._sums = np.zeros_like(self._sums)

    @property
    def factors(self) -> Floats:
        """The larger dispersion of the two sides of each run, at least 1."""
        largest: Floats = np.max([one.factor for one in self._sides], axis=0)
        return largest

    @property
    def factor(self) -> float:
        """As ``factors``, of the first run."""
        return float(self.factors[0])
