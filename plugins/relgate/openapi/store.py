"""An exploration as a file: what the explorer wrote is what gates read. Unfinished or of another run is an error."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from relgate.codec import decode_findings
from relgate.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from relgate.values import Findings

NAME = "api.json"
_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Exploration:
    """All that exploring found in one run.

    ``gates``: gate id -> findings. ``operations``: one entry an operation, in the document's order: label, requests by
    status, median times of both sides in seconds, whether it was examined. ``requests``: sent to the candidate, and to
    the baseline. ``left``: what was made and could not be removed, each with the command that would.
    """

    run_id: str
    gates: dict[str, Findings]
    document: str
    title: str
    seed: int
    candidate: str
    baseline: str | None
    operations: tuple[dict[str, Any], ...] = ()
    requests: dict[str, int] = field(default_factory=dict)
    made: int = 0
    removed: int = 0
    left: tuple[dict[str, str], ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    ended: str = ""
    took_s: float = 0.0


def encode(one: Exploration) -> str:
    """Return the text of the file."""
    return json.dumps({"schema": _SCHEMA, **asdict(one)}, indent=1, allow_nan=False, default=str)


def read(folder: Path, run_id: str) -> Exploration:
    """Read the exploration of a run.

    Raises:
        SourceError: there is none, it is not this run's, or it is damaged.

    """
    path = folder / NAME
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        if plain.pop("schema") != _SCHEMA:
            raise SourceError(f"{path}: expected schema {_SCHEMA}; it was written by another version of relgate")
        gates = {name: decode_findings(one) for name, one in plain.pop("gates").items()}
        for name in ("operations", "left"):
            plain[name] = tuple(plain[name])
        found = Exploration(gates=gates, **plain)
    except FileNotFoundError as error:
        raise SourceError(f"{path} is not there: the API was not explored") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{path}: cannot be read ({type(error).__name__}: {error})") from error
    if found.run_id != run_id:
        raise SourceError(f"{path}: the exploration is that of run {found.run_id}, not of {run_id}")
    return found
