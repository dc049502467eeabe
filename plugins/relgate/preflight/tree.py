"""What a scan for secrets found -> findings. Pure. A secret itself never comes here: kind, path and line do."""

from __future__ import annotations

from typing import Any

from relgate.preflight.reading import UnreadableError, json_of, listing, mapping, text
from relgate.values import Finding, Findings

_MOST = 100
_EXCUSED = "marked as no secret in the policy's known"


def judge(gate: str, out: str) -> Findings:
    """Return the findings of a scan, as ``adapters.leaks`` prints it.

    Raises:
        UnreadableError: it is not that.

    """
    report = mapping(json_of(out), "the report")
    if "error" in report:
        raise UnreadableError(text(report["error"], "the error"))
    looked_at, other = _count(report, "looked_at"), _count(report, "other")
    left_out = [(str(name), str(why)) for name, why in listing(report.get("left_out"), "left_out")]
    found = [_finding(gate, mapping(one, "a finding")) for one in listing(report.get("found"), "found")]
    found.sort(key=lambda one: (one.waiver is not None, one.path, one.line))
    problems = [f"{name} was not read: {why}" for name, why in left_out]
    if not looked_at:
        problems.append("no file was looked at")
    notes = (f"{other} files are of kinds that hold no text",) if other else ()
    return Findings(
        gate, "files", looked_at, looked_at + len(left_out), _few(gate, found), tuple(problems), notes=notes
    )


def _few(gate: str, found: list[Finding]) -> tuple[Finding, ...]:
    if len(found) <= _MOST:
        return tuple(found)
    rest = found[_MOST:]
    blocks = any(one.waiver is None for one in rest)
    more = Finding(gate, "more", f"{len(rest)} more", "there are more", "read the evidence", blocks)
    return (*found[:_MOST], more)


def _finding(gate: str, one: dict[str, Any]) -> Finding:
    path, line = text(one.get("path"), "a path"), _count(one, "line")
    return Finding(
        gate,
        "secret",
        f"{text(one.get('kind'), 'a kind')} in {path}, line {line}",
        "whoever gets the files gets it, and so does whoever gets the history",
        "change the secret first, then take it out; what is none belongs into a baseline, marked as none",
        path=path,
        line=line,
        waiver=_EXCUSED if one.get("excused") is True else None,
    )


def _count(report: dict[str, Any], name: str) -> int:
    value = report.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnreadableError(f"expected {name} to be a number")
    return value
