"""What reaches the disk, and when."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from relgate.observe.format import FAULTS, MANIFEST, REQUEST
from relgate.observe.writer import PART, fault_number, size_field
from tests.observe.samples import TAIL, line, recorded, row, writer

if TYPE_CHECKING:
    from pathlib import Path


def test_files_are_named_by_their_sha256_at_the_end(tmp_path: Path) -> None:
    """A finished recording is its manifest and the files that it names; nothing of the making is left."""
    folder = recorded(tmp_path / "r")
    names = {entry["file"] for entry in json.loads((folder / MANIFEST).read_text())["files"]}

    assert {path.name for path in folder.iterdir()} == {*names, MANIFEST}
    assert all(hashlib.sha256((folder / name).read_bytes()).hexdigest() == name for name in names)


def test_there_is_no_manifest_before_the_end(tmp_path: Path) -> None:
    """Until then only the unfinished one is there."""
    new = writer(tmp_path)

    assert not (tmp_path / MANIFEST).exists()
    assert json.loads((tmp_path / PART).read_text())["ended"] == "running"
    new.finish(TAIL)
    assert (tmp_path / MANIFEST).exists()
    assert not (tmp_path / PART).exists()


def test_a_folder_holds_one_recording(tmp_path: Path) -> None:
    """Samples of two runs never mix."""
    recorded(tmp_path)

    with pytest.raises(FileExistsError):
        writer(tmp_path)


def test_records_have_the_documented_layout(tmp_path: Path) -> None:
    """What is packed is what ``format.REQUEST`` reads."""
    import numpy as np

    new = writer(tmp_path)
    new.requests("requests", "candidate", [row(7, "tls")])
    new.flush()
    (path,) = tmp_path.glob("live-requests-*.candidate.requests")

    assert tuple(np.fromfile(path, dtype=REQUEST)[0].tolist()) == row(7, "tls")
    new.close()


def test_secrets_are_removed_before_a_text_is_cut(tmp_path: Path) -> None:
    """Half a secret at the end of a long body would not be known any more."""
    new = writer(tmp_path, secrets=("topsecretvalue",))
    body = "x" * 65_530 + "topsecretvalue"
    new.lines(("health", "candidate", "answers"), [line(0, code=200, body=body)])
    new.flush()
    (path,) = tmp_path.glob("live-health-*")
    new.close()

    assert "topse" not in path.read_text()
    assert len(json.loads(path.read_text())["body"]) == 65_536


def test_a_name_cannot_reach_out_of_the_folder(tmp_path: Path) -> None:
    """A signal may be called anything."""
    new = writer(tmp_path / "r")
    new.open("../../etc/x", "candidate", "series")
    new.close()

    assert {path.name for path in tmp_path.iterdir()} == {"r"}


def test_an_unknown_fault_is_never_none() -> None:
    """A fault that the format does not know is stored as one."""
    assert FAULTS[fault_number("news")] == "protocol"
    assert [fault_number(name) for name in FAULTS] == list(range(len(FAULTS)))


def test_a_size_beyond_its_field_is_kept_as_its_largest() -> None:
    """A body of 5 GB is stored as 4 GiB, not as 1 GB."""
    assert size_field(5 * 10**9) == 2**32 - 1
