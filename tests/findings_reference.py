"""Writes docs/reference/migrations.md from the tables that the checks speak from: every finding, its why and its do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from relgate.adapters import squawk_rules
from relgate.migrate import backups, chain, integrity, static_rules, waivers
from relgate.migrate.faults import FAULTS
from relgate.policy.migrations import PROVEN

Row = tuple[bool, str, str]
"""Whether it blocks, why it matters, what to do."""

_SAYS = "the finding says which"

WITHOUT_TABLE: dict[str, dict[str, Row]] = {
    chain.GATE: {
        "empty-chain": (True, "a chain that cannot be found looks like one with nothing to prove", "name the folder"),
        "duplicate-id": (True, "which of them runs is chance", "give all but the first a new id"),
        "missing-parent": (True, "the tool refuses to run anything", "bring the revision back, or lead around it"),
        "cycle": (True, "none of them can be applied first", "lead one of them to an earlier revision"),
        "orphan": (True, "no base leads to it: it will never run", "mend the break below it"),
        "several-heads": (True, "nobody has run both one after the other", "merge them, or lead one to the other"),
        "several-bases": (
            False,
            "usually a revision that lost its down revision",
            "lead it to its parent, or label",
        ),
        "head-behind": (True, "the candidate is older than what production runs", "release from a newer branch"),
        "unknown-production": (True, "production runs what the candidate does not have", "merge production's branch"),
        "not-ancestor": (
            True,
            "no upgrade leads there from production",
            "merge production's branch and the heads",
        ),
        "below-production": (True, "it is taken for applied and never runs there", "lead it to the head"),
    },
    chain.DECLARED: {
        "undeclared": (True, "a rollback would leave the old code on the new schema", "write the way back, or declare"),
        "no-reason": (True, "nobody can judge a loss without its reason", "say the reason"),
        "no-backup": (True, "a release that fails could not be undone", "say what takes the place of the way back"),
    },
    backups.GATE: {
        "not-taken": (True, "the release waits for it", "mend what the error names"),
        "too-old": (True, "all that was written since is lost with it", "mend the job that takes it"),
        "not-restorable": (True, "it is no backup", "take it again, and keep the old one until the new one is proven"),
        "empty": (True, "a job that backs up nothing ends well every night", _SAYS),
        "schema-differs": (True, "what is not in it does not come back", "back up the whole database, the right one"),
        "rows-differ": (True, "rows are missing, or others", "look at the backup's output and options"),
        "sequences-behind": (True, "the first INSERT after a restore fails", "back up the sequences' values too"),
    },
    waivers.GATE: {
        "bad-waiver": (
            True,
            "an excuse without name or end is a rule switched off",
            "write it in full",
        ),
        "expired-waiver": (True, "what it excused blocks again", "mend the fault, or agree on a new day"),
        "unused-waiver": (False, "it will silently excuse the next fault", "remove it, or mend its code or place"),
    },
}
"""Findings whose texts stand where they are made, in short; a test holds the codes equal."""

MODULES = (chain, backups, waivers)


def codes_of_modules() -> set[str]:
    """Return the codes that the modules without a table use."""
    found: set[str] = set()
    for module in MODULES:
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        found |= set(re.findall(r'(?:_finding\(|_without\()\s*(?:waiver,|revision,)?\s*"([a-z-]+)"', source))
    return found


def tables() -> dict[str, dict[str, Row]]:
    """Return gate -> code -> what is said about it."""
    found: dict[str, dict[str, Row]] = {gate: dict(WITHOUT_TABLE.get(gate, {})) for gate in PROVEN}
    for gate, faults in FAULTS.items():
        found[gate] |= {code: (one.blocks, one.why, one.do) for code, one in faults.items()}
    found[integrity.GATE] |= {code: (one.blocks, one.why, one.do) for code, one in integrity.TEXTS.items()}
    static = {code: (one.blocks, one.why, one.do) for code, one in static_rules.RULES.items()}
    squawk = {f"squawk/{code}": (one.blocks, one.why, one.do) for code, one in squawk_rules.RULES.items()}
    found[waivers.GATE] = static | found[waivers.GATE] | squawk
    return found


def findings() -> str:
    """Return the page."""
    lines = [
        "# Findings of the migration gates",
        "",
        "Made by `scripts/generate-docs` from the code. A finding that blocks fails its gate; a warning is shown. Some",
        "rules have a mild case that only warns: the finding itself says what it does.",
        "[How to prove migrations](../how-to/migrations.md).",
    ]
    for gate, faults in tables().items():
        lines += ["", f"## {gate}", "", f"Proves: {PROVEN[gate]}."]
        lines += ["", "| finding | | why it matters | what to do |", "|---|---|---|---|"]
        lines += [_row(code, row) for code, row in faults.items()]
    return "\n".join(lines) + "\n"


def _row(code: str, row: Row) -> str:
    blocks, why, do = row
    cells = (f"`{code}`", "blocks" if blocks else "warns", _cell(why), _cell(do))
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").removesuffix(".")


def without_texts() -> Iterator[str]:
    """Yield the codes that say nothing."""
    yield from (code for faults in tables().values() for code, (_, why, do) in faults.items() if not (why and do))
