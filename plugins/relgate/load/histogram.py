"""Log-linear histograms of nanoseconds: 2^11 buckets for each doubling, exact to merge.

A bucket is at most 1/2048 of its values wide, and each value is told as the middle of its bucket: the error is at most
0.025 %. Below 2048 ns every nanosecond has its own bucket. Two histograms are merged by adding counts, so what workers
counted apart is what one would have counted (the layout is that of HdrHistogram, Gil Tene, 2012).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

BITS = 11
ERROR = 0.5 / (1 << BITS)
"""The largest relative error of a value that was told by its bucket."""

_LOWEST = 1 << BITS
_MASK = _LOWEST - 1

Counts = dict[int, int]
"""Bucket to how often."""


def bucket(value_ns: int) -> int:
    """Return the bucket of a duration; a negative one is counted as 0."""
    if value_ns < _LOWEST:
        return max(0, value_ns)
    shift = value_ns.bit_length() - BITS - 1
    return (shift << BITS) + (value_ns >> shift)


def middle_ns(number: int) -> int:
    """Return the middle of a bucket, nanoseconds."""
    if number < 2 * _LOWEST:
        return number
    shift = (number >> BITS) - 1
    return (((number & _MASK) + _LOWEST) << shift) + (1 << (shift - 1))


def add(counts: Counts, value_ns: int) -> None:
    """Count one duration."""
    number = bucket(value_ns)
    counts[number] = counts.get(number, 0) + 1


def merge(into: Counts, pairs: Iterable[Iterable[int]]) -> None:
    """Add pairs of bucket and count. Exact, in any order."""
    for number, count in pairs:
        into[number] = into.get(number, 0) + count


def expand(counts: Counts) -> list[int]:
    """Return one value (nanoseconds, the middle of its bucket) for each that was counted, smallest first."""
    return [middle_ns(number) for number in sorted(counts) for _ in range(counts[number])]


def quantile_s(counts: Counts, share: float) -> float | None:
    """Return a quantile in seconds (nearest rank), None where nothing was counted."""
    left = max(1, -(-sum(counts.values()) * share // 1))
    for number in sorted(counts):
        left -= counts[number]
        if left <= 0:
            return middle_ns(number) / 1e9
    return None
