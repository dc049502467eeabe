"""States of a service: every format, and every way of not being healthy."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.measure.health import FORMATS, GOOD, doubt, read, read_all, streak
from relgate.values import Answer

WALL = 1762095600.0  # 2025-11-02T15:00:00Z
STAMP = "2025-11-02T15:00:00Z"


def answer(text: object, code: int | None = 200, *, t_s: float = 0.0, **headers: str) -> Answer:
    """An answer at ``t_s`` with a text or a JSON document as its body."""
    raw = text if isinstance(text, str) else json.dumps(text)
    return Answer(t_s, WALL + t_s, 0.01, code, raw, tuple(headers.items()))


AURA = {
    "status": "Healthy",
    "timestamp": STAMP,
    "components": {"llm": "Healthy", "tts": "Healthy", "storage": "Healthy"},
}
SLIDECRAFT = {
    "status": "healthy",
    "version": "v2.0.1",
    "checks": {
        "database": {"status": "up", "latency_ms": 12},
        "storage": {"status": "up", "latency_ms": 45},
        "queue_convert": {"depth": 23, "consumers": 5},
    },
    "deployment": {"environment": "production", "deployed_at": "2025-09-30T10:00:00Z"},
}
MICROPROFILE = {"status": "UP", "checks": [{"name": "db", "status": "UP"}, {"name": "disk", "status": "DOWN"}]}
HEALTH_JSON = {
    "status": "pass",
    "releaseId": "7",
    "checks": {"cassandra:time": [{"status": "pass"}, {"status": "warn"}]},
}
SPRING = {"status": "UP", "components": {"db": {"status": "UP", "components": {"primary": {"status": "DOWN"}}}}}


@pytest.mark.parametrize(
    ("format_", "body", "code", "expected"),
    [
        ("aspnet", "Healthy", 200, "healthy"),
        ("aspnet", "Degraded", 200, "degraded"),
        ("aspnet", "Unhealthy", 503, "down"),
        ("aspnet", '"Healthy"', 200, "healthy"),
        ("aspnet", {"status": "Unhealthy"}, 503, "down"),
        ("aspnet", {"Status": "Healthy"}, 200, "healthy"),
        ("aspnet", {"status": "UP"}, 200, "unknown"),
        ("actuator", {"status": "UP"}, 200, "healthy"),
        ("actuator", {"status": "DOWN"}, 503, "down"),
        ("actuator", {"status": "OUT_OF_SERVICE"}, 503, "down"),
        ("actuator", {"status": "UNKNOWN"}, 200, "unknown"),
        ("actuator", "UP", 200, "unknown"),
        ("health+json", {"status": "PASS"}, 200, "healthy"),
        ("health+json", {"status": "ok"}, 200, "healthy"),
        ("health+json", {"status": "warn"}, 207, "degraded"),
        ("health+json", {"status": "error"}, 500, "down"),
        ("nested", SLIDECRAFT, 200, "healthy"),
        ("nested", AURA, 200, "healthy"),
        ("nested", MICROPROFILE, 200, "down"),
        ("health+json", HEALTH_JSON, 200, "degraded"),
        ("actuator", SPRING, 200, "down"),
        ("plain", "<html>", 200, "healthy"),
        ("plain", "", 503, "down"),
        ("plain", "Healthy", 404, "unknown"),
        ("plain", "moved", 302, "unknown"),
        ("auto", "Healthy", 200, "healthy"),
        ("auto", "OK", 200, "healthy"),
        ("auto", AURA, 200, "healthy"),
        ("auto", SLIDECRAFT, 200, "healthy"),
        ("auto", SPRING, 200, "down"),
    ],
)
def test_formats(format_: str, body: object, code: int, expected: str) -> None:
    """Each format's own words, in its own shapes."""
    assert read(answer(body, code), format=format_).word == expected


@pytest.mark.parametrize("format_", sorted(set(FORMATS) - {"plain"}))
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("<!doctype html><p>Healthy</p>", 200),
        ("", 200),
        ("null", 200),
        ("[]", 200),
        ("true", 200),
        ({"status": None}, 200),
        ({"status": True}, 200),
        ({"status": ["up"]}, 200),
        ({"status": "fine"}, 200),
        ({"state": "Healthy"}, 200),
        ({"components": {"db": "Healthy"}}, 200),
        ('{"status": "Down", "status": "Healthy"}', 200),
        ({"status": "Healthy"}, 503),
        ({"status": "UP"}, 500),
        ({"status": "pass"}, 404),
        ({"status": "Healthy"}, 302),
        ("Healthy", 503),
        ("Healthy", 100),
    ],
)
def test_what_is_not_clear_is_not_health(format_: str, body: object, code: int) -> None:
    """Pages, wrong shapes, unknown words, and codes that contradict the body are never healthy or degraded."""
    assert read(answer(body, code), format=format_).word not in GOOD


@pytest.mark.parametrize("code", [200, 204, 404, 503])
def test_a_body_that_says_down_is_believed(code: int) -> None:
    """Whatever the HTTP code: down is down."""
    state = read(answer({"status": "Down", "message": "Critical system failure"}, code))

    assert state.word == "down"
    assert state.why == f'HTTP {code}, the body says "Down"'


def test_silence_is_unknown() -> None:
    """No answer is neither down nor healthy, and the reason is kept."""
    state = read(replace(answer("Healthy", None), error="timed out after 5 s"))

    assert state.word == "unknown"
    assert state.why == "no answer: timed out after 5 s"


@pytest.mark.parametrize("format_", sorted(FORMATS))
def test_an_error_beside_a_code_is_no_answer(format_: str) -> None:
    """A body cut off in the middle is not believed although a code came."""
    assert read(replace(answer("Healthy"), error="truncated"), format=format_).word == "unknown"


@pytest.mark.parametrize(
    ("body", "required", "expected"),
    [
        (AURA, ("llm", "TTS"), "healthy"),
        (AURA, ("database",), "unknown"),
        (SLIDECRAFT, ("database",), "healthy"),
        (SLIDECRAFT, ("queue_convert",), "unknown"),
        ({"status": "UP", "components": {"db": {"status": "UNKNOWN"}}}, ("db",), "unknown"),
        ({"status": "Healthy", "providers": {"llm": {"status": "Degraded", "latencyMs": 3}}}, ("llm",), "degraded"),
        ({"status": "UP", "components": {"db": {"status": "UNKNOWN"}}}, (), "healthy"),
        ({"status": "Healthy", "components": {"llm": "Degraded"}}, ("llm",), "degraded"),
        ({"status": "Healthy", "components": {"llm": "Down"}}, (), "down"),
        ({"status": "healthy", "checks": {"db": True}}, ("db",), "healthy"),
        ({"status": "healthy", "checks": {"db": False}}, ("db",), "down"),
        (SPRING, ("db.primary",), "down"),
        ({"status": "Down"}, ("db",), "down"),
        ("Healthy", ("db",), "unknown"),
        ({"status": "Healthy", "components": "all good"}, ("db",), "unknown"),
        ({"status": "Healthy", "components": {}}, ("db",), "unknown"),
    ],
)
def test_components(body: object, required: tuple[str, ...], expected: str) -> None:
    """Required components must be there and good; a bad one makes the whole at least as bad."""
    assert read(answer(body), required=required).word == expected


def test_plain_cannot_know_components() -> None:
    """A format without a body cannot prove a required component."""
    assert read(answer("ok"), format="plain", required=("db",)).word == "unknown"


@pytest.mark.parametrize("key", ["timestamp", "time", "checked_at", "Timestamp"])
def test_an_old_timestamp_is_stale(key: str) -> None:
    """A body older than max_age is no evidence; one within is, and without max_age nothing is stale."""
    body = {"status": "Healthy", key: STAMP}

    assert read(answer(body, t_s=61), max_age_s=60).word == "stale"
    assert read(answer(body, t_s=59), max_age_s=60).word == "healthy"
    assert read(answer(body, t_s=9999)).word == "healthy"


def test_a_cached_answer_is_stale() -> None:
    """The Age header counts like a timestamp; an unreadable one counts as endless."""
    assert read(answer(AURA, age="61"), max_age_s=60).word == "stale"
    assert read(answer(AURA, age="yes"), max_age_s=60).word == "stale"
    assert read(answer(AURA, age="10"), max_age_s=60).word == "healthy"
    assert read(answer("ok", age="61"), format="plain", max_age_s=60).word == "stale"


def test_bad_news_does_not_grow_stale() -> None:
    """An old "Down" stays down."""
    assert read(answer({"status": "Down", "timestamp": STAMP}, t_s=999), max_age_s=60).word == "down"


def test_a_timestamp_that_never_moves_is_stale() -> None:
    """Three polls over more than max_age with one timestamp, even one in the future: nobody is at home."""
    body = {"status": "Healthy", "timestamp": "2030-01-01T00:00:00Z"}
    frozen = tuple(answer(body, t_s=t) for t in (0, 31, 62))

    assert {state.word for state in read_all(frozen, max_age_s=60)} == {"stale"}
    assert {state.word for state in read_all(frozen[:2], max_age_s=30)} == {"healthy"}
    assert {state.word for state in read_all(frozen, max_age_s=62)} == {"healthy"}
    assert {state.word for state in read_all(frozen)} == {"healthy"}


def test_version_and_components_are_kept() -> None:
    """The version stands at the usual place or where the pointer says."""
    state = read(answer(SLIDECRAFT))

    assert state.version == "v2.0.1"
    assert dict(state.components) == {"database": "healthy", "storage": "healthy"}
    assert read(answer(SLIDECRAFT), version="/deployment/environment").version == "production"


def test_streaks() -> None:
    """Three failing answers in a row at 30 s have lasted a minute; degraded is not failing."""
    words = ["Healthy", "Degraded", "x", "Down", "x", "Healthy", "x"]
    states = read_all(tuple(answer(word, t_s=30.0 * i) for i, word in enumerate(words)))

    failing, down = streak(states, frozenset({"failing"}), 30), streak(states, frozenset({"down"}), 30)

    assert (failing.in_a_row, failing.longest_s, failing.at) == (3, 60, 2)
    assert (down.in_a_row, down.longest_s) == (1, 0)
    assert streak((), frozenset({"failing"}), 30).in_a_row == 0


@pytest.mark.parametrize(
    ("words", "every_s", "expected"),
    [
        ("HHHH", 30, None),
        ("HxHH", 30, None),
        ("HHHx", 30, "the last answer is unknown"),
        ("xHxH", 30, "2 of 4 answers are neither"),
        ("HHHH", 10, "nothing was polled for 30 s"),
        ("", 30, "no answers"),
    ],
)
def test_doubt(words: str, every_s: float, expected: str | None) -> None:
    """Good states prove health only when they are fresh, without holes, and good at the end."""
    texts = {"H": "Healthy", "x": "???"}
    states = read_all(tuple(answer(texts[word], t_s=30.0 * i) for i, word in enumerate(words)))

    found = doubt(states, every_s, tolerated=1)

    assert (found is None) if expected is None else (found is not None and found.startswith(expected))


def test_one_stale_answer_is_a_doubt() -> None:
    """A single answer from a cache, between fresh ones, is not tolerated like a timeout."""
    cached = [answer(AURA, age="0"), answer(AURA, t_s=30, age="99"), answer(AURA, t_s=50)]
    states = read_all(tuple(cached), max_age_s=60)

    assert [state.word for state in states] == ["healthy", "stale", "healthy"]
    assert doubt(states, 30, tolerated=1) == "1 of 3 answers are stale: a cache held it for more than 60 s"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text() | st.sampled_from(["Healthy", "UP", "pass"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["status", "checks", "components", "db", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from(sorted(FORMATS)), st.integers(100, 599))
def test_any_body_is_read_without_raising(document: object, format_: str, code: int) -> None:
    """Whatever a service answers, there is a state, and a code outside of 2xx is never good."""
    state = read(answer(document, code), format=format_, required=("db",), max_age_s=60)

    assert state.word not in GOOD or 200 <= code < 300
    assert state.why


def test_hostile_nesting_is_survived() -> None:
    """Components within components beyond any reason exhaust nothing."""
    document: object = "Healthy"
    for _ in range(400):
        document = {"status": "Healthy", "components": {"c": document}}

    assert read(answer(document)).word in ("healthy", "unknown")


def test_a_slow_answer_that_is_good_is_no_failure_in_a_row() -> None:
    """Nobody asked while it was awaited; nor is it health: too many such moments leave it open."""
    states = read_all((answer("Healthy"), *(late(t_s) for t_s in (1, 2, 3)), answer("Healthy", t_s=4)))

    assert streak(states, frozenset({"failing", "unknown"}), 1.0).in_a_row == 0
    assert doubt(states, 1.0, tolerated=2) == "3 of 5 answers are neither healthy nor degraded"
    assert doubt(states, 1.0, tolerated=3) is None
    assert doubt(states[:-1], 1.0, tolerated=3) is not None


def test_a_slow_answer_that_is_bad_was_bad_all_the_time() -> None:
    """A service that takes long to say that it is down."""
    states = read_all((answer("Healthy"), answer("Down", 503, t_s=1), late(2), late(3)))

    assert streak(states, frozenset({"failing"}), 1.0).in_a_row == 3
    assert [state.word for state in states] == ["healthy", "down", "down", "down"]


def late(t_s: float) -> Answer:
    """A moment at which the answer before was still awaited."""
    return Answer(t_s, WALL + t_s, 0.0, None, "", error="not asked", asked=False)
