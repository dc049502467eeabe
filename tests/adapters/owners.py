"""A process that owns a server or a folder, to be killed: what is left of it is what these tests ask about."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def owner_of(text: str) -> Iterator[subprocess.Popen[str]]:
    """Run a Python text in a process of its own; it is killed at the latest when the test ends."""
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True) as owner:
        try:
            yield owner
        finally:
            owner.kill()
