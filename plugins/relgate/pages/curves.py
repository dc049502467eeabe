"""From a recording to the pictures of a gate: what was judged, over time and as a distribution, with its limits.

Pictures show; they judge nothing. The evidence curve is the gate's own sequential test, taken through the recording a
second time, step by step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from relgate.measure import curves, health, samples
from relgate.measure.describe import describe
from relgate.policy.limits import NumberLimit
from relgate.report.plots import Line, Mark, Plot, Range, Role, Strip
from relgate.values import Answers, Requests, Series
from relgate.watch import begun

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from relgate.policy import Gate, Signal, Stage
    from relgate.settings import Run
    from relgate.values import Evidence, Floats, Samples

_MOST_INSTANCES = 6
_MOST_SPELLS = 120
_LONGEST_TEST_S = 4 * 3600.0
"""Seconds of a bake that a test is taken through once more; a longer one would keep the session waiting."""

_SMALLEST_E = 1e-4
_LARGEST_E = 1e12


@dataclass(frozen=True, slots=True)
class Shown:
    """What a gate's pictures are made of. ``row``: of the decision document. Times are seconds since the bake began."""

    gate: Gate
    signal: Signal
    stage: Stage
    evidence: Evidence
    row: Mapping[str, Any]
    run: Run

    @property
    def begin_s(self) -> float:
        """Where the judged window begins."""
        return self.stage.warmup_s if self.gate.warmup_s is None else self.gate.warmup_s

    @property
    def end_s(self) -> float:
        """Where the recording ends."""
        return self.evidence.finished_s - self.evidence.started_s

    @property
    def sides(self) -> tuple[tuple[Role, Samples], ...]:
        """The baseline first: the candidate is drawn over it."""
        other = self.evidence.baseline
        return (*((("baseline", other),) if other is not None else ()), ("candidate", self.evidence.candidate))


def pictures(shown: Shown) -> tuple[Plot | Strip, ...]:
    """Return a gate's pictures: over time, the distribution, and the growth of evidence where there is a test."""
    kind = shown.gate.kind
    if kind in ("health", "version"):
        return tuple(_states(shown))
    found: list[Plot | Strip] = []
    if kind == "quantile":
        found += _latency(shown)
    elif kind in ("share", "throughput"):
        found += _requests(shown)
    elif kind in ("gauge", "growth", "trend", "counter"):
        found += _series(shown)
    return tuple(one for one in (*found, *_evidence(shown)) if isinstance(one, Strip) or any(map(_seen, one.lines)))


# --- latencies


def _latency(shown: Shown) -> Iterator[Plot]:
    gate = shown.gate
    q = 0.5 if gate.quantile is None else gate.quantile
    what = "median" if gate.whole else f"P{100 * q:.6g}"
    ends = curves.edges(0.0, shown.end_s)
    middle = (ends[:-1] + ends[1:]) / 2
    width = describe(float(ends[1] - ends[0]), "time")
    lines, spreads = [], []
    for role, side in shown.sides:
        t_s, latency_s = _latencies(side)
        lines.append(Line(role, middle, curves.over_time(t_s, latency_s, ends, q)))
        judged = t_s >= shown.begin_s
        x, y = curves.distribution(latency_s[judged])
        spreads.append(Line(role, x, y, step=True))
    yield _over_time(shown, f"{what} of each {width}", tuple(lines), "latency")
    yield _spread(shown, tuple(spreads), q, "share of requests answered within")


def _latencies(side: Samples) -> tuple[Floats, Floats]:
    if isinstance(side, Requests):
        return side.intended_s[side.usable], samples.latencies(side, -math.inf, math.inf)
    if isinstance(side, Answers):
        return np.array([one.t_s for one in side.answers]), samples.waits(side, -math.inf, math.inf)
    return np.zeros(0), np.zeros(0)


# --- shares and rates of requests


def _requests(shown: Shown) -> Iterator[Plot]:
    ends = curves.edges(0.0, shown.end_s, 60)
    middle = (ends[:-1] + ends[1:]) / 2
    lines, totals = [], []
    for role, side in shown.sides:
        if not isinstance(side, Requests):
            continue
        t_s, failed = side.intended_s[side.usable], side.failed[side.usable]
        if shown.gate.kind == "throughput":
            lines.append(Line(role, middle, curves.rate_over_time(t_s, ~failed, ends)))
            continue
        lines.append(Line(role, middle, curves.share_over_time(t_s, failed, ends)))
        judged = t_s >= shown.begin_s
        n = np.arange(1, int(judged.sum()) + 1)
        x, y = curves.thinned(t_s[judged], np.cumsum(failed[judged]) / n)
        totals.append(Line(role, x, y, step=True))
    width = describe(float(ends[1] - ends[0]), "time")
    what = "answered well per second" if shown.gate.kind == "throughput" else "share of failed requests"
    yield _over_time(shown, f"{what}, each {width}", tuple(lines), what)
    if totals:
        marks, words = tuple(_limits(shown)), "so far since the window began"
        text = f"Share of failed requests so far. {_said(shown)}"
        plot = Plot(f"{what}, {words}", text, "since the bake began", "share", tuple(totals), marks, y_is="share")
        yield plot


# --- series


def _series(shown: Shown) -> Iterator[Plot]:
    lines, spreads = [], []
    counter = shown.gate.kind == "counter"
    for role, side in shown.sides:
        if not isinstance(side, Series):
            continue
        for one in side.by_instance()[:_MOST_INSTANCES]:
            t_s, values = curves.slopes(one.t_s, one.value) if counter else (one.t_s, one.value)
            lines.append(Line(role, *curves.thinned(t_s, values)))
            x, y = curves.distribution(values[t_s >= shown.begin_s])
            spreads.append(Line(role, x, y, step=True))
    what = "increase per second" if counter else shown.gate.signal or "value"
    yield _over_time(shown, what, tuple(lines), what)
    if shown.gate.kind in ("gauge", "counter"):
        yield _spread(shown, tuple(spreads), None, "share of observations at most")


# --- states


def _states(shown: Shown) -> Iterator[Strip]:
    rows: list[tuple[Role, tuple[tuple[float, float, str], ...]]] = []
    said = []
    for role, side in shown.sides:
        if not isinstance(side, Answers):
            continue
        told = _words(shown, side)
        spells: list[tuple[float, float, str]] = []
        for place, (t_s, word) in enumerate(told):
            until = told[place + 1][0] if place + 1 < len(told) else max(shown.end_s, t_s)
            if spells and spells[-1][2] == word:
                spells[-1] = (spells[-1][0], until, word)
            else:
                spells.append((t_s, until, word))
        rows.append((role, tuple(spells[:_MOST_SPELLS])))
        counts = {word: sum(one == word for _, one in told) for word in dict.fromkeys(word for _, word in told)}
        said.append(f"{role}: " + ", ".join(f"{n} of {len(told)} answers {word}" for word, n in counts.items()))
    text = f"States over the bake. {'; '.join(said)}. {_said(shown)}"
    if rows:
        yield Strip(f"{shown.gate.signal} over time", text, tuple(rows), (0.0, shown.end_s), _window(shown))


def _words(shown: Shown, side: Answers) -> list[tuple[float, str]]:
    poll = shown.signal.poll
    if poll is None:
        return []
    states = health.read_all(
        side.answers, format=poll.format, required=poll.components, max_age_s=poll.max_age_s, version=poll.version
    )
    if shown.gate.kind == "version":
        return [(state.t_s, state.version or "none") for state in states]
    return [(state.t_s, state.word) for state in states]


# --- evidence


def _evidence(shown: Shown) -> Iterator[Plot]:
    """Draw the e-values of the gate's sequential tests: how they grew, and where a limit was surely broken."""
    run, gate = shown.run, shown.gate
    if shown.end_s > _LONGEST_TEST_S:
        return
    alpha, beta = run.policy.alpha_of(shown.stage, gate), run.policy.beta_of(gate, shown.stage)
    found = shown.stage.warmup_found and gate.warmup_s is None
    before, before_health = run.before(gate.id)
    watch = begun(gate, shown.evidence, run.noise, alpha or beta, shown.begin_s, found=found, before=before)
    if watch is None:
        return
    ends = curves.edges(shown.begin_s, shown.end_s, 200)[1:]
    harm: list[list[float]] = []
    kept: list[float] = []
    for end_s in ends.tolist():
        watch.until(min(end_s, shown.end_s))
        harm.append([one.before * one.e_value for one in watch.limits])
        kept.append(math.nan if watch.e_health is None else watch.e_health * before_health)
    many = np.clip(np.array(harm), _SMALLEST_E, _LARGEST_E)
    lines = [Line("harm", ends, many[:, column], step=True) for column in range(many.shape[1])]
    need = max(1 / one.alpha for one in watch.limits)
    marks = [Mark("y", need, f"limit broken: {need:.3g}")]
    if not all(map(math.isnan, kept)):
        lines.append(Line("health", ends, np.clip(np.array(kept), _SMALLEST_E, _LARGEST_E), step=True))
        marks.append(Mark("y", 1 / beta, f"limit kept, at the end: {1 / beta:.3g}", "moment"))
    fell = min((one.crossed_s for one in watch.limits if one.crossed_s is not None), default=None)
    if fell is not None:
        marks.append(Mark("x", fell, f"broken after {fell:.0f} s", "moment"))
    top = float(np.max(many))
    words = (
        f"Evidence that a limit is broken grew to {top:.3g}; {need:.3g} is needed. "
        + (f"That was reached {fell:.0f} s into the bake." if fell is not None else "That was never reached.")
        + ("" if all(map(math.isnan, kept)) else f" Evidence of health at the end: {kept[-1]:.3g} of {1 / beta:.3g}.")
    )
    title = "evidence against the limits" + (", and for health" if len(lines) > many.shape[1] else "")
    yield Plot(title, words, "since the bake began", "times chance", tuple(lines), tuple(marks), y_log=True)


# --- small steps


def _over_time(shown: Shown, title: str, lines: tuple[Line, ...], what: str) -> Plot:
    dimension = _dimension(shown)
    direct = shown.gate.kind not in ("growth", "trend")
    marks = (*(_limits(shown) if direct else ()), *_window(shown))
    words = "; ".join(text for line in lines if (text := _told(line, dimension)))
    text = f"{title} over the bake. {words}. {_said(shown)}"
    return Plot(title, text, "since the bake began", what, lines, marks, y_is=dimension, x_span=(0.0, shown.end_s))


def _spread(shown: Shown, lines: tuple[Line, ...], q: float | None, title: str) -> Plot:
    row, dimension = shown.row, _dimension(shown)
    ranges: tuple[Range, ...] = ()
    if q is not None and row.get("interval") is not None:
        ranges = (Range(row["interval"][0], row["interval"][1], q),)
    marks = [Mark("x", mark.at, mark.label, mark.role) for mark in _limits(shown)]
    if q is not None:
        marks.append(Mark("y", q, f"{100 * q:.6g} %", "moment"))
    wide = [end for line in lines if line.x.size for end in (float(line.x[0]), float(line.x[-1])) if end > 0]
    log = bool(wide) and all((line.x > 0).all() for line in lines) and max(wide) / min(wide) > 20
    text = f"Distribution: {title} a value. {_said(shown)}"
    return Plot(
        f"{title} …",
        text,
        shown.gate.signal or "value",
        "share",
        lines,
        tuple(marks),
        ranges,
        x_is=dimension,
        y_is="share",
        x_log=log,
        y_span=(0.0, 1.0),
    )


def _dimension(shown: Shown) -> Any:
    """Return the dimension of what is drawn: of the samples where the gate's own is one of a growth or a trend."""
    if shown.gate.kind in ("growth", "trend"):
        return {"bytes": "bytes", "seconds": "time", "share": "share", "per_second": "rate"}.get(
            shown.signal.unit, "count"
        )
    return shown.gate.dimension


def _limits(shown: Shown) -> Iterator[Mark]:
    for limit in (*shown.gate.fail, *shown.gate.warn):
        if isinstance(limit, NumberLimit):
            boundary = limit.boundary(shown.row.get("baseline"))
            if boundary is not None:
                yield Mark("y", boundary, limit.text)


def _window(shown: Shown) -> tuple[Mark, ...]:
    """Return where the warm-up ended."""
    return (Mark("x", shown.begin_s, "warm-up ends", "moment"),) if shown.begin_s > 0 else ()


def _seen(line: Line) -> bool:
    """Whether there is anything to draw: infinite counts, a request without an answer was seen."""
    return bool((~np.isnan(line.y)).any())


def _told(line: Line, dimension: Any) -> str:
    known = line.y[np.isfinite(line.y)]
    if known.size == 0:
        return f"{line.role}: nothing"
    low, high = describe(float(known.min()), dimension), describe(float(known.max()), dimension)
    return f"{line.role} between {low} and {high}, {describe(float(known[-1]), dimension)} at the end"


def _said(shown: Shown) -> str:
    return f"Limit: {shown.row.get('limit') or 'none'}. Verdict: {shown.row['verdict']}."
