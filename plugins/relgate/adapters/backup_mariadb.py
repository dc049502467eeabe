"""Backups of MariaDB and MySQL by their dump program, as SQL text.

The source is only read, in one transaction. The dump's transaction begins after the session's: rows that are written in
between differ. A dump that was cut lacks its last line. Passwords travel in the environment, never on a command line.
"""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

from relgate.adapters.backup import finished, run, unchanged, writing
from relgate.adapters.mariadb import MariadbSession
from relgate.adapters.mariadb_connect import Address, Connection, address_of
from relgate.errors import SourceError, UsageError
from relgate.ports.migrations import Engine, Scratch, Session, SqlError

if TYPE_CHECKING:
    from pathlib import Path

    from relgate.ports.backups import BackupMade

_END = b"-- Dump completed"
_TAIL = 4096
_SSL = ("ssl_ca", "ssl_cert", "ssl_key")


class MariadbBackup:
    """A dump with routines, triggers and events."""

    engine: Engine = "mysql"
    omits: frozenset[str] = frozenset({"privilege"})
    shares = False

    def reading(self, url: str) -> MariadbSession:
        """Connect read only, in a transaction that sees one state."""
        address = _address(url)
        connection = Connection(address, address.database)
        try:
            connection.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            connection.run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        except SqlError as error:
            connection.close()
            raise SourceError(f"MariaDB at {address.host}: {error}") from error
        return MariadbSession(connection)

    def take(self, url: str, folder: Path, source: Session | None = None) -> BackupMade:
        """Dump the whole database; a session's state cannot be shared."""
        _ = source
        address = _address(url)
        program = _program("mariadb-dump", "mysqldump")
        options = ["--single-transaction", "--quick", "--hex-blob", "--routines", "--triggers", "--events"]
        with writing(folder, address.database, ".sql") as file:
            command = [program, *_client(address), *options, f"--result-file={file.part}", address.database]
            run(command, _environment(address), "backup")
            file.tool = run([program, "--version"], _environment(address), "backup").decode(errors="replace").strip()
            _whole(file.part)
        return finished(file)

    def listed(self, made: BackupMade) -> tuple[str, ...]:
        """Return the tables that the dump creates."""
        path = unchanged(made)
        _whole(path)
        with path.open("rb") as file:
            found = [line.split(b"`")[1] for line in file if line.startswith(b"CREATE TABLE `")]
        return tuple(sorted(name.decode(errors="replace") for name in found))

    def restore(self, made: BackupMade, scratch: Scratch) -> float:
        """Run the dump's statements; the first error ends it."""
        path = unchanged(made)
        _whole(path)
        address = _address(scratch.url)
        program = _program("mariadb", "mysql")
        ticks = time.monotonic()
        with path.open("rb") as file:
            run([program, *_client(address), address.database], _environment(address), f"restore of {path}", stdin=file)
        return time.monotonic() - ticks


def _address(url: str) -> Address:
    address = address_of(url)
    if not address.database:
        raise UsageError("MariaDB's URL: expected a database's name behind the host, got none")
    return address


def _client(address: Address) -> list[str]:
    """Return the options that lead a program of MariaDB's to a server, the password not among them."""
    options = dict(address.options)
    socket = options.get("unix_socket")
    place = [f"--socket={socket}"] if socket else [f"--host={address.host}", f"--port={address.port}", "--protocol=tcp"]
    secure = [f"--{name.replace('_', '-')}={options[name]}" for name in _SSL if name in options]
    # Without the user's own option files: they may lead elsewhere.
    return ["--no-defaults", *place, f"--user={address.user}", *secure]


def _environment(address: Address) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MYSQL")}
    return kept | ({"MYSQL_PWD": address.password} if address.password else {})


def _program(*names: str) -> str:
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return path
    raise UsageError(f"expected {' or '.join(names)}, found none: apt-get install mariadb-client")


def _whole(path: Path) -> None:
    """Refuse a dump without its last line: the program or the disk stopped half-way."""
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - _TAIL))
        if _END not in file.read():
            raise SourceError(f"backup {path}: expected '-- Dump completed' as its last line: the dump was cut")
