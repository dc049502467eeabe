"""A private authority of the policy counts in the browser, on a real server; mixed content is found there."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from relgate.adapters.browser_trust import home
from relgate.errors import UsageError
from tests.smoke.conftest import Paths
from tests.smoke.service import Service, running
from tests.smoke.test_pages import SHOWS, shows
from tests.smoke.test_paths import messages


def openssl(folder: Path, *arguments: str) -> None:
    """Run openssl in a folder."""
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def authority(folder: Path, name: str) -> None:
    """Make an authority, ``name.pem``."""
    more = ["-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE"]
    made = ["-nodes", "-days", "2", "-keyout", f"{name}.key", "-out", f"{name}.pem"]
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", *made, *more)


@pytest.fixture
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, a server of its own, and another authority."""
    folder = tmp_path_factory.mktemp("certificates")
    authority(folder, "ours")
    authority(folder, "theirs")
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "own.key", "-out", "own.csr", "-subj", "/CN=own")
    (folder / "own.txt").write_text("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n", encoding="utf-8")
    signed = ["-CA", "ours.pem", "-CAkey", "ours.key", "-CAcreateserial", "-extfile", "own.txt", "-days", "2"]
    openssl(folder, "x509", "-req", "-in", "own.csr", "-out", "own.pem", *signed)
    return folder


@pytest.fixture
def service(certificates: Path) -> Iterator[Service]:
    """A service on https."""
    with running((str(certificates / "own.pem"), str(certificates / "own.key"))) as found:
        yield found


def test_a_private_authority_counts_in_the_browser_and_mixed_content_is_found(alone: Paths, certificates: Path) -> None:
    """With the server's authority pages open and what is loaded without https fails; with another one nothing opens."""
    alone.service.bare = True
    headers = "  without: [headers]"
    alone.policy("good", "mixed", environment=f"    tls: {{ca: {certificates / 'ours.pem'}}}", smoke=headers)
    alone.paths(*shows("good"), SHOWS % ("mixed", "mixed"))
    ended = alone.walk()
    said = messages(ended)
    assert ended.verdicts == {"smoke-good": "pass", "smoke-mixed": "fail"}, said
    assert "mixed-content: /page/mixed" in said["smoke-mixed"]
    assert "http://plain.example/one.js" in said["smoke-mixed"]

    alone.policy("good", environment=f"    tls: {{ca: {certificates / 'theirs.pem'}}}", smoke=headers)
    alone.paths(*shows("good"))
    ended = alone.walk()
    assert ended.decision != "promote", ended.out
    assert "ERR_CERT_AUTHORITY_INVALID" in messages(ended)["smoke-good"]


def test_an_authority_that_cannot_reach_the_browser_is_an_error(
    certificates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without certutil, without a file, without a certificate in it: one line says what to do."""
    with pytest.raises(UsageError, match="expected a file with certificates"):
        home(tmp_path / "gone.pem", tmp_path)
    with pytest.raises(UsageError, match="found none"):
        home(certificates / "own.key", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="apt-get install libnss3-tools"):
        home(certificates / "ours.pem", tmp_path)
