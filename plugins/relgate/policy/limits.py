"""Limits as people write them in playbooks, and what they mean. Values are SI; shares are 0 to 1.

| text                   | meaning of the boundary                                          | basis        |
|------------------------|------------------------------------------------------------------|--------------|
| ``> 2000ms``           | 2 s                                                              | absolute     |
| ``> 300% of baseline`` | 3 times what the baseline shows (not "increased by 300 %")       | times        |
| ``> 2x baseline``      | 2 times what the baseline shows                                  | times        |
| ``> baseline + 20%``   | 1.2 times what the baseline shows, for shares too                | times        |
| ``> baseline + 10pp``  | the baseline's share plus 10 percentage points                   | plus         |
| ``> baseline + 50ms``  | the baseline's value plus 50 ms                                  | plus         |
| ``> 0.5% for 5m``      | beyond the boundary at every observation of some 5 minutes       | + ``for_s``  |
| ``> 1000, 3 in a row`` | beyond the boundary at 3 consecutive observations                | + ``in_a_row``|
| ``any``                | even one violation                                               | any          |
| ``down``               | one answer with this state                                       | status       |
| ``failing 3 in a row`` | 3 consecutive answers that are not healthy or degraded           | status       |
| ``failing for 2m``     | not healthy or degraded at every answer of some 2 minutes        | status       |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from relgate.values import Dimension

Basis = Literal["absolute", "times", "plus"]
Operator = Literal[">", ">=", "<", "<="]


@dataclass(frozen=True, slots=True)
class NumberLimit:
    """A boundary that a number must not cross. ``value`` is SI, or a factor when ``basis`` is ``times``.

    A limit names what is *bad*: ``> 2000ms`` is broken by 2.1 s and kept by exactly 2 s.
    """

    op: Operator
    value: float
    basis: Basis
    dimension: Dimension | None
    text: str
    for_s: float | None = None
    in_a_row: int | None = None

    def boundary(self, baseline: float | None) -> float | None:
        """The number to compare with; None when the limit needs a baseline and there is none."""
        if self.basis == "absolute":
            return self.value
        if baseline is None:
            return None
        return self.value * baseline if self.basis == "times" else self.value + baseline

    def broken_by(self, value: float, boundary: float) -> bool:
        """Whether ``value`` lies on the bad side. NaN is on neither side: callers refuse it before they ask."""
        return {
            ">": value > boundary,
            ">=": value >= boundary,
            "<": value < boundary,
            "<=": value <= boundary,
        }[self.op]


@dataclass(frozen=True, slots=True)
class AnyLimit:
    """Zero tolerance: even one violation breaks it."""

    text: str = "any"


@dataclass(frozen=True, slots=True)
class StatusLimit:
    """States that break a health gate. ``failing`` in ``words`` means: anything but healthy or degraded."""

    words: frozenset[str]
    text: str
    in_a_row: int | None = None
    for_s: float | None = None


Limit = NumberLimit | AnyLimit | StatusLimit
