"""A proof as a file: what is written is what is read; anything else is an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from relgate.errors import SourceError
from relgate.migrate.store import NAME, Proof, encode, read
from relgate.values import Finding, Findings

FOUND = Finding("migration-data", "rows-lost", "a: 2 of 5 rows", "why", "do", revision="0001", path="v/1.py", line=3)
PROOF = Proof(
    "run-1",
    {"migration-data": Findings("migration-data", "revisions", 3, 3, (FOUND,), notes=("note",))},
    server="PostgreSQL",
    revisions=({"id": "0001", "up_s": 0.1},),
    irreversible=("0001 cannot be taken back: because",),
)


def write(folder: Path, text: str) -> None:
    """A proof's file."""
    (folder / NAME).write_text(text, encoding="utf-8")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Every field, the findings among them."""
    write(tmp_path, encode(PROOF))

    assert read(tmp_path, "run-1") == PROOF


def test_no_proof_is_an_error(tmp_path: Path) -> None:
    """Never an empty list of findings."""
    with pytest.raises(SourceError, match="not proven"):
        read(tmp_path, "run-1")


def test_the_proof_of_another_run_is_an_error(tmp_path: Path) -> None:
    """It proves nothing about this release."""
    write(tmp_path, encode(PROOF))
    with pytest.raises(SourceError, match="run-1, not of run-2"):
        read(tmp_path, "run-2")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema": 1}', '{"schema": 9, "run_id": "run-1"}', "null"])
def test_a_damaged_proof_is_an_error(tmp_path: Path, text: str) -> None:
    """Cut, empty or of another version: never read as one without findings."""
    write(tmp_path, text)
    with pytest.raises(SourceError):
        read(tmp_path, "run-1")


def test_every_cut_of_a_proof_is_an_error(tmp_path: Path) -> None:
    """A file that was not written to its end."""
    text = encode(PROOF)
    for end in range(0, len(text) - 1, 7):
        write(tmp_path, text[:end])
        with pytest.raises(SourceError):
            read(tmp_path, "run-1")
