"""``relgate audit export``: the archive, and the script in it that verifies it without relgate."""

from __future__ import annotations

import base64
import csv
import gzip
import json
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from relgate.adapters import ledger, ledgerkeys
from relgate.cli import main
from relgate.codec import canonical
from relgate.values import Verdict
from tests.audit.runs import Team, unpack


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Team:
    """Promoted, held, aborted, rolled back, and a key that changed in between."""
    folder = tmp_path_factory.mktemp("team")
    made = Team(folder)
    made.judge(version="=1+1", commit="b" * 40, approver="bob")
    made.judge(verdict=Verdict.INCONCLUSIVE, version="1.6")
    made.abort(version="1.6")
    ledgerkeys.new(folder / "next.pem")
    rotate = ["audit", "key", "rotate", "--old", str(folder / "key.pem"), "--new", str(folder / "next.pem")]
    assert main([*rotate, "--reports", str(made.reports)]) == 0
    made.policy.write_text(made.policy.read_text().replace("key.pem", "next.pem"))
    made.judge(verdict=Verdict.FAIL, version="1.7")
    return made


@pytest.fixture(scope="module")
def exported(team: Team) -> Path:
    """The unpacked archive."""
    path = team.folder / "audit.tar.gz"
    period = ["--from", "2020-01-01", "--to", "2099-12-31"]
    assert main(["audit", "export", *period, "--reports", str(team.reports), "--output", str(path)]) == 0
    assert main(["audit", "export", *period, "--reports", str(team.reports), "--output", str(path)]) == 4
    unpack(path, team.folder)
    return team.folder / "audit"


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    """A copy that may be harmed."""
    shutil.copytree(exported, tmp_path / "audit")
    return tmp_path / "audit"


def verified(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the script with nothing but what it says that it needs."""
    tools = folder.parent / "bin"
    if not tools.exists():
        tools.mkdir()
        small = "cmp cut head mktemp od split tr wc rm cat tail grep dirname"
        needed = ("sh", "openssl", "jq", "sha256sum", *small.split())
        for name in needed:
            found = shutil.which(name)
            assert found, name
            (tools / name).symlink_to(found)
    done = subprocess.run(
        ["sh", str(folder / "verify.sh"), *arguments],
        env={"PATH": str(tools)},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def head(team: Team) -> str:
    """The head that a run printed."""
    found = ledger.read(team.reports).head
    return f"{found.sequence}:{found.sha256}"


def test_an_archive_verifies_with_public_tools_alone(team: Team, exported: Path) -> None:
    """Exit 0 with the head, 3 without: then nobody knows whether the end is there."""
    assert team.key is not None
    code, said = verified(exported, "--head", head(team), "--key", team.key.key)
    assert code == 0, said
    assert "complete up to record 8" in said
    code, said = verified(exported)
    assert code == 3, said
    assert "complete: UNKNOWN" in said


def test_an_archive_has_every_run_also_those_that_were_held_or_aborted(exported: Path) -> None:
    """One row each."""
    rows = list(csv.DictReader((exported / "runs.csv").read_text().splitlines()))

    assert [row["decision"] for row in rows] == ["promote", "hold", "aborted", "rollback"]
    assert {row["run"] for row in rows} == {path.name for path in (exported / "runs").iterdir()}
    assert rows[0]["release"] == f"approver=bob commit={'b' * 40} version==1+1"
    assert "left no decision" in (exported / "gaps.txt").read_text()
    assert len((exported / "releases.log").read_text().splitlines()) == 2
    criteria = list(csv.DictReader((exported / "criteria.csv").read_text().splitlines()))
    assert {(row["criterion"], row["run"]) for row in criteria} >= {
        ("CC8.1", rows[2]["run"]),
        ("CC7.4", rows[3]["run"]),
    }
    assert "not a statement that anything complies" in (exported / "README.txt").read_text()
    keys = [path.stem for path in (exported / "keys").iterdir()]
    assert len(keys) == 2
    assert not [path for path in exported.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()]


def test_a_period_is_a_stretch_without_a_hole(team: Team) -> None:
    """Nothing in it: an error. Both halves of a run are in it, whatever the time of the one."""
    from relgate.export import stretch

    records = ledger.read(team.reports).records
    assert [one.sequence for one in stretch(records, records[1].time, records[1].time)] == [1, 2]
    assert stretch(records, "2020-01-01", "2020-01-02") == ()
    day = ["--from", "2020-01-01", "--to", "2020-01-02", "--output", str(team.folder / "none.tar.gz")]
    assert main(["audit", "export", *day, "--reports", str(team.reports)]) == 4


def sums(folder: Path) -> None:
    """Make SHA256SUMS fit again, as whoever forges an archive would."""
    names = [line.split("  ", 1)[1] for line in (folder / "SHA256SUMS").read_text().splitlines()]
    there = [name for name in names if (folder / name).exists()]
    done = subprocess.run(["sha256sum", *there], cwd=folder, capture_output=True, text=True, check=True)
    (folder / "SHA256SUMS").write_text(done.stdout)


def lines_of(folder: Path) -> list[bytes]:
    """The lines of the ledger in an archive."""
    return (folder / "ledger.jsonl").read_bytes().splitlines(keepends=True)


def forged(line: bytes, old: bytes, new: bytes) -> bytes:
    """A line that says something else in the right form, with the old signatures."""
    outer = json.loads(line)
    payload = base64.b64decode(outer["payload"])
    assert old in payload
    return canonical({**outer, "payload": base64.b64encode(payload.replace(old, new)).decode()}) + b"\n"


def replace_line(folder: Path, number: int, line: bytes) -> None:
    """Put another line into the ledger."""
    lines = lines_of(folder)
    lines[number] = line
    (folder / "ledger.jsonl").write_bytes(b"".join(lines))


def first_run(folder: Path) -> Path:
    """The run that was promoted."""
    return min((folder / "runs").iterdir())


def cut(folder: Path, count: int) -> None:
    """Remove the last lines, and make the manifest fit."""
    lines = lines_of(folder)[:-count]
    (folder / "ledger.jsonl").write_bytes(b"".join(lines))
    manifest = json.loads((folder / "manifest.json").read_text())
    from relgate.codec import sha256

    manifest |= {"count": len(lines), "last": len(lines)}
    manifest["head"] = {"sequence": len(lines), "sha256": sha256(lines[-1][:-1])}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def unseen(path: Path) -> None:
    """Change a word of a decision document."""
    path.write_text(path.read_text().replace('"seen"', '"unseen"'))


HARMS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a decision in the last record": (
        lambda at: replace_line(at, -1, forged(lines_of(at)[-1], b'"rollback"', b'"promotes"')), "does not fit"),
    "a decision in an earlier record": (
        lambda at: replace_line(at, 1, forged(lines_of(at)[1], b'"promote"', b'"hold"')), "does not fit"),
    "a line removed": (lambda at: replace_line(at, 3, b""), "expected record 4"),
    "two lines swapped": (lambda at: replace_line(at, 2, lines_of(at)[3] + lines_of(at)[2]), "expected record 3"),
    "a line twice": (lambda at: replace_line(at, 2, lines_of(at)[2] * 2), "expected record 4"),
    "a signature taken off": (lambda at: replace_line(at, -1, unsigned(lines_of(at)[-1])), "signed by ''"),
    "spaces": (lambda at: replace_line(at, -1, b" " + lines_of(at)[-1]), "canonical form"),
    "padding of a signature": (lambda at: replace_line(at, -1, padded(lines_of(at)[-1])), "canonical"),
    "the torn end": (lambda at: (at / "ledger.jsonl").write_bytes(b"".join(lines_of(at))[:-1]), "torn"),
    "a sample": (lambda at: (first_run(at) / "evidence/samples.bin").write_bytes(b"x"), "evidence of run"),
    "a file with a space": (lambda at: (first_run(at) / "evidence/with space/a file").unlink(), "evidence of run"),
    "a decision document": (lambda at: unseen(first_run(at) / "decision.json"), "decision.json is missing or"),
    "a run removed": (lambda at: shutil.rmtree(first_run(at)), "decision.json is missing or differs"),
    "a run added": (lambda at: (at / "runs" / "20990101T000000.000Z-x").mkdir(), "no record of such a run"),
    "another key under the name": (
        lambda at: min((at / "keys").iterdir()).write_bytes(sorted((at / "keys").iterdir())[1].read_bytes()),
        "is not the key of that id"),
    "a key removed": (lambda at: min((at / "keys").iterdir()).unlink(), "is not in keys/"),
}  # fmt: skip


def unsigned(line: bytes) -> bytes:
    """A line without its signatures."""
    return canonical({**json.loads(line), "signatures": []}) + b"\n"


def padded(line: bytes) -> bytes:
    """A line whose signature has other bits where Base64 ignores them: 64 bytes leave four of the last digit."""
    outer = json.loads(line)
    value = outer["signatures"][0]["sig"]
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    outer["signatures"][0]["sig"] = value[:-3] + digits[digits.index(value[-3]) ^ 1] + "=="
    return canonical(outer) + b"\n"


@pytest.mark.parametrize("harm", HARMS)
def test_what_was_changed_in_an_archive_is_found(copy: Path, team: Team, harm: str) -> None:
    """Also where SHA256SUMS was made to fit."""
    do, text = HARMS[harm]
    do(copy)
    sums(copy)
    code, said = verified(copy, "--head", head(team))

    assert code == 1, said
    assert text in said
    assert "NOT VERIFIED" in said


def test_a_cut_at_the_end_is_found_with_the_head_and_declared_without(copy: Path, team: Team) -> None:
    """As ``relgate audit verify`` does."""
    run = max((copy / "runs").iterdir())
    shutil.rmtree(run)
    cut(copy, 2)
    sums(copy)

    assert verified(copy)[0] == 3
    code, said = verified(copy, "--head", head(team))
    assert code == 1
    assert "is not here" in said


def test_a_key_that_was_not_given_is_not_trusted(exported: Path) -> None:
    """The ids of keys come another way."""
    code, said = verified(exported, "--key", "0" * 64)

    assert code == 1
    assert "is not trusted" in said


def test_both_verifiers_agree_on_random_flips(copy: Path, team: Team) -> None:
    """A byte of the ledger: what the one finds the other does."""
    from relgate.audit.chain import read

    rng = random.Random(3)
    data = (copy / "ledger.jsonl").read_bytes()
    check = ledgerkeys.verifier(team.reports)
    for _ in range(4):
        harmed = bytearray(data)
        harmed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        chain = read(bytes(harmed), check)
        (copy / "ledger.jsonl").write_bytes(harmed)
        sums(copy)
        assert chain.fault is not None or chain.torn
        assert verified(copy)[0] == 1


def test_a_tool_that_is_missing_is_said(copy: Path) -> None:
    """Not verified is not the same as broken."""
    verified(copy)
    (copy.parent / "bin" / "jq").unlink()

    code, said = verified(copy)
    assert code == 2
    assert "jq is missing" in said


def test_an_unsigned_archive_verifies_and_says_what_that_is_worth(tmp_path: Path) -> None:
    """The chain alone."""
    team = Team(tmp_path, signed=False)
    team.judge(version="1.5")
    path = tmp_path / "audit.tar.gz"
    period = ["--from", "2020-01-01", "--to", "2099-12-31", "--output", str(path)]
    assert main(["audit", "export", *period, "--reports", str(team.reports)]) == 0
    with gzip.open(path) as packed:
        assert b"b" in packed.read(1000)
    unpack(path, tmp_path)

    code, said = verified(tmp_path / "audit", "--head", head(team))
    assert code == 0, said
    assert "2 records are unsigned" in said
