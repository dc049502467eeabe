"""Reads the state of a service from one answer of its health endpoint, and streaks from many.

An answer is healthy only when its HTTP class and its body say so and every required component is there and good.
Where code and body disagree, or the body cannot be read, the state is unknown; a body that says "down" is believed
whatever the code. No rule turns silence into health.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from relgate.measure import body
from relgate.measure.samples import HOLE
from relgate.measure.series import Held, held
from relgate.measure.versions import age_s, version_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relgate.values import Answer

Word = Literal["healthy", "degraded", "down", "unknown", "stale"]

GOOD: frozenset[str] = frozenset({"healthy", "degraded"})

_ASPNET: dict[str, Word] = {"healthy": "healthy", "degraded": "degraded", "unhealthy": "down", "down": "down"}
_ACTUATOR: dict[str, Word] = {"up": "healthy", "down": "down", "out_of_service": "down", "unknown": "unknown"}
_HEALTH_JSON: dict[str, Word] = {
    **dict.fromkeys(("pass", "ok", "up"), "healthy"),
    "warn": "degraded",
    **dict.fromkeys(("fail", "error", "down"), "down"),
}
_ANY: dict[str, Word] = {
    **_ASPNET,
    **_ACTUATOR,
    **_HEALTH_JSON,
    **dict.fromkeys(("passed", "operational"), "healthy"),
    **dict.fromkeys(("warning", "degraded_performance", "partial"), "degraded"),
    **dict.fromkeys(("failed", "critical", "dead", "outage"), "down"),
}

FORMATS: dict[str, dict[str, Word]] = {
    "auto": _ANY,
    "aspnet": _ASPNET,
    "actuator": _ACTUATOR,
    "health+json": _HEALTH_JSON,
    "nested": _ANY,
    "plain": {},
}
"""What each format's status words mean, in lower case. ``plain`` reads no body at all."""

_DEEPEST = 8  # levels of components within components; a hostile body must not exhaust the stack
_TEXT_FORMATS = ("auto", "aspnet")
_HOLDERS = ("components", "checks", "entries", "results", "details", "dependencies", "services", "providers")
_WORST: tuple[Word, ...] = ("healthy", "degraded", "unknown", "down")


@dataclass(frozen=True, slots=True)
class State:
    """What one answer says. ``t_s``: seconds since the bake began; ``timestamp``: Unix seconds told by the body.

    ``heard`` False: nobody asked then, as the answer before came late: no evidence of health, and none against it.
    """

    t_s: float
    word: Word
    why: str
    version: str | None = None
    timestamp: float | None = None
    components: tuple[tuple[str, Word], ...] = ()
    heard: bool = True


def read(
    answer: Answer,
    *,
    format: str = "auto",  # noqa: A002
    required: tuple[str, ...] = (),
    max_age_s: float | None = None,
    version: str | None = None,
) -> State:
    """Return the state that one answer tells.

    ``required``: components that must be present and good. ``max_age_s``: seconds after which a timestamp in the body
    or the Age header make a good answer stale (None: never). ``version``: JSON pointer, None for the usual places.
    An unknown ``format`` raises KeyError.
    """
    words = FORMATS[format]
    if answer.error is not None or answer.code is None:
        return State(answer.t_s, "unknown", f"no answer: {answer.error or 'no HTTP code'}", heard=answer.asked)
    if format == "plain":
        state = _worst(_by_code(answer), {}, required)
    else:
        told = _by_body(answer, words, format, required, version)
        state = _agreed(told, answer.code)
    return _fresh(state, answer, max_age_s)


def read_all(
    answers: tuple[Answer, ...],
    *,
    format: str = "auto",  # noqa: A002
    required: tuple[str, ...] = (),
    max_age_s: float | None = None,
    version: str | None = None,
) -> tuple[State, ...]:
    """Return the states of answers in time order. A timestamp that never moves makes all good ones stale.

    Never moves: the same in every one of at least three answers that span more than ``max_age_s``.
    """
    states = _while_awaited(
        [read(answer, format=format, required=required, max_age_s=max_age_s, version=version) for answer in answers]
    )
    told = [state.timestamp for state in states if state.timestamp is not None]
    if max_age_s is None or len(told) < 3 or len(told) < len(states) or len(set(told)) > 1:
        return states
    if states[-1].t_s - states[0].t_s <= max_age_s:
        return states
    why = f"its timestamp did not move in {len(states)} answers"
    return tuple(replace(state, word="stale", why=why) if state.word in GOOD else state for state in states)


def _while_awaited(states: Sequence[State]) -> tuple[State, ...]:
    """Have a moment at which nobody asked tell what the late answer before it told, where that was bad.

    A service that takes long to say that it is down was down all that time. One that takes long to say that it is well
    was slow: such a moment shows nothing.
    """
    found: list[State] = []
    for state in states:
        before = found[-1] if found else None
        bad = not state.heard and before is not None and before.heard and before.word not in (*GOOD, "stale")
        found.append(replace(state, word=before.word, why=before.why, heard=True) if bad and before else state)
    return tuple(found)


def matches(state: State, words: frozenset[str]) -> bool:
    """Whether a state is one of ``words``; ``failing`` stands for anything but healthy and degraded."""
    # A stale answer is no evidence, neither for health nor against it: the service behind the cache was not heard.
    if not state.heard:
        return False
    return state.word in words or ("failing" in words and state.word not in (*GOOD, "stale"))


def streak(states: tuple[State, ...], words: frozenset[str], every_s: float) -> Held:
    """How long states matched ``words``: in a row, and in seconds from the first to the last of a run."""
    times = np.array([state.t_s for state in states], dtype=np.float64)
    beyond = np.array([matches(state, words) for state in states], dtype=np.bool_)
    return held(times, beyond, np.ones(times.size, dtype=np.bool_), every_s)


def doubt(states: tuple[State, ...], every_s: float, tolerated: int) -> str | None:
    """Say why ``states`` do not prove health although no limit is broken; None when they do.

    Good states must be fresh, without holes in the schedule, and good at the end; at most ``tolerated`` may be bad.
    """
    if not states:
        return "no answers"
    stale = [state for state in states if state.word == "stale"]
    bad = sum(state.word not in GOOD for state in states)
    if stale:
        return f"{len(stale)} of {len(states)} answers are stale: {stale[-1].why}"
    if states[-1].word not in GOOD:
        return f"the last answer is {states[-1].word}: {states[-1].why}"
    if bad > tolerated:
        return f"{bad} of {len(states)} answers are neither healthy nor degraded"
    widest = max((b.t_s - a.t_s for a, b in pairwise(states)), default=0.0)
    if widest > HOLE * every_s:
        return f"nothing was polled for {widest:.4g} s, the schedule is every {every_s:.4g} s"
    return None


def _by_code(answer: Answer) -> State:
    """Return the state of an endpoint whose body says nothing: 2xx is healthy, 5xx is down, anything else unknown."""
    code = answer.code or 0
    word: Word = "healthy" if 200 <= code < 300 else "down" if code >= 500 else "unknown"
    return State(answer.t_s, word, f"HTTP {code}")


def _by_body(
    answer: Answer, words: dict[str, Word], format_: str, required: tuple[str, ...], version: str | None
) -> State:
    """Return the state that the body alone tells, components included."""
    readable, document = body.parse(answer.body)
    if not readable or isinstance(document, str):
        text = document if readable else answer.body.strip()
        word = words.get(text.strip().lower()) if format_ in _TEXT_FORMATS else None
        if word is None:
            return State(answer.t_s, "unknown", f"the body is not readable as {format_}: {_short(answer.body)}")
        state = State(answer.t_s, word, f"the body says {text.strip()[:40]}")
        return state if not required else _worst(state, {}, required)
    if not isinstance(document, dict):
        return State(answer.t_s, "unknown", f"the body is no JSON object: {_short(answer.body)}")
    status = body.get(document, "status")
    components = _components(document, words)
    state = State(
        answer.t_s,
        _word(status, words),
        f"the body says {_short(status)}" if status is not None else "the body has no status",
        version_of(document, version),
        _timestamp(document),
        tuple(components.items()),
    )
    return _worst(state, components, required)


def _timestamp(document: body.Json) -> float | None:
    told = (body.unix_time(body.get(document, key)) for key in ("timestamp", "time", "checked_at"))
    return next((moment for moment in told if moment is not None), None)


def _agreed(state: State, code: int) -> State:
    """Return the state, unknown when the HTTP code does not fit: good needs 2xx; a bad body stands on its own."""
    if state.word in GOOD and not 200 <= code < 300:
        return replace(state, word="unknown", why=f"HTTP {code}, but {state.why}")
    return replace(state, why=f"HTTP {code}, {state.why}")


def _worst(state: State, components: dict[str, Word], required: tuple[str, ...]) -> State:
    """Return the state made as bad as its worst component. Of unknown ones only required components count.

    (Spring Boot ranks UNKNOWN below UP: a component that nobody asked for may well not know.)
    """
    for name in required:
        found = components.get(name.lower())
        if found is None:
            state = _lowered(state, "unknown", f"the required component {name} is missing")
        elif found == "unknown":
            state = _lowered(state, "unknown", f"the required component {name} tells no known state")
    for name, word in components.items():
        if word in ("degraded", "down"):
            state = _lowered(state, word, f"component {name} is {word}")
    return state


def _lowered(state: State, word: Word, why: str) -> State:
    return replace(state, word=word, why=why) if _WORST.index(word) > _WORST.index(state.word) else state


def _components(document: body.Json, words: dict[str, Word], prefix: str = "", depth: int = 0) -> dict[str, Word]:
    """Names (lower case, nested ones as ``db.primary``) and states of all components that an object lists.

    An entry without a status (a queue's depth) is a fact and no component. Of several under one name the worst counts.
    """
    found: dict[str, Word] = {}
    if depth > _DEEPEST:
        return found
    for holder in _HOLDERS:
        listed = body.get(document, holder)
        pairs: list[tuple[str, body.Json]] = []
        if isinstance(listed, dict):
            pairs = list(listed.items())
        elif isinstance(listed, list):
            pairs = [(str(body.get(item, "name")), item) for item in listed if body.get(item, "name") is not None]
        for name, item in pairs:
            path = f"{prefix}{name.lower()}"
            for word in _component(item, words):
                found[path] = max(found.get(path, "healthy"), word, key=_WORST.index)
            for entry in item if isinstance(item, list) else [item]:
                found.update(_components(entry, words, f"{path}.", depth + 1))
    return found


def _component(item: body.Json, words: dict[str, Word]) -> list[Word]:
    """Return the states that one entry tells: of a word, a truth value, an object with a status, or a list of these."""
    if isinstance(item, bool):
        return ["healthy" if item else "down"]
    if isinstance(item, str):
        return [_word(item, words)]
    if isinstance(item, list):
        return [word for entry in item if isinstance(entry, dict) for word in _component(entry, words)]
    status = body.get(item, "status", "state")
    return [] if status is None else [_word(status, words)]


def _word(status: body.Json | None, words: dict[str, Word]) -> Word:
    return words.get(status.strip().lower(), "unknown") if isinstance(status, str) else "unknown"


def _fresh(state: State, answer: Answer, max_age_s: float | None) -> State:
    """Return a good state made stale when the answer is older than ``max_age_s``; a bad one stays what it is."""
    if max_age_s is None or state.word not in GOOD:
        return state
    if age_s(answer) > max_age_s:
        return replace(state, word="stale", why=f"a cache held it for more than {max_age_s:g} s")
    if state.timestamp is not None and answer.wall_s - state.timestamp > max_age_s:
        return replace(state, word="stale", why=f"its timestamp is {answer.wall_s - state.timestamp:.0f} s old")
    return state


def _short(value: body.Json) -> str:
    """Return the beginning of a value, on one line."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = value if isinstance(value, str) else json.dumps(value)
    return json.dumps(re.sub(r"\s+", " ", text).strip()[:60], ensure_ascii=False)
