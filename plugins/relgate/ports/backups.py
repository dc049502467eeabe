"""What proving a backup asks of a database's backup program: a protocol, and the value that crosses it.

The database that is backed up is production's, or stands for it: it is only read. What is restored goes into a scratch
database, which only a ``Server`` makes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from relgate.ports.migrations import Engine, Scratch, Session


@dataclass(frozen=True, slots=True)
class BackupMade:
    """A backup that lies in a file.

    ``path``: the file. ``bytes``: its size. ``sha256``: of its content, hexadecimal. ``taken_s``: when it was begun,
    seconds of the Unix epoch. ``took_s``: how long it took, 0 where relgate did not take it. ``tool``: what made it,
    with its version.
    """

    path: str
    bytes: int
    sha256: str
    taken_s: float
    took_s: float
    tool: str


class Backup(Protocol):
    """A way to back up a database and to restore it.

    ``omits``: kinds of the catalog that a restore leaves out on purpose (``privilege``). ``shares``: whether ``take``
    can see exactly what a ``reading`` session sees, however much is written meanwhile.
    """

    engine: Engine
    omits: frozenset[str]
    shares: bool

    def reading(self, url: str) -> Session:
        """Connect to the source, read only, in a transaction that sees one state from now on.

        Raises:
            SourceError: it cannot be reached.

        """

    def take(self, url: str, folder: Path, source: Session | None = None) -> BackupMade:
        """Back the database up into a new file in ``folder``; with ``source``, the state that this session sees.

        Raises:
            SourceError: it failed; no file is left.

        """

    def listed(self, made: BackupMade) -> tuple[str, ...] | None:
        """Return the tables whose rows the file says it has; None where only a restore can tell.

        Raises:
            SourceError: the file cannot be read.

        """

    def restore(self, made: BackupMade, scratch: Scratch) -> float:
        """Restore a backup into an empty scratch database and return how long it took, in seconds.

        Raises:
            SourceError: it failed, or the file is not what was taken.

        """
