"""What was asked before a rollout as a file: the controller writes it once, gates read it on every worker.

Unfinished, of another run, or damaged is an error.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from relgate.codec import decode_findings
from relgate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from relgate.values import Findings

NAME = "preflight.json"
_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """What one gate asked, and what came of it.

    ``question``: for people. ``files``: SHA-256 of what was answered. ``paths``: where it lies, in the evidence.
    """

    findings: Findings
    question: str = ""
    files: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    took_s: float = 0.0


def encode(run_id: str, asked: Mapping[str, Asked]) -> str:
    """Return the text of the file."""
    gates = {gate: asdict(one) for gate, one in asked.items()}
    return json.dumps({"schema": _SCHEMA, "run_id": run_id, "gates": gates}, indent=1, allow_nan=False)


def read(folder: Path, run_id: str) -> dict[str, Asked]:
    """Read what was asked in a run, by gate id.

    Raises:
        SourceError: there is nothing, it is not this run's, or it is damaged.

    """
    path = folder / NAME
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        if plain["schema"] != _SCHEMA:
            raise SourceError(f"{path}: expected schema {_SCHEMA}; it was written by another version of relgate")
        owner = plain["run_id"]
        asked = {gate: _asked(one) for gate, one in plain["gates"].items()}
    except FileNotFoundError as error:
        raise SourceError(f"{path} is not there: nothing was asked before the rollout") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{path}: cannot be read ({type(error).__name__}: {error})") from error
    if owner != run_id:
        raise SourceError(f"{path}: the answers are those of run {owner}, not of {run_id}")
    return asked


def _asked(plain: dict[str, Any]) -> Asked:
    found = decode_findings(plain.pop("findings"))
    for name in ("files", "paths"):
        plain[name] = tuple(plain[name])
    return Asked(findings=found, **plain)
