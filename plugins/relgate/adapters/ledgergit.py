"""Signed git tags that name the head of a ledger: ``relgate-ledger/<ledger>/<sequence>-<SHA-256>``.

A tag is made in a repository of ours, signed with an SSH key, and pushed where a remote is named. Whoever may move or
remove tags there may remove an anchor: protect ``relgate-ledger/*``.
"""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from relgate.audit.record import Head

TIMEOUT_S = 60.0
PREFIX = "relgate-ledger"


def tag(ledger: str, head: Head, repository: str, key: str, remote: str | None) -> dict[str, Any]:
    """Make a signed tag whose message is the head, push it where asked; the body of the anchor's record.

    Raises:
        SourceError: git refuses; its words are in the message.

    """
    name = f"{PREFIX}/{ledger}/{head.sequence}-{head.sha256[:16]}"
    config = ["-c", "gpg.format=ssh", "-c", f"user.signingKey={Path(key).absolute()}"]
    who = ["-c", "user.name=relgate", "-c", "user.email=relgate@localhost"]
    message = f"{head.sequence}:{head.sha256}"
    _git([*who, *config, "tag", "--sign", "--message", message, name], Path(repository))
    try:
        # git 2.39 leaves an unsigned tag and says 0 where the key cannot be used.
        with _allowed(Path(key)) as signers:
            _verified(name, Path(repository), signers)
    except SourceError:
        _git(["tag", "--delete", name], Path(repository))
        raise
    if remote is not None:
        _git(["push", "--quiet", remote, f"refs/tags/{name}"], Path(repository))
    return {"by": "git", "tag": name, "remote": remote, "commit": _git(["rev-parse", "HEAD"], Path(repository)).strip()}


def heads(ledger: str, repository: Path, key: Path) -> list[tuple[int, str]]:
    """Return sequence and SHA-256 of every head of a ledger that a tag names.

    Raises:
        SourceError: git refuses, or a tag is not signed by the SSH key whose public half is ``key``.

    """
    found = []
    with _allowed(key) as signers:
        for name in _git(["tag", "--list", f"{PREFIX}/{ledger}/*"], repository).split():
            _verified(name, repository, signers)
            said = _git(["for-each-ref", "--format=%(contents:subject)", f"refs/tags/{name}"], repository).strip()
            sequence, _, digest = said.partition(":")
            if not sequence.isdecimal():
                raise SourceError(f"git tag {name}: expected <sequence>:<SHA-256>, got {said!r}")
            found.append((int(sequence), digest))
    return found


def _verified(name: str, repository: Path, signers: Path) -> None:
    _git(["-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={signers}", "verify-tag", name], repository)


@contextmanager
def _allowed(key: Path) -> Iterator[Path]:
    """Yield an allowed-signers file with the public half of an SSH key alone."""
    public = key if key.suffix == ".pub" else key.with_name(f"{key.name}.pub")
    try:
        text = public.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{public}: the public key cannot be read ({error})") from error
    with tempfile.NamedTemporaryFile("w", suffix=".allowed") as file:
        file.write(f"relgate@localhost {text}\n")
        file.flush()
        yield Path(file.name)


def _git(arguments: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceError(f"git in {folder}: {error}") from error
    if done.returncode != 0:
        raise SourceError(f"git {arguments[-1]}: {done.stderr.strip() or f'exit {done.returncode}'}")
    return done.stdout
