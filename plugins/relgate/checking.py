"""What a policy asks before a rollout, on the controller: ask, judge, keep the answers, before any gate runs.

Gates read what was found from ``evidence/preflight.json``. What cannot be asked is a problem of its gate and of no
other.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from relgate.codec import sha256
from relgate.errors import RelgateError, SourceError
from relgate.preflight import store
from relgate.report import preflight as page
from relgate.values import Findings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from relgate.child import Screen
    from relgate.questions import Answer
    from relgate.settings import Run

_FOLDER = "preflight"
PAGE = "preflight.md"


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
        # Here, since most sessions ask nothing and what asks imports much.
        from relgate import questions

        asks = questions.of(self._policy, self._run)
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
        said = ""
        try:
            answer = ask()
            findings, said = answer.findings, answer.text
        except RelgateError as error:
            findings = Findings(gate, "answer", 0, 1, problems=(str(error),))
        except Exception as error:  # noqa: BLE001 - one question that breaks is one gate that holds, whatever broke
            findings = Findings(gate, "answer", 0, 1, problems=(f"{type(error).__name__}: {error}",))
        files: tuple[str, ...] = ()
        paths: tuple[str, ...] = ()
        if said:
            data = clean.text(said).encode("utf-8", "backslashreplace")
            path = Path(_FOLDER) / f"{gate}.txt"
            _write(self._run.path / "evidence" / path, data.decode())
            files, paths = (sha256(data),), (path.as_posix(),)
        found = _clean(findings, clean.text)
        return store.Asked(found, clean.text(question), files, paths, round(time.monotonic() - since, 3))

    def _say(self, text: str) -> None:
        if self._screen is not None:
            self._screen.write_line(f"relgate: {self._run.redactor.text(text)}")


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
