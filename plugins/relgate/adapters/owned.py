"""Temporary folders that are cleaned up even where their owner was killed.

The owner holds a lock (flock) on the folder itself until its process ends, however it ends. Whoever finds a folder
whose lock is free may remove it. Nothing else is ever removed: not what another user made, not what a link points to.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from relgate.errors import SourceError

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable


_MEMORY = Path("/dev/shm")  # noqa: S108  asked for on purpose: folders in it are made by mkdtemp
_MEMORY_NEEDED = 1 << 30
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of <sys/prctl.h>
_NO_OWNER = 71


class OwnedFolder:
    """A new folder ``<prefix>xxxxxxxx`` among the system's temporary files, mode 0700, locked until ``remove``.

    ``fast``: in memory, where the machine has a GiB to spare: a database that nobody keeps need not wait for a disk.

    Raises:
        SourceError: it cannot be made.

    """

    def __init__(self, prefix: str, *, fast: bool = False) -> None:
        place = _MEMORY if fast and _spare() else Path(tempfile.gettempdir())
        try:
            self.path, self._lock = _make(prefix, place)
        except OSError as error:
            raise SourceError(
                f"temporary folder {prefix}*: cannot be made in {place} ({error}); "
                "make room there or set TMPDIR to a folder that can be written to"
            ) from error

    def remove(self) -> None:
        """Remove the folder with everything in it, then give the lock back. A second call does nothing."""
        if self._lock >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1


def _spare() -> bool:
    """Tell whether there is room in memory."""
    try:
        return os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _MEMORY_NEEDED
    except OSError:
        return False


def _make(prefix: str, place: Path) -> tuple[Path, int]:
    """Make and lock a folder. Until it is locked, somebody else's sweep may take it for a dead owner's: then again."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
        with suppress(FileNotFoundError):
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists():
                return path, lock
            os.close(lock)


def sweep(prefix: str, before: Callable[[Path], None] = lambda _: None) -> tuple[Path, ...]:
    """Remove the folders of owners that are dead, and return them.

    ``before`` is called with each of them while it is locked and still there (to end a server that runs in it).
    """
    removed = []
    for path in sorted([*Path(tempfile.gettempdir()).glob(f"{prefix}*"), *_MEMORY.glob(f"{prefix}*")]):
        if path.is_symlink() or not path.is_dir() or path.stat().st_uid != os.geteuid():
            continue
        with suppress(FileNotFoundError):
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                before(path)
                shutil.rmtree(path, ignore_errors=True)
                removed.append(path)
            except BlockingIOError:
                pass  # Its owner lives.
            finally:
                os.close(lock)
    return tuple(removed)


def dying_with_us(number: signal.Signals) -> Callable[[], None]:
    """Return what a child does before it becomes a server: ask for a signal at the end of the thread that starts it.

    For ``preexec_fn``, which runs after the change of user: that would take the signal back. Everything is looked up
    here: between fork and exec nothing may take a lock. Elsewhere than on Linux there is no such signal.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None
    owner = os.getpid()

    def ask() -> None:
        # An owner that died before the child could ask sends nothing any more.
        if (prctl is not None and prctl(_DEATH_SIGNAL, int(number), 0, 0, 0) != 0) or os.getppid() != owner:
            os._exit(_NO_OWNER)

    return ask
