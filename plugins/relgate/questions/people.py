"""The time, the facts of the release, and what people said about it in the ledger."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from relgate import ledgers
from relgate.adapters import daysoff
from relgate.errors import SourceError
from relgate.preflight import people, windows
from relgate.questions import github
from relgate.questions.answer import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from relgate.policy.people import Approvals, Statement
    from relgate.policy.windows import Windows
    from relgate.settings import Run


def window(gate: str, allowed: Windows, run: Run) -> Answer:
    """Hold the moment at which the run began against the windows and freezes of the policy."""
    off: dict[date, str] = {}
    if allowed.holidays is not None:
        off = daysoff.days_off(allowed.holidays, windows.years_of(run.started_s))
    return Answer(windows.judge(gate, allowed, run.started_s, run.release.get("type"), off))


def facts(gate: str, wanted: tuple[str, ...], run: Run) -> Answer:
    """Look for facts of the release."""
    return Answer(people.facts(gate, wanted, run.release))


def approvals(gate: str, wanted: Approvals, run: Run) -> Answer:
    """Count who approved the release in the ledger, and on GitHub where the policy says so."""
    said = _said(run) + (github.approvals(wanted.github, run) if wanted.github is not None else [])
    return Answer(people.approvals(gate, wanted, run.release, said, run.started_s))


def attestations(gate: str, wanted: Mapping[str, Statement], run: Run) -> Answer:
    """Look for statements about the release in the ledger."""
    return Answer(people.statements(gate, wanted, run.release, _said(run), run.started_s))


def _said(run: Run) -> list[people.Said]:
    """Return what people stated in the ledger that this run writes to.

    Raises:
        SourceError: the ledger cannot be read, or does not verify: nobody knows who wrote it.

    """
    chain = ledgers.of(run).read()
    if chain.fault is not None:
        raise SourceError(f"statements cannot be believed: {chain.fault}")
    # Of what the policy protects signed records only: anybody can write others.
    signed = ledgers.is_protected(run)
    records = [one for one in chain.records if one.kind in people.KINDS and (one.keys or not signed)]
    said = [people.read_said(one.kind, one.body, datetime.fromisoformat(one.time).timestamp()) for one in records]
    return [one for one in said if one is not None]
