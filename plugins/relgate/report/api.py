"""api.md: what exploring an API found, for the person who has to mend it: each fault with the command that shows it.

Made from api.json alone. Everything in it comes from outside: it is escaped, and the page stays small.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from relgate.report.escape import fenced
from relgate.report.escape import markdown as _text
from relgate.report.numbers import show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MOST_FINDINGS = 60
_MOST_ROWS = 300
_MOST_LINES = 40
_ALL = "everything is in api.json"


def markdown(one: Mapping[str, Any]) -> str:
    """Return an exploration (the content of api.json) as Markdown."""
    blocks = [*_headline(one), *_not_examined(one)]
    for blocks_it, title in ((True, "Findings that block"), (False, "Warnings")):
        blocks += _findings(one, title, blocks=blocks_it)
    blocks += [*_gates(one), *_operations(one), *_notes(one), *_left(one), *_again(one)]
    return "\n".join(blocks) + "\n"


def _all(one: Mapping[str, Any], *, blocks: bool) -> list[Mapping[str, Any]]:
    return [found for gate in one["gates"].values() for found in gate["findings"] if found["blocks"] == blocks]


def _headline(one: Mapping[str, Any]) -> Iterator[str]:
    blocking, warning = (_all(one, blocks=blocks) for blocks in (True, False))
    if blocking:
        title = f"{len(blocking)} findings block" if len(blocking) > 1 else "1 finding blocks"
    elif any(_lacking(gate) for gate in one["gates"].values()):
        title = "not everything could be examined"
    else:
        title = "nothing found that blocks"
    yield from (f"# API: {title}", "")
    sent = one["requests"]
    beside = f", {sent['baseline']} to the baseline" if one["baseline"] is not None else ""
    yield f"{len(blocking)} block, {len(warning)} warn. {_text(one['title'] or one['document'])}:"
    yield f"{len(one['operations'])} operations, {sent['candidate']} requests to the candidate{beside},"
    yield f"{show(one['took_s'], 's')}, seed {one['seed']}. The end: {_text(one['ended'])}."
    yield f"Made {one['made']} things, removed {one['removed']}."
    yield ""


def _lacking(gate: Mapping[str, Any]) -> bool:
    return gate["does_not_apply"] is None and (bool(gate["problems"]) or gate["checked"] < gate["expected"])


def _not_examined(one: Mapping[str, Any]) -> Iterator[str]:
    lines = []
    for name, gate in one["gates"].items():
        if gate["does_not_apply"] is not None:
            lines.append(f"- {name}: does not apply: {_text(gate['does_not_apply'])}")
        elif _lacking(gate):
            why = f": {_text('; '.join(gate['problems']))}" if gate["problems"] else ""
            lines.append(f"- {name}: {gate['checked']} of {gate['expected']} {gate['what']}{why}")
    if lines:
        yield from ("## Not examined", "", *lines, "")


def _findings(one: Mapping[str, Any], title: str, *, blocks: bool) -> Iterator[str]:
    found = _all(one, blocks=blocks)
    if not found:
        return
    yield from (f"## {title}", "")

    def kind(finding: Mapping[str, Any]) -> tuple[str, str, str, str]:
        return (finding["gate"], finding["code"], finding["why"], finding["do"])

    for (gate, code, why, do), same in groupby(sorted(found[:_MOST_FINDINGS], key=kind), key=kind):
        yield f"### {_text(gate)}: {_text(code)}\n\nWhy: {_text(why)}.  \nDo: {_text(do)}.\n"
        for finding in same:
            yield f"**{_text(finding['what'])}**\n"
            yield f"{fenced(finding['reproduce'], 'sh')}\n"
            if finding["saw"]:
                yield f"{fenced(finding['saw'], 'text')}\n"
    if len(found) > _MOST_FINDINGS:
        yield f"... {len(found) - _MOST_FINDINGS} more: {_ALL}\n"


def _gates(one: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## Gates", "", "| gate | examined | block | warn |", "|---|---|---|---|")
    for name, gate in one["gates"].items():
        n = [sum(found["blocks"] == blocks for found in gate["findings"]) for blocks in (True, False)]
        examined = f"{gate['checked']} of {gate['expected']} {gate['what']}"
        if gate["does_not_apply"] is not None:
            examined = "does not apply"
        yield f"| {name} | {examined} | {n[0] or '-'} | {n[1] or '-'} |"
    yield ""


def _operations(one: Mapping[str, Any]) -> Iterator[str]:
    yield from ("## Operations", "")
    yield "| operation | requests | answers | median | baseline |"
    yield "|---|---|---|---|---|"
    for row in one["operations"][:_MOST_ROWS]:
        answers = ", ".join(f"{n} of {status}" for status, n in row["statuses"].items())
        if row["not_asked"]:
            answers = answers or f"not asked: {row['not_asked']}"
        times = [show(row[name], "s") for name in ("median_s", "baseline_median_s")]
        n = sum(row["statuses"].values())
        yield f"| {_text(row['operation'])} | {n} | {_text(answers or 'none')} | {times[0]} | {times[1]} |"
    if len(one["operations"]) > _MOST_ROWS:
        yield f"\n... {len(one['operations']) - _MOST_ROWS} more: {_ALL}"
    yield ""


def _notes(one: Mapping[str, Any]) -> Iterator[str]:
    said: dict[str, list[str]] = {}
    for name, gate in one["gates"].items():
        for note in gate["notes"]:
            said.setdefault(note, []).append(name.removeprefix("api-"))
    if said:
        yield from ("## Notes", "")
        yield from (f"- {_text(note)} ({', '.join(gates)})" for note, gates in list(said.items())[:_MOST_LINES])
        yield ""


def _left(one: Mapping[str, Any]) -> Iterator[str]:
    if not one["left"]:
        return
    yield from ("## Left behind", "", "What was made and could not be removed; each command removes one thing:", "")
    yield fenced("\n".join(each["command"] for each in one["left"]), "sh")
    yield ""


def _again(one: Mapping[str, Any]) -> Iterator[str]:
    used = ", ".join(f"{name} {version}" for name, version in one["versions"].items())
    yield from ("## Do it again", "")
    yield "Each finding has its own command; `$NAMES` in it are the secrets of the policy, `$TOKEN` is what the login"
    yield f"answers. The same walk over everything: `api: {{seed: {one['seed']}}}` ({_text(used)})."
