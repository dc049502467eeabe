"""What a command printed against what a policy expects: only the answer that was asked for passes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.policy.preflight import OF_SCANNERS, OF_TESTS, THRESHOLD, Check, build
from relgate.ports.preflight import Output
from relgate.preflight import outputs
from relgate.values import Findings, Verdict
from relgate.verdicts import by_findings
from tests.preflight.gates import GATE


def check(**keys: Any) -> Check:
    """A check as the loader builds it."""
    keys = {"run": "tool", **keys}
    if "number" in keys:
        keys["number"] = THRESHOLD.parse(keys["number"])
    return build({"checks": {"it": keys}}).checks["it"]


def judged(output: Output, **keys: Any) -> tuple[Verdict, Findings]:
    """The verdict about an output, and the findings."""
    found = outputs.judge(GATE.id, check(**keys), output)
    return by_findings(GATE, found).verdict, found


def verdict(code: int | None, out: str = "", **keys: Any) -> str:
    """The verdict about an exit code and an output."""
    return judged(Output(code, out), **keys)[0].value


def test_a_command_that_ends_well_passes() -> None:
    """The expectation of a check that names none."""
    assert verdict(0) == "pass"
    assert verdict(0, "whatever", expect="success") == "pass"


@pytest.mark.parametrize("expect", ["success", "empty", "all_pass", "no_critical"])
@pytest.mark.parametrize("code", [None, -9, 126, 127])
def test_a_command_that_did_not_run_is_an_error(expect: str, code: int | None) -> None:
    """Not installed, killed by its time limit or by a signal: nothing is known, whatever it printed."""
    more = {"format": "json"} if expect == "no_critical" else {}
    fault = "tool is not installed" if code is None else None
    assert judged(Output(code, "", fault=fault), expect=expect, **more)[0] is Verdict.ERROR


@pytest.mark.parametrize("keys", [{"expect": "empty"}, {"matches": "x"}, {"number": "< 5"}])
def test_an_exit_code_that_nobody_expects_is_an_error(keys: dict[str, Any]) -> None:
    """``grep`` that could not read prints nothing too."""
    assert verdict(2, "", **keys) == "error"


def test_other_exit_codes_can_be_expected() -> None:
    """``grep`` ends with 1 where it found nothing: what the policy wants to hear."""
    assert verdict(1, "", expect="empty", exit=(0, 1)) == "pass"
    assert verdict(2, "", expect="empty", exit=(0, 1)) == "error"
    assert verdict(3, "", exit=(3,)) == "pass"
    assert verdict(0, "", exit=(3,)) == "fail"


def test_a_failure_says_the_last_words() -> None:
    """What a person reads first."""
    _, found = judged(Output(1, "fine\n", "one\nno route to host\n"), expect="success")
    assert found.findings[0].what == "`tool` ended with 1: no route to host"


def test_every_line_where_none_is_expected_is_a_finding() -> None:
    """White space is nothing; a long list is cut and says so."""
    assert verdict(0, " \n\n", expect="empty") == "pass"
    status, found = judged(Output(0, " M a.py\n?? b.py\n"), expect="empty")
    assert status is Verdict.FAIL
    assert [one.what for one in found.findings] == [" M a.py", "?? b.py"]
    _, found = judged(Output(0, "x\n" * 100), expect="empty")
    assert found.findings[-1].what == "80 more lines"


@pytest.mark.parametrize(
    ("out", "expected"),
    [
        ("79%\n", "pass"),
        ("80%", "fail"),
        ("0.79", "error"),
        ("79", "error"),
        ("Use%\n79%", "error"),
        ("", "error"),
        ("nan%", "error"),
        ("-1e3 %", "pass"),
    ],
)
def test_the_one_number_must_be_in_the_unit_of_the_policy(out: str, expected: str) -> None:
    """0.79 and 79% may be the same; nobody can know."""
    assert verdict(0, out, number="< 80%") == expected


@given(st.sampled_from(["<", "<=", ">", ">=", "=="]), st.integers(-50, 50), st.integers(-50, 50))
def test_numbers_are_compared_as_written(op: str, limit: int, number: int) -> None:
    """As Python compares them."""
    kept = {"<": number < limit, "<=": number <= limit, ">": number > limit, ">=": number >= limit}
    expected = kept.get(op, number == limit)
    assert verdict(0, str(number), number=f"{op} {limit}") == ("pass" if expected else "fail")


def test_a_pattern_must_be_found() -> None:
    """Anywhere in what is printed; not in its errors."""
    assert verdict(0, "3 nodes Ready", matches=r"\d nodes Ready") == "pass"
    assert judged(Output(0, "", "3 nodes Ready"), matches=r"\d nodes Ready")[0] is Verdict.FAIL


@pytest.mark.parametrize("keys", [{"expect": "empty"}, {"matches": "a"}, {"expect": "all_pass"}])
def test_an_output_that_is_cut_is_an_error_where_all_of_it_counts(keys: dict[str, Any]) -> None:
    """The rest may say anything; an exit code alone is whole."""
    assert judged(Output(0, "a 5 passed", cut=True), **keys)[0] is Verdict.ERROR
    assert judged(Output(0, "a", cut=True), expect="success")[0] is Verdict.PASS


@given(
    st.one_of(st.none(), st.integers(-20, 255)),
    st.text(max_size=60),
    st.one_of(
        st.sampled_from(["success", "empty"]).map(lambda word: {"expect": word}),
        st.sampled_from(OF_TESTS).map(lambda form: {"expect": "all_pass", "format": form}),
        st.sampled_from(OF_SCANNERS).map(lambda form: {"expect": "no_critical", "format": form}),
    ),
)
def test_no_output_breaks_the_judgement(code: int | None, out: str, keys: dict[str, Any]) -> None:
    """And none but an exit code that is expected passes."""
    assert verdict(code, out, **keys) != "pass" or code == 0
