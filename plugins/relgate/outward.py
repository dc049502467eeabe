"""Tells other programs what was decided: files beside the decision, GitHub's summary and outputs, a Pushgateway.

Runs after the decision is recorded, and never changes it: whatever fails here is one line on the terminal. Files in the
run's folder are always written. GitHub's files are where the runner says (``GITHUB_STEP_SUMMARY``, ``GITHUB_OUTPUT``);
nothing is sent over the network unless ``RELGATE_PUSHGATEWAY`` names an address. ``RELGATE_GITHUB=off`` leaves GitHub
alone.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate import ledgers
from relgate.report import machines
from relgate.run import SUMMARY, write_durably

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from relgate.audit.record import Head
    from relgate.run import Conclusion
    from relgate.settings import Run

PUSHGATEWAY = "RELGATE_PUSHGATEWAY"
_LARGEST_SUMMARY = 1024 * 1024 - 1


def tell(run: Run, conclusion: Conclusion, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Write and send everything that this environment asks for; what could not be, one line each."""
    content, head = conclusion.content, conclusion.head
    if content is None or head is None:
        return []
    faults = []
    for name, do in _steps(run, content, head, conclusion.exit_code, environment):
        try:
            do()
        except Exception as error:  # noqa: BLE001 - nothing that is told may take a recorded decision with it
            faults.append(f"{name}: {run.redactor.text(str(error) or type(error).__name__)}")
    return faults


def _steps(
    run: Run, content: Mapping[str, Any], head: Head, code: int, environment: Mapping[str, str]
) -> Iterator[tuple[str, Callable[[], object]]]:
    record = (head.sequence, head.sha256)
    texts: dict[str, Callable[[], str]] = {
        "ctrf.json": lambda: machines.ctrf(content),
        "cdevent.json": lambda: machines.cdevent(content, head.sha256),
        "relgate.env": lambda: machines.dotenv(content, code, record),
        "metrics.txt": lambda: _openmetrics(run, content),
    }
    for name, make in texts.items():
        yield name, lambda name=name, make=make: write_durably(run.path / name, make().encode())  # type: ignore[misc]
    if environment.get("RELGATE_GITHUB", "").lower() != "off":
        summary, output = environment.get("GITHUB_STEP_SUMMARY"), environment.get("GITHUB_OUTPUT")
        if summary:
            yield "GITHUB_STEP_SUMMARY", lambda: _append_summary(Path(summary), run.path / SUMMARY)
        if output:
            token = secrets.token_hex(16)
            yield "GITHUB_OUTPUT", lambda: _append(Path(output), machines.outputs(content, code, record, token))
    address = environment.get(PUSHGATEWAY)
    if address:
        yield PUSHGATEWAY, lambda: _push(run, content, address)


def _openmetrics(run: Run, content: Mapping[str, Any]) -> str:
    from relgate.adapters.openmetrics import render

    return render(content, _decisions(run))


def _push(run: Run, content: Mapping[str, Any], address: str) -> None:
    from relgate.adapters.openmetrics import push

    push(content, _decisions(run), address)


def _decisions(run: Run) -> list[dict[str, Any]]:
    records = ledgers.of(run).read().records
    return [record.body for record in records if record.kind == "gate-decision"]


def _append_summary(path: Path, summary: Path) -> None:
    """Append decision.md; a step's summary that grows beyond 1 MiB would be dropped whole, so then it is left out."""
    text = summary.read_text(encoding="utf-8")
    there = path.stat().st_size if path.exists() else 0
    if there + len(text.encode()) > _LARGEST_SUMMARY:
        raise OSError(f"the step's summary has {there} bytes already; the decision is in {summary}")
    _append(path, text)


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


class Commands:
    """GitHub's workflow commands: none of anybody's text while gates run, only our own annotations at the end.

    A runner takes every line that begins with ``::`` as a command, also one that a service put into its answer and
    pytest prints. Between ``stop`` and ``resume`` it takes none but the one that names the token.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        active = environment.get("GITHUB_ACTIONS") == "true" and environment.get("RELGATE_GITHUB", "").lower() != "off"
        self._token = secrets.token_hex(24) if active else None

    def stop(self) -> str | None:
        """Return the line that switches commands off; None outside of GitHub."""
        return None if self._token is None else f"::stop-commands::{self._token}"

    def resume(self, conclusion: Conclusion | None) -> list[str]:
        """Return the line that switches commands on again, and the decision as annotations."""
        if self._token is None:
            return []
        content = conclusion.content if conclusion is not None else None
        return [f"::{self._token}::", *(machines.workflow_commands(content) if content is not None else ())]
