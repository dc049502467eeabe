"""Bets that an excess is positive, although it drifts: the core of judging a candidate beside a baseline.

Hypothesis: the excess of each block, E_j = effect + drift_j + noise_j, has an effect <= 0. The drift is what persistent
differences between hosts do: stationary, Gaussian, AR(1) with standard deviation s and correlation time tau. The noise
is symmetric about zero, of any shape and size, and independent between blocks but for bursts.

A Kalman filter predicts the drift from the blocks before; what is left, nu_j with standard deviation s_j, is symmetric
about zero given the past when the effect is zero, so that every odd bet b(nu) in [-1, 1] pays 1 + b with mean 1. Of an
effect d the innovation sees c_j d, where c_j is the filter's answer to a constant. The bet is the likelihood ratio of
"+c d" and "-c d" under Student's t with NU degrees of freedom:

    b = tanh(h / 2),  h = (NU + 1) / 2 * [log(1 + (x + m)^2 / NU) - log(1 + (x - m)^2 / NU)],
    x = nu / s_j,  m = c_j d / s_j

Heavy tails make it lose interest in outliers (a pause of one host), which carry no evidence. Nothing is assumed about
the size of the noise: s_j only decides how much is bet. A block gains at most a factor of 2.

A pause that reaches over the edge of two blocks would count twice: what is left of it has a side. Bursts that are
memoryless and last L seconds in the mean go on in the next block of B seconds with a chance of r = L/B (1 - exp(-B/L)),
or of exp(-B/L) if this was not their first. So after a block to the candidate's side that is not calm, the next one is
of the same burst with that chance, and as symmetric as ever otherwise: (1 + b) / (1 + r max b) has a mean of 1. (In
truth the chance depends on how much of the block was filled; simulations show what is promised, `docs/decisions/0040`.)
What fills more than five blocks is no burst. Where such a bet is worth little none is made: after an outlier to the
other side, and on d after a first block of more than 3 d. Nor is an excess of more than 3 d evidence for d after a
calm block.

Sources: sign and odd-function e-values under symmetry (de la Pena, Annals of Probability 27, 1999; Ramdas et al.,
"Testing exchangeability", 2022); Kalman filter (Anderson & Moore, Optimal Filtering, 1979). The combination is ours:
`docs/decisions/0014`. With s = 0 it is block-symmetric betting. Overstating s or tau (a larger spectral density at each
frequency) makes the test more careful, never less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from relgate.measure.wealth import Wealth, average

if TYPE_CHECKING:
    from relgate.values import Floats

NU = 5.0
"""Degrees of freedom of the bets. Less sees +10 % sooner in bursty traffic and more in calm traffic later."""

EFFECTS = ((0.06, 0.2), (0.12, 0.25), (0.25, 0.25), (0.5, 0.2), (0.9, 0.1))
"""Effects in log units that are bet on, with their weights: +6 %, +13 %, +28 %, +65 %, x2.5."""

SPIKES = (0.1, 0.95)
"""Share of the wealth that bets on rare outliers to one side only (stalls), and its largest stake."""

_SPIKE = 3.0
"""Standard deviations from which an innovation counts as an outlier for these bets."""

FIRST = 0.9
"""Share of the wealth that bets on an effect from the begin; the rest is for late ones."""

_OUTLIER = 3.5
"""Innovations beyond so many standard deviations tell the filter nothing about drift, which moves slowly."""

_BEYOND = 3.0
"""Times an effect, beyond which an excess is rather a pause than evidence for that effect."""

_PAUSE = 3.0
"""Standard deviations to the other side from which a block is a pause there, of which nothing is to be won."""

_LONGEST = 4
"""Blocks of a row after which the next may still be of the same burst; one burst in 200 goes on for more than that."""

USUAL_BURST_S = 2.0
"""How long bursts last where nobody knows, seconds."""

_ORDINARY = 2.0
_ORDINARY_SQUARE = 0.7737413
"""E[Z^2 | |Z| < 2] of a standard normal Z: what the ordinary innovations should show."""


@dataclass(frozen=True, slots=True)
class Noise:
    """What two equal sides differ by. ``host_drift``: standard deviation of one instance, in log units (0.03 is 3 %).

    ``over_s``: its correlation time. ``bursts_s``: how long pauses and bursts of errors last, 0 where there are none.
    ``source``: where it is known from. ``storms_s``: how long bursts of errors were seen to last, if they were.
    """

    host_drift: float
    over_s: float
    bursts_s: float = USUAL_BURST_S
    source: str = "assumed"
    storms_s: float = USUAL_BURST_S

    @property
    def block_s(self) -> int:
        """Seconds of a block: at least 1.2 bursts."""
        return max(1, math.ceil(1.2 * self.bursts_s - 1e-9))

    @property
    def goes_on(self) -> tuple[float, float]:
        """Chance that a burst goes on in the next block, when this one was its first and when it was a later one."""
        if self.bursts_s <= 0:
            return 0.0, 0.0
        bursts = self.block_s / self.bursts_s
        return -math.expm1(-bursts) / bursts, math.exp(-bursts)

    @property
    def of_events(self) -> Noise:
        """The same for failed requests and lines of a log: two seconds, or longer where storms or pauses were.

        Calm latencies do not tell of them: a storm that fails every tenth request leaves the others as fast as ever.
        What is declared is believed.
        """
        if self.source == "declared":
            return self
        return replace(self, bursts_s=max(self.bursts_s, self.storms_s))

    def pair_variance(self, candidates: int, baselines: int) -> float:
        """Variance of the drift between two sides of so many instances."""
        return self.host_drift**2 * (1.0 / candidates + 1.0 / baselines)


class Drift:
    """The filter of one noise for excesses of any shape; all its arrays have that shape."""

    def __init__(self, shape: tuple[int, ...], variance: float, over_s: float, block_s: float) -> None:
        self._variance = variance
        self._phi = math.exp(-block_s / over_s) if over_s > 0 else 0.0
        self._mean = np.zeros(shape)
        self._spread = np.full(shape, variance)
        self._answer = np.zeros(shape)
        # Four blocks of belief that the noise is what sampling within a block says.
        self._squares = np.full(shape, 4.0)
        self._ordinary = np.full(shape, 4.0)

    @property
    def inflation(self) -> Floats:
        """How many times larger the noise of ordinary blocks is than sampling within them shows; at least 1."""
        more: Floats = np.maximum(1.0, self._squares / self._ordinary)
        return more

    def step(self, excess: Floats, variance: Floats) -> tuple[Floats, Floats]:
        """Return x and c / s of a block: its standardised innovation, and what a constant of 1 adds to that.

        ``variance``: of the block's own noise as sampling within it shows; the filter learns how much more it is.
        Where it is not finite the block shows nothing: x = 0 and c / s = 0.
        """
        seen = np.isfinite(variance) & np.isfinite(excess)
        inflation = self.inflation
        noise = np.where(seen, variance * inflation, 1.0)
        mean = self._phi * self._mean
        spread = self._phi**2 * self._spread + self._variance * (1 - self._phi**2)
        total = spread + noise
        sd = np.sqrt(total)
        x = np.where(seen, (np.where(seen, excess, 0.0) - mean) / sd, 0.0)
        gain = np.where(seen & (np.abs(x) < _OUTLIER), spread / total, 0.0)
        answer = self._phi * self._answer
        sees = 1.0 - answer
        self._mean = mean + gain * x * sd
        self._spread = (1.0 - gain) * spread
        self._answer = answer + gain * sees
        ordinary = seen & (np.abs(x) < _ORDINARY)
        self._squares += np.where(ordinary, x * x * inflation / _ORDINARY_SQUARE, 0.0)
        self._ordinary += ordinary
        return x, np.where(seen, sees / sd, 0.0)


def payoff(x: Floats, m: Floats) -> Floats:
    """Return 1 + b(x) for the standardised innovation ``x`` and effect ``m`` (both in standard deviations).

    It is largest at x = sqrt(m^2 + NU).
    """
    log_ratio = (NU + 1) / 4 * (np.log1p((x + m) ** 2 / NU) - np.log1p((x - m) ** 2 / NU))
    paid: Floats = 1.0 + np.tanh(log_ratio)
    return paid


def believed(x: Floats, m: Floats) -> Floats:
    """Return the part of each bet that is made, by the size of ``x`` alone: of an odd bet it leaves an odd one.

    ``m``: effects in standard deviations, rising along the last axis. The largest of them is bet on whatever x is.
    """
    most = np.maximum(_BEYOND * m, _OUTLIER)
    most[..., -1] = np.inf
    part: Floats = np.minimum(1.0, most / np.maximum(np.abs(x), 1e-9)) ** 4
    return part


def spike(x: Floats) -> Floats:
    """Return 1 + b(x) of the bet on outliers: next to nothing on ordinary innovations, nearly all on large ones.

    A service that stops for a second twice a minute is fast in all other blocks. Bets on a steady effect lose in those
    what they win in the one; b = stake sign(x) x^4 / (x^4 + 3^4) is odd as well, and loses 1 % there. It is made after
    an ordinary block only: a pause that reaches into the next block is one piece of evidence.
    """
    fourth = x**4
    paid: Floats = 1.0 + SPIKES[1] * np.sign(x) * fourth / (fourth + _SPIKE**4)
    return paid


class Excess:
    """E-process against "the effect is at most zero" for many series of excesses at once.

    Args:
        shape: of the excesses of one block, for example (runs, features).
        noise: what two equal sides differ by.
        instances: of candidate and baseline.
        first: share of the wealth that bets from the begin; 1 for a test that must hold over the whole window.

    """

    def __init__(
        self, shape: tuple[int, ...], noise: Noise, instances: tuple[int, int] = (1, 1), first: float = FIRST
    ) -> None:
        self._drift = Drift(shape, noise.pair_variance(*instances), noise.over_s, noise.block_s)
        self._goes_on = noise.goes_on
        self._effects = np.array([effect for effect, _ in EFFECTS])
        steady = np.array([weight for _, weight in EFFECTS])
        self._weights = np.append((1 - SPIKES[0]) * steady, SPIKES[0])
        self._wealth = Wealth((*shape, len(EFFECTS) + 1), first)
        # Of the last block that showed anything: its innovation, and that as an effect.
        self._last, self._size = np.full(shape, np.nan), np.zeros(shape)
        self._slow = np.zeros(shape, dtype=np.intp)  # blocks in a row that were not calm, to the candidate's side

    def step(self, excess: Floats, variance: Floats) -> None:
        """Take one block: the excess and the variance of its own noise, in log units and their square."""
        x, sees = self._drift.step(excess, variance)
        steady = self._steady(x[..., None], sees[..., None] * self._effects)
        rare = np.where(np.abs(self._last) >= _ORDINARY, 1.0, spike(x))
        seen = sees > 0
        self._slow = np.where(seen, np.where(x >= _ORDINARY, self._slow + 1, 0), self._slow)
        self._size = np.where(seen, x / np.where(seen, sees, 1.0), self._size)
        self._last = np.where(seen, x, self._last)
        self._wealth.pay(np.concatenate([steady, rare[..., None]], axis=-1))

    def _steady(self, x: Floats, m: Floats) -> Floats:
        """Return what the bets on each effect pay, by what the last block was."""
        last, fresh = self._last[..., None], (self._slow == 1)[..., None]
        bets = np.where(np.abs(last) < _ORDINARY, believed(x, m), 1.0) * (payoff(x, m) - 1.0)
        once, again = self._goes_on
        if not once:
            return 1.0 + bets
        going = np.where(fresh, once, again) * ((self._slow >= 1) & (self._slow <= _LONGEST))[..., None]
        bets = (1.0 + bets) / (1.0 + going * (payoff(np.hypot(m, math.sqrt(NU)), m) - 1.0)) - 1.0
        rest = (last <= -_PAUSE) | (fresh & (self._size[..., None] > _BEYOND * self._effects))
        return 1.0 + np.where(rest, 0.0, bets)

    @property
    def inflation(self) -> Floats:
        """As ``Drift.inflation``."""
        return self._drift.inflation

    @property
    def e_value(self) -> Floats:
        """E, in the shape of the excesses."""
        return average(self._wealth.value, self._weights)


def information(variance: float, over_s: float, block_s: float, noise: Floats) -> Floats:
    """Return sum_1..j (c_i / s_i)^2: what j blocks say about an effect, in 1 / squared log units.

    ``noise``: variance of each block's own noise. A test at level alpha that knows the effect d and everything else
    needs about d^2 / 2 * information >= log(1/alpha): no valid test is faster on average (Wald, Annals of Mathematical
    Statistics 16, 1945).
    """
    phi = math.exp(-block_s / over_s) if over_s > 0 else 0.0
    spread, answer, total = variance, 0.0, 0.0
    told = []
    for own in noise:
        predicted = phi**2 * spread + variance * (1 - phi**2)
        s2 = predicted + float(own)
        gain = predicted / s2
        sees = 1.0 - phi * answer
        answer = phi * answer + gain * sees
        spread = (1 - gain) * predicted
        total += sees * sees / s2
        told.append(total)
    return np.array(told)
