"""The decision matrix of a policy: how grave a failure is, and how many users it reaches, say what is done and by when.

``matrix: [{severity: critical, users: "> 50%", action: roll back at once, within: 5m, who: on call}, ...]``. A row
applies to a failed gate of one of its severities (any, where none is named) when the share of users that it reaches
lies in ``users`` (any share, where none is named). Of several that apply the one with the least time counts, and of
those the first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from relgate.policy import texts, units
from relgate.policy.base import Frozen
from relgate.policy.grammar import Key, ListOf, Record, Text, Words

GRAVITIES = ("blocker", "critical", "normal", "minor", "trivial")

_RANGE = rf"(?:(?:>=|<=|>|<) *{units.SHARE}|{units.SHARE} ?- ?{units.SHARE})"
_ONE = re.compile(r"(>=|<=|>|<) *(.+)\Z")
_TWO = re.compile(r"(.+?%) ?- ?(.+)\Z")


@dataclass(frozen=True, slots=True)
class Reach:
    """A range of shares of users. ``above``, ``below``: whether its ends are left out."""

    text: str
    low: float = 0.0
    high: float = 1.0
    above: bool = False
    below: bool = False

    def holds(self, share: float) -> bool:
        """Whether a share of users, 0 to 1, lies in it."""
        enough = share > self.low if self.above else share >= self.low
        return enough and (share < self.high if self.below else share <= self.high)


def parse_reach(raw: object) -> Reach:
    """Return what ``> 50%`` or ``10%-50%`` means; both ends of a range belong to it.

    Raises ValueError for anything else, and for a range that no share lies in.
    """
    text = raw if isinstance(raw, str) and re.search(units.full(_RANGE), raw) else ""
    if one := _ONE.match(text):
        share = units.parse_share(one[2])
        if one[1][0] == ">":
            found = Reach(text, low=share, above=one[1] == ">")
        else:
            found = Reach(text, high=share, below=one[1] == "<")
    elif two := _TWO.match(text):
        found = Reach(text, low=units.parse_share(two[1]), high=units.parse_share(two[2]))
    else:
        raise ValueError(f'expected a share of users such as "> 50%" or 10%-50%, got {units.shown(raw)}')
    if not (found.holds(found.low) or found.holds(found.high) or found.low < found.high):
        raise ValueError(f"expected a range that a share of users can lie in, got {units.shown(raw)}")
    return found


class Row(Frozen):
    """A row. ``severities`` empty: all; ``users`` None: any share. ``within_s`` None: no time limit."""

    action: str
    severities: tuple[str, ...] = ()
    users: Reach | None = None
    within_s: float | None = None
    who: str | None = None

    def applies(self, severity: str, share: float) -> bool:
        """Whether it is about a failure so grave that reaches that share of users."""
        return (not self.severities or severity in self.severities) and (self.users is None or self.users.holds(share))


USERS = Text("a share of users", units.full(_RANGE), parse_reach, ("> 50%", "10%-50%", "< 10%"))

ROW = Record(
    "a row of the matrix",
    (
        Key("severity", ListOf(Words(GRAVITIES)), "how grave the failed gate is, as its severity says", "any"),
        Key("users", USERS, "the share of users that it reaches", "any"),
        Key("action", texts.FREE, "what is done", required=True),
        Key("within", texts.INTERVAL, "how soon", "no time limit"),
        Key("who", texts.FREE, "who does it"),
    ),
)


def build(raw: dict[str, Any]) -> Row:
    """Return a row of a document without faults."""
    return Row(
        action=raw["action"],
        severities=raw.get("severity", ()),
        users=raw.get("users"),
        within_s=raw.get("within"),
        who=raw.get("who"),
    )
