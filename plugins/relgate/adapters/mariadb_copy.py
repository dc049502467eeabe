"""Copies a MariaDB or MySQL database within its server, which has no templates: by replaying what SHOW CREATE says.

Tables first, each with its rows; then routines and views; triggers only afterwards, so that none fires; events; grants.
A copy has everything that the catalog of ``mariadb_catalog`` compares. It does not have the history of system-versioned
tables.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from relgate.adapters.mariadb_catalog import BASE, MARKER, Schema, column_of, implicit_start
from relgate.adapters.mariadb_connect import Connection, name_of
from relgate.ports.migrations import SqlError

if TYPE_CHECKING:
    from collections.abc import Iterable

LENIENT = ("foreign_key_checks = 0", "unique_checks = 0", "sql_mode = 'NO_AUTO_VALUE_ON_ZERO'")
"""Session variables under which every row that a table holds can be written to its copy."""

_SELECT = "SELECT * FROM information_schema.{} WHERE {} = DATABASE()"
_STARTS = re.compile(r" STARTS '[^']*'")


class Copier:
    """Copies the database of ``source`` into the empty one of ``target``; both with ``LENIENT`` variables.

    Raises:
        SqlError: a part cannot be copied.

    """

    def __init__(self, source: Connection, target: Connection) -> None:
        self._source = source
        self._target = target
        self._from = str(source.run("SELECT DATABASE()")[0][0])
        self._to = str(target.run("SELECT DATABASE()")[0][0])

    def copy(self) -> None:
        """Copy everything."""
        kinds = {row["table_name"]: row["table_type"] for row in self._rows("tables", "table_schema")}
        for name in sorted(name for name, kind in kinds.items() if kind == "SEQUENCE"):
            self._sequence(name)
        for name in sorted(name for name, kind in kinds.items() if kind in BASE):
            self._table(name)
        for row in self._rows("routines", "routine_schema"):
            if row["routine_name"] != MARKER:
                self._stored(str(row["routine_type"]), str(row["routine_name"]))
        self._views(sorted(str(name) for name, kind in kinds.items() if kind == "VIEW"))
        for row in sorted(self._rows("triggers", "trigger_schema"), key=lambda row: int(str(row["action_order"]))):
            self._stored("TRIGGER", str(row["trigger_name"]))
        for row in self._rows("events", "event_schema"):
            self._event(row)
        self._grants()

    def _rows(self, what: str, column: str) -> list[dict[str, Any]]:
        return self._source.named(_SELECT.format(what, column))

    def _show(self, kind: str, name: str) -> dict[str, Any]:
        return self._source.named(f"SHOW CREATE {kind} {name_of(name)}")[0]

    def _text(self, sql: object) -> str:
        """Lead what names the source database to the copy."""
        return (
            str(sql)
            .replace(f"{name_of(self._from)}.", f"{name_of(self._to)}.")
            .replace(f"{self._from}.", f"{self._to}.")
        )

    def _table(self, name: str) -> None:
        self._target.run(self._text(self._show("TABLE", name)["create table"]))
        rows = self._source.named(f"{_SELECT.format('columns', 'table_schema')} AND table_name = %s", (name,))
        written = [column_of(row) for row in sorted(rows, key=lambda row: int(row["ordinal_position"]))]
        columns = ", ".join(name_of(column.name) for column in written if not column.generated)
        if columns:
            there = f"{name_of(self._from)}.{name_of(name)}"
            self._target.run(f"INSERT INTO {name_of(name)} ({columns}) SELECT {columns} FROM {there}")  # noqa: S608

    def _sequence(self, name: str) -> None:
        shown = self._show("SEQUENCE", name)
        self._target.run(self._text(next(value for key, value in shown.items() if key.startswith("create"))))
        following = self._source.run(f"SELECT next_not_cached_value FROM {name_of(name)}")[0][0]  # noqa: S608
        self._target.run(f"SELECT SETVAL({name_of(name)}, {int(following)}, 0)")

    def _stored(self, kind: str, name: str) -> None:
        shown = self._show(kind, name)
        text = next(value for key, value in shown.items() if key.startswith(("create ", "sql original statement")))
        self._as_written(self._text(text), str(shown["sql_mode"]))

    def _event(self, row: dict[str, Any]) -> None:
        shown = self._show("EVENT", str(row["event_name"]))
        text = self._text(shown["create event"])
        self._as_written(_STARTS.sub("", text, count=1) if implicit_start(row) else text, str(shown["sql_mode"]))

    def _as_written(self, sql: str, mode: str) -> None:
        """Create a routine under the SQL mode that it was written in: it keeps that for good."""
        self._target.run("SET SESSION sql_mode = %s", (mode,))
        try:
            self._target.run(sql)
        finally:
            self._target.run(f"SET SESSION {LENIENT[-1]}")

    def _views(self, names: Iterable[str]) -> None:
        """Create views in an order in which each finds what it selects from."""
        waiting = {name: self._text(self._show("VIEW", name)["create view"]) for name in names}
        while waiting:
            refused = None
            before = len(waiting)
            for name, sql in list(waiting.items()):
                try:
                    self._target.run(sql)
                    del waiting[name]
                except SqlError as error:
                    refused = error
            if refused is not None and len(waiting) == before:
                raise refused

    def _grants(self) -> None:
        for grantee, privilege, target in Schema(self._source).privileges():
            table, _, option = target.partition(" WITH")
            on = f"{name_of(self._to)}.{table or '*'}"
            self._target.run(f"GRANT {privilege} ON {on} TO {grantee}" + (f" WITH{option}" if option else ""))
