"""What a command printed against what a policy expects -> findings. Pure.

What cannot be believed is a problem and never a pass: a tool that is not installed, a time limit, an exit code that
says "I could not", an output that is cut where all of it counts, or that is not what its format says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from relgate.preflight import scanners, testruns
from relgate.preflight.reading import UnreadableError
from relgate.values import Finding, Findings

if TYPE_CHECKING:
    from relgate.policy.preflight import Check, Threshold
    from relgate.ports.preflight import Output

_MOST_LINES = 20
_LONGEST = 300
_NOT_RUN = {126: "it cannot be executed", 127: "a command in it is not installed"}
"""What shells and env say with these exit codes."""


def judge(gate: str, check: Check, output: Output) -> Findings:
    """Return what a check found: one thing examined where its answer could be read, none otherwise."""
    what = f"run of `{_short(check.run)}`"
    problem = _problem(check, output)
    if problem is None and check.expect == "success":
        return Findings(gate, what, 1, 1, _ended_well(gate, check, output))
    if problem is None and output.cut:
        problem = "it printed so much that the middle was left out: what was expected cannot be told from the rest"
    if problem is not None:
        return Findings(gate, what, 0, 1, problems=(problem,))
    try:
        return _answered(gate, check, output, what)
    except UnreadableError as error:
        return Findings(gate, what, 0, 1, problems=(f"its output is not readable: {error}{_said(output)}",))


def _answered(gate: str, check: Check, output: Output, what: str) -> Findings:
    if check.expect == "no_critical":
        report = scanners.read(check.format or "json", output.out)
        if output.code != 0 and not check.exit and not report.found:
            problem = f"it ended with {output.code} and reported nothing{_said(output)}"
            return Findings(gate, what, 0, 1, problems=(problem,))
        return scanners.judged(gate, report, check.ignore)
    if check.expect == "all_pass":
        tests = testruns.read(check.format or "summary", output.out)
        found = () if output.code in (check.exit or (0,)) else _ended_well(gate, check, output)
        return testruns.judged(gate, tests, check.ignore, found)
    if check.expect == "empty":
        found = _lines(gate, output.out)
    elif check.number is not None:
        found = _number(gate, check.number, output.out)
    else:
        found = _matched(gate, check.matches or "", output.out)
    return Findings(gate, what, 1, 1, found)


def _problem(check: Check, output: Output) -> str | None:
    """Return why a command did not answer at all; None where it did."""
    if output.fault is not None or output.code is None:
        return f"{output.fault or 'it did not end'}{_said(output)}"
    if output.code < 0:
        return f"it was killed by signal {-output.code}{_said(output)}"
    if output.code in check.exit:
        return None
    if output.code in _NOT_RUN:
        return f"it ended with {output.code}: {_NOT_RUN[output.code]}{_said(output)}"
    # A test run that fails ends with a code of its own choice, a scanner that finds something too.
    says_itself = check.expect in ("success", "all_pass") or (check.expect == "no_critical" and not check.exit)
    if says_itself or (not check.exit and output.code == 0):
        return None
    allowed = " or ".join(map(str, check.exit or (0,)))
    return f"it ended with {output.code}, expected {allowed}{_said(output)}"


def _ended_well(gate: str, check: Check, output: Output) -> tuple[Finding, ...]:
    if output.code in (check.exit or (0,)):
        return ()
    what = f"`{_short(check.run)}` ended with {output.code}{_said(output)}"
    return (Finding(gate, "failed", what, "the policy expects it to end well", "read its output in the evidence"),)


def _lines(gate: str, out: str) -> tuple[Finding, ...]:
    lines = [line for line in out.splitlines() if line.strip()]
    found = [
        Finding(gate, "not-empty", _short(line), "the policy expects no output", "mend what it names")
        for line in lines[:_MOST_LINES]
    ]
    if len(lines) > _MOST_LINES:
        more = f"{len(lines) - _MOST_LINES} more lines"
        found.append(Finding(gate, "not-empty", more, "the policy expects no output", "read all in the evidence"))
    return tuple(found)


def _matched(gate: str, pattern: str, out: str) -> tuple[Finding, ...]:
    if re.search(pattern, out):
        return ()
    what = f"{pattern!r} matches nothing in {len(out.splitlines())} lines"
    return (Finding(gate, "no-match", what, "the policy expects it", "read its output in the evidence"),)


def _number(gate: str, wanted: Threshold, out: str) -> tuple[Finding, ...]:
    """Compare the one number that was printed. ``79%`` and ``0.79`` are not the same: the unit must be the policy's."""
    found = re.fullmatch(r"(-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?) ?([A-Za-z%/]{0,10})", out.strip())
    if found is None:
        raise UnreadableError(f"expected one number, got {_short(out.strip()) or 'nothing'!r}")
    if found[2] != wanted.unit:
        raise UnreadableError(f"expected a number in {wanted.unit or 'no unit'!r}, got {_short(out.strip())!r}")
    if wanted.kept_by(float(found[1])):
        return ()
    what = f"{found[0]}, expected {wanted.text}"
    return (Finding(gate, "out-of-bounds", what, "the policy says so", "read its output in the evidence"),)


def _said(output: Output) -> str:
    """Return the last words of a command, for a message."""
    lines = [line.strip() for text in (output.err, output.out) for line in text.splitlines() if re.search(r"\w", line)]
    own = [line.strip() for line in output.err.splitlines() if re.search(r"\w", line)]
    last = (own or lines or [""])[-1]
    return f": {_short(last)}" if last else ""


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
