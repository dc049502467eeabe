"""Limits as people write them in playbooks, and what they mean. Values are SI; shares are 0 to 1.

| text                   | meaning of the boundary                                          | basis        |
|------------------------|------------------------------------------------------------------|--------------|
| ``> 2000ms``           | 2 s                                                              | absolute     |
| ``> 300% of baseline`` | 3 times what the baseline shows (not "increased by 300 %")       | times        |
| ``> 2x baseline``      | 2 times what the baseline shows                                  | times        |
| ``> baseline + 20%``   | 1.2 times what the baseline shows, for shares too                | times        |
| ``> baseline + 300%``  | 4 times what the baseline shows                                  | times        |
| ``> baseline + 10pp``  | the baseline's share plus 10 percentage points                   | plus         |
| ``> baseline + 50ms``  | the baseline's value plus 50 ms                                  | plus         |
| ``> 0.5% for 5m``      | beyond the boundary at every observation of some 5 minutes       | + ``for_s``  |
| ``> 1000, 3 in a row`` | beyond the boundary at 3 consecutive observations                | + ``in_a_row``|
| ``any``                | even one violation                                               | any          |
| ``down``               | one answer with this state                                       | status       |
| ``down or stale``      | one answer with one of these states                              | status       |
| ``failing 3 in a row`` | 3 consecutive answers that are not healthy or degraded           | status       |
| ``failing for 2m``     | not healthy or degraded at every answer of some 2 minutes        | status       |
| ``3 in a row``         | the same as ``failing 3 in a row``                               | status       |

``> baseline`` and ``< baseline - 10%`` (0.9 times) are read too; spaces, ``≥`` for ``>=``, ``the baseline`` for
``baseline`` and ``percentage points`` for ``pp`` are free. A percentage after ``baseline +`` is always of the baseline,
``pp`` is added to it: where the baseline's error rate is 2 %, ``> baseline + 20%`` allows 2.4 % and
``> baseline + 20pp`` 22 %.
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from typing import Literal, cast, get_args

from relgate.policy import units
from relgate.values import Dimension

Basis = Literal["absolute", "times", "plus"]
Operator = Literal[">", ">=", "<", "<="]
StateWord = Literal["healthy", "degraded", "down", "failing", "unknown", "stale"]

STATE_WORDS: tuple[StateWord, ...] = get_args(StateWord)
MOST_TIMES = 1000.0


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
        """Return the number to compare with; None when the limit needs a baseline and there is none."""
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


_BASELINE = r"(?:the )?baseline"
_POINTS = r"(?:pp|percentage points?)"
_ROW = r"[1-9][0-9]{0,3} in a row"
_STREAK = rf"(?: for {units.DURATION}|,? {_ROW})"
_OPERATOR = r"(?:>=|<=|>|<|≥|≤)"
_STATES = rf"(?:{'|'.join(STATE_WORDS)})"

# The one grammar: the parser reads with it, and the JSON Schema shows it to editors.
NUMBER_LIMIT = (
    rf"{_OPERATOR} *(?:{units.NUMBER} ?% of {_BASELINE}"
    rf"|{units.NUMBER} ?(?:x|×|times) {_BASELINE}"  # noqa: RUF001 - people do paste it
    rf"|{_BASELINE}(?: ?[+-] ?(?:{units.NUMBER} ?{_POINTS}|{units.QUANTITY}))?"
    rf"|{units.QUANTITY}){_STREAK}?"
)
STATUS_LIMIT = rf"(?:{_STATES}(?: or {_STATES}){{0,5}}{_STREAK}?|{_ROW})"
LIMIT = rf"(?:{NUMBER_LIMIT}|{STATUS_LIMIT}|any)"

_LIMIT = re.compile(units.full(LIMIT))
_HEAD = re.compile(rf"({_OPERATOR}) *(.*?)({_STREAK}?)$")
_STREAK_PARTS = re.compile(rf" for ({units.DURATION})$|(?:^|,? )([0-9]+) in a row$")
_FACTOR = re.compile(rf"({units.NUMBER}) ?(%|x|×|times) (?:of )?{_BASELINE}$")  # noqa: RUF001
_SHIFT = re.compile(rf"{_BASELINE} ?([+-]) ?(.+)$")
_POINTS_SHIFT = re.compile(rf"({units.NUMBER}) ?{_POINTS}$")
_SIGNS = {"≥": ">=", "≤": "<="}


def parse_limit(text: str) -> Limit:
    """Return what a limit text means; ``text`` of the result is the author's.

    Raises ValueError (expected, got, example) for what the table above does not have, for factors above 1000, and
    for quantities that ``units`` refuses. Whether the limit fits its signal is for the policy to check.
    """
    if not isinstance(text, str) or not _LIMIT.search(text):
        raise ValueError(_refusal(text))
    if text == "any":
        return AnyLimit(text)
    if text[0] in "<>≤≥":
        return _number_limit(text)
    for_s, in_a_row = _streak(text)
    words = frozenset(word for word in STATE_WORDS if re.search(rf"\b{word}\b", text))
    return StatusLimit(words or frozenset({"failing"}), text, in_a_row=in_a_row, for_s=for_s)


def _number_limit(text: str) -> NumberLimit:
    found = _HEAD.search(text)
    if found is None:
        raise ValueError(_refusal(text))
    op = cast("Operator", _SIGNS.get(found[1], found[1]))
    for_s, in_a_row = _streak(found[3])
    value, basis, dimension = _meaning(found[2])
    return NumberLimit(op, value, basis, dimension, text, for_s=for_s, in_a_row=in_a_row)


def _meaning(body: str) -> tuple[float, Basis, Dimension | None]:
    """Return value, basis and dimension of a limit without its operator and its streak."""
    if factor := _FACTOR.match(body):
        return _times(Fraction(factor[1]) / (100 if factor[2] == "%" else 1), body), "times", None
    if re.match(rf"{_BASELINE}$", body):
        return 1.0, "times", None
    shift = _SHIFT.match(body)
    if shift is None:
        quantity = units.parse_quantity(body)
        return quantity.value, "absolute", quantity.dimension
    sign = -1 if shift[1] == "-" else 1
    if points := _POINTS_SHIFT.match(shift[2]):
        return sign * units.parse_share(f"{points[1]}%"), "plus", "share"
    if shift[2].endswith("%"):
        return _times(1 + sign * Fraction(shift[2].rstrip("% ")) / 100, body), "times", None
    quantity = units.parse_quantity(shift[2])
    return sign * quantity.value, "plus", quantity.dimension


def _times(factor: Fraction, body: str) -> float:
    if not 0 <= factor <= MOST_TIMES:
        raise ValueError(f"expected between 0 and {MOST_TIMES:g} times the baseline, got {units.shown(body)}")
    return float(factor)


def _streak(text: str) -> tuple[float | None, int | None]:
    """Return seconds and count of ``for 5m`` or ``3 in a row`` at the end of a text; both None without one."""
    found = _STREAK_PARTS.search(text)
    if found is None:
        return None, None
    if not found[1]:
        return None, int(found[2])
    for_s = units.parse_duration(found[1])
    if for_s == 0:
        raise ValueError(f"expected a streak longer than 0s, got {units.shown(text)}")
    return for_s, None


def _refusal(text: object) -> str:
    """Return the message for a text that is no limit, with the likeliest reason last."""
    message = f"expected a limit such as > 2000ms, > 2x baseline or > 0.5% for 5m, got {units.shown(text)}"
    if isinstance(text, int | float) and not isinstance(text, bool):
        return f"{message}: say on which side is bad, for example > {text:.10g}" if abs(text) < 1e15 else message
    if not isinstance(text, str) or not text.strip():
        return message
    body = text.strip()
    near = get_close_matches(body, (*STATE_WORDS, "any"), n=1)
    if near:
        return f'{message}: did you mean "{near[0]}"?'
    if body != text:
        return f"{message}: remove the space around it"
    if not re.match(_OPERATOR, body):
        return f"{message}: begin with > or < and then what is bad" if re.match(r"[0-9b=]", body) else message
    rest = re.sub(rf"^{_OPERATOR} *|{_STREAK}$", "", body)
    if "baseline" in rest:
        return f"{message}: with a baseline write 2x baseline, 120% of baseline, baseline + 20% or baseline + 50ms"
    try:
        units.parse_quantity(rest)
    except ValueError as fault:
        return f"{message}: {fault}"
    return message
