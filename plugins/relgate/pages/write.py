"""Gathers what report.html shows: pictures from the recording, findings from proofs, and the files of the run.

Never changes a decision. What cannot be read is said on the page in place of its picture.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.errors import SourceError
from relgate.observe.store import open_recording
from relgate.pages.curves import Shown, pictures
from relgate.pages.found import findings
from relgate.report import page
from relgate.report.pagegates import View, ordered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from relgate.observe.store import Recording
    from relgate.settings import Run
    from relgate.values import Evidence

MOST_DRAWN = 120
"""Gates with pictures, the worst first: reading and drawing takes time, and a page is looked at by people."""

LARGEST_DRAWN = 200_000_000
"""Bytes of a signal's files beyond which it is not drawn: they are held in memory, after the decision."""

_OF_REQUESTS = frozenset({"latency", "errors", "throughput"})
"""Parts of a signal that are the same samples."""

_MOST_FILES = 40
_FILES = (
    ("decision.json", "the whole decision, for machines"),
    ("decision.md", "the summary"),
    ("evidence/migrations.md", "each migration and what was found"),
    ("evidence/migrations/chain.svg", "the chain of migrations"),
    ("evidence/migrations/locks.svg", "the locks of the migrations"),
    ("evidence/api.md", "what exploring the API found"),
    ("evidence/observation.json", "what was recorded"),
)


def report(run: Run, content: Mapping[str, Any], sequence: int, sha256: str) -> str:
    """Return the page of a run."""
    gates = ordered(content["gates"])
    views = dict(_views(run, gates))
    files = [(path, words) for path, words in _FILES if (run.path / path).is_file()]
    return page.render(content, sequence, sha256, views, files)


def _views(run: Run, gates: list[Mapping[str, Any]]) -> Iterator[tuple[str, View]]:
    drawer = _Drawer(run)
    found = findings(run.path / "evidence", run.id)
    for place, row in enumerate(gates):
        rule = run.gates.get(row["id"])
        links = tuple(_files_of(run.path, row["id"]))
        if rule is None:
            yield row["id"], View(links=links)
        elif rule.kind == "findings":
            yield row["id"], View(findings=found.get(row["id"], ()), links=links)
        elif rule.signal is not None and place < MOST_DRAWN:
            yield row["id"], drawer.view(row, links)


def _files_of(folder: Path, gate: str) -> Iterator[tuple[str, str]]:
    """Return what a smoke path left: screenshots, traces, the console."""
    place = folder / "evidence" / "smoke" / gate
    if "/" in gate or gate.startswith(".") or not place.is_dir():
        return
    for path in sorted(place.rglob("*"))[:_MOST_FILES]:
        if path.is_file():
            yield path.relative_to(folder).as_posix(), "screenshot" if path.suffix == ".png" else path.name


class _Drawer:
    """Draws gates; each part of a signal is read once."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._recording: Recording | None = None
        self._read: dict[tuple[str, str], Evidence] = {}

    def view(self, row: Mapping[str, Any], links: tuple[tuple[str, str], ...]) -> View:
        """Return the pictures of a gate on a signal; why there are none where it cannot be drawn."""
        run, rule = self._run, self._run.gates[row["id"]]
        if rule.signal is None or rule.field is None:
            return View(links=links)
        try:
            evidence = self._evidence(rule.signal, rule.field)
            shown = Shown(rule, run.policy.signals[rule.signal], run.stage, evidence, row, run)
            plots = pictures(shown)
            # Ids have no time; whatever else has no picture had no samples.
            note = "" if plots or rule.kind == "ids" else "there is no picture: nothing was recorded"
            return View(plots=plots, links=links, note=note)
        except (SourceError, OSError, ValueError, TypeError, ArithmeticError, LookupError) as error:
            return View(links=links, note=f"there is no picture: {run.redactor.text(str(error))}")

    def _evidence(self, signal: str, field: str) -> Evidence:
        if self._recording is None:
            self._recording = open_recording(self._run.path)
        files = [one["file"] for one in self._recording.manifest["files"] if one["stream"] == signal]
        size = sum((self._recording.folder / Path(str(name)).name).stat().st_size for name in files)
        if size > LARGEST_DRAWN:
            raise SourceError(
                f"{size / 1e6:.0f} MB were recorded of {signal}, more than a page draws; see the evidence"
            )
        part = "requests" if field in _OF_REQUESTS else field
        if (signal, part) not in self._read:
            self._read[signal, part] = self._recording.evidence(signal, field)
        return self._read[signal, part]
