"""Strict reading of answers: whatever could mean two things means nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.measure import body


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Healthy",
        "{",
        '{"status": "Down", "status": "Healthy"}',
        '{"load": NaN}',
        '{"load": Infinity}',
        '{"a": 1} x',
        "[" * 100_000,
        "9" * 5000,
        "<html></html>",
    ],
)
def test_ambiguous_text_is_not_read(text: str) -> None:
    """Doubled keys, NaN, trailing text, endless nesting and numbers are not readable, and nothing raises."""
    assert body.parse(text) == (False, None)


@given(st.text())
def test_nothing_raises(text: str) -> None:
    """Any text is either read or not."""
    readable, value = body.parse(text)

    assert readable or value is None


# The examples of RFC 6901, section 5.
RFC = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, 'k"l': 6, " ": 7, "m~n": 8}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", RFC),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
        ("/foo/2", None),
        ("/foo/-", None),
        ("/foo/01", None),
        ("/nothing", None),
        ("foo", None),
        ("/foo/0/x", None),
    ],
)
def test_pointers_follow_the_rfc(path: str, expected: object) -> None:
    """The examples of RFC 6901, and paths that lead nowhere."""
    assert body.pointer(RFC, path) == expected


def test_keys_are_found_in_any_case() -> None:
    """ASP.NET writes Status, others status; the first one wins."""
    assert body.get({"Status": 1}, "status") == 1
    assert body.get({"STATUS": 1, "status": 2}, "status") == 1
    assert body.get({}, "status") is None
    assert body.get(["status"], "status") is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2025-11-02T15:00:00Z", 1762095600.0),
        ("2025-11-02T15:00:00.1234567Z", 1762095600.123456),
        ("2025-11-02T16:00:00+01:00", 1762095600.0),
        ("2025-11-02T15:00:00", 1762095600.0),
        (1762095600, 1762095600.0),
        (1762095600000, 1762095600.0),
        (12, None),
        (True, None),
        ("soon", None),
        ("0001-01-01T00:00:00", -62135596800.0),
        (None, None),
        (1e300, None),
    ],
)
def test_moments(value: object, expected: float | None) -> None:
    """ISO texts with any zone (none is UTC), seconds, milliseconds; a small number is no moment."""
    found = body.unix_time(value)

    assert found == (expected if expected is None else pytest.approx(expected, abs=1e-3))


@pytest.mark.parametrize(("value", "expected"), [("1.2", "1.2"), (" ", None), (7, "7"), (True, None), ([], None)])
def test_texts(value: object, expected: str | None) -> None:
    """Texts and numbers can be a version, nothing else."""
    assert body.text_of(value) == expected
