"""Correlation ids: each rule, each format, and answers that cannot carry one."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.measure.ids import check, check_logged, well_formed
from relgate.values import IdFact

# The example of W3C Trace Context, section 3.2.3.
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (TRACE, True),
        (TRACE.upper(), False),
        (TRACE.replace("00-4b", "ff-4b"), False),
        (TRACE.replace("00-4b", "01-4b") + "-extra", True),
        (TRACE + "-extra", False),
        (TRACE.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32), False),
        (TRACE.replace("00f067aa0ba902b7", "0" * 16), False),
        (TRACE[:-1], False),
        (TRACE + "\n", False),
        ("", False),
    ],
)
def test_traceparent(value: str, expected: bool) -> None:
    """The rules of W3C Trace Context."""
    assert well_formed(value, "traceparent") is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a1b2c3d4-e5f6-7890-abcd-ef1234567890", True),
        ("A1B2C3D4-E5F6-7890-ABCD-EF1234567890", True),
        ("a1b2c3d4e5f67890abcdef1234567890", False),
        ("00000000-0000-0000-0000-000000000000", False),
        ("a1b2c3d4-e5f6-7890-abcd-ef123456789g", False),
    ],
)
def test_uuid(value: str, expected: bool) -> None:
    """Canonical form in either case; the nil UUID identifies nothing."""
    assert well_formed(value, "uuid") is expected


@given(st.uuids(allow_nil=False))
def test_every_uuid_is_one(value: uuid.UUID) -> None:
    """Whatever Python calls a UUID is well formed."""
    assert well_formed(str(value), "uuid")


def test_any_and_regular_expressions() -> None:
    """``any`` wants printable text without blanks; an expression must match the whole."""
    assert well_formed("0HMABC:00000001", "any")
    assert not well_formed("two words", "any")
    assert not well_formed("x" * 1025, "any")
    assert well_formed("req-12", r"req-\d+")
    assert not well_formed("req-12x", r"req-\d+")


def fact(got: str | None, status: int = 200, *, sent: str | None = "s", logged: bool | None = None) -> IdFact:
    """An answer of /a."""
    return IdFact(sent, got, status, "/a", logged)


def test_reasons_are_counted_with_examples() -> None:
    """Each answer breaks at most one rule, and error answers are counted apart."""
    found = check((fact("a"), fact(None), fact(" "), fact("b c", 500), fact("a"), fact("d", 503), fact(None, 0)))

    assert found.n == 6
    assert dict(found.counts) == {"missing": 2, "malformed": 1, "duplicate": 1}
    assert dict(found.examples)["malformed"] == ("/a: b c",)
    assert (found.total, found.on_errors, found.errors, found.unanswered) == (4, 1, 2, 1)
    assert found.notes() == (
        "2 missing, e.g. /a: s",
        "1 malformed, e.g. /a: b c",
        "1 duplicate, e.g. /a: a",
        "1 of them on 2 error answers",
        "1 requests without an answer left out",
    )


def test_echo_wants_the_very_id() -> None:
    """Another id than the sent one is not echoed; without a sent one nothing can be."""
    found = check((fact("s"), fact("t"), fact("u", sent=None)), echo=True)

    assert dict(found.counts) == {"not echoed": 2}


def test_looked_up_ids_only_count_when_looked_up() -> None:
    """An id that nobody looked for is neither found nor lost."""
    found = check_logged((fact("a", logged=True), fact("b", logged=False), fact("c")))

    assert (found.n, found.total) == (2, 1)
    assert dict(found.examples) == {"not found in the log": ("/a: b",)}


def test_no_facts_are_no_answers() -> None:
    """Nothing seen is n = 0, not zero violations of something."""
    assert check(()).n == 0
    assert check_logged((fact("a"),)).n == 0


@given(st.lists(st.sampled_from(["a", "b", None, "", "x y"]), max_size=30))
def test_violations_never_exceed_answers(ids: list[str | None]) -> None:
    """One answer counts once, and distinct good ids are never violations."""
    found = check(tuple(fact(got) for got in ids))

    assert found.total == len(ids) - len({got for got in ids if got in ("a", "b")})
