"""A private authority for a browser: Chromium believes its own list and what a database of NSS has beside it.

It looks for the database in ``.pki/nssdb`` of its home, so it gets a home of its own, which goes with its other
temporary files. Certificates are checked as always: names, times and signatures count.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from relgate.errors import SourceError, UsageError

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_TIMEOUT_S = 30
_NO_TOOL = (
    "tls.ca reaches the browser through certutil, which is not here: apt-get install libnss3-tools "
    "(smoke paths that open a page need it; `tls: {verify: false}` would not check certificates at all)"
)


def home(ca: Path, folder: Path) -> dict[str, str]:
    """Make a home for a browser that believes an authority; return what its environment needs.

    Args:
        ca: a file with certificates of authorities, PEM.
        folder: where the home goes.

    Raises:
        UsageError: the file cannot be read or has no certificate, or certutil is not installed.
        SourceError: certutil refuses.

    """
    try:
        found = _CERTIFICATE.findall(ca.read_bytes())
    except OSError as error:
        raise UsageError(f"tls.ca: expected a file with certificates, got {ca}: {error.strerror}") from error
    if not found:
        raise UsageError(f"tls.ca: expected certificates (-----BEGIN CERTIFICATE-----) in {ca}, found none")
    tool = shutil.which("certutil")
    if tool is None:
        raise UsageError(_NO_TOOL)
    database = folder / "home" / ".pki" / "nssdb"
    database.mkdir(parents=True)
    _run(tool, database, "-N", "--empty-password")
    for number, one in enumerate(found):
        _run(tool, database, "-A", "-t", "C,,", "-n", f"relgate-{number}", "-a", given=one + b"\n")
    # Caches of fonts stay where they are: making them again takes longer than a path.
    caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return {"HOME": str(folder / "home"), "XDG_CACHE_HOME": caches}


def _run(tool: str, database: Path, *arguments: str, given: bytes = b"") -> None:
    command = [tool, "-d", f"sql:{database}", *arguments]
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceError(f"certutil does not run: {error}") from error
    if done.returncode != 0:
        raise SourceError(f"certutil refuses tls.ca: {done.stderr.decode(errors='replace').strip()}")
