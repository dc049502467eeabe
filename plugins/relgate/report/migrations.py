"""migrations.md: what proving the migrations found, for the person who has to mend it, without running anything again.

Made from migrations.json alone. Names, messages, SQL and the database's own words come from outside: all of it is
escaped, and the page stays below the size of a CI step summary.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from relgate.report.diagram import chain_svg
from relgate.report.escape import fenced
from relgate.report.escape import markdown as _text
from relgate.report.marks import GROUPS, STRENGTH, Mark, Marks, State, lacks, one_way, rewritten, state_of, strength
from relgate.report.numbers import show
from relgate.report.timeline import locks_svg

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

LARGEST_BYTES = 1024 * 1024 - 1
CHAIN = "migrations/chain.svg"
LOCKS = "migrations/locks.svg"
_FINDINGS_BYTES = 500_000
_FOLD_FROM = 60
_MOST_ROWS = 400
_MOST_LINES = 50
_MOST_NAMES = 8
_SAID = {"blocks": "**blocks** {n}", "warns": "warns {n}", "waived": "waived {n}", "unknown": "?", "unproven": "·"}
_ORDER: tuple[State, ...] = ("blocks", "warns", "waived")
_SENTENCE: dict[State, str] = {
    "blocks": "Findings that block",
    "warns": "Warnings",
    "waived": "Waived findings",
}


def markdown(proof: Mapping[str, Any]) -> str:
    """Return a proof (the content of migrations.json) as Markdown, smaller than 1 MiB."""
    marks = Marks(proof)
    blocks = [
        *_headline(proof, marks),
        *_not_examined(marks),
        *_findings(marks, "blocks"),
        *_gates(marks),
        *_revisions(proof, marks),
        *_findings(marks, "warns"),
        *_findings(marks, "waived"),
        *_notes(marks),
        *_again(proof, marks),
    ]
    return _bounded(blocks, LARGEST_BYTES, "... cut: everything is in migrations.json") + "\n"


def pages(proof: Mapping[str, Any]) -> dict[str, str]:
    """Return everything that people read of a proof: path within the evidence -> text."""
    drawn = {CHAIN: chain_svg(proof)} if proof["revisions"] else {}
    return {"migrations.md": markdown(proof), **drawn, **({LOCKS: locks_svg(proof)} if has_locks(proof) else {})}


def has_locks(proof: Mapping[str, Any]) -> bool:
    """Whether any revision's locks were read."""
    return any(one.get("locks") for one in proof["revisions"])


def _headline(proof: Mapping[str, Any], marks: Marks) -> Iterator[str]:
    count = marks.count()
    if count["blocks"]:
        title = f"{count['blocks']} findings block" if count["blocks"] > 1 else "1 finding blocks"
    elif marks.incomplete or not marks.gates:
        title = "not everything could be examined"
    else:
        title = "nothing found that blocks"
    yield from (f"# Migrations: {title}", "")
    yield f"{count['blocks']} block, {count['warns']} warn, {count['waived']} waived."
    yield f"To be proven: {_text(proof['scope'])}, on {_text(proof['server'])},"
    yield f"with {_text(proof['tool'])}. It took {show(proof['took_s'], 's')}."
    yield ""
    if proof["irreversible"]:
        yield from ("Once applied, this release cannot be taken back:", "")
        yield from _first([f"- {_text(one)}" for one in proof["irreversible"]])
        yield ""
    if marks.revisions:
        yield from (f"![The chain of revisions, each with its mark]({CHAIN})", "")


def _not_examined(marks: Marks) -> Iterator[str]:
    said: dict[str, list[str]] = {}
    for name, gate in marks.gates.items():
        short = name.removeprefix("migration-")
        if gate["does_not_apply"] is not None:
            said.setdefault(f"does not apply: {gate['does_not_apply']}", []).append(short)
            continue
        for problem in gate["problems"]:
            said.setdefault(problem, []).append(short)
        for text in _reasons(name, gate, marks):
            said.setdefault(text, []).append(short)
    lines = [f"- {_text(', '.join(gates))}: {_text(text)}" for text, gates in said.items()]
    idle = sum("proof_s" not in one for one in marks.revisions)
    if idle:
        lines.append(f"- {idle} of {len(marks.revisions)} revisions: not to be proven, or not reached")
    if lines:
        yield from ("## Not examined", "", *_first(lines), "")


def _reasons(name: str, gate: Mapping[str, Any], marks: Marks) -> Iterator[str]:
    """Yield which revisions a gate did not examine, by why; and how much of it nobody knows the reason for."""
    lost = gate["expected"] - gate["checked"]
    by_reason: dict[str, list[str]] = {}
    for one in marks.revisions:
        if "proof_s" in one and "unexamined" in one and marks.lacking(one, [name]):
            by_reason.setdefault(one["unexamined"], []).append(one["id"])
    for reason, ids in by_reason.items():
        more = f" and {len(ids) - _MOST_NAMES} more" if len(ids) > _MOST_NAMES else ""
        yield f"{', '.join(ids[:_MOST_NAMES])}{more}: {reason}"
    unknown = lost - sum(map(len, by_reason.values()))
    if unknown > 0 and not gate["problems"]:
        yield f"{unknown} of {gate['expected']} {gate['what']}, for no reason that is known"


def _gates(marks: Marks) -> Iterator[str]:
    if not marks.gates:
        yield from ("No gate asked for a proof.", "")
        return
    yield from ("## Gates", "", "| gate | examined | block | warn | waived | |", "|---|---|---|---|---|---|")
    for name, gate in marks.gates.items():
        states = [state_of(one) for one in gate["findings"]]
        counts = " | ".join(str(states.count(state) or "-") for state in _ORDER)
        word = "not applicable" if gate["does_not_apply"] is not None else "incomplete" if lacks(gate) else ""
        examined = f"{gate['checked']} of {gate['expected']} {_text(gate['what'])}"
        yield f"| {_text(name)} | {examined} | {counts} | {word} |"
    yield ""


# --- one row per revision


def _revisions(proof: Mapping[str, Any], marks: Marks) -> Iterator[str]:
    if not marks.revisions:
        yield from ("## Revisions", "", "There are none, or they cannot be brought into an order.", "")
        return
    groups = [name for name, gates in GROUPS.items() if marks.gates.keys() & set(gates)]
    head = ("revision", "release", "up", "down", *groups, "strongest lock", "what it does")
    yield from ("## Revisions", "", f"| {' | '.join(head)} |", "|---" * len(head) + "|")
    rows = list(_rows(marks, groups, frozenset(proof["files"])))
    yield from rows[:_MOST_ROWS]
    if len(rows) > _MOST_ROWS:
        yield f"| ... {len(rows) - _MOST_ROWS} more rows in migrations.json |" + " |" * (len(head) - 1)
    yield from ("", "`?`: not everything was examined; `·`: not proven; `-`: not asked or not known.")
    yield "The times link to the SQL that was sent, on an almost empty database."
    yield ""
    if has_locks(proof):
        yield from (f"![Which tables each revision locked, and for how long]({LOCKS})", "")


def _rows(marks: Marks, groups: Sequence[str], files: frozenset[str]) -> Iterator[str]:
    """Yield the table's rows; in a long history those without anything to say share one."""
    if len(marks.revisions) <= _FOLD_FROM:
        for one in marks.revisions:
            yield _row(one, marks, groups, files)
        return
    for state, found in groupby(marks.revisions, key=lambda one: _quiet(one, marks)):
        several = list(found)
        if not state or len(several) == 1:
            yield from (_row(one, marks, groups, files) for one in several)
            continue
        seconds = [show(sum(one.get(key, 0.0) for one in several), "s") for key in ("up_s", "down_s")]
        name = f"{_text(several[0]['id'], 40)} to {_text(several[-1]['id'], 40)}"
        cells = (name, "", *seconds, *[state] * len(groups), "", f"{len(several)} revisions")
        yield f"| {' | '.join(cells)} |"


def _quiet(revision: Mapping[str, Any], marks: Marks) -> str:
    state = marks.of(revision).state
    if state not in ("ok", "unproven") or one_way(revision) is not None:
        return ""
    return "ok" if state == "ok" else _SAID["unproven"]


def _row(revision: Mapping[str, Any], marks: Marks, groups: Sequence[str], files: frozenset[str]) -> str:
    reason = one_way(revision)
    what = _text(revision["message"], 100)
    cells = (
        _text(revision["id"], 40),
        _text(revision["release"] or "-", 20),
        _took(revision, "up", files),
        _took(revision, "down", files) if reason is None else "one way",
        *[_word(marks.of(revision, GROUPS[group])) for group in groups],
        _lock(revision, marks),
        what if reason is None else f"{what} *Cannot be taken back: {_text(reason, 100)}*",
    )
    return f"| {' | '.join(cells)} |"


def _word(mark: Mark) -> str:
    return _SAID.get(mark.state, "ok" if mark.state == "ok" else "-").format(n=mark.n)


def _took(revision: Mapping[str, Any], direction: str, files: frozenset[str]) -> str:
    seconds = show(revision.get(f"{direction}_s"), "s")
    name = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in revision["id"])
    path = f"migrations/{name}.{direction}.sql"
    return f"[{seconds}]({quote(path)})" if path in files else seconds


def _lock(revision: Mapping[str, Any], marks: Marks) -> str:
    """Name the strongest lock that makes users wait."""
    locks = [one for one in revision.get("locks", ()) if strength(one["mode"])]
    if not locks:
        return "none" if "locks" in revision else "-"
    order = list(STRENGTH)
    worst = max(locks, key=lambda one: (order.index(one["mode"]) if one["mode"] in order else 99, one["held_s"]))
    anew = ", **rewritten**" if rewritten(marks.found(revision), worst["table"]) else ""
    more = f" and {len(locks) - 1} more" if len(locks) > 1 else ""
    return f"{_text(worst['mode'], 40)} on {_text(worst['table'], 60)}{anew}{more}"


# --- findings


def _findings(marks: Marks, state: State) -> Iterator[str]:
    places = {one["id"]: place for place, one in enumerate(marks.revisions)}
    mine = [one for one in marks.findings if state_of(one) == state]
    if mine:
        yield from (f"## {_SENTENCE[state]}", "")
        yield _bounded(list(_grouped(mine, places)), _FINDINGS_BYTES, "... the others are in migrations.json\n")


def _grouped(findings: Iterable[Mapping[str, Any]], places: Mapping[str, int]) -> Iterator[str]:
    """Yield findings with what is said about all of a kind once."""

    def kind(one: Mapping[str, Any]) -> tuple[str, str, str, str]:
        return (one["gate"], one["code"], one["why"], one["do"])

    last = len(places)
    ordered = sorted(findings, key=lambda one: (kind(one), places.get(one["revision"], last), one["path"], one["line"]))
    for (gate, code, why, do), same in groupby(ordered, key=kind):
        several = list(same)
        number = f" ({len(several)})" if len(several) > 1 else ""
        yield f"### {_text(gate)}: {_text(code)}{number}\n\nWhy: {_text(why)}  \nDo: {_text(do)}\n"
        for one in several:
            yield _finding(one)


def _finding(one: Mapping[str, Any]) -> str:
    where = f"{one['path']}:{one['line']}" if one["path"] and one["line"] else one["path"]
    name = f"**{_text(one['revision'], 40)}** " if one["revision"] is not None else ""
    lines = [f"{name}{f'({_text(where, 200)}) ' if where else ''}{_text(one['what'])}"]
    if one["waiver"] is not None:
        lines.append(f"Waived by {_text(one['waiver'])}")
    text = "  \n".join(lines) + "\n"
    if not one["sql"]:
        return text
    return f"{text}\n{fenced(one['sql'], 'diff' if _is_difference(one['sql']) else 'sql')}\n"


def _is_difference(sql: str) -> bool:
    """Whether it is what a comparison of two schemas wrote: every line has its sign."""
    lines = sql.splitlines()
    return bool(lines) and all(line.startswith(("- ", "+ ", "  -- with it: ")) for line in lines)


# --- the end


def _notes(marks: Marks) -> Iterator[str]:
    said: dict[str, list[str]] = {}
    above = {f"{one['id']} was not examined: {one['unexamined']}" for one in marks.revisions if "unexamined" in one}
    for name, gate in marks.gates.items():
        for one in gate["notes"]:
            if one not in above:
                said.setdefault(one, []).append(name.removeprefix("migration-"))
    lines = [f"- {_text(note)} ({_text(', '.join(gates))})" for note, gates in said.items()]
    if lines:
        yield from ("## Notes", "", *_first(lines), "")


def _again(proof: Mapping[str, Any], marks: Marks) -> Iterator[str]:
    yield from ("## Do it again", "")
    yield "The same proof: `pytest -m migration --gate-stage STAGE`, one gate of it: `-k migration_data`."
    yield "It makes its own scratch databases. What each step sent lies beside this page in `migrations/`."
    first = next((one for one in marks.revisions if marks.of(one).state == "blocks" and len(one["down"]) <= 1), None)
    tool, _, ini = str(proof["tool"]).partition(", ")
    if first is not None and tool == "alembic":
        before = first["down"][0] if first["down"] else "base"
        steps = (f"upgrade {before}", f"upgrade {first['id']}", f"downgrade {before}", f"upgrade {first['id']}")
        yield from ("", "The first revision that blocks by hand, with `env.py` led to an empty database of yours:", "")
        yield fenced("\n".join(f"alembic -c {ini} {step}" for step in steps), "sh")


def _first(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        yield f"- ... {len(lines) - _MOST_LINES} more in migrations.json"


def _bounded(blocks: Sequence[str], most: int, note: str) -> str:
    """Join blocks with new lines, as many as fit; a block is never cut."""
    kept: list[str] = []
    room = most - len(note.encode()) - 4
    for block in blocks:
        room -= len(block.encode()) + 1
        if room < 0:
            return "\n".join([*kept, "", note])
        kept.append(block)
    return "\n".join(kept)
