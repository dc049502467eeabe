"""What a decision was made from beside the evidence: the frozen run, what pytest reported, how it ended.

Stored as ``inputs.json`` after the decision, redacted, so that a run can be judged again. It is no evidence of its own:
a replay under the run's own policy must give the recorded decision again, and that is checked each time.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from relgate.codec import decode_result, encode_result
from relgate.decide import Ending, TestOutcome
from relgate.errors import SourceError
from relgate.report.redact import Redactor
from relgate.settings import Run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "inputs.json"
_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Inputs:
    """What ``decide`` and its followers were given.

    ``collected``: test node id -> gate id. ``notes``: sentences for the record. ``irreversible``, ``unsafe``: what of
    the release cannot be taken back, and what makes going back unsafe. ``held_s``: seconds since the first hold of
    the row that this run continues. ``finished_s``: Unix time.
    """

    outcomes: tuple[TestOutcome, ...]
    collected: Mapping[str, str]
    ending: Ending
    notes: tuple[str, ...]
    irreversible: tuple[str, ...]
    unsafe: tuple[str, ...]
    held_s: float
    finished_s: float


@dataclass(frozen=True)
class StoredRun(Run):
    """A run that is over. What it stored is redacted already, and its secrets may be gone from this machine."""

    @cached_property
    def redactor(self) -> Redactor:
        """What takes the policy's own patterns out of texts."""
        return Redactor((), self.policy.redact)


def encode(run: Run, inputs: Inputs) -> str:
    """Return the text of the file."""
    plain = {
        "run": json.loads(run.to_json()),
        "outcomes": [_plain(one) for one in inputs.outcomes],
        "collected": dict(inputs.collected),
        "ending": asdict(inputs.ending),
        "notes": inputs.notes,
        "irreversible": inputs.irreversible,
        "unsafe": inputs.unsafe,
        "held_s": inputs.held_s,
        "finished_s": inputs.finished_s,
    }
    return json.dumps({"schema": _SCHEMA, **run.redactor.json(plain)}, indent=1, allow_nan=False) + "\n"


def read(folder: Path) -> tuple[StoredRun, Inputs]:
    """Return a run and what its decision was made from.

    Raises:
        SourceError: the file is not there, or damaged, or of another version.

    """
    path = folder / NAME
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        if plain["schema"] != _SCHEMA:
            raise SourceError(f"{path}: expected schema {_SCHEMA}; it was written by another version of relgate")
        run = StoredRun.from_json(json.dumps(plain["run"] | {"folder": str(folder)}))
        outcomes = tuple(_outcome(one) for one in plain["outcomes"])
        return run, Inputs(
            outcomes=outcomes,
            collected=plain["collected"],
            ending=Ending(**plain["ending"]),
            notes=tuple(plain["notes"]),
            irreversible=tuple(plain["irreversible"]),
            unsafe=tuple(plain["unsafe"]),
            held_s=float(plain["held_s"]),
            finished_s=float(plain["finished_s"]),
        )
    except FileNotFoundError as error:
        raise SourceError(f"{path} is not there: only a run that decided can be judged again") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{path}: cannot be read ({type(error).__name__}: {error})") from error


def _plain(one: TestOutcome) -> dict[str, Any]:
    # An object and not the text that rides on reports: a secret would hide in a text that is escaped twice.
    encoded = None if one.result is None else json.loads(encode_result(one.result))
    return {"nodeid": one.nodeid, "gate": one.gate, "result": encoded, "broken": one.broken, "skipped": one.skipped}


def _outcome(plain: Mapping[str, Any]) -> TestOutcome:
    encoded = plain["result"]
    result = None if encoded is None else decode_result(json.dumps(encoded))
    return TestOutcome(str(plain["nodeid"]), plain["gate"], result, plain["broken"], plain["skipped"])
