"""Findings become a verdict: what was not examined is never a pass."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from relgate.policy import Gate
from relgate.values import Finding, Findings, Verdict
from relgate.verdicts import by_findings

GATE = Gate(id="migration-data", signal=None, field=None, kind="findings", dimension="count", family="migration")
ALL = Findings("migration-data", "revisions", checked=3, expected=3)
BAD = Finding(
    "migration-data", "rows-lost", "orders: 2 of 5 rows", "why", "keep them", revision="0007", path="v/7.py", line=9
)
MILD = replace(BAD, blocks=False)
WAIVED = replace(BAD, waiver="anna until 2027-01-31: known")


def verdict(**changes: object) -> Verdict:
    """The verdict about findings that differ from a clean examination in some fields."""
    return by_findings(GATE, replace(ALL, **changes)).verdict  # type: ignore[arg-type]


def test_everything_examined_and_nothing_found_passes() -> None:
    """The only way to pass without a remark."""
    judged = by_findings(GATE, ALL)

    assert judged.verdict is Verdict.PASS
    assert "3 revisions" in judged.message


def test_a_finding_fails_and_says_where_and_what_to_do() -> None:
    """One line from which a person can start."""
    judged = by_findings(GATE, replace(ALL, findings=(BAD, MILD)))

    assert judged.verdict is Verdict.FAIL
    assert judged.measurement.value == 1
    for part in ("0007", "rows-lost", "2 of 5 rows", "v/7.py:9", "keep them"):
        assert part in judged.message


def test_a_revision_is_said_once() -> None:
    """Of several it is said whose finding the first one is."""
    other = replace(BAD, revision="0009")

    assert by_findings(GATE, replace(ALL, findings=(BAD,))).message.startswith("1 finding in 0007: rows-lost: orders")
    assert by_findings(GATE, replace(ALL, findings=(BAD, BAD))).message.startswith("2 findings in 0007: rows-lost")
    several = by_findings(GATE, replace(ALL, findings=(other, BAD))).message
    assert several.startswith("2 findings in 0007, 0009: 0009: rows-lost: orders")


def test_what_was_not_examined_does_not_pass() -> None:
    """Two of three revisions are not three."""
    assert verdict(checked=2) is Verdict.INCONCLUSIVE
    assert verdict(checked=0) is Verdict.INCONCLUSIVE


def test_checks_that_broke_are_an_error() -> None:
    """A proof that could not be made is not a proof."""
    assert verdict(problems=("the server is gone",)) is Verdict.ERROR


def test_a_finding_counts_even_where_the_rest_could_not_be_examined() -> None:
    """What is known to be bad stays bad."""
    assert verdict(checked=1, problems=("the server is gone",), findings=(BAD,)) is Verdict.FAIL


def test_warnings_and_waivers_are_shown() -> None:
    """Nothing that was found disappears."""
    assert verdict(findings=(MILD,)) is Verdict.WARN
    judged = by_findings(GATE, replace(ALL, findings=(WAIVED,)))
    assert judged.verdict is Verdict.WARN
    assert "anna until 2027-01-31" in judged.message


def test_what_cannot_exist_here_passes_with_its_reason() -> None:
    """A lock on a database without locks."""
    judged = by_findings(GATE, replace(ALL, checked=0, does_not_apply="SQLite has no such locks"))

    assert judged.verdict is Verdict.PASS
    assert "SQLite has no such locks" in judged.message


def test_an_empty_scope_passes() -> None:
    """A release without a migration has nothing to prove, and says so."""
    assert verdict(checked=0, expected=0) is Verdict.PASS


@given(st.integers(0, 5), st.integers(0, 5), st.lists(st.sampled_from([BAD, MILD, WAIVED])), st.booleans())
def test_only_a_complete_examination_without_blocking_findings_passes(
    checked: int, expected: int, findings: list[Finding], broken: bool
) -> None:
    """Whatever comes together."""
    problems = ("broken",) if broken else ()
    seen = verdict(checked=checked, expected=expected, findings=tuple(findings), problems=problems)
    if seen in (Verdict.PASS, Verdict.WARN):
        assert checked >= expected
        assert not broken
        assert BAD not in findings
