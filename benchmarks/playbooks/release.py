"""What a release of the shop leaves behind: an archive with sum and signature, lists, notes, a tagged history, a certificate.

All of it is real: the archive holds the shop, the lists name what is installed, git, OpenSSL and HAProxy do their work.
It lies in ``dist``, beside the policy of the trial: paths of a policy are relative to it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import zipfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from examples.shop.haproxy import HAProxyError

if TYPE_CHECKING:
    from typing import Self

ROOT = Path(__file__).parents[2]
ARCHIVE = "AuraVideoStudio_Portable_x64.zip"
HISTORY = (
    ("feat: a shop", "v1.4.0"),
    ("feat: documents are converted", ""),
    ("fix: an empty basket has no checkout", "v1.5.0"),
)
"""Commits and the tags on them: what has come since the last release asks for a new minor version."""
TLS = """\
global
    maxconn 100
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
frontend tls
    bind "fd@{fd}" ssl crt "{pem}"
    default_backend shop
backend shop
    server shop {shop}
"""


def build(dist: Path, version: str, secret: Path, amiss: str = "") -> str:
    """Fill ``dist``; return the commit that was released. ``secret``: a folder for keys and the history's repository.

    ``amiss``: ``sum`` (the archive was changed after it was summed up), ``signature`` (by a key that nobody knows),
    ``certificate`` (ends in five days).
    """
    dist.mkdir()
    archive = dist / ARCHIVE
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted((ROOT / "examples" / "shop").glob("*.py")):
            packed.write(file, f"shop/{file.name}")
    (dist / f"{ARCHIVE}.sha256").write_text(f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {ARCHIVE}\n")
    if amiss == "sum":
        with archive.open("ab") as changed:
            changed.write(b"\0")
    _sign(archive, secret, known=amiss != "signature")
    _list(dist, version)
    _certify(dist, secret, 5 if amiss == "certificate" else 90)
    changes = "".join(f"- {text}\n" for text, _ in HISTORY[1:])
    (dist / "RELEASE_NOTES.md").write_text(f"# {version}\n\n{changes}")
    (dist / "version.json").write_text(json.dumps({"version": version}))
    return _history(secret / "history")


def _certify(dist: Path, secret: Path, days: int) -> None:
    """Make ``tls.pem`` (key and certificate of localhost) among the secrets, and ``ca.pem``, which vouches for it."""
    key, certificate = secret / "tls.key", dist / "ca.pem"
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days)]
    words += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    _openssl(*words, "-keyout", str(key), "-out", str(certificate))
    (secret / "tls.pem").write_text(certificate.read_text() + key.read_text())


class Entrance:
    """The shop's entrance with TLS: an HAProxy of its own. ``host``: name and port."""

    def __init__(self, shop_url: str, secret: Path) -> None:
        program = _haproxy()
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.host = f"localhost:{server.getsockname()[1]}"
            config = secret / "tls.cfg"
            config.write_text(
                TLS.format(fd=server.fileno(), pem=secret / "tls.pem", shop=shop_url.removeprefix("http://"))
            )
            words = [program, "-db", "-f", str(config)]
            quiet = subprocess.DEVNULL
            self._process = subprocess.Popen(words, stdin=quiet, stdout=quiet, stderr=quiet, pass_fds=[server.fileno()])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)


def _haproxy() -> str:
    program = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if program is None:
        raise HAProxyError("HAProxy is not installed: apt-get install haproxy")
    return program


def _sign(archive: Path, secret: Path, *, known: bool) -> None:
    own, other = secret / "release.key", secret / "other.key"
    for key in (own, other):
        _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(key))
    _openssl("pkey", "-in", str(own), "-pubout", "-out", str(secret / "release.pub"))
    signer = str(own if known else other)
    _openssl("dgst", "-sha256", "-sign", signer, "-out", f"{archive}.sig", str(archive))


def _list(dist: Path, version: str) -> None:
    """Write the list of components (CycloneDX 1.5) and the licences of what the shop needs: the extra ``demo``."""
    wanted = [one for one in metadata.requires("relgate") or () if re.search(r"extra == .demo.", one)]
    needed = sorted({re.split(r"[^A-Za-z0-9._-]", one)[0] for one in wanted})
    components = [{"type": "library", "name": one, "version": metadata.version(one)} for one in needed]
    about = {"component": {"type": "application", "name": "shop", "version": version}}
    document = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": about}
    (dist / "sbom.json").write_text(json.dumps(document | {"components": components}, indent=1))
    lines = [f"{one} {metadata.version(one)}: {_licence(one)}\n" for one in needed]
    (dist / "attributions.txt").write_text("".join(lines))


def _licence(name: str) -> str:
    about = metadata.metadata(name).json
    return str(about.get("license_expression") or about.get("license") or "see its files").partition("\n")[0]


def _history(folder: Path) -> str:
    folder.mkdir()
    who = {
        f"GIT_{role}_{what}": f"shop@{role}".lower() for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    plain = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=folder, env=plain | who, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "-q")
    for text, tag in HISTORY:
        git("commit", "-q", "--no-gpg-sign", "--allow-empty", "-m", text)
        if tag:
            git("tag", "--no-sign", tag)
    return git("rev-parse", "HEAD")


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)
