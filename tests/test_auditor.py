"""``relgate audit verify``: every change is found, and what cannot be known is said."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from relgate.adapters import ledger, ledgerkeys
from relgate.adapters.ledger import Ledger
from relgate.adapters.ledgerfile import FileStore
from relgate.cli import main
from relgate.values import Verdict
from tests.audit.runs import Team


@pytest.fixture
def team(tmp_path: Path) -> Team:
    """Four runs: promoted, held, aborted, promoted again."""
    made = Team(tmp_path)
    made.judge(version="1.5", commit="b" * 40, approver="bob")
    made.judge(verdict=Verdict.INCONCLUSIVE, version="1.6")
    made.abort(version="1.6")
    made.judge(version="1.7")
    return made


def audit(team: Team, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Verify; the exit code and what was said."""
    code = main(["audit", *(arguments or ("verify",)), "--reports", str(team.reports)])
    said = capsys.readouterr()
    return code, said.out + said.err


def head(team: Team) -> str:
    """The head as a run prints it."""
    found = ledger.read(team.reports).head
    return f"{found.sequence}:{found.sha256}"


def test_a_whole_ledger_without_a_head_from_outside_is_not_called_complete(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 31, and a sentence that says why."""
    code, said = audit(team, capsys)

    assert code == 31
    assert "whole, 7 records" in said
    assert "complete: UNKNOWN" in said
    assert "FAULT" not in said


def test_with_a_head_from_outside_it_is_complete_up_to_there(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0."""
    code, said = audit(team, capsys, "verify", "--head", head(team))

    assert code == 0
    assert "complete up to record 7; 0 after it" in said


def test_an_older_head_does_not_cover_the_last_decision(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """What came after it could have been cut."""
    old = ledger.read(team.reports).records[3].head

    assert audit(team, capsys, "verify", "--head", f"{old.sequence}:{old.sha256}")[0] == 31


def test_a_tail_that_was_cut_is_seen_with_a_head_and_by_the_runs_that_are_there(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without both it cannot be."""
    kept, path = head(team), team.reports / ledger.NAME
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:5]))
    code, said = audit(team, capsys, "verify", "--head", kept)
    assert code == 30
    assert "record 7 was there, the ledger ends 2 before it" in said
    assert "has a decision, and the ledger does not know the run" in said

    newest = max(team.reports.glob("2*"), key=lambda folder: folder.name)
    shutil.rmtree(newest)
    assert audit(team, capsys)[0] == 31


Harm = Callable[[Path], object]
HARMS: dict[str, tuple[Harm, str]] = {
    "evidence changed": (lambda run: (run / "evidence/samples.bin").write_text("x"), "samples.bin was changed"),
    "evidence gone": (lambda run: (run / "evidence/samples.bin").unlink(), "samples.bin is missing"),
    "policy gone": (lambda run: next((run / "evidence").glob("*.yaml")).unlink(), ".yaml is missing"),
    "decision changed": (
        lambda run: (run / "decision.json").write_text(
            (run / "decision.json").read_text().replace('"promote"', '"hold"')
        ),
        "decision.json differs",
    ),
    "decision gone": (lambda run: (run / "decision.json").unlink(), "decision.json is missing"),
    "run gone": (shutil.rmtree, "samples.bin is missing"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_evidence_that_is_missing_or_changed_is_named(
    team: Team, harm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its record and run."""
    run = min(team.reports.glob("2*"), key=lambda folder: folder.name)
    do, text = HARMS[harm]
    do(run)
    code, said = audit(team, capsys, "verify", "--head", head(team))

    assert code == 30
    assert text in said
    assert f"run {run.name}" in said
    assert audit(team, capsys, "verify", "--no-evidence", "--head", head(team))[0] == 0


def test_a_key_that_is_not_the_given_one_is_not_trusted(
    team: Team, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The keys beside the ledger prove that one holder wrote it all, not who."""
    other = ledgerkeys.new(tmp_path / "other.pem")
    (tmp_path / "other.pub").write_bytes(other.pem)
    assert team.key is not None
    own = team.reports / "keys" / f"{team.key.key}.pem"

    assert audit(team, capsys, "verify", "--key", str(own), "--head", head(team))[0] == 0
    code, said = audit(team, capsys, "verify", "--key", str(tmp_path / "other.pub"))
    assert code == 30
    assert "is not trusted" in said


def test_a_rotation_is_signed_by_both_keys_and_carries_the_trust_over(
    team: Team, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After it the old key signs nothing any more."""
    assert team.key is not None
    assert main(["audit", "key", "new", str(tmp_path / "next.pem")]) == 0
    rotate = ["audit", "key", "rotate", "--old", str(tmp_path / "key.pem"), "--new", str(tmp_path / "next.pem")]
    assert main([*rotate, "--reports", str(team.reports)]) == 0
    with pytest.raises(Exception, match="keys change by a rotation only"):
        team.judge(version="1.8")
    team.policy.write_text(team.policy.read_text().replace("key.pem", "next.pem"))
    team.judge(version="1.8")

    own = team.reports / "keys" / f"{team.key.key}.pem"
    code, said = audit(team, capsys, "verify", "--key", str(own), "--head", head(team))
    assert code == 0, said
    assert main([*rotate, "--reports", str(team.reports)]) == 4
    assert "by a rotation only" in capsys.readouterr().err


def test_an_unsigned_ledger_says_that_it_proves_little(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Anybody could have written it."""
    team = Team(tmp_path, signed=False)
    team.judge(version="1")
    code, said = audit(team, capsys, "verify", "--head", head(team))

    assert code == 0
    assert "2 of 2 records are unsigned" in said


def test_a_torn_tail_a_recovery_and_a_clock_that_went_back_are_told(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are no faults, and nobody shall overlook them."""
    assert team.key is not None
    path = team.reports / ledger.NAME
    with path.open("ab") as file:
        file.write(b'{"half')
    code, said = audit(team, capsys)
    assert code == 31
    assert "6 bytes after the last record" in said
    book = Ledger(FileStore(team.reports), team.reports, team.key)
    book.append("attestation", 0.0, {"release": {"version": "1"}, "text": "x"})
    code, said = audit(team, capsys)
    assert code == 31
    assert "a write was cut short; kept as torn/" in said
    assert "the clock had gone back by" in said


# --- every change of a long ledger


@pytest.fixture(scope="module")
def long_ledger(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A signed ledger of 1,000 lines."""
    folder = tmp_path_factory.mktemp("long")
    signer = ledgerkeys.new(folder / "key.pem")
    signer.publish(folder)
    book = Ledger(FileStore(folder), folder, signer)
    for number in range(1000):
        book.append("attestation", float(number), {"release": {"version": str(number)}, "text": "fine"})
    return folder, (folder / ledger.NAME).read_bytes()


def broken(folder: Path, data: bytes) -> bool:
    """Whether verification finds something."""
    from relgate.audit.chain import read

    chain = read(data, ledgerkeys.verifier(folder))
    return chain.fault is not None or chain.torn != b""


def test_a_flipped_byte_is_found_in_every_line_and_at_every_place(long_ledger: tuple[Path, bytes]) -> None:
    """A random byte of each of 1,000 lines, and every byte of the first, a middle and the last line."""
    folder, data = long_ledger
    rng = random.Random(7)
    lines = data.splitlines(keepends=True)
    assert not broken(folder, data)

    def flipped(number: int, place: int) -> bool:
        line = bytearray(lines[number])
        line[place] ^= 1 << rng.randrange(8)
        # The chain before is whole; what comes after is reached only through this line and the next.
        near = [*lines[max(number - 1, 0) : number], bytes(line), *lines[number + 1 : number + 2]]
        return _breaks(folder, near, number)

    assert [number for number in range(1000) if not flipped(number, rng.randrange(len(lines[number])))] == []
    for number in (0, 500, 999):
        assert [place for place in range(len(lines[number])) if not flipped(number, place)] == []


def _breaks(folder: Path, near: list[bytes], number: int) -> bool:
    """Whether a stretch of a chain is broken: read as it would be read within the whole."""
    from relgate.audit.chain import split, walk
    from relgate.audit.record import EMPTY, RecordError, parse

    verify = ledgerkeys.verifier(folder)
    lines, torn = split(b"".join(near))
    if torn:
        return True
    tail = EMPTY
    if number > 0:
        tail, lines = parse(lines[0][1]).tail, lines[1:]
    try:
        return sum(1 for _ in walk(lines, tail, verify)) != len(near) - (number > 0)
    except RecordError:
        return True


@pytest.mark.parametrize("seed", range(5))
def test_lines_that_are_dropped_swapped_or_doubled_are_found(long_ledger: tuple[Path, bytes], seed: int) -> None:
    """Anywhere; only dropping the last ones is beyond a chain."""
    folder, data = long_ledger
    lines = data.splitlines(keepends=True)
    place = random.Random(seed).randrange(998)

    assert broken(folder, b"".join(lines[:place] + lines[place + 1 :]))
    assert broken(folder, b"".join([*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]]))
    assert broken(folder, b"".join(lines[: place + 1] + lines[place:]))
    assert broken(folder, data[: len(data) - 1 - seed])
    assert not broken(folder, b"".join(lines[:place]))
