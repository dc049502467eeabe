"""A proof as a file: what the prover wrote is what gates read. Unfinished, of another run, or damaged is an error."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from relgate.codec import decode_findings
from relgate.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from relgate.values import Findings

NAME = "migrations.json"
_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Proof:
    """All that proving found in one run.

    ``gates``: gate id -> findings. ``server``, ``tool``: for people. ``scope``: which revisions were proven, as a
    sentence. ``revisions``: one entry a revision, in order: id, message, path, parents, whether it is new, times,
    locks. ``irreversible``: why the release's revisions cannot be taken back once they are applied. ``unsafe``: those
    of them that are applied already, or may be.
    """

    run_id: str
    gates: dict[str, Findings]
    server: str = ""
    tool: str = ""
    scope: str = ""
    revisions: tuple[dict[str, Any], ...] = ()
    irreversible: tuple[str, ...] = ()
    unsafe: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    took_s: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)


def encode(proof: Proof) -> str:
    """Return the text of the file."""
    return json.dumps({"schema": _SCHEMA, **asdict(proof)}, indent=1, allow_nan=False, default=str)


def read(folder: Path, run_id: str) -> Proof:
    """Read the proof of a run.

    Raises:
        SourceError: there is none, it is not this run's, or it is damaged.

    """
    path = folder / NAME
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        if plain.pop("schema") != _SCHEMA:
            raise SourceError(f"{path}: expected schema {_SCHEMA}; it was written by another version of relgate")
        gates = {name: decode_findings(one) for name, one in plain.pop("gates").items()}
        for name in ("revisions", "irreversible", "unsafe", "files"):
            plain[name] = tuple(plain[name])
        proof = Proof(gates=gates, **plain)
    except FileNotFoundError as error:
        raise SourceError(f"{path} is not there: the migrations were not proven") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{path}: cannot be read ({type(error).__name__}: {error})") from error
    if proof.run_id != run_id:
        raise SourceError(f"{path}: the proof is that of run {proof.run_id}, not of {run_id}")
    return proof
