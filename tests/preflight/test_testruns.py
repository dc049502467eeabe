"""Reports of test runs as runners print them: all pass, or it is no pass."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.policy.preflight import OF_TESTS
from relgate.preflight import testruns
from relgate.preflight.reading import UnreadableError
from relgate.verdicts import by_findings
from tests.preflight.gates import GATE

JEST = "Test Suites: 1 passed, 1 total\nTests:       {}5 passed, 6 total\nSnapshots:   0 total\nTime:        1.2 s\n"
NODE = "\u2139 tests 5\n\u2139 pass {}\n\u2139 fail {}\n\u2139 cancelled 0\n\u2139 skipped 0\n\u2139 todo 0\n"


def verdict(form: str, out: str, *ignore: str) -> str:
    """The verdict about what a runner printed."""
    return by_findings(GATE, testruns.judged(GATE.id, testruns.read(form, out), ignore, ())).verdict.value


@pytest.mark.parametrize(
    ("out", "expected"),
    [
        ("===== 12 passed in 0.31s =====", "pass"),
        ("\x1b[32m12 passed\x1b[0m, \x1b[33m3 warnings\x1b[0m in 0.31s", "pass"),
        ("= 1 failed, 12 passed in 0.3s =", "fail"),
        ("= 12 passed, 1 error in 0.3s =", "fail"),
        ("= 12 passed, 1 skipped in 0.3s =", "fail"),
        ("= 12 passed, 1 xfailed in 0.3s =", "fail"),
        (JEST.format(""), "pass"),
        (JEST.format("1 failed, "), "fail"),
        (" Test Files  2 passed (2)\n      Tests  9 passed (9)\n", "pass"),
        ("  5 passing (12ms)\n", "pass"),
        ("  5 passing (12ms)\n  1 failing\n", "fail"),
        (NODE.format(5, 0), "pass"),
        (NODE.format(4, 1), "fail"),
        ("= 3 skipped in 0.1s =", "fail"),
    ],
)
def test_counts_at_the_end_of_a_run(out: str, expected: str) -> None:
    """Of pytest, Jest, Vitest, Mocha and node."""
    assert verdict("summary", out) == expected


def test_skipped_tests_can_be_ignored_but_not_all_of_them() -> None:
    """A run without a test that passed proves nothing."""
    assert verdict("summary", "12 passed, 1 skipped", "skipped") == "warn"
    assert verdict("summary", "3 skipped", "skipped") == "error"


@pytest.mark.parametrize(
    ("out", "expected"),
    [
        ("TAP version 13\n1..2\nok 1 - a\nok 2 - b\n", "pass"),
        ("ok 1 - a\nnot ok 2 - b\n1..2\n", "fail"),
        ("1..1\nok 1 - a # SKIP no network\n", "fail"),
        ("1..1\nnot ok 1 - a # TODO later\n", "fail"),
    ],
)
def test_tap(out: str, expected: str) -> None:
    """With a plan, before or after the tests."""
    assert verdict("tap", out) == expected


@pytest.mark.parametrize(
    ("form", "out"),
    [
        ("tap", "1..3\nok 1 - a\nok 2 - b\n"),
        ("tap", "ok 1 - a\n"),
        ("tap", "1..2\nok 1\nBail out! no database\n"),
        ("tap", ""),
        ("junit", "<html/>"),
        ("junit", "<testsuite"),
        ("junit", '<!DOCTYPE a [<!ENTITY b "c">]><testsuite/>'),
        ("junit", "<testsuite tests='0'/>"),
        ("json", "[]"),
        ("json", "{}"),
        ("json", '[{"name": "a"}]'),
        ("json", "5"),
        ("lines", "healthy"),
        ("lines", ""),
        ("summary", ""),
        ("summary", "collected nothing"),
        ("summary", "0 passed"),
    ],
)
def test_a_run_that_ended_early_or_says_nothing_is_unreadable(form: str, out: str) -> None:
    """Three tests were planned, two are there."""
    with pytest.raises(UnreadableError):
        testruns.read(form, out)


def test_junit() -> None:
    """Failures, errors and skips of each case."""
    case = '<testcase classname="m" name="{}">{}</testcase>'
    good, bad, left = case.format("a", ""), case.format("b", "<failure/>"), case.format("c", "<skipped/>")
    assert verdict("junit", f"<testsuites><testsuite>{good}</testsuite></testsuites>") == "pass"
    assert verdict("junit", f'<?xml version="1.0"?>\n<testsuite>{good}{bad}</testsuite>') == "fail"
    assert verdict("junit", f"<testsuite>{good}{left}</testsuite>") == "fail"
    assert verdict("junit", f"<testsuite>{good}{left}</testsuite>", "m.c") == "warn"


@pytest.mark.parametrize(
    ("form", "out", "expected"),
    [
        ("json", '{"node-1": "ok", "node-2": true}', "pass"),
        ("json", '{"node-1": "ok", "node-2": false}', "fail"),
        ("json", '[{"name": "a", "status": "passed"}]', "pass"),
        ("json", '[{"name": "a", "status": "flaky"}]', "fail"),
        ("lines", "node-1: healthy\nnode-2  OK\n", "pass"),
        ("lines", "node-1: healthy\nnode-2: NotReady\n", "fail"),
    ],
)
def test_names_and_words(form: str, out: str, expected: str) -> None:
    """A word that nobody knows is a failure."""
    assert verdict(form, out) == expected


@given(st.sampled_from(OF_TESTS), st.text('ok not1.#<>/{}[]:" \n-passedfil,', max_size=60))
def test_no_output_breaks_the_reader(form: str, out: str) -> None:
    """It is read, or said to be unreadable."""
    with contextlib.suppress(UnreadableError):
        verdict(form, out)
