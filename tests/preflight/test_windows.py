"""When a release may begin: windows in their own time zone, across changes of clocks, days off and freezes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.adapters.daysoff import days_off
from relgate.errors import UsageError
from relgate.policy import windows as language
from relgate.preflight import windows
from relgate.values import Findings
from relgate.verdicts import by_findings
from tests.preflight.gates import GATE

PACIFIC = "Tue-Thu 10:00-16:00 America/Los_Angeles"


def built(**keys: Any) -> language.Windows:
    """Windows as the loader builds them."""
    if "allow" in keys:
        keys["allow"] = tuple(map(language.WINDOW.parse, keys["allow"]))
    freezes = [
        {**one, "from": language.FROM.parse(one["from"]), "to": language.TO.parse(one["to"]), "reason": "year's end"}
        for one in keys.pop("freeze", ())
    ]
    return language.build({**keys, "freeze": tuple(freezes)})


def at(text: str, zone: str = "America/Los_Angeles") -> float:
    """Unix time of a local moment."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def judged(now_s: float, kind: str | None = None, off: dict[date, str] | None = None, **keys: Any) -> Findings:
    """What is found at a moment."""
    return windows.judge(GATE.id, built(**keys), now_s, kind, off or {})


def verdict(now_s: float, kind: str | None = None, off: dict[date, str] | None = None, **keys: Any) -> str:
    """The verdict at a moment."""
    return by_findings(GATE, judged(now_s, kind, off, **keys)).verdict.value


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-24 10:00", "pass"),  # Tuesday
        ("2026-11-24 09:59", "fail"),
        ("2026-11-26 15:59", "pass"),
        ("2026-11-26 16:00", "fail"),
        ("2026-11-27 12:00", "fail"),  # Friday
        ("2026-07-07 10:00", "pass"),  # In summer time.
        ("2026-07-07 09:59", "fail"),
    ],
)
def test_a_window_is_open_by_the_clock_of_its_zone(moment: str, expected: str) -> None:
    """In winter and in summer; its last minute is the one before its end."""
    assert verdict(at(moment), allow=[PACIFIC]) == expected


def test_the_runway_must_fit() -> None:
    """A rollout of an hour does not begin 59 minutes before people go home."""
    assert verdict(at("2026-11-24 15:00"), allow=[PACIFIC], runway=3600.0) == "pass"
    found = judged(at("2026-11-24 15:01"), allow=[PACIFIC], runway=3600.0).findings[0]
    assert "closes at Tue 2026-11-24 16:00 PST, before the runway of 3600 s is over" in found.what
    assert found.do == "run it again at Wed 2026-11-25 10:00 PST"


def test_windows_that_touch_are_one() -> None:
    """A runway may go over midnight where both sides of it are open."""
    allow = ["Tue 20:00-24:00 UTC", "Wed 00:00-04:00 UTC"]
    assert verdict(at("2026-11-24 23:30", "UTC"), allow=allow, runway=7200.0) == "pass"
    assert verdict(at("2026-11-24 23:30", "UTC"), allow=allow[:1], runway=7200.0) == "fail"
    assert verdict(at("2026-11-24 23:30", "UTC"), allow=["Tue 20:00-04:00 UTC"], runway=7200.0) == "pass"
    assert verdict(at("2026-11-25 03:00", "UTC"), allow=["Tue 20:00-04:00 UTC"]) == "pass"


def test_days_go_over_the_end_of_the_week() -> None:
    """Sat-Mon is three days."""
    assert language.WINDOW.parse("Sat-Mon,Wed 10:00-11:00 UTC").days == (0, 2, 5, 6)


def test_an_hour_that_comes_twice_makes_a_window_shorter() -> None:
    """Clocks go back at 02:00 on 1 November 2026: 01:30 comes twice, and only what is surely inside counts."""
    twice = datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/Los_Angeles"))
    first, second = twice.timestamp(), twice.replace(fold=1).timestamp()
    assert second - first == 3600
    assert verdict(first, allow=["Sun 01:30-05:00 America/Los_Angeles"]) == "fail"
    assert verdict(second, allow=["Sun 01:30-05:00 America/Los_Angeles"]) == "pass"
    assert verdict(second, allow=["Sun 00:00-01:45 America/Los_Angeles"]) == "fail"


def test_an_hour_that_never_comes_opens_nothing() -> None:
    """Clocks go from 02:00 to 03:00 on 8 March 2026."""
    allow = ["Sun 02:00-03:00 America/Los_Angeles"]
    start = at("2026-03-08 00:00")
    assert {verdict(start + minute * 60, allow=allow) for minute in range(0, 300, 5)} == {"fail"}


def test_holidays_have_no_window() -> None:
    """Thanksgiving is a Thursday; the next window is on Tuesday."""
    off = days_off("US", windows.years_of(at("2026-11-26 12:00")))
    found = judged(at("2026-11-26 12:00"), off=off, allow=[PACIFIC]).findings[0]
    assert found.blocks
    assert "today is a holiday: Thanksgiving" in found.what
    assert found.do == "run it again at Tue 2026-12-01 10:00 PST"
    assert verdict(at("2026-11-25 12:00"), off=off, allow=[PACIFIC]) == "pass"


def test_a_window_over_midnight_does_not_go_into_a_holiday() -> None:
    """It is the next day there."""
    off = {date(2026, 12, 25): "Christmas Day"}
    assert verdict(at("2026-12-24 23:00", "UTC"), off=off, allow=["Thu 22:00-02:00 UTC"]) == "fail"
    assert verdict(at("2026-12-24 23:00", "UTC"), off=off, allow=["Thu 22:00-24:00 UTC"]) == "pass"


def test_a_country_that_nobody_knows_is_said() -> None:
    """And is not a country without holidays."""
    with pytest.raises(UsageError, match="holidays of XX"):
        days_off("XX", [2026])
    with pytest.raises(UsageError, match="holidays of US-QQ"):
        days_off("US-QQ", [2026])


def test_nothing_is_released_in_a_freeze() -> None:
    """A date alone belongs to it; a runway must not reach into it."""
    freeze = [{"from": "2026-12-20 UTC", "to": "2027-01-02 UTC"}]
    assert verdict(at("2026-12-19 23:59", "UTC"), freeze=freeze) == "pass"
    assert verdict(at("2026-12-19 23:59", "UTC"), freeze=freeze, runway=120.0) == "fail"
    assert verdict(at("2026-12-20 00:00", "UTC"), freeze=freeze) == "fail"
    assert verdict(at("2027-01-02 23:59", "UTC"), freeze=freeze) == "fail"
    assert verdict(at("2027-01-03 00:00", "UTC"), freeze=freeze) == "pass"
    found = judged(at("2026-12-24 00:00", "UTC"), freeze=freeze).findings[0]
    assert (found.what, found.do) == (
        "frozen until Sun 2027-01-03 00:00 UTC: year's end",
        "run it again at Sun 2027-01-03 00:00 UTC",
    )


def test_an_excepted_type_is_warned_and_goes_on() -> None:
    """A hotfix does not wait for Tuesday; whoever says no type is held."""
    keys: dict[str, Any] = {"allow": [PACIFIC], "except": ("hotfix",)}
    sunday = at("2026-11-22 12:00")
    assert verdict(sunday, "hotfix", **keys) == "warn"
    assert verdict(sunday, "regular", **keys) == "fail"
    assert verdict(sunday, None, **keys) == "fail"
    assert verdict(at("2026-11-24 12:00"), "hotfix", **keys) == "pass"


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001
    st.sampled_from(["UTC", "America/Los_Angeles", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"]),
    st.sets(st.integers(0, 6), min_size=1),
    st.integers(0, 23),
    st.integers(0, 23),
)
def test_an_open_moment_has_the_clock_of_its_window(
    moment: datetime, zone: str, days: set[int], start: int, end: int
) -> None:
    """Whenever it is open, a clock on the wall there shows a time within the window, on one of its days."""
    if start == end:
        return
    text = f"{','.join(language.DAYS[day] for day in sorted(days))} {start:02}:00-{end:02}:00 {zone}"
    now = moment.replace(tzinfo=UTC)
    if verdict(now.timestamp(), allow=[text]) != "pass":
        return
    local = now.astimezone(ZoneInfo(zone))
    began = local if start <= local.hour and (end > start or local.hour >= start) else local - timedelta(days=1)
    assert began.weekday() in days
    assert start <= local.hour < end if start < end else (local.hour >= start or local.hour < end)
