"""Whether a release may begin now -> findings. Pure: the moment and the days off are given.

The whole runway has to lie in open windows and outside of freezes. Times are local: a window of 10:00 is open at 10:00
of its zone before and after clocks are changed. An hour that comes twice, or never, makes a window shorter, not longer.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from relgate.values import Finding, Findings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from relgate.policy.windows import Window, Windows

_AHEAD_DAYS = 35
"""How far the next window is looked for."""
_DAY_S = 86400.0


def judge(gate: str, windows: Windows, now_s: float, kind: str | None, days_off: Mapping[date, str]) -> Findings:
    """Return why a release of type ``kind`` may not begin at ``now_s``; for excepted types as a warning.

    Args:
        gate: id of the gate.
        windows: of the policy.
        now_s: Unix time.
        kind: type of the release, None where nobody has said it.
        days_off: date -> its name; in ``years_of``.

    """
    until_s = now_s + windows.runway_s
    blocks = kind is None or kind not in windows.excepted
    found = [
        Finding(
            gate, "frozen", f"frozen until {_shown(one.to_s, windows)}: {one.reason}", "nothing is released now", ""
        )
        for one in windows.freeze
        if one.from_s <= until_s and now_s < one.to_s
    ]
    if windows.allow and not _inside(spans(windows, now_s, until_s, days_off), now_s, until_s):
        found.insert(0, _closed(gate, windows, now_s, days_off))
    step = _next(windows, now_s, days_off) if blocks else "nothing: it goes on"
    excuse = f"; releases of type {kind} need no window" if not blocks else ""
    findings = tuple(Finding(gate, one.code, one.what + excuse, one.why, step, blocks=blocks) for one in found)
    return Findings(gate, "moment", 1, 1, findings, notes=(f"asked for {_shown(now_s, windows)}",))


def years_of(now_s: float) -> tuple[int, ...]:
    """Return the years whose days off count."""
    year = datetime.fromtimestamp(now_s, tz=UTC).year
    return (year - 1, year, year + 1)


def spans(windows: Windows, from_s: float, to_s: float, days_off: Mapping[date, str]) -> list[tuple[float, float]]:
    """Return when windows are open around a time, Unix seconds, ordered, those that touch as one."""
    found = sorted(span for window in windows.allow for span in _of(window, from_s, to_s, days_off))
    merged: list[tuple[float, float]] = []
    for start, end in found:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _of(window: Window, from_s: float, to_s: float, days_off: Mapping[date, str]) -> list[tuple[float, float]]:
    zone = ZoneInfo(window.zone)
    day = datetime.fromtimestamp(from_s - 2 * _DAY_S, tz=zone).date()
    last = datetime.fromtimestamp(to_s + 2 * _DAY_S, tz=zone).date()
    found = []
    while day <= last:
        over_night = window.to_min <= window.from_min
        touched = {day, day + timedelta(days=1)} if over_night and window.to_min else {day}
        if day.weekday() in window.days and not touched & set(days_off):
            start = _unix(day, window.from_min, zone, later=True)
            end = _unix(day + timedelta(days=1) if over_night else day, window.to_min, zone, later=False)
            if start < end:
                found.append((start, end))
        day += timedelta(days=1)
    return found


def _unix(day: date, minute: int, zone: ZoneInfo, *, later: bool) -> float:
    """Return the Unix time of a minute of a local day; the later or earlier one where clocks are changed."""
    if minute == 24 * 60:
        day, minute = day + timedelta(days=1), 0
    local = datetime.combine(day, time(minute // 60, minute % 60))
    both = [local.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1)]
    return max(both) if later else min(both)


def _inside(open_s: list[tuple[float, float]], now_s: float, until_s: float) -> bool:
    """Whether a time lies in one open span; its first second belongs to it, its last does not."""
    return any(start <= now_s < end and until_s <= end for start, end in open_s)


def _closed(gate: str, windows: Windows, now_s: float, days_off: Mapping[date, str]) -> Finding:
    allowed = " or ".join(window.text for window in windows.allow)
    off = {
        days_off[day]
        for window in windows.allow
        if (day := datetime.fromtimestamp(now_s, tz=ZoneInfo(window.zone)).date()) in days_off
    }
    until_s = now_s + windows.runway_s
    here = [end for start, end in spans(windows, now_s, until_s, days_off) if start <= now_s < end]
    what = "the window is closed"
    if off:
        what = f"today is a holiday: {', '.join(sorted(off))}"
    elif here:
        what = f"the window closes at {_shown(here[0], windows)}, before the runway of {windows.runway_s:.0f} s is over"
    return Finding(gate, "closed", f"{what} (open {allowed})", "releases begin when people are there", "")


def _next(windows: Windows, now_s: float, days_off: Mapping[date, str]) -> str:
    """Say when a release may begin; the first moment whose whole runway is open and not frozen."""
    horizon_s = now_s + _AHEAD_DAYS * _DAY_S
    open_s = spans(windows, now_s, horizon_s, days_off) if windows.allow else [(now_s, horizon_s)]
    moments = sorted({max(now_s, start) for start, _ in open_s} | {one.to_s for one in windows.freeze})
    for at_s in moments:
        until_s = at_s + windows.runway_s
        frozen = any(one.from_s <= until_s and at_s < one.to_s for one in windows.freeze)
        if now_s <= at_s <= horizon_s and not frozen and _inside(open_s, at_s, until_s):
            return f"run it again at {_shown(at_s, windows)}"
    return f"no window opens within {_AHEAD_DAYS} days: look at the policy"


def _shown(moment_s: float, windows: Windows) -> str:
    """Return a moment as people there read it."""
    zone = ZoneInfo(windows.allow[0].zone) if windows.allow else UTC
    return datetime.fromtimestamp(moment_s, tz=zone).strftime("%a %Y-%m-%d %H:%M %Z")
