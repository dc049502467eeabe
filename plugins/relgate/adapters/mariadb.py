"""Scratch databases on MariaDB and MySQL, on a private server or on one that a user gave.

A scratch database is called ``relgate_<token>_<number>``, and says that it is relgate's: in its comment (MariaDB), or
by a procedure (MySQL has no comments on databases). Its owner holds a lock of the server with the token's name while it
lives, so that the next start can tell what a killed owner left. Nothing else is ever dropped, whatever its name.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from relgate.adapters.mariadb_catalog import MARKER, Schema, quoted
from relgate.adapters.mariadb_connect import Address, Connection, address_of, name_of
from relgate.adapters.mariadb_copy import LENIENT, Copier
from relgate.adapters.mariadb_process import MariadbProcess
from relgate.adapters.sqlite_catalog import ordered
from relgate.errors import SourceError, UsageError
from relgate.ports.migrations import Catalog, Column, Engine, Row, Scratch, SqlError, Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

_NAME = re.compile(r"relgate_([0-9a-f]{12})_\d+\Z")
_OURS = "scratch database of relgate; owner {}"
_FOREVER_S = 31_536_000
"""A connection that says nothing for a year is still alive: the lock that tells it is must not be lost before."""


class MariadbServer:
    """Makes scratch databases. The first thing it does is to drop what dead owners left."""

    engine: Engine = "mysql"
    transactional = False

    def __init__(self, address: Address, process: MariadbProcess | None = None) -> None:
        self._address = address
        self._process = process
        self._token = os.urandom(6).hex()
        self._made: dict[str, Scratch] = {}
        self._keeper = Connection(address, variables=(f"wait_timeout = {_FOREVER_S}",))
        try:
            version = str(self._keeper.run("SELECT VERSION()")[0][0])
            self._comments = _has_comments(version)
            if not self._lock(self._token):
                raise SourceError("MariaDB: the lock of a new token is taken; GET_LOCK does not work on this server")
            self._sweep()
        except BaseException:
            self._keeper.close()
            raise
        name = "MariaDB" if "mariadb" in version.lower() else "MySQL"
        self.description = f"{name} {version.partition('-')[0]} ({'private' if process else 'given by its URL'})"

    @classmethod
    def private(cls) -> Self:
        """Start a server of our own from the system's binaries.

        Raises:
            UsageError: there are none.
            SourceError: it does not start.

        """
        process = MariadbProcess()
        options = (("unix_socket", str(process.socket)),)
        try:
            return cls(Address("localhost", 3306, process.user, "", options=options), process)
        except BaseException:
            process.stop()
            raise

    @classmethod
    def at(cls, url: str) -> Self:
        """Use a user's server for scratch databases; a database that the URL names is not touched.

        Raises:
            UsageError: the URL is none.
            SourceError: the server cannot be reached.

        """
        return cls(address_of(url))

    def create(self, template: Scratch | None = None) -> Scratch:
        """Create a database, empty or a copy of another."""
        if template is not None:
            self._own(template)
        name = f"relgate_{self._token}_{len(self._made) + 1}"
        url = self._address.url(name)
        scratch = Scratch(
            "mysql", name, url, (*self._address.environment(), ("DATABASE_URL", url.replace("+pymysql", "", 1)))
        )
        self._made[name] = scratch
        try:
            self._create(name, template)
        except SqlError as error:
            self.drop(scratch)
            raise SourceError(
                f"scratch database {name}: cannot be created ({error}); the user {self._address.user} needs all "
                "privileges on relgate\\_%"
            ) from error
        return scratch

    def _create(self, name: str, template: Scratch | None) -> None:
        comment = f" COMMENT '{_OURS.format(self._token)}'" if self._comments else ""
        self._keeper.run(f"CREATE DATABASE {name_of(name)}{_charset(self._keeper, template)}{comment}")
        if not self._comments:
            marker = f"{name_of(name)}.{name_of(MARKER)}"
            self._keeper.run(f"CREATE PROCEDURE {marker}() COMMENT '{_OURS.format(self._token)}' SELECT 1")
        if template is not None:
            source = Connection(self._address, template.name, LENIENT)
            target = Connection(self._address, name, LENIENT)
            try:
                Copier(source, target).copy()
            finally:
                source.close()
                target.close()

    def drop(self, scratch: Scratch) -> None:
        """Drop a database, the connections to it first."""
        self._own(scratch)
        try:
            _drop(self._keeper, scratch.name)
        except SqlError as error:
            raise SourceError(f"scratch database {scratch.name}: cannot be dropped ({error})") from error

    def open(self, scratch: Scratch) -> MariadbSession:
        """Connect."""
        self._own(scratch)
        return MariadbSession(Connection(self._address, scratch.name))

    def close(self) -> None:
        """Drop every database that this server made; end the server if it is our own."""
        try:
            for scratch in self._made.values() if self._process is None else ():
                self.drop(scratch)
        finally:
            self._keeper.close()
            if self._process is not None:
                self._process.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _own(self, scratch: Scratch) -> None:
        if self._made.get(scratch.name) != scratch:
            raise UsageError(
                f"scratch database {scratch.name} ({scratch.engine}): this server did not create it, so it is neither "
                "opened, copied nor dropped; expected one that create() returned"
            )

    def _lock(self, token: str) -> bool:
        return bool(self._keeper.run("SELECT GET_LOCK(%s, 0)", (f"relgate_{token}",))[0][0])

    def _sweep(self) -> None:
        """Drop scratch databases whose owner's lock is free. Any doubt, and it stays."""
        for row in self._keeper.named("SELECT * FROM information_schema.schemata"):
            match = _NAME.match(row["schema_name"])
            if match is None or not self._marked(row, match[1]) or not self._lock(match[1]):
                continue
            try:
                _drop(self._keeper, row["schema_name"])
            except SqlError:
                pass  # Another sweep was quicker, or this user may not.
            finally:
                self._keeper.run("SELECT RELEASE_LOCK(%s)", (f"relgate_{match[1]}",))

    def _marked(self, row: dict[str, Any], token: str) -> bool:
        marker = _OURS.format(token)
        if row.get("schema_comment") == marker:
            return True
        sql = "SELECT routine_comment FROM information_schema.routines WHERE routine_schema = %s AND routine_name = %s"
        return (marker,) in self._keeper.run(sql, (row["schema_name"], MARKER))


class MariadbSession:
    """One connection to a scratch database; times are UTC, the SQL mode strict."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.run = connection.run
        self.close = connection.close

    def begin(self) -> None:
        """Start a transaction. DDL ends it: this engine cannot roll DDL back."""
        self.run("START TRANSACTION")

    def commit(self) -> None:
        """End it."""
        self.run("COMMIT")

    def rollback(self) -> None:
        """Undo it; nothing to undo is no error."""
        self.run("ROLLBACK")

    def catalog(self) -> Catalog:
        """Return the schema."""
        return Schema(self._connection).catalog()

    def tables(self) -> tuple[Table, ...]:
        """Return the tables that rows can be written to, those that others refer to first where there is an order."""
        return ordered(Schema(self._connection).seedable())

    def rows(self, tables: Sequence[str] | None = None) -> dict[str, list[Row]]:
        """Return all rows of the tables, in no order."""
        known = {table.name: table for table in self.tables()}
        found: dict[str, list[Row]] = {}
        for name in known if tables is None else tables:
            if name not in known:
                raise SqlError(f"no such table: {name}", "42S02")
            columns = known[name].columns
            listed = ", ".join(_exact(column) for column in columns)
            found[name] = [
                {column.name: _plain(value, column) for column, value in zip(columns, row, strict=True)}
                for row in self.run(f"SELECT {listed} FROM {name}")  # noqa: S608  quoted names
            ]
        return found

    def counts(self) -> dict[str, int]:
        """Return how many rows each table has."""
        names = [quoted(name) for name in Schema(self._connection).base]
        return {name: int(self.run(f"SELECT count(*) FROM {name}")[0][0]) for name in names}  # noqa: S608  quoted

    def set_sequences(self) -> None:
        """Do nothing: AUTO_INCREMENT follows the largest value by itself, sequences feed no column for good."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_TIMES = ("date", "datetime", "timestamp", "time")


def _exact(column: Column) -> str:
    """Return SQL that reads a column without loss: FLOAT prints six digits, zero dates become None in the driver."""
    name = name_of(column.name)
    if column.type == "float":
        return f"{name} + 0e0"
    if column.type == "bit":
        return f"{name} + 0"
    return f"CAST({name} AS CHAR)" if column.type in _TIMES else name


def _plain(value: object, column: Column) -> object:
    """Return a value in JSON's types."""
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, bytes):
        return value.hex()
    text = str(value)
    if column.type in ("datetime", "timestamp"):
        return text.replace(" ", "T") + "+00:00" * (column.type == "timestamp")
    return text


def _has_comments(version: str) -> bool:
    numbers = re.findall(r"\d+", version.lower().removeprefix("5.5.5-"))
    return "mariadb" in version.lower() and (int(numbers[0]), int(numbers[1])) >= (10, 5)


def _charset(keeper: Connection, template: Scratch | None) -> str:
    """Return the defaults that a copy's database needs, to be like its template."""
    if template is None:
        return ""
    sql = (
        "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata "
        "WHERE schema_name = %s"
    )
    charset, collation = keeper.run(sql, (template.name,))[0]
    return f" CHARACTER SET {charset} COLLATE {collation}"


def _drop(keeper: Connection, name: str) -> None:
    """End connections to a database, drop it, and take back the grants in it that this user sees: they outlive it."""
    if not keeper.run("SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", (name,)):
        return
    for (number,) in keeper.run("SELECT id FROM information_schema.processlist WHERE db = %s", (name,)):
        try:
            keeper.run(f"KILL {int(number)}")
        except SqlError as error:
            if "1094" not in str(error):  # It has ended by itself.
                raise
    granted = _granted(keeper, name)
    keeper.run(f"DROP DATABASE IF EXISTS {name_of(name)}")
    for grantee, table in granted:
        on = f"{name_of(name)}.{name_of(table) if table else '*'}"
        for what in ("GRANT OPTION", "ALL PRIVILEGES"):
            # Who may not take a grant back leaves one on a name that nobody will use again.
            with suppress(SqlError):
                keeper.run(f"REVOKE {what} ON {on} FROM {grantee}")


def _granted(keeper: Connection, name: str) -> list[tuple[str, str]]:
    """Return who has privileges in a database, and on which table; the table is empty for the whole database."""
    found = set()
    for what in ("schema_privileges", "table_privileges", "column_privileges"):
        sql = f"SELECT * FROM information_schema.{what} WHERE table_schema = %s"  # noqa: S608  one of three
        found |= {(str(row["grantee"]), str(row.get("table_name", ""))) for row in keeper.named(sql, (name,))}
    return sorted(found)
