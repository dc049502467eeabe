"""Anchors of a ledger's head: a time-stamping authority, signed git tags, locked objects; all of them real."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from relgate.adapters import ledger
from relgate.cli import main
from relgate.errors import SourceError
from relgate.run import recorded
from relgate.values import Outcome, Verdict
from tests.audit.runs import Team
from tests.audit.tsa import authority, serving


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an authority."""
    folder = tmp_path_factory.mktemp("authority") / "tsa"
    authority(folder)
    return folder


def verify(team: Team, *arguments: str) -> int:
    """``relgate audit verify``."""
    return main(["audit", "verify", "--reports", str(team.reports), *arguments])


def kinds(team: Team) -> list[str]:
    """The kinds of the ledger's records."""
    return [record.kind for record in ledger.read(team.reports).records]


def test_a_time_stamp_proves_the_head_and_does_not_prove_the_end(
    tsa: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It lies beside the ledger: who cuts the one removes the other."""
    with serving(tsa) as url:
        team = Team(tmp_path, anchors=f"anchors: {{rfc3161: {{url: '{url}', ca: '{tsa / 'ca.pem'}'}}}}")
        run, done = team.judge(version="1")
    assert done.exit_code == 0, done
    assert kinds(team) == ["run-started", "gate-decision", "anchor"]
    assert recorded(team.reports, run.id).exit_code == 0

    assert verify(team) == 31
    assert "time stamp not checked" in capsys.readouterr().out
    assert verify(team, "--tsa-ca", str(tsa / "ca.pem")) == 31
    assert "records 1 to 2 were this way at 20" in capsys.readouterr().out


def test_a_time_stamp_verifies_with_openssl_alone(tsa: Path, tmp_path: Path) -> None:
    """For those who have nothing else."""
    with serving(tsa) as url:
        team = Team(tmp_path, anchors=f"anchors: {{rfc3161: {{url: '{url}', ca: '{tsa / 'ca.pem'}'}}}}")
        _, done = team.judge(version="1")
    assert done.head is not None
    (tmp_path / "head").write_text(f"{done.head.sequence}:{done.head.sha256}\n")
    token = next((team.reports / "anchors").glob("*.tsr"))
    command = ["openssl", "ts", "-verify", "-data", str(tmp_path / "head"), "-in", str(token)]

    done_by = subprocess.run([*command, "-CAfile", str(tsa / "ca.pem")], capture_output=True, text=True, check=False)
    assert "Verification: OK" in done_by.stdout + done_by.stderr


def test_a_token_of_another_authority_or_over_another_head_is_refused(
    tsa: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A changed token file is seen without certificates."""
    authority(tmp_path / "other")
    with serving(tsa) as url:
        team = Team(tmp_path, anchors=f"anchors: {{rfc3161: {{url: '{url}', ca: '{tsa / 'ca.pem'}'}}}}")
        team.judge(version="1")
        team.judge(version="2")

    assert verify(team, "--tsa-ca", str(tmp_path / "other" / "ca.pem")) == 30
    assert "the time stamp does not verify" in capsys.readouterr().out
    first, second = sorted((team.reports / "anchors").glob("*.tsr"))
    first.write_bytes(second.read_bytes())
    assert verify(team) == 30
    assert "was changed" in capsys.readouterr().out


def test_a_promotion_without_its_anchor_is_none_and_a_rollback_does_not_wait_for_it(tsa: Path, tmp_path: Path) -> None:
    """Exit 30, also when a later job asks; a rollback stays one."""
    with serving(tsa, status=500) as url:
        team = Team(tmp_path, anchors=f"anchors: {{rfc3161: {{url: '{url}', ca: '{tsa / 'ca.pem'}'}}}}")
        promoted, done = team.judge(version="1")
        back, rolled = team.judge(verdict=Verdict.FAIL, version="2")

    assert (done.decision.outcome, done.exit_code) == (Outcome.PROMOTE, 30)
    assert "does not answer" in (done.unrecorded or "")
    assert recorded(team.reports, promoted.id).exit_code == 30
    assert rolled.exit_code == 20
    assert "does not answer" in (rolled.unwritten or "")
    assert recorded(team.reports, back.id).exit_code == 20


# --- git

WHO = ("-c", "user.name=a", "-c", "user.email=a@b")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a remote and an SSH key beside it."""
    folder = tmp_path / "repository"
    for command in (
        ["git", "init", "-q", "-b", "main", str(folder)],
        ["git", "init", "-q", "--bare", str(tmp_path / "remote")],
        ["git", "-C", str(folder), "remote", "add", "origin", str(tmp_path / "remote")],
        ["git", "-C", str(folder), *WHO, "commit", "-q", "--allow-empty", "-m", "x"],
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "id")],
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")],
    ):  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
    return folder


def test_a_signed_tag_vouches_for_the_end_of_a_ledger(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From another clone; a cut tail is found, a tag of another key is refused, other ledgers do not disturb."""
    git = f"git: {{key: '{tmp_path / 'id'}', repository: '{repository}', remote: origin}}"
    team = Team(tmp_path, anchors=f"anchors: {{{git}}}")
    (tmp_path / "b").mkdir()
    other = Team(tmp_path / "b", anchors=f"anchors: {{{git}}}")
    assert team.judge(version="1")[1].exit_code == 0
    assert other.judge(version="1")[1].exit_code == 0
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(tmp_path / "remote"), str(clone)], check=True, capture_output=True)

    public = str(tmp_path / "id.pub")
    assert verify(team, "--git", str(clone), "--git-key", public) == 0
    assert "complete up to record 2" in capsys.readouterr().out
    assert verify(team, "--git", str(clone), "--git-key", str(tmp_path / "other.pub")) == 4
    assert verify(team, "--git", str(clone)) == 4
    path = team.reports / ledger.NAME
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    assert verify(team, "--git", str(clone), "--git-key", public, "--no-evidence") == 30
    assert "it was cut" in capsys.readouterr().out


def test_a_tag_that_cannot_be_made_leaves_no_promotion(repository: Path, tmp_path: Path) -> None:
    """No such key."""
    team = Team(tmp_path, anchors=f"anchors: {{git: {{key: '{tmp_path / 'none'}', repository: '{repository}'}}}}")
    done = team.judge(version="1")[1]

    assert done.exit_code == 30
    assert "anchor git" in (done.unrecorded or "")


# --- S3


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """moto's server on loopback: Object Lock is kept and enforced there."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket with Object Lock."""
    import boto3

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "of-no-worth")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("s3", endpoint_url=s3)
    client.create_bucket(Bucket="heads", ObjectLockEnabledForBucket=True)
    client.create_bucket(Bucket="open")
    return s3


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_locked_object_vouches_for_the_end_and_cannot_be_removed(
    bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Compliance mode for as long as records are kept; deleting the name hides nothing."""
    import boto3
    from botocore.exceptions import ClientError

    team = Team(tmp_path, anchors=f"retention: 400d, anchors: {{s3: {{bucket: heads, endpoint: '{bucket}'}}}}")
    assert team.judge(version="1")[1].exit_code == 0
    client = boto3.client("s3", endpoint_url=bucket)
    (found,) = client.list_object_versions(Bucket="heads")["Versions"]
    assert client.head_object(Bucket="heads", Key=found["Key"])["ObjectLockMode"] == "COMPLIANCE"
    with pytest.raises(ClientError):
        client.delete_object(Bucket="heads", Key=found["Key"], VersionId=found["VersionId"])
    client.delete_object(Bucket="heads", Key=found["Key"])

    place = ("--s3", "heads/relgate", "--s3-endpoint", bucket)
    assert verify(team, *place) == 0
    path = team.reports / ledger.NAME
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    assert verify(team, *place, "--no-evidence") == 30
    assert "it was cut" in capsys.readouterr().out

    (tmp_path / "b").mkdir()
    without = Team(tmp_path / "b", anchors=f"anchors: {{s3: {{bucket: open, endpoint: '{bucket}'}}}}")
    assert without.judge(version="1")[1].exit_code == 30


def test_sigstore_that_is_not_there_is_a_missing_anchor(tmp_path: Path) -> None:
    """Only that: what it does with a network and an identity was never run here."""
    from relgate.adapters.ledgersigstore import sign

    with pytest.raises(SourceError, match="sigstore"):
        sign(ledger.Head(1, "0" * 64), tmp_path)
