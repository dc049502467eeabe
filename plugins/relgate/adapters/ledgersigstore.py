"""The head of a ledger in sigstore's public log, by sigstore's own command. Needs the network and an OIDC identity."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

from relgate.codec import sha256
from relgate.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from relgate.audit.record import Head

TIMEOUT_S = 120.0


def sign(head: Head, folder: Path) -> dict[str, Any]:
    """Sign a head keyless and keep the bundle; the body of the anchor's record. Raises SourceError."""
    from relgate.adapters.ledgertsa import ANCHORS, said

    path = folder / ANCHORS / f"{head.sequence}.head"
    bundle = path.with_suffix(".sigstore.json")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(said(head))
        command = [sys.executable, "-m", "sigstore", "sign", "--bundle", str(bundle), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceError(f"sigstore: {error}") from error
    if done.returncode != 0 or not bundle.exists():
        text = done.stderr.strip().splitlines()[-1:] or [f"exit {done.returncode}"]
        raise SourceError(f"sigstore: {text[0]}. It needs the extra sigstore: pip install 'relgate[sigstore]'")
    return {"by": "sigstore", "file": f"{ANCHORS}/{bundle.name}", "file_sha256": sha256(bundle.read_bytes())}
