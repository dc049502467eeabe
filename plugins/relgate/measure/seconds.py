"""Requests as seconds: what both sides answered to the requests that were due within the same second.

Tests that may be looked at any time count in whole seconds since their window began, in order, each second once. A
second is taken only when none of its requests is open any more: leaving out the slowest would make a service look fast.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from relgate.values import Answers, Requests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from relgate.values import Floats, Samples


@dataclass(frozen=True, slots=True, eq=False)
class Second:
    """One second of ``runs`` runs.

    ``candidate_s``, ``baseline_s``: seconds to a good answer, shape (runs, n), infinite where the request failed.
    ``candidate_failed``, ``baseline_failed``: bool, of the same shapes. Without a baseline its arrays have n = 0.
    """

    candidate_s: Floats
    baseline_s: Floats
    candidate_failed: NDArray[np.bool_]
    baseline_failed: NDArray[np.bool_]


@dataclass(eq=False)
class _Waiting:
    """Requests of one side that no second has taken yet, oldest first."""

    due_s: Floats
    latency_s: Floats
    failed: NDArray[np.bool_]

    def take(self, end_s: float) -> tuple[Floats, NDArray[np.bool_]]:
        """Take all that were due before ``end_s``, each array of shape (1, n)."""
        cut = int(np.searchsorted(self.due_s, end_s, side="left"))
        found = self.latency_s[None, :cut], self.failed[None, :cut]
        self.due_s, self.latency_s, self.failed = self.due_s[cut:], self.latency_s[cut:], self.failed[cut:]
        return found


class Seconds:
    """Cuts requests into seconds. ``begin_s``: when the window begins, seconds since the bake began."""

    def __init__(self, begin_s: float) -> None:
        self._next_s = begin_s
        none = np.zeros(0)
        self._sides = {name: _Waiting(none, none, none.astype(np.bool_)) for name in ("candidate", "baseline")}

    def add(self, side: str, samples: Samples) -> None:
        """Take more requests of a side, in any order.

        Those that the recorder spoiled, and those that were due before what was given out, are left out. Raises
        ValueError for samples that are neither requests nor answers, and for a latency that is NaN or negative.
        """
        due_s, latency_s, failed = _requests(samples)
        if np.isnan(latency_s).any():
            raise ValueError("latency: expected numbers, got NaN; drop or refuse such samples before")
        if (latency_s < 0).any():
            raise ValueError(f"latency: expected seconds, got {latency_s.min():.4g}; has a clock been set back?")
        kept = due_s >= self._next_s
        waiting = self._sides[side]
        due_s = np.concatenate([waiting.due_s, due_s[kept]])
        order = np.argsort(due_s, kind="stable")
        waiting.due_s = due_s[order]
        waiting.latency_s = np.concatenate([waiting.latency_s, latency_s[kept]])[order]
        waiting.failed = np.concatenate([waiting.failed, failed[kept]])[order]

    def until(self, settled_s: float) -> Iterator[Second]:
        """Yield the seconds that end at or before ``settled_s``, in order, each once."""
        while self._next_s + 1 <= settled_s + 1e-9:
            self._next_s += 1
            own_s, own_failed = self._sides["candidate"].take(self._next_s)
            other_s, other_failed = self._sides["baseline"].take(self._next_s)
            yield Second(own_s, other_s, own_failed, other_failed)


def between(candidate: Samples, baseline: Samples, begin_s: float, end_s: float) -> Iterator[Second]:
    """Yield the seconds of two whole recordings that lie in [begin_s, end_s). Raises ValueError as ``Seconds.add``."""
    seconds = Seconds(begin_s)
    seconds.add("candidate", candidate)
    seconds.add("baseline", baseline)
    return seconds.until(end_s)


def _requests(samples: Samples) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """When each request was due, seconds to a good answer (infinite if there was none), and whether it failed."""
    if isinstance(samples, Requests):
        ok = samples.usable
        failed = samples.failed[ok]
        return samples.intended_s[ok], np.where(failed, math.inf, samples.latency_s[ok]), failed
    if isinstance(samples, Answers):
        failed = np.array([one.error is not None or one.code is None for one in samples.answers], dtype=np.bool_)
        took_s = np.array([one.took_s for one in samples.answers], dtype=np.float64)
        due_s = np.array([one.t_s for one in samples.answers], dtype=np.float64)
        return due_s, np.where(failed, math.inf, took_s), failed
    raise ValueError(f"expected samples of kind Requests or Answers, got {type(samples).__name__}")
