"""What disturbs response times although no release changed: processes in time, of many runs at once.

Every process is stepped once a second and answers with the logarithm of a factor on response time, float32. Sizes and
times are chosen to be ordinary, not measured on one system; each field says what it means.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from relgate.backtest.protocol import Flags, Floats


@dataclass(frozen=True, slots=True)
class Wander:
    """A stationary AR(1) process: load that comes and goes, or a host that is a little slower for a while.

    ``sd``: standard deviation of the log of the factor (.03 is about 3 %). ``tau_s``: correlation time, seconds; the
    correlation over a lag of d seconds is exp(-d / tau_s).
    """

    sd: float
    tau_s: float


@dataclass(frozen=True, slots=True)
class Pauses:
    """Collections and the like: for some seconds every request takes ``factor`` times as long.

    Memoryless, in whole seconds: ``last_s`` is the mean length of a pause, ``every_s`` the mean time between two.
    """

    factor: float = 3.0
    last_s: float = 2.0
    every_s: float = 60.0


@dataclass(frozen=True, slots=True)
class WarmUp:
    """A cold start: the factor begins at ``factor`` and falls to 1 with time constant ``tau_s``, seconds."""

    factor: float = 2.0
    tau_s: float = 20.0

    def log_factor(self, t_s: int) -> float:
        """The log of the factor ``t_s`` seconds after the start."""
        return math.log1p((self.factor - 1) * math.exp(-t_s / self.tau_s))


@dataclass(frozen=True, slots=True)
class Diurnal:
    """A slow sine on the load of both sides. ``swing``: amplitude of the log factor. ``period_s``: seconds."""

    swing: float = 0.3
    period_s: float = 1800.0


class Wandering:
    """A ``Wander`` of an array of ``shape``, begun in its stationary law."""

    def __init__(self, rng: np.random.Generator, wander: Wander, shape: tuple[int, ...]) -> None:
        self._rng = rng
        self._keep = np.float32(math.exp(-1 / wander.tau_s))
        self._push = np.float32(wander.sd * math.sqrt(-math.expm1(-2 / wander.tau_s)))
        self._now: Floats = np.float32(wander.sd) * rng.standard_normal(shape, dtype=np.float32)

    def step(self) -> Floats:
        """The log factor of this second."""
        now = self._now
        self._now = self._keep * now + self._push * self._rng.standard_normal(now.shape, dtype=np.float32)
        return now


class Pausing:
    """``Pauses`` of an array of ``shape``, begun in their stationary law."""

    def __init__(self, rng: np.random.Generator, pauses: Pauses, shape: tuple[int, ...]) -> None:
        self._rng, self._pauses = rng, pauses
        self._now: Flags = rng.random(shape) < pauses.last_s / (pauses.last_s + pauses.every_s)

    def step(self) -> Flags:
        """Who pauses in this second."""
        now, chance = self._now, self._rng.random(self._now.shape, dtype=np.float32)
        self._now = np.where(now, chance >= 1 / self._pauses.last_s, chance < 1 / self._pauses.every_s)
        return now
