"""What a SQLite database knows of its schema: as a catalog for comparing, as tables for seeding.

Tables are described by their parts (pragmas, and ``sqlite_text`` for what no pragma tells), so that a column comes out
equal whether CREATE or ALTER brought it, and a table whether it was built once or rebuilt under another name. A text
that cannot be taken apart is described as a whole: two such texts may differ where their meaning does not, never the
reverse.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from relgate.adapters import sqlite_text
from relgate.ports.migrations import Books, Catalog, Column, ForeignKey, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from relgate.adapters.sqlite_text import ConstraintText, TableText

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")
_TYPE = re.compile(r"([^(]*)(?:\(\s*([+-]?\d+)\s*(?:,\s*([+-]?\d+)\s*)?\))?(.*)\Z", re.DOTALL)
_RESERVED = re.findall(
    r"\w+",
    """add all alter and as autoincrement between case check collate commit constraint create current_date current_time
current_timestamp default deferrable delete distinct drop else escape except exists foreign from group having if in
index insert intersect into is isnull join limit not nothing notnull null on or order primary references returning
select set table then to transaction union unique update using values when where""",
)


@dataclass(slots=True)
class _Index:
    """``columns``: (name or None for an expression, descending, collation). ``origin``: c, u (UNIQUE) or pk."""

    name: str
    unique: bool
    origin: str
    partial: bool
    columns: list[tuple[str | None, bool, str]]
    sql: str | None


@dataclass(slots=True)
class _Table:
    """``columns``: rows of table_xinfo. ``text`` is None where the SQL text could not be taken apart."""

    name: str
    kind: str
    sql: str
    without_rowid: bool
    strict: bool
    columns: list[tuple[Any, ...]]
    indexes: list[_Index] = field(default_factory=list)
    text: TableText | None = None


class Schema:
    """A database's schema as it is now. ``query``: runs one statement and returns its rows."""

    def __init__(self, query: Callable[[str], list[tuple[Any, ...]]]) -> None:
        master = query("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid")
        self.others = [row for row in master if row[0] in ("view", "trigger") and row[2] not in Books]
        self.triggered = {table for kind, _, table, _ in master if kind == "trigger"}
        texts = {(kind, name): sql for kind, name, _, sql in master}
        self.tables: dict[str, _Table] = {}
        for _, name, kind, _, without_rowid, strict in query("PRAGMA main.table_list"):
            sql = texts.get(("table", name))
            if sql is None or kind == "shadow" or name.startswith("sqlite_") or name in Books:
                continue
            columns = query(f"PRAGMA table_xinfo({literal(name)})")
            table = _Table(name, kind, sql, bool(without_rowid), bool(strict), columns)
            table.indexes = [_index(query, row, texts) for row in query(f"PRAGMA index_list({literal(name)})")]
            table.text = _read(table)
            self.tables[name] = table
        self.names = {str(name).lower() for _, name, _, _ in master} | {"new", "old", "rowid"}
        self.names |= {str(row[1]).lower() for table in self.tables.values() for row in table.columns}

    # --- for comparing

    def catalog(self) -> Catalog:
        """Return the schema as definitions in which equal schemas are equal."""
        found: Catalog = {}
        for table in self.tables.values():
            self._describe(table, found)
        for kind, name, _, sql in self.others:
            found[kind, quoted(name)] = self.text(_after_head(sql, kind))
        return found

    def text(self, sql: str) -> str:
        """Write SQL in one way."""
        return sqlite_text.normal(sql, self.names)

    def _describe(self, table: _Table, found: Catalog) -> None:
        own = quoted(table.name)
        options = ["strict"] * table.strict + ["without rowid"] * table.without_rowid
        found["table", own] = " ".join(["table", *options])
        if table.text is None:
            found["table", own] = self.text(_after_head(table.sql, "table"))
        found["column-order", own] = ", ".join(quoted(row[1]) for row in table.columns)
        for row in table.columns:
            found["column", f"{own}.{quoted(row[1])}"] = self._column(table, row)
        seen: Counter[str] = Counter()
        for constraint in table.text.constraints if table.text else ():
            definition = self._constraint(constraint)
            identity = f"{own}.{quoted(constraint.name) if constraint.name else _what(definition)}"
            seen[identity] += 1
            found["constraint", identity if seen[identity] == 1 else f"{identity} #{seen[identity]}"] = definition
        for index in table.indexes:
            if index.origin == "c":
                found["index", quoted(index.name)] = f"{'unique ' * index.unique}on {own} ({self._index(index)}"

    def _column(self, table: _Table, row: tuple[Any, ...]) -> str:
        _, name, declared, not_null, default, _, hidden = row
        parts = [_type(declared).upper() or "(no type)"]
        text = next((column for column in table.text.columns if column.name == name), None) if table.text else None
        if text and text.collate not in ("", "BINARY"):
            parts.append(f"COLLATE {text.collate}")
        if text and text.generated:
            parts.append(f"AS ({self.text(text.generated)}) {'STORED' if hidden == 3 else 'VIRTUAL'}")
        if hidden == 1:
            parts.append("HIDDEN")
        if not_null:
            parts.append("NOT NULL")
        if text and text.not_null_conflict not in ("", "abort"):
            parts.append(f"ON CONFLICT {text.not_null_conflict.upper()}")
        if default is not None and default.upper() != "NULL":
            parts.append(f"DEFAULT {self._default(default)}")
        return " ".join(parts)

    def _default(self, default: str) -> str:
        """In a default, SQLite takes a "double-quoted" text for a literal."""
        tokens = sqlite_text.tokens_of(default)
        if len(tokens) == 1 and tokens[0].kind == "quoted":
            return literal(tokens[0].bare)
        return self.text(default)

    def _constraint(self, constraint: ConstraintText) -> str:
        after = f" on conflict {constraint.conflict}" if constraint.conflict not in ("", "abort") else ""
        if constraint.kind == "check":
            return f"check ({self.text(constraint.check)}){after}"
        columns = ", ".join(constraint.columns)
        if constraint.kind == "foreign key":
            columns = ", ".join(quoted(name.lower()) for name in constraint.columns)
            referred = constraint.referred or self.key_of(constraint.table)
            to = f"{quoted(self._real(constraint.table))} ({', '.join(quoted(name.lower()) for name in referred)})"
            return f"foreign key ({columns}) references {to} {constraint.rules}".rstrip()
        return f"{constraint.kind} ({columns}){after}{' autoincrement' * constraint.autoincrement}"

    def _index(self, index: _Index) -> str:
        """Return ``a, lower(b) collate nocase desc) where c > 0``."""
        texts, where = sqlite_text.index_parts(index.sql or "")
        parts = []
        for (name, descending, collation), tokens in zip(index.columns, texts, strict=False):
            what = quoted(name) if name is not None else sqlite_text.joined(_without_order(tokens), self.names)
            collate = f" collate {collation.lower()}" * (collation.upper() != "BINARY")
            parts.append(f"{what}{collate}{' desc' * descending}")
        return ", ".join(parts) + ")" + (f" where {sqlite_text.joined(where, self.names)}" if where else "")

    def _real(self, name: str) -> str:
        """Return the table's name as it is written where it is created; SQLite does not mind case."""
        return next((table for table in self.tables if table.lower() == name.lower()), name)

    # --- for seeding

    def key_of(self, name: str) -> tuple[str, ...]:
        """Return the columns of a table's primary key, none where it has none or is not there."""
        table = self.tables.get(self._real(name))
        keyed = sorted((row[5], row[1]) for row in table.columns if row[5]) if table else []
        return tuple(column for _, column in keyed)

    def seedable(self) -> tuple[Table, ...]:
        """Return the tables that rows can be written to (virtual tables are not among them), referred ones first."""
        return ordered([self._table(table) for table in self.tables.values() if table.kind == "table"])

    def _table(self, table: _Table) -> Table:
        text = table.text
        constraints = text.constraints if text else []
        return Table(
            name=quoted(table.name),
            columns=tuple(_column(table, row) for row in table.columns if row[6] != 1),
            primary_key=self.key_of(table.name),
            uniques=tuple(columns for columns in map(_unique, table.indexes) if columns),
            foreign_keys=tuple(self._foreign_key(one, table) for one in constraints if one.kind == "foreign key"),
            checks=tuple(one.check for one in constraints if one.kind == "check"),
            triggers=table.name in self.triggered,
        )

    def _foreign_key(self, one: ConstraintText, table: _Table) -> ForeignKey:
        there = self.tables.get(self._real(one.table))
        referred = _as_declared(one.referred, there) if one.referred else self.key_of(one.table)
        return ForeignKey(one.name, _as_declared(one.columns, table), quoted(self._real(one.table)), referred)


def _what(definition: str) -> str:
    """Return what a constraint without a name is known by: its kind and its columns, a check's expression."""
    return definition if definition.startswith("check") else definition.partition(")")[0] + ")"


def _as_declared(names: Sequence[str], table: _Table | None) -> tuple[str, ...]:
    """Return column names as their table writes them; SQLite does not mind case."""
    declared = {row[1].lower(): row[1] for row in table.columns} if table else {}
    return tuple(declared.get(name.lower(), name) for name in names)


def _unique(index: _Index) -> tuple[str, ...]:
    """Return the columns of a unique index; none of one with a predicate or an expression, or the primary key's."""
    names = tuple(name for name, _, _ in index.columns if name is not None)
    whole = index.unique and not index.partial and index.origin != "pk"
    return names if whole and len(names) == len(index.columns) else ()


def literal(text: str) -> str:
    """Quote a text as a literal."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Return a name as SQL text refers to it."""
    return name if _PLAIN.match(name) and name not in _RESERVED else '"' + name.replace('"', '""') + '"'


def ordered(tables: Sequence[Table]) -> tuple[Table, ...]:
    """Put tables behind those that they refer to; where they refer to one another, the order that they came in."""
    done: dict[str, Table] = {}
    waiting = list(tables)
    known = {table.name for table in tables}
    while waiting:
        ready = [
            table
            for table in waiting
            if all(key.table in done or key.table == table.name or key.table not in known for key in table.foreign_keys)
        ] or waiting[:1]
        done.update({table.name: table for table in ready})
        waiting = [table for table in waiting if table.name not in done]
    return tuple(done.values())


def _read(table: _Table) -> TableText | None:
    """Take a table's text apart; None where what comes out is not what the pragmas say."""
    if table.kind == "virtual":
        return None
    try:
        text = sqlite_text.read_table(table.sql)
    except ValueError:
        return None
    same = [column.name for column in text.columns] == [row[1] for row in table.columns]
    unique = sum(one.kind == "unique" for one in text.constraints)
    keyed = any(one.kind == "primary key" for one in text.constraints) == any(row[5] for row in table.columns)
    enough = unique >= sum(index.origin == "u" for index in table.indexes)  # Two equal ones share an index.
    return text if same and keyed and enough else None


def _index(query: Callable[[str], list[tuple[Any, ...]]], row: tuple[Any, ...], texts: dict[Any, Any]) -> _Index:
    _, name, unique, origin, partial = row
    columns = [
        (column, bool(descending), str(collation))
        for _, _, column, descending, collation, key in query(f"PRAGMA index_xinfo({literal(name)})")
        if key
    ]
    return _Index(name, bool(unique), origin, bool(partial), columns, texts.get(("index", name)))


def _without_order(tokens: list[sqlite_text.Token]) -> list[sqlite_text.Token]:
    """Take ASC, DESC and COLLATE from the end: the pragma has them."""
    if tokens and tokens[-1].low in ("asc", "desc"):
        tokens = tokens[:-1]
    return tokens[:-2] if len(tokens) > 2 and tokens[-2].low == "collate" else tokens


def _after_head(sql: str, kind: str) -> str:
    """Take off ``CREATE TEMP VIEW IF NOT EXISTS main.name``: the identity has the name."""
    tokens = sqlite_text.tokens_of(sql)
    at = next((index for index, token in enumerate(tokens) if token.low == kind), -1) + 1
    at += 3 * ([token.low for token in tokens[at : at + 3]] == ["if", "not", "exists"])
    at += 2 * (len(tokens) > at + 1 and tokens[at + 1].text == ".")
    return sql[tokens[at].end :] if 0 < at < len(tokens) else sql


def _type(declared: str) -> str:
    """Return a type in one way, in lower case; SQLite keeps it as it was written, comments and all.

    Behind a comment, it takes GENERATED for a word of the type.
    """
    return re.sub(r"\s?\bgenerated( always)?\Z", "", sqlite_text.normal(declared).replace(" (", "("))


def _column(table: _Table, row: tuple[Any, ...]) -> Column:
    _, name, declared, not_null, default, place, hidden = row
    match = _TYPE.match(_type(declared))
    base, first, second, rest = match.groups() if match else (declared, None, None, "")
    kind = " ".join(f"{base} {rest}".split())
    text = any(word in kind for word in ("char", "text", "clob"))
    keys = sum(1 for other in table.columns if other[5])
    rowid = bool(place) and keys == 1 and kind == "integer" and not table.without_rowid
    return Column(
        name=name,
        type=kind,
        declared=declared,
        nullable=not not_null and not place,
        default=default,
        length=int(first) if first and text else None,
        precision=int(first) if first and not text else None,
        scale=int(second) if second else None,
        generated=hidden in (2, 3),
        identity="default" if rowid else "",
    )
