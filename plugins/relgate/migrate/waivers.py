"""Waivers: a comment in a revision's file that excuses a finding, by a named person, for a reason, until a day.

``# relgate: allow <code>[, <code>] until 2027-01-31 by anna reason="..."``, in SQL after ``--``. It covers the
statement on its own line, or else the next one (a function, if that comes next); before the first statement of the
file it covers the whole revision. A waived finding stays in the report and does not block. What is not complete or
has expired excuses nothing and is a finding itself. A broken chain and a way back that is missing cannot be waived:
for the second there is the declaration, which the decision knows.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from relgate.migrate.sqltext import spans
from relgate.values import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

GATE = "migration-static"
NEVER = frozenset({"migration-chain", "migration-declared"})
"""Gates whose findings no waiver excuses."""

_SHAPE = 'relgate: allow <code>[, <code>] until <year>-<month>-<day> by <name> reason="..."'
_MARK = re.compile(r"(?:#|--)\s*relgate:\s*allow\b(?P<rest>.*)")
_REASON = re.compile(r'\breason\s*=\s*"(?P<reason>[^"]*)"')
# A code may end like a keyword (`left-by`), and stands before both.
_UNTIL = re.compile(r"(?<![\w/-])until\s+(?P<until>[^\s,]+)")
_BY = re.compile(r'(?<![\w/-])by\s+(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\s",]+))')
_CODE = re.compile(r"[a-z0-9]+(?:[-_/][a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Waiver:
    """One comment. ``first`` to ``last``: the lines that it covers, None for the whole file.

    ``faults``: what it lacks; with any it excuses nothing. ``until`` is the last day on which it holds.
    """

    path: str
    line: int
    codes: tuple[str, ...]
    until: date | None = None
    by: str = ""
    reason: str = ""
    faults: tuple[str, ...] = ()
    lines: tuple[int, int] | None = None

    def covers(self, finding: Finding) -> bool:
        """Whether it speaks of this finding, holding or not."""
        if finding.path != self.path or finding.code not in self.codes or finding.gate in NEVER:
            return False
        return self.lines is None or self.lines[0] <= finding.line <= self.lines[1]


def read(path: str, text: str) -> tuple[Waiver, ...]:
    """Return the waivers of one file; ``path`` ends in ``.py`` for Python, anything else is SQL."""
    places = _Python(text) if path.endswith(".py") else _Sql(text)
    return tuple(_parsed(path, line, rest, places.lines(line, own=own)) for line, rest, own in places.comments())


def apply(findings: Iterable[Finding], texts: Mapping[str, str], today: date) -> tuple[Finding, ...]:
    """Return all findings, the waived ones marked, and after them what is wrong with the waivers.

    ``findings`` of every migration gate at once: a waiver whose finding is not among them counts as unused. ``texts``:
    the revisions' files, by the path that findings have.
    """
    waivers = [waiver for path in sorted(texts) for waiver in read(path, texts[path])]
    holding = [one for one in waivers if not one.faults and one.until is not None and one.until >= today]
    used: set[int] = set()
    result: list[Finding] = []
    for finding in findings:
        held = [one for one in waivers if one.covers(finding)]
        used |= {id(one) for one in held}
        excuse = next((one for one in held if one in holding), None)
        result.append(finding if excuse is None else _excused(finding, excuse))
    for waiver in waivers:
        fault = _fault(waiver, today, used=id(waiver) in used)
        if fault is not None:
            result.append(fault)
    return tuple(result)


def _excused(finding: Finding, waiver: Waiver) -> Finding:
    who = f"{waiver.by} until {waiver.until}: {waiver.reason} ({waiver.path}:{waiver.line})"
    return replace(finding, blocks=False, waiver=who)


def _fault(waiver: Waiver, today: date, *, used: bool) -> Finding | None:
    codes = ", ".join(waiver.codes) or "nothing"
    if waiver.faults:
        what = f"The waiver of {codes} excuses nothing: {'; '.join(waiver.faults)}."
        why = "An excuse that nobody signed or that never ends is a rule switched off."
        return _finding(waiver, "bad-waiver", what, why, f"Write it in full: {_SHAPE}")
    if waiver.until is not None and waiver.until < today:
        what = f"The waiver of {codes} by {waiver.by} ended on {waiver.until}."
        why = "What it excused blocks again." if used else "It excuses nothing any more."
        return _finding(waiver, "expired-waiver", what, why, "Mend the fault, or agree on a new day.", blocks=used)
    if not used:
        what = f"Nothing was found that the waiver of {codes} could excuse."
        why = "A waiver without a fault will silently excuse the next one."
        return _finding(waiver, "unused-waiver", what, why, "Remove it, or mend its code or place.", blocks=False)
    return None


def _finding(waiver: Waiver, code: str, what: str, why: str, do: str, *, blocks: bool = True) -> Finding:
    return Finding(GATE, code, what, why, do, blocks, path=waiver.path, line=waiver.line)


def _parsed(path: str, line: int, rest: str, lines: tuple[int, int] | None) -> Waiver:
    """Take a waiver apart; the reason goes first, so that its words are not read as anything else."""
    faults: list[str] = []
    reason = _REASON.search(rest)
    rest = _REASON.sub(" ", rest)
    until, by = _UNTIL.search(rest), _BY.search(rest)
    left = _BY.sub(" ", _UNTIL.sub(" ", rest))
    words = [word.strip() for part in left.split(",") for word in (part.split() or [""])]
    codes = tuple(word for word in words if _CODE.fullmatch(word))
    if not codes:
        faults.append("it names no code")
    faults += [f"{word!r} is no code" for word in words if word and not _CODE.fullmatch(word)]
    day = _day(until["until"]) if until else None
    if day is None:
        faults.append(f"expected a day like 2027-01-31, got {until['until']!r}" if until else "it has no end (until)")
    name = (by["quoted"] or by["plain"] or "").strip() if by else ""
    if not name:
        faults.append("it names nobody (by)")
    why = reason["reason"].strip() if reason else ""
    if not why:
        faults.append("it has no reason")
    return Waiver(path, line, codes, day, name, why, tuple(faults), lines)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
    except ValueError:
        return None


# --- where a comment stands


class _Places:
    """Comments of a file, and the lines that a comment covers."""

    def __init__(self, statements: list[tuple[int, int]]) -> None:
        self._statements = statements

    def lines(self, line: int, *, own: bool) -> tuple[int, int] | None:
        """Return the statement at ``line``, or else the next; None before the first one of the file.

        ``own``: nothing but the comment stands on its line.
        """
        inside = [span for span in self._statements if span[0] <= line <= span[1]]
        if inside:
            return min(inside, key=lambda span: span[1] - span[0])
        first = min((span[0] for span in self._statements), default=line + 1)
        if own and line < first:
            return None
        # Of statements that begin on the same line, the widest: a function rather than its decorator.
        after = [span for span in self._statements if span[0] > line]
        return min(after, key=lambda span: (span[0], -span[1])) if after else (line, line)


class _Sql(_Places):
    def __init__(self, text: str) -> None:
        super().__init__(list(spans(text)))
        self._text = text

    def comments(self) -> list[tuple[int, str, bool]]:
        """Return (line, what follows ``allow``, alone on its line) of each."""
        return _marked(self._text)


class _Python(_Places):
    def __init__(self, text: str) -> None:
        self._text = text
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            # Not loadable, so nothing of it ran; a waiver then covers the line below it.
            super().__init__(
                [(n, n) for n, line in enumerate(text.splitlines(), 1) if line.strip()[:1] not in {"", "#"}]
            )
            return
        docstring = tree.body[0] if tree.body and ast.get_docstring(tree) is not None else None
        whole = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and node is not docstring]
        # A waiver among the lines of a function must not cover the function, only the statement that follows.
        self._blocks = {_span(node) for node in whole if hasattr(node, "body")}
        super().__init__([_span(node) for node in whole])

    def lines(self, line: int, *, own: bool) -> tuple[int, int] | None:
        """Leave out blocks that merely surround the comment."""
        blocks = {span for span in getattr(self, "_blocks", ()) if span[0] < line <= span[1]}
        found = _Places([span for span in self._statements if span not in blocks]).lines(line, own=own)
        if found is not None and found[0] > line and self._indent(found[0]) < self._indent(line):
            return line, line  # The last line of a block speaks of nothing in the next one.
        return found

    def _indent(self, line: int) -> int:
        text = self._text.splitlines()[line - 1]
        return len(text) - len(text.lstrip())

    def comments(self) -> list[tuple[int, str, bool]]:
        """Return (line, what follows ``allow``, alone on its line) of each; also ``--`` ones in SQL texts."""
        marked = _marked(self._text)
        hashes = _hashes(self._text)
        lines = self._text.splitlines()
        return [one for one in marked if one[0] in hashes or "--" in lines[one[0] - 1].partition("relgate:")[0]]


def _marked(text: str) -> list[tuple[int, str, bool]]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        match = _MARK.search(line)
        if match is not None:
            found.append((number, match["rest"].strip(), not line[: match.start()].strip()))
    return found


def _hashes(text: str) -> set[int]:
    """Return the lines with a Python comment: a # in a string is none."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return set(range(1, text.count("\n") + 2))
    return {token.start[0] for token in tokens if token.type == tokenize.COMMENT}


def _span(node: ast.stmt) -> tuple[int, int]:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)]), node.end_lineno or node.lineno
