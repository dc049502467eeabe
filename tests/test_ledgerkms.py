"""A ledger that is signed by the key of a key management service: real runs, the archive, the auditor's script.

The service is moto's, over HTTP, as boto3 asks Amazon's. moto signs a digest as if it were the message; here it does
what KMS does with ``MessageType: DIGEST``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from relgate.adapters import ledger, ledgerkeys
from relgate.cli import main
from relgate.errors import UsageError
from relgate.values import Verdict
from tests.audit.runs import Team, unpack
from tests.test_export import verified

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """The service's address."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
    from moto.kms import utils
    from moto.server import ThreadedMotoServer

    def elliptic(self: Any, digest: bytes, algorithm: str) -> Any:
        kind: hashes.HashAlgorithm = hashes.SHA384() if algorithm.endswith("384") else hashes.SHA256()
        return self.private_key.sign(digest, ec.ECDSA(Prehashed(kind)))

    def rsa(self: Any, digest: bytes, algorithm: str) -> Any:
        assert algorithm == "RSASSA_PSS_SHA_256"
        return self.private_key.sign(digest, padding.PSS(padding.MGF1(hashes.SHA256()), 32), Prehashed(hashes.SHA256()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils.ECDSAPrivateKey, "sign", elliptic)
        patch.setattr(utils.RSAPrivateKey, "sign", rsa)
        server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()


@pytest.fixture
def kms(service: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the service, and the environment that relgate finds it by."""
    import boto3

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "of-no-worth")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", service)
    return boto3.client("kms")


def key(kms: Any, spec: str) -> str:
    """The id of a new key in the service."""
    return str(kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec=spec)["KeyMetadata"]["KeyId"])


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "ECC_NIST_P384", "RSA_3072"])
def test_an_auditor_verifies_what_a_service_has_signed(
    kms: Any, spec: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With relgate, and with the script alone; both see a line that was changed."""
    team = Team(tmp_path, signed=False, anchors=f"key: 'awskms:{key(kms, spec)}'")
    team.judge(verdict=Verdict.PASS, version="1", approver="bob")
    team.judge(verdict=Verdict.FAIL, version="2")
    found = ledger.read(team.reports)
    head = f"{found.head.sequence}:{found.head.sha256}"
    (signer,) = {one for record in found.records for one in record.keys}

    assert main(["audit", "verify", "--reports", str(team.reports), "--head", head]) == 0
    assert signer in capsys.readouterr().out
    archive = tmp_path / "audit.tar.gz"
    period = ["--from", "2020-01-01", "--to", "2099-12-31"]
    assert main(["audit", "export", *period, "--reports", str(team.reports), "--output", str(archive)]) == 0
    unpack(archive, tmp_path)
    code, said = verified(tmp_path / "audit", "--head", head, "--key", signer)
    assert code == 0, said

    other = ledgerkeys.from_service(f"awskms:{key(kms, spec)}")
    (tmp_path / "audit" / "keys" / f"{signer}.pem").write_bytes(other.pem)
    code, said = verified(tmp_path / "audit", "--head", head, "--key", signer)
    assert code not in (0, 3)
    assert "is not the key of that id" in said


def test_a_ledger_goes_over_to_a_service(kms: Any, tmp_path: Path) -> None:
    """The rotation is signed by the key in the file and by the one in the service."""
    team = Team(tmp_path)
    team.judge(version="1")
    uri = f"awskms:{key(kms, 'ECC_NIST_P256')}"
    old = str(tmp_path / "key.pem")
    assert main(["audit", "key", "rotate", "--old", old, "--new", uri, "--reports", str(team.reports)]) == 0

    rotation = ledger.read(team.reports).records[-1]
    assert rotation.kind == "key-rotation"
    assert len(rotation.keys) == 2


@pytest.mark.parametrize("uri", ["awskms:no-such-key", "awskms:alias/none"])
@pytest.mark.usefixtures("kms")
def test_a_key_that_the_service_does_not_have_is_one_clear_line(uri: str) -> None:
    """Not a traceback of a library."""
    with pytest.raises(UsageError, match=r"awskms: the key cannot be used \(NotFoundException"):
        ledgerkeys.from_service(uri)
