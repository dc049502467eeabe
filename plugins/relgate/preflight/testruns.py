"""Reports of test runs -> which tests did not pass. Pure.

Every test has to pass: one that was skipped has not, unless the policy ignores it or the word ``skipped``. A run
without a test is no pass either. Formats: the counts at the end of what a runner prints (pytest, Jest, Vitest, Mocha,
node --test), TAP, JUnit XML, JSON, and lines of a name and a word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from relgate.preflight.reading import UnreadableError, json_of, listing, mapping, text
from relgate.values import Finding, Findings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PASSED = frozenset({"passed", "passing", "pass", "ok", "success", "succeeded", "healthy", "true", "up"})
_SKIPPED = frozenset({"skipped", "skip", "pending", "todo", "ignored", "disabled", "xfailed"})
_LAST_LINES = 40
_MOST = 50


@dataclass(frozen=True, slots=True)
class Test:
    """A test, or ``count`` of them that nobody names. ``state``: passed, failed, skipped."""

    name: str
    state: str
    count: int = 1

    __test__ = False


def read(form: str, out: str) -> tuple[Test, ...]:
    """Read what a runner printed.

    Raises:
        UnreadableError: it is not what its format says, or says of no test what became of it.

    """
    tests = tuple(_READERS[form](out))
    if not tests:
        raise UnreadableError(f"no test is in it (format {form})")
    return tests


def judged(gate: str, tests: tuple[Test, ...], ignore: tuple[str, ...], found: tuple[Finding, ...]) -> Findings:
    """Return the findings of a run. ``found``: what its exit code said."""
    ignored = {word.lower() for word in ignore}
    total = sum(one.count for one in tests)
    bad = [one for one in tests if one.state != "passed"]
    findings = [_finding(gate, one, ignored) for one in bad[:_MOST]]
    if len(bad) > _MOST:
        blocks = any(one.state.lower() not in ignored and one.name.lower() not in ignored for one in bad[_MOST:])
        what = f"{len(bad) - _MOST} more tests did not pass"
        findings.append(Finding(gate, "more", what, "the output has all", "read it in the evidence", blocks))
    passed = sum(one.count for one in tests if one.state == "passed")
    problems = () if passed else (f"none of {total} tests passed: nothing was proven",)
    return Findings(gate, "tests", total, total, (*found, *findings), problems)


def _finding(gate: str, one: Test, ignored: set[str]) -> Finding:
    excused = one.state in ignored or one.name.lower() in ignored
    what = f"{one.name} {one.state}" if one.name else f"{one.count} {one.state}"
    why = "a test that was skipped proves nothing" if one.state == "skipped" else "the policy expects all to pass"
    return Finding(
        gate, one.state, what, why, "run it and mend it", waiver="ignored by the policy" if excused else None
    )


def _state(word: str) -> str:
    """Return what a runner's word means; an unknown one is a failure."""
    lowered = word.strip().lower()
    return "passed" if lowered in _PASSED else "skipped" if lowered in _SKIPPED else "failed"


_COUNTS = re.compile(
    r"\b(?P<n>[0-9]+) (?P<word>passed|passing|failed|failing|errors?|skipped|xfailed|xpassed|pending|todo|cancelled)\b"
)
_OF_NODE = re.compile(r"^[^A-Za-z0-9\n]*(?P<word>pass|fail|cancelled|skipped|todo) (?P<n>[0-9]+)\s*$", re.MULTILINE)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def _summary(out: str) -> Iterator[Test]:
    """Return the counts at the end of what a runner prints; several lines of counts all count."""
    lines = [line for line in _COLOURS.sub("", out).splitlines() if line.strip()]
    end = "\n".join(lines[-_LAST_LINES:])
    for pattern in (_COUNTS, _OF_NODE):
        for found in pattern.finditer(end):
            if count := int(found["n"]):
                yield Test("", _state(found["word"]), count)


def _tap(out: str) -> Iterator[Test]:
    plans = re.findall(r"^1\.\.([0-9]+)", out, re.MULTILINE)
    lines = re.findall(r"^(not )?ok\b(?: +([0-9]+))?(?: *-? *)([^#\n]*)(#.*)?$", out, re.MULTILINE)
    if re.search(r"^Bail out!", out, re.MULTILINE):
        raise UnreadableError("the run bailed out")
    if len(plans) != 1 or int(plans[0]) != len(lines):
        raise UnreadableError(f"expected the plan 1..{len(lines)} of {len(lines)} tests, got {plans or 'none'}")
    for failed, number, name, remark in lines:
        left_out = re.match(r"#\s*(?:skip|todo)", remark, re.IGNORECASE)
        state = "skipped" if left_out else "failed" if failed else "passed"
        yield Test(name.strip() or f"test {number}", state)


def _junit(out: str) -> Iterator[Test]:
    if "<!DOCTYPE" in out or "<!ENTITY" in out:
        raise UnreadableError("a JUnit report has no document type: entities are not read")
    try:
        root = ET.fromstring(out.strip())  # noqa: S314  entities are refused above
    except ET.ParseError as error:
        raise UnreadableError(f"expected JUnit XML ({error})") from None
    if root.tag not in ("testsuites", "testsuite"):
        raise UnreadableError(f"expected testsuites or testsuite, got {root.tag}")
    for case in root.iter("testcase"):
        bad = any(case.find(tag) is not None for tag in ("failure", "error"))
        state = "failed" if bad else "skipped" if case.find("skipped") is not None else "passed"
        yield Test(".".join(filter(None, (case.get("classname"), case.get("name")))) or "a test", state)


def _json(out: str) -> Iterator[Test]:
    """Read a mapping of names to words, or a list of objects with ``name`` and ``status``."""
    document = json_of(out)
    if isinstance(document, dict):
        for name, word in document.items():
            yield Test(name, _state(_word(word, name)))
        return
    for raw in listing(document, "the report"):
        one = mapping(raw, "a test")
        name = text(one.get("name"), "a test's name")
        yield Test(name, _state(_word(one.get("status"), name)))


def _word(value: Any, name: str) -> str:
    return str(value).lower() if isinstance(value, bool) else text(value, f"the status of {name}")


def _lines(out: str) -> Iterator[Test]:
    for line in out.splitlines():
        if not line.strip():
            continue
        words = line.replace("=", " ").replace(":", " ").split()
        if len(words) < 2:
            raise UnreadableError(f"expected a name and a word on each line, got {line.strip()[:100]!r}")
        yield Test(" ".join(words[:-1]), _state(words[-1]))


_READERS: dict[str, Callable[[str], Iterator[Test]]] = {
    "summary": _summary,
    "tap": _tap,
    "junit": _junit,
    "json": _json,
    "lines": _lines,
}
