"""What a policy asks before a rollout, on the controller: ask, judge, keep the answers, before any gate runs.

Gates read what was found from ``evidence/preflight.json``. What cannot be asked is a problem of its gate and of no
other.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from relgate import ledgers
from relgate.adapters import daysoff, process
from relgate.codec import sha256
from relgate.errors import RelgateError, SourceError
from relgate.policy.preflight import APPROVALS, ATTESTATIONS, FACTS, PREFIX, WINDOW
from relgate.preflight import outputs, people, store, windows
from relgate.report import preflight as page
from relgate.values import Findings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import date

    from relgate.child import Screen
    from relgate.policy.preflight import Check, Preflight
    from relgate.policy.windows import Windows
    from relgate.settings import Run

_FOLDER = "preflight"
PAGE = "preflight.md"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one question. ``text``: what was answered, for the evidence."""

    findings: Findings
    text: str


class Checking:
    """What is asked before the rollout of one run.

    Args:
        run: the frozen run.
        gates: ids of the gates that will judge; only what they need is asked.
        screen: where progress goes, None for nowhere.

    """

    def __init__(self, run: Run, gates: Collection[str], screen: Screen | None) -> None:
        self._run = run
        self._policy = run.policy.preflight
        asked = self._policy.gates if self._policy is not None else {}
        self._wanted = {gate: text for gate, text in asked.items() if gate in gates and gate in run.gates}
        self._screen = screen

    def check(self) -> None:
        """Ask everything, one after the other; nothing to do where no gate wants it.

        Raises:
            SourceError: the findings cannot be written.

        """
        if self._policy is None or not self._wanted:
            return
        asks = _questions(self._policy, self._run)
        done: dict[str, store.Asked] = {}
        for gate, question in self._wanted.items():
            self._say(f"{gate}: {question}")
            done[gate] = self._ask(gate, question, asks[gate])
        folder = self._run.path / "evidence"
        shown = {gate: (one.question, one.findings, one.paths) for gate, one in done.items()}
        _write(folder / PAGE, page.render(shown))
        _write(folder / store.NAME, store.encode(self._run.id, done))

    def _ask(self, gate: str, question: str, ask: Callable[[], Answer]) -> store.Asked:
        since = time.monotonic()
        clean = self._run.redactor
        try:
            answer = ask()
        except RelgateError as error:
            answer = Answer(Findings(gate, "answer", 0, 1, problems=(str(error),)), "")
        except Exception as error:  # noqa: BLE001 - one question that breaks is one gate that holds, whatever broke
            problem = f"{type(error).__name__}: {error}"
            answer = Answer(Findings(gate, "answer", 0, 1, problems=(problem,)), "")
        files: tuple[str, ...] = ()
        paths: tuple[str, ...] = ()
        if answer.text:
            data = clean.text(answer.text).encode("utf-8", "backslashreplace")
            path = Path(_FOLDER) / f"{gate}.txt"
            _write(self._run.path / "evidence" / path, data.decode())
            files, paths = (sha256(data),), (path.as_posix(),)
        found = _clean(answer.findings, clean.text)
        return store.Asked(found, clean.text(question), files, paths, round(time.monotonic() - since, 3))

    def _say(self, text: str) -> None:
        if self._screen is not None:
            self._screen.write_line(f"relgate: {self._run.redactor.text(text)}")


def _questions(policy: Preflight, run: Run) -> dict[str, Callable[[], Answer]]:
    """Return how each gate's question is asked."""
    checks = ((f"{PREFIX}{name}", check) for name, check in policy.checks.items())
    asks: dict[str, Callable[[], Answer]] = {gate: partial(_command, gate, check, run) for gate, check in checks}
    if policy.windows is not None:
        asks[WINDOW] = partial(_window, policy.windows, run)
    release, now_s = run.release, run.started_s
    if policy.facts:
        asks[FACTS] = lambda: Answer(people.facts(FACTS, policy.facts, release), "")
    if policy.approvals is not None:
        wanted = policy.approvals
        asks[APPROVALS] = lambda: Answer(people.approvals(APPROVALS, wanted, release, _said(run), now_s), "")
    if policy.attestations:
        stated = policy.attestations
        asks[ATTESTATIONS] = lambda: Answer(people.statements(ATTESTATIONS, stated, release, _said(run), now_s), "")
    return asks


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


def _window(allowed: Windows, run: Run) -> Answer:
    """Hold the moment at which the run began against the windows and freezes of the policy."""
    off: dict[date, str] = {}
    if allowed.holidays is not None:
        off = daysoff.days_off(allowed.holidays, windows.years_of(run.started_s))
    return Answer(windows.judge(WINDOW, allowed, run.started_s, run.release.get("type"), off), "")


def _command(gate: str, check: Check, run: Run) -> Answer:
    """Run a command in the folder of the policy, and judge what it did."""
    folder = Path(run.policy_name).absolute().parent
    output = process.run(check.run, folder, variables(run), check.timeout_s)
    ending = output.fault or f"ended with {output.code}"
    text = (
        f"$ {check.run}\n[{ending} after {output.took_s:.1f} s]\n--- output\n{output.out}\n--- errors\n{output.err}\n"
    )
    return Answer(outputs.judge(gate, check, output), text)


def variables(run: Run) -> dict[str, str]:
    """Return what a command is told about the run: RELGATE_RUN_ID, _STAGE, _CANDIDATE, a variable for each fact."""
    told = {
        "RELGATE_RUN_ID": run.id,
        "RELGATE_SERVICE": run.policy.service,
        "RELGATE_ENVIRONMENT": run.environment_name,
        "RELGATE_STAGE": run.stage_name,
        "RELGATE_CANDIDATE": run.candidate_url,
        "RELGATE_BASELINE": run.baseline_url or "",
    }
    facts = {f"RELGATE_RELEASE_{re.sub(r'[^A-Z0-9]', '_', key.upper())}": text for key, text in run.release.items()}
    return facts | told


def _clean(found: Findings, clean: Callable[[str], str]) -> Findings:
    """Return findings without secrets."""
    findings = tuple(
        replace(one, code=clean(one.code), what=clean(one.what), do=clean(one.do), path=clean(one.path))
        for one in found.findings
    )
    problems, notes = tuple(map(clean, found.problems)), tuple(map(clean, found.notes))
    return replace(found, what=clean(found.what), findings=findings, problems=problems, notes=notes)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.draft")
        draft.write_text(text, encoding="utf-8", newline="")
        draft.replace(path)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be written ({error})") from error
