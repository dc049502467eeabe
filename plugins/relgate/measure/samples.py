"""From raw samples to the arrays that are measured: what counts, from when to when, and whether enough was seen.

Times are seconds since the bake began. A slice is [begin, end): a sample at its very end belongs to the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from relgate.values import Answers, Lines, Requests, Series, Statements

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from relgate.values import Floats, Samples

HOLE = 2.5
"""A pause longer than this many usual spacings is a hole: one observation may be missing, two in a row may not."""

TAIL = 0.1
"""Observations must reach to within this share of the window's ends (or HOLE spacings, if that is more)."""


def within(t_s: Floats, begin_s: float, end_s: float) -> NDArray[np.bool_]:
    """Mask of the samples in [begin, end); NaN times are in no slice."""
    return (t_s >= begin_s) & (t_s < end_s)


def unusable_share(one: Samples, begin_s: float) -> float:
    """Return the share (0 to 1) of requests from ``begin_s`` on that the recorder spoiled; 0 for other samples."""
    if not isinstance(one, Requests):
        return 0.0
    inside = one.intended_s >= begin_s
    return float(np.mean(~one.usable[inside])) if inside.any() else 0.0


def latencies(requests: Requests, begin_s: float, end_s: float) -> Floats:
    """Seconds to a good answer, +infinity for a request that failed; unusable samples are left out.

    A service that fails at once would look fast otherwise: with 6 % of quick errors there is no 95th percentile of
    the time to a good answer.
    """
    inside = within(requests.intended_s, begin_s, end_s) & requests.usable
    return np.where(requests.failed[inside], np.inf, requests.latency_s[inside])


def waits(answers: Answers, begin_s: float, end_s: float) -> Floats:
    """Seconds until each poll was answered, +infinity where no answer came."""
    return np.array(
        [
            np.inf if answer.error is not None or answer.code is None else answer.took_s
            for answer in answers.answers
            if begin_s <= answer.t_s < end_s
        ],
        dtype=np.float64,
    )


def cut(series: Series, begin_s: float, end_s: float) -> tuple[Floats, Floats]:
    """Return times and values of the observations of a slice, missing ones (not finite) included."""
    inside = within(series.t_s, begin_s, end_s)
    return series.t_s[inside], series.value[inside]


def failures(requests: Requests, begin_s: float, end_s: float) -> tuple[int, int]:
    """Failed and all usable requests of a slice."""
    inside = within(requests.intended_s, begin_s, end_s) & requests.usable
    return int(requests.failed[inside].sum()), int(inside.sum())


def served(requests: Requests, begin_s: float, end_s: float) -> tuple[int, int]:
    """Return requests that were answered well, and all usable requests of a slice."""
    failed, n = failures(requests, begin_s, end_s)
    return n - failed, n


def offered_per_s(requests: Requests, begin_s: float, end_s: float) -> float | None:
    """Return requests per second that were due in a slice, by their own schedule; None for fewer than two moments."""
    due = requests.intended_s[within(requests.intended_s, begin_s, end_s)]
    if due.size < 2 or not due.max() > due.min():
        return None
    return float((due.size - 1) / (due.max() - due.min()))


def spacing(t_s: Floats) -> float | None:
    """Return the median pause between observations in time order; None for fewer than two."""
    return float(np.median(np.diff(np.sort(t_s)))) if t_s.size >= 2 else None


def lost(one: Samples, begin_s: float) -> str | None:
    """Say how many observations of a series gave no number; None when each did, or for other samples."""
    if not isinstance(one, Series):
        return None
    bad = ~np.isfinite(one.value)
    # Faults without an observation of their own (nothing was stored for them) count wherever they happened.
    unplaced = max(0, len(one.faults) - int(bad.sum()))
    count = int(bad[one.t_s >= begin_s].sum()) + unplaced
    if count == 0:
        return None
    why = f": {one.faults[0]}" if one.faults else ""
    return f"{count} of {one.value.size + unplaced} observations gave no number{why}"


def unseen(one: Samples, begin_s: float, end_s: float, every_s: float | None = None) -> str | None:
    """Say which part of the window nobody watched; None when there is none (ids have no time).

    ``every_s``: the schedule, where it is known; the median spacing otherwise.
    """
    t_s = _seen_at(one)
    t_s = t_s[t_s >= begin_s]
    step = every_s if every_s is not None else spacing(t_s)
    if t_s.size == 0 or step is None:
        return None
    most = max(HOLE * step, TAIL * (end_s - begin_s))
    first, last = float(t_s.min()), float(t_s.max())
    window = f"of a window from {begin_s:.4g} s to {end_s:.4g} s"
    if first - begin_s > most:
        return f"nothing was observed before {first:.4g} s {window}"
    if end_s - last > most:
        return f"nothing was observed after {last:.4g} s {window}"
    t_s = np.sort(t_s)
    widest = int(np.argmax(np.diff(t_s))) if t_s.size > 1 else 0
    if t_s.size > 1 and t_s[widest + 1] - t_s[widest] > most:
        return f"nothing was observed from {t_s[widest]:.4g} s to {t_s[widest + 1]:.4g} s {window}"
    return None


def _seen_at(one: Samples) -> Floats:
    if isinstance(one, Requests):
        return one.intended_s[one.usable]
    if isinstance(one, Series):
        return one.t_s[np.isfinite(one.value)]
    if isinstance(one, Answers):
        return np.array([answer.t_s for answer in one.answers], dtype=np.float64)
    if isinstance(one, Lines):
        return np.array([look.t_s for look in one.looks], dtype=np.float64)
    if isinstance(one, Statements):
        return np.array(one.at_s, dtype=np.float64)
    return np.array([], dtype=np.float64)


def slides(begin_s: float, end_s: float, length_s: float, parts: int = 5) -> list[tuple[float, float]]:
    """Windows of ``length_s`` that slide over [begin, end) in steps of a ``parts``-th; empty if none fits."""
    step = length_s / parts
    count = int((end_s - begin_s - length_s) / step + 1e-9) + 1 if end_s - begin_s >= length_s * (1 - 1e-9) else 0
    return [(begin_s + i * step, begin_s + i * step + length_s) for i in range(count)]


def parts_of(begin_s: float, end_s: float, parts: int = 5) -> list[tuple[float, float]]:
    """[begin, end) cut into ``parts`` equal slices."""
    step = (end_s - begin_s) / parts
    return [(begin_s + i * step, begin_s + (i + 1) * step) for i in range(parts)]
