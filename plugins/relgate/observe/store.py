"""Reads recordings: raw files in, evidence out. Nothing unreadable is ever half used.

A recording without its manifest was killed or is still running: only ``live=True`` peeks into it. Each file is checked
against its SHA-256 and the manifest against its seal; whatever does not fit is a SourceError. What makes samples
untrustworthy as a whole - interrupted, too few, a recorder that could not keep up - stands in ``Evidence.problems``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from relgate.codec import canonical, sha256
from relgate.errors import SourceError
from relgate.observe.format import MANIFEST, SCHEMA
from relgate.observe.labels import by_label
from relgate.observe.logs import counted, log_lines, statements
from relgate.observe.records import by_due_time, decode, whole
from relgate.observe.writer import PART
from relgate.values import Answer, Answers, Evidence, IdFact, Ids, Lines, Requests, Samples, Series, Statements

# Fields of a signal by the file that holds them; the first of a kind is its default.
_ROLES = {
    "probe": {"latency": "requests", "errors": "requests", "throughput": "requests", "ids": "ids", "logged": "ids"},
    "load": dict.fromkeys(("latency", "errors", "throughput", "capacity"), "requests"),
    "poll": {"status": "answers", "version": "answers", "latency": "answers"},
    "alerts": {"count": "series"},
    "log": {"patterns": "lines", "rate": "lines"},
    "statements": {"mean": "costs"},
    **{kind: dict.fromkeys(("value", "growth", "trend", "rate"), "series") for kind in ("scrape", "promql", "json")},
}

NOT_FINISHED = "the recording is not finished"
"""Begins the problem that all evidence of a live recording has; a look at what there is so far leaves it aside."""

LAG_LIMIT_S = 0.005
_DROPPED_SHARE = 0.01
_COMPLETE_SHARE = 0.99
_CLOCK_STEP_S = 1.0


def open_recording(folder: str | Path, *, live: bool = False) -> Recording:
    """Open the recording in a folder, or in its ``evidence`` folder.

    Args:
        folder: where ``observation.json`` lies.
        live: also accept a recording that is not finished; its evidence then always carries a problem.

    Raises:
        SourceError: there is none, it is not finished, or its manifest is damaged.

    """
    place = Path(folder)
    if not (place / MANIFEST).exists() and not (place / PART).exists():
        place /= "evidence"
    if (place / MANIFEST).exists():
        return Recording(place, _manifest(place / MANIFEST, sealed=True), finished=True)
    if not (place / PART).exists():
        raise SourceError(f"{folder}: no recording ({MANIFEST}) here. Did the recorder start?")
    if live:
        return Recording(place, _manifest(place / PART, sealed=False), finished=False)
    raise SourceError(
        f"{folder}: the recording is not finished: the recorder still runs, was killed, or the disk is full"
    )


def _manifest(path: Path, *, sealed: bool) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
        if not isinstance(document, dict):
            raise TypeError(f"expected an object, got {type(document).__name__}")
        seal = document.pop("seal", None)
        if sealed and seal != sha256(canonical(document)):
            raise ValueError("its seal does not fit: somebody changed it")
        if document["schema"] != SCHEMA:
            raise ValueError(f"expected schema {SCHEMA}, got {document['schema']!r}")
        int(document["started"]["wall_ns"]), int(document["started"]["monotonic_ns"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise SourceError(f"{path}: not a manifest of a recording: {error}") from error
    return document


@dataclass(frozen=True, slots=True)
class Recording:
    """An opened recording. ``manifest`` is the parsed ``observation.json`` without its seal."""

    folder: Path
    manifest: dict[str, Any] = field(repr=False)
    finished: bool

    @property
    def run_id(self) -> str:
        """Return the run that it belongs to."""
        return str(self.manifest["run_id"])

    @property
    def ended(self) -> str:
        """Return how it ended: ``complete``, ``stopped``, ``interrupted``; ``running`` or ``abandoned`` when not."""
        return str(self.manifest["ended"])

    @property
    def started_s(self) -> float:
        """Return the Unix time at which the bake began."""
        return int(self.manifest["started"]["wall_ns"]) / 1e9

    @property
    def signals(self) -> tuple[str, ...]:
        """Return the names of all recorded signals."""
        return tuple(stream["name"] for stream in self.manifest["streams"])

    def evidence(self, signal: str, field: str) -> Evidence:
        """Return the samples of one part of a signal, both sides.

        Raises:
            SourceError: there is no such signal or part, or its files are missing, cut or changed.

        """
        try:
            return self._evidence(signal, field)
        except (OSError, ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
            raise SourceError(f"{self.folder}: the recording of {signal} is damaged: {error!r}") from error

    def _evidence(self, signal: str, field: str) -> Evidence:
        stream = next((s for s in self.manifest["streams"] if s["name"] == signal), None)
        if stream is None:
            known = ", ".join(self.signals) or "none"
            raise SourceError(f"{self.folder}: signal {signal} was not recorded. Recorded: {known}")
        role = _ROLES.get(stream["kind"], {}).get(field)
        if role is None:
            raise SourceError(f"signal {signal} of kind {stream['kind']} has no part {field}")
        problems, files, sides = self._general_problems(), list[str](), dict[str, Samples]()
        for side in stream["sides"]:
            sides[side], names = self._samples(stream, side, role, field)
            files += names
            problems += self._unread(stream, side, role)
            if stream["kind"] != "load":
                problems += _problems(stream, side, field, sides[side], self._expected(stream))
        # The part that was observed, whether the bake was complete or not.
        seconds = float(self.manifest.get("observed_s", 0.0))
        return Evidence(
            signal=signal,
            field=field,
            candidate=sides["candidate"],
            baseline=sides.get("baseline"),
            started_s=self.started_s,
            finished_s=self.started_s + seconds,
            problems=tuple(problems),
            files=tuple(files),
            doubts=tuple(self._doubts(stream, sides)) if stream["kind"] == "load" else (),
        )

    def _doubts(self, stream: dict[str, Any], sides: dict[str, Samples]) -> list[str]:
        """Return why a load was not what it should have been."""
        found: list[str] = []
        for side, samples in sides.items():
            # Without these facts the recording is not finished, which is a problem of its own.
            facts = self.manifest.get("load", {}).get(stream["name"], {}).get(side, {})
            found += [str(doubt) for doubt in facts.get("doubts", ())]
            if isinstance(samples, Requests):
                found += _late(f"{stream['name']} ({side})", samples)
        return found

    def _general_problems(self) -> list[str]:
        if not self.finished:
            return [f"{NOT_FINISHED} ({self.ended})"]
        found = []
        if self.ended not in ("complete", "stopped"):
            found.append(f"the recording was {self.ended}: {self.manifest['reason']}")
        step_s = float(self.manifest["clock_step_s"])
        if not abs(step_s) <= _CLOCK_STEP_S:
            found.append(f"the clock was set or the machine slept during the bake: {step_s:+.1f} s")
        return found

    def _expected(self, stream: dict[str, Any]) -> float:
        """Return how many samples of a side a full bake or what was observed of it has; 0 where nobody can say."""
        if not self.finished:
            return 0.0
        seconds = float(self.manifest["observed_s"])
        return seconds * float(stream["rate_per_s"] if "rate_per_s" in stream else 1.0 / stream["every_s"])

    def _unread(self, stream: dict[str, Any], side: str, role: str) -> list[str]:
        """Return why a log or a database was not read to its end: what is missing there could be anything."""
        if role not in ("lines", "costs"):
            return []
        lines = _lines(self._read(stream["name"], side, role)[0], finished=self.finished)
        faults = [f"{self._seconds(line):.0f} s: {line['fault']}" for line in lines if line.get("fault") is not None]
        if not faults and role == "lines" and self.finished and not sum(line["lines"] for line in lines):
            faults.append("not one line came during the bake: is this the log of that side?")
        return [f"{stream['name']} ({side}): {faults[0]}"] if faults else []

    def _samples(self, stream: dict[str, Any], side: str, role: str, field: str) -> tuple[Samples, list[str]]:
        data, name = self._read(stream["name"], side, role)
        if role == "requests":
            return self._requests(data, stream, side), [name]
        lines = _lines(data, finished=self.finished)
        if role == "answers":
            return self._answers(lines, float(stream["every_s"])), [name]
        if role == "lines":
            looks = log_lines(lines, self._seconds, float(stream["every_s"]))
            return (looks if field == "patterns" else counted(looks)), [name]
        if role == "costs":
            return statements(lines, self._seconds), [name]
        if role == "series":
            return self._series(lines, stream.get("instance_label")), [name]
        looked_up, names = {}, [name]
        if self._has(stream["name"], side, "logged"):
            more, second = self._read(stream["name"], side, "logged")
            looked_up = {line["sent"]: line["logged"] for line in _lines(more, finished=self.finished)}
            names.append(second)
        return _ids(lines, looked_up, tuple(stream["paths"])), names

    def _has(self, stream: str, side: str, role: str) -> bool:
        return any((f["stream"], f["side"], f["role"]) == (stream, side, role) for f in self.manifest["files"])

    def _read(self, stream: str, side: str, role: str) -> tuple[bytes, str]:
        for entry in self.manifest["files"]:
            if (entry["stream"], entry["side"], entry["role"]) == (stream, side, role):
                name = str(entry["file"])
                data = (self.folder / Path(name).name).read_bytes()
                if self.finished and hashlib.sha256(data).hexdigest() != name:
                    raise SourceError(f"{self.folder / name}: its content is not what was recorded (SHA-256 differs)")
                return data, name if self.finished else ""
        raise SourceError(f"{self.folder}: nothing was recorded of {stream} ({role}) on the {side}")

    def _requests(self, data: bytes, stream: dict[str, Any], side: str) -> Requests:
        if self.finished and whole(data) != len(data):
            raise SourceError(f"{self.folder}: a request file ends within a record")
        return decode(by_due_time(data[: whole(data)]), self.manifest, stream, side)

    @property
    def _start_ns(self) -> int:
        return int(self.manifest["started"]["monotonic_ns"])

    def _seconds(self, line: dict[str, Any]) -> float:
        return (int(line["t_ns"]) - self._start_ns) / 1e9

    def _answers(self, lines: list[dict[str, Any]], every_s: float) -> Answers:
        answers = tuple(
            Answer(
                t_s=self._seconds(line),
                wall_s=int(line["wall_ns"]) / 1e9,
                took_s=int(line["took_ns"]) / 1e9,
                code=line.get("code"),
                body=line.get("body") or "",
                headers=tuple((line.get("headers") or {}).items()),
                error=line.get("error"),
                asked=line.get("asked") is not False,
            )
            for line in lines
        )
        return Answers(tuple(sorted(answers, key=lambda answer: answer.t_s)), every_s)

    def _series(self, lines: list[dict[str, Any]], label: str | None) -> Series:
        lines = sorted(lines, key=self._seconds)
        if label is not None:
            return by_label(lines, [self._seconds(line) for line in lines])
        values = [line.get("value") for line in lines]
        faults = [f"{self._seconds(line):.0f} s: {line['fault']}" for line in lines if line.get("fault") is not None]
        return Series(
            t_s=np.array([self._seconds(line) for line in lines], dtype=np.float64),
            value=np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64),
            faults=tuple(faults),
        )


def _lines(data: bytes, *, finished: bool) -> list[dict[str, Any]]:
    whole, newline, rest = data.rpartition(b"\n")
    if finished and rest:
        raise SourceError("a file of the recording ends within a line")
    lines = [json.loads(line) for line in whole.split(b"\n")] if newline else []
    if not all(isinstance(line, dict) for line in lines):
        raise SourceError("a line of the recording is not an object")
    return lines


def _ids(lines: list[dict[str, Any]], looked_up: dict[str, bool | None], paths: tuple[str, ...]) -> Ids:
    return Ids(
        tuple(
            IdFact(
                sent=line["sent"],
                got=line["got"],
                status=int(line["status"]),
                path=paths[line["path"]],
                logged=looked_up.get(line["sent"]) if line["sent"] is not None else None,
            )
            for line in sorted(lines, key=lambda line: int(line["t_ns"]))
        )
    )


def _problems(stream: dict[str, Any], side: str, field: str, samples: Samples, expected: float) -> list[str]:
    """Return why the samples of one side cannot be believed as a whole."""
    found = []
    name = f"{stream['name']} ({side})"
    count = _count(samples)
    if count == 0:
        found.append(f"{name}: nothing was recorded")
    # Ids come from answers only: a service that does not answer has none, and that is no fault of the recording.
    elif not isinstance(samples, Ids) and count < _COMPLETE_SHARE * expected - 1:
        found.append(f"{name}: cut short: {count} samples, expected {expected:.0f}")
    if isinstance(samples, Requests) and count:
        share = 1.0 - float(samples.usable.mean())
        if share > _DROPPED_SHARE:
            found.append(f"{name}: the recorder was the bottleneck in {share:.1%} of the requests (limit 1 %)")
        lag_s = float(np.quantile(samples.lag_s, 0.95))
        if lag_s > LAG_LIMIT_S:
            found.append(f"{name}: the recorder lagged, P95 {lag_s * 1e3:.1f} ms (limit {LAG_LIMIT_S * 1e3:g} ms)")
    if field == "logged" and side not in stream.get("logs", ()):
        found.append(f"{name}: no log to look ids up: give `log` of the {side} in the environment")
    return found


def _late(name: str, samples: Requests) -> list[str]:
    """Say that a load's generator could not keep to its schedule."""
    if not len(samples.usable):
        return [f"{name}: not one request was made"]
    share = 1.0 - float(samples.usable.mean())
    if share > _DROPPED_SHARE:
        return [f"{name}: the generator was too slow: it sent {share:.1%} of the requests late (limit 1 %)"]
    return []


def _count(samples: Samples) -> int:
    if isinstance(samples, Requests):
        return len(samples.intended_s)
    if isinstance(samples, Series):
        return len(samples.t_s) // max(1, len(samples.instances))
    if isinstance(samples, Lines):
        return len(samples.looks)
    if isinstance(samples, Statements):
        return len(samples.at_s)
    return len(samples.answers) if isinstance(samples, Answers) else len(samples.facts)
