"""When a service may be released, in a policy: weekly windows in a time zone, days off, and freezes.

Texts as people write them: ``Tue-Thu 10:00-16:00 America/Los_Angeles``, ``2026-12-20 08:00 Europe/Berlin``.
"""

import re
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from relgate.policy import texts, units
from relgate.policy.base import Frozen
from relgate.policy.grammar import Key, ListOf, Record, Text, matching

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Window(Frozen):
    """A time of the week. ``days``: 0 is Monday. Minutes since midnight; ``to_min`` <= ``from_min``: the next day's."""

    days: tuple[int, ...]
    from_min: int
    to_min: int
    zone: str
    text: str


class Freeze(Frozen):
    """A time in which nothing is released, Unix seconds, its end not included."""

    from_s: float
    to_s: float
    reason: str


class Windows(Frozen):
    """When a release may begin. ``allow`` empty: whenever nothing is frozen. ``holidays``: of a country, ``US-CA``.

    ``runway_s``: how long the window must stay open. ``excepted``: types of releases that need no window.
    """

    allow: tuple[Window, ...] = ()
    holidays: str | None = None
    freeze: tuple[Freeze, ...] = ()
    runway_s: float = 0.0
    excepted: tuple[str, ...] = ()


_DAY = f"(?:{'|'.join(DAYS)})"
_SOME_DAYS = rf"{_DAY}(?:-{_DAY})?(?:,{_DAY}(?:-{_DAY})?){{0,6}}"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_ZONE = r"[A-Z][A-Za-z0-9_+-]{0,30}(?:/[A-Za-z0-9_+-]{1,30}){0,2}"
_WINDOW = rf"({_SOME_DAYS}) ({_CLOCK})-({_CLOCK}|24:00) ({_ZONE})"
_DATE = r"20[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_MOMENT = rf"({_DATE})(?: ({_CLOCK}))? ({_ZONE})"


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone; ValueError where nobody knows it."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            f"unknown time zone {name}: expected one such as Europe/Berlin, and on a machine without a list of them "
            "relgate[preflight]"
        ) from None


def _window(raw: object) -> Window:
    found = re.search(units.full(_WINDOW), raw) if isinstance(raw, str) else None
    if found is None:
        example = "Tue-Thu 10:00-16:00 America/Los_Angeles"
        raise ValueError(f"expected days, times and a time zone, such as {example}, got {units.shown(raw)}")
    zone_of(found[4])
    start, end = _minutes(found[2]), _minutes(found[3])
    if start == end:
        raise ValueError(f"expected a window that does not end when it begins, got {units.shown(raw)}")
    return Window(days=_days(found[1]), from_min=start, to_min=end, zone=found[4], text=found[0])


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def _days(text: str) -> tuple[int, ...]:
    """Return the days of ``Mon,Wed-Fri``; a range may go over the end of the week."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        start = DAYS.index(first)
        length = (DAYS.index(last or first) - start) % 7
        found |= {(start + step) % 7 for step in range(length + 1)}
    return tuple(sorted(found))


def _moment(*, end: bool) -> Callable[[object], float]:
    """Return the parser of a moment; a date alone is its beginning, as an end the beginning of the next day."""

    def parsed(raw: object) -> float:
        found = re.search(units.full(_MOMENT), raw) if isinstance(raw, str) else None
        if found is None:
            example = "2026-12-20 08:00 Europe/Berlin"
            raise ValueError(
                f"expected a date, perhaps a time, and a time zone, such as {example}, got {units.shown(raw)}"
            )
        zone = zone_of(found[3])
        try:
            day = datetime.fromisoformat(found[1])
        except ValueError:
            raise ValueError(f"no such day: {found[1]}") from None
        if found[2] is None and end:
            day += timedelta(days=1)
        local = datetime.combine(day, time.fromisoformat(found[2] or "00:00"))
        # Where clocks are put back an hour comes twice: the longer freeze is meant.
        return max(_unix(local, zone)) if end else min(_unix(local, zone))

    return parsed


def _unix(local: datetime, zone: ZoneInfo) -> tuple[float, float]:
    first, second = (local.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))
    return first, second


WINDOW = Text("a weekly window", units.full(_WINDOW), _window, ("Tue-Thu 10:00-16:00 America/Los_Angeles",))
FROM = Text("a moment", units.full(_MOMENT), _moment(end=False), ("2026-12-20 08:00 Europe/Berlin",))
TO = Text("a moment", units.full(_MOMENT), _moment(end=True), ("2027-01-03 Europe/Berlin",))
COUNTRY = matching("a country, perhaps with a part of it,", r"[A-Z]{2}(?:-[A-Z0-9]{1,5})?", "US", "US-CA")

FREEZE = Record(
    "a freeze",
    (
        Key("from", FROM, "when it begins", required=True),
        Key("to", TO, "when it is over; a date alone belongs to it", required=True),
        Key("reason", texts.FREE, "why nothing is released", required=True),
    ),
)

SHAPE = Record(
    "windows",
    (
        Key("allow", ListOf(WINDOW), "when a release may begin", "whenever nothing is frozen"),
        Key("holidays", COUNTRY, "the country whose holidays have no window", "no day is off"),
        Key("freeze", ListOf(FREEZE), "times in which nothing is released"),
        Key("runway", texts.INTERVAL, "how long a window must stay open from now on", "0s"),
        Key("except", ListOf(texts.LABEL), "types of releases (--gate-release type=...) that need no window"),
    ),
)


def check(raw: Any) -> list[tuple[tuple[str | int, ...], str]]:
    """Return what the keys of parsed windows mean together, and do not: path below ``windows``, and the fault."""
    if not isinstance(raw, dict):
        return []
    found: list[tuple[tuple[str | int, ...], str]] = []
    if "allow" not in raw and "freeze" not in raw:
        found.append(((), "windows needs allow or freeze: when may a release begin?"))
    elif "allow" not in raw and "holidays" in raw:
        found.append((("holidays",), "holidays take windows away: allow says which there are"))
    freezes = raw.get("freeze", ())
    for index, one in enumerate(freezes if isinstance(freezes, tuple) else ()):
        start, end = (one.get("from"), one.get("to")) if isinstance(one, dict) else (None, None)
        if isinstance(start, float) and isinstance(end, float) and end <= start:
            found.append((("freeze", index, "to"), "a freeze must end after it begins"))
    return found


def build(raw: dict[str, Any]) -> Windows:
    """Return the value of parsed windows without faults."""
    freezes = [Freeze(from_s=one["from"], to_s=one["to"], reason=one["reason"]) for one in raw.get("freeze", ())]
    return Windows(
        allow=raw.get("allow", ()),
        holidays=raw.get("holidays"),
        freeze=tuple(freezes),
        runway_s=raw.get("runway", 0.0),
        excepted=raw.get("except", ()),
    )
