"""Patterns of log lines on both sides, each as an estimator of how often it comes. Pure.

Lines come in bursts: one failed request writes ten of them, a dead database writes thousands. A burst is one piece of
evidence, whatever it writes. So a pattern that is rare at the candidate is counted there in *episodes*: a line opens
one, and all that follow within the longest burst (``bursts_s``, and a look's length, since a line's moment is only
known to lie between two looks) belong to it. Against that stand all *lines* of the baseline, which can only make the
candidate look better: the exact conditional test of two Poisson counts (``rates``) then holds its level. For "surely
no more than so much" both sides count in episodes.

A pattern that comes in more than half of the slots (one burst and a look long) would fill every episode, however often
it comes. There lines are counted, and their variance over slots says how many of them are one piece of evidence (the
index of dispersion); both sides have their own.

Exposure is time. Where the sides are not asked equally often, the baseline's seconds count as many times as it has more
requests (lines that match ``requests``); where nobody said what a request is, lines that do not count as faults are
taken for them, but never in favour of a candidate that writes more than the baseline.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from relgate.measure.rates import CountPair
from relgate.measure.templates import merged

if TYPE_CHECKING:
    from relgate.values import Lines, Look

ALL = "all lines that count, together"
_JITTER = 0.1
"""Of a look's length: how much earlier than its schedule a look may come."""
_STEADY = 0.5
"""Share of slots from which on a pattern is counted in lines."""


@dataclass(frozen=True, slots=True)
class Found:
    """A pattern that the candidate has. ``worse``: for "surely more", ``kept``: for "surely not more".

    ``example``: one line of the candidate. ``lines``, ``other_lines``: how many of both sides; None: no baseline.
    """

    pattern: str
    example: str
    lines: int
    other_lines: int | None
    episodes: int
    worse: CountPair
    kept: CountPair


@dataclass(frozen=True, slots=True)
class Compared:
    """All patterns of the candidate, all lines together first. ``n``: lines, or requests, of the candidate.

    ``tried``: patterns of both sides, all lines together included. ``never``: what is known of a pattern that did not
    come. ``slots``: the most episodes that could have been seen, each ``apart_s`` long.
    """

    n: int
    other_n: int | None
    found: tuple[Found, ...]
    tried: int
    never: CountPair
    slots: int
    apart_s: float


@dataclass(frozen=True, slots=True)
class _Side:
    """A side's looks after the warm-up: how long, how many lines or requests, and moments and counts by pattern."""

    seconds: float
    lines: int
    faults: int
    requests: int | None
    counts: dict[str, list[tuple[float, int]]]
    examples: dict[str, str]


def compared(candidate: Lines, baseline: Lines | None, begin_s: float, end_s: float, bursts_s: float) -> Compared:
    """Compare both logs from ``begin_s`` on. ``bursts_s``: how long a burst of lines lasts at most."""
    sides = [_side(one, begin_s, end_s) for one in (candidate, baseline) if one is not None]
    form = merged({pattern for side in sides for pattern in side.counts})
    own, other = _formed(sides[0], form), _formed(sides[1], form) if len(sides) > 1 else None
    apart_s = bursts_s + candidate.every_s
    window = (begin_s, max(end_s, begin_s + apart_s), apart_s)
    other_s = None if other is None else other.seconds * _weight(own, other)
    n, other_n = _n(own), None if other is None else _n(other)

    def pair(events: float, scale: float, other_events: float, other_scale: float) -> CountPair:
        if other_s is None:
            return CountPair(n, events, own.seconds * scale)
        return CountPair(n, events, own.seconds * scale, other_n, other_events, other_s * other_scale)

    def found(pattern: str) -> Found:
        mine, theirs = own.counts[pattern], [] if other is None else other.counts.get(pattern, [])
        lines, other_lines = sum(count for _, count in mine), sum(count for _, count in theirs)
        episodes = _episodes(mine, apart_s - _JITTER * candidate.every_s)
        if len(set(_slots(mine, window))) <= _STEADY * _number(window):
            worse = pair(episodes, 1.0, other_lines, 1.0)
            kept = pair(episodes, 1.0, _episodes(theirs, apart_s - _JITTER * candidate.every_s), 1.0)
        else:
            share, other_share = 1 / _dispersion(mine, window), 1 / _dispersion(theirs, window)
            worse = kept = pair(lines * share, share, other_lines * other_share, other_share)
        shown = None if other is None else other_lines
        return Found(pattern, own.examples[pattern], lines, shown, episodes, worse, kept)

    every = tuple(found(pattern) for pattern in own.counts)
    tried = len(set(form.values())) + 1
    return Compared(n, other_n, every, tried, pair(0, 1.0, 0, 1.0), int((end_s - begin_s) / apart_s), apart_s)


def _n(side: _Side) -> int:
    return side.lines if side.requests is None else side.requests


def _side(lines: Lines, begin_s: float, end_s: float) -> _Side:
    # What a look finds came since the look before: one right after the warm-up may hold lines of the warm-up.
    looks = [look for look in lines.looks if look.t_s >= begin_s + (lines.every_s if begin_s else 0.0)]
    counts: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
    examples: dict[str, str] = {}
    for look in looks:
        for seen in look.seen:
            counts[seen.pattern].append((look.t_s, seen.count))
            examples.setdefault(seen.pattern, seen.example)
    return _Side(
        max(0.0, end_s - begin_s),
        sum(look.lines for look in looks),
        sum(seen.count for look in looks for seen in look.seen),
        _requests(looks),
        dict(counts),
        examples,
    )


def _requests(looks: list[Look]) -> int | None:
    known = [look.requests for look in looks if look.requests is not None]
    return sum(known) if known else None


def _formed(side: _Side, form: dict[str, str]) -> _Side:
    """Return a side by common forms, all of its lines together first."""
    counts: dict[str, dict[float, int]] = {ALL: {}} if side.counts else {}
    examples: dict[str, str] = {}
    for pattern, seen in side.counts.items():
        for name in (ALL, form[pattern]):
            moments = counts.setdefault(name, {})
            for t_s, count in seen:
                moments[t_s] = moments.get(t_s, 0) + count
            examples.setdefault(name, side.examples[pattern])
    ordered = {name: sorted(moments.items()) for name, moments in counts.items()}
    return _Side(side.seconds, side.lines, side.faults, side.requests, ordered, examples)


def _weight(own: _Side, other: _Side) -> float:
    """Return how many times as much as the candidate the baseline was asked."""
    if own.requests is not None and other.requests is not None:
        return other.requests / own.requests if own.requests and other.requests else 1.0
    own_plain, other_plain = own.lines - own.faults, other.lines - other.faults
    return max(1.0, other_plain / own_plain) if own_plain > 0 and other_plain > 0 else 1.0


def _episodes(counts: list[tuple[float, int]], apart_s: float) -> int:
    """Return how many bursts there were at least."""
    found, until = 0, -math.inf
    for t_s, _ in counts:
        if t_s >= until:
            found, until = found + 1, t_s + apart_s
    return found


def _number(window: tuple[float, float, float]) -> int:
    begin_s, end_s, apart_s = window
    return max(1, math.ceil((end_s - begin_s) / apart_s - 1e-9))


def _slots(counts: list[tuple[float, int]], window: tuple[float, float, float]) -> list[int]:
    """Return the slot of each moment."""
    last = _number(window) - 1
    return [min(last, max(0, int((t_s - window[0]) / window[2]))) for t_s, _ in counts]


def _dispersion(counts: list[tuple[float, int]], window: tuple[float, float, float]) -> float:
    """Return the variance of lines a slot over their mean: how many lines are one piece of evidence, 1 at least."""
    of_slots = np.zeros(_number(window))
    for slot, (_, count) in zip(_slots(counts, window), counts, strict=True):
        of_slots[slot] += count
    if of_slots.size < 2 or not of_slots.any():
        return 1.0
    return max(1.0, float(of_slots.var(ddof=1) / of_slots.mean()))
