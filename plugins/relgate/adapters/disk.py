"""Free space of a file system."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from relgate.ports.preflight import Space

if TYPE_CHECKING:
    from pathlib import Path


def space(path: Path) -> Space:
    """Return what is free where a path lies, as shares of what can be used without privileges (as ``df`` counts)."""
    try:
        seen = os.statvfs(path)
    except OSError as error:
        return Space(str(path), fault=f"cannot be looked at ({error.strerror})")
    usable = seen.f_blocks - seen.f_bfree + seen.f_bavail
    if usable <= 0:
        return Space(str(path), fault="lies on a file system without any space to speak of")
    return Space(str(path), seen.f_bavail / usable, seen.f_favail / seen.f_files if seen.f_files else None)
