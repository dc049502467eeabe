"""A database in figures, so that two can be compared without moving their rows.

Rows are counted and checksummed where they are: per column, and per whole row, each a sum of hashes (of 60 bits), so
that no order matters. Values are hashed as the text that the database writes for them, under fixed settings for times
and floats. The tool's own books (which revision is applied) are compared too: a backup without them cannot be
upgraded.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relgate.ports.migrations import Books, SqlError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from relgate.ports.migrations import Catalog, Engine, Session, Table

_PAGE = 5000
_SETTINGS = {
    "postgresql": (
        *("SET TimeZone = 'UTC'", "SET DateStyle = 'ISO, YMD'", "SET IntervalStyle = 'iso_8601'"),
        *("SET bytea_output = 'hex'", "SET extra_float_digits = 1", "SET xmloption = 'content'"),
    ),
    "mysql": ("SET SESSION time_zone = '+00:00'",),
    "sqlite": (),
}


@dataclass(frozen=True, slots=True)
class Rows:
    """A table's rows: how many, the sum over whole rows, and for each column the sum over its values."""

    n: int
    whole: str
    columns: dict[str, str]


@dataclass(frozen=True, slots=True)
class Portrait:
    """A database: its schema, the rows of each table (the tools' books among them), and where its sequences are."""

    catalog: Catalog
    tables: dict[str, Rows]
    sequences: dict[str, int]


def portray(session: Session, engine: Engine) -> Portrait:
    """Read a database through a session that may be read only.

    Raises:
        SqlError: something of it cannot be read, so nothing can be said of it.

    """
    for setting in _SETTINGS[engine]:
        session.run(setting)
    # Sequences first: they move on whatever a transaction sees, and a copy made later must not be behind.
    sequences = _sequences(session, engine)
    listed = [table for table in session.tables() if table.partition_of is None]
    tables = {table.name: _rows(session, engine, table) for table in listed}
    books = {name: _book(session, name) for name in _books(session, engine)}
    return Portrait(session.catalog(), tables | books, sequences)


def _rows(session: Session, engine: Engine, table: Table) -> Rows:
    names = [column.name for column in table.columns]
    if engine == "sqlite":
        return _hashed(names, _pages(session, table.name, names))
    each = [_md5(_quoted(name, engine), engine) for name in names]
    numbers = [_whole(each, engine), *(_number(one, engine) for one in each)]
    sums = ", ".join(f"coalesce(sum({one}), 0)" for one in numbers)
    row = session.run(f"SELECT count(*), {sums} FROM {table.name}")[0]  # noqa: S608  quoted names
    return Rows(int(row[0]), str(row[1]), dict(zip(names, map(str, row[2:]), strict=True)))


def _md5(name: str, engine: Engine) -> str:
    """Return the hash of a value, NULL told from every text."""
    if engine == "postgresql":
        return f"md5(coalesce('=' || {name}::text, 'NULL'))"
    return f"md5(coalesce(concat('=', hex(cast({name} AS BINARY))), 'NULL'))"


def _whole(each: Sequence[str], engine: Engine) -> str:
    """Return the number of a whole row: of the hashes of its values, in the columns' order."""
    if not each:
        return "0"
    joined = " || ".join(each) if engine == "postgresql" else f"concat({', '.join(each)})"
    return _number(f"md5({joined})", engine)


def _number(md5: str, engine: Engine) -> str:
    if engine == "postgresql":
        return f"('x' || left({md5}, 15))::bit(60)::bigint::numeric"
    return f"cast(conv(left({md5}, 15), 16, 10) AS DECIMAL(30, 0))"


def _pages(session: Session, table: str, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield a SQLite table's values as SQL literals, which tell 1 from '1' from 1.0, page by page."""
    values = ", ".join(f"quote({_quoted(name, 'sqlite')})" for name in names)
    at: Any = None
    while True:
        after = "" if at is None else f"WHERE _rowid_ > {int(at)}"
        sql = f"SELECT _rowid_, {values} FROM {table} {after} ORDER BY _rowid_ LIMIT {_PAGE}"  # noqa: S608
        try:
            rows = session.run(sql)
        except SqlError:
            if at is not None:
                raise
            # WITHOUT ROWID: there is nothing to page by that all tables have.
            yield from session.run(f"SELECT {values} FROM {table}")  # noqa: S608
            return
        yield from (row[1:] for row in rows)
        if len(rows) < _PAGE:
            return
        at = rows[-1][0]


def _hashed(names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> Rows:
    n, whole, sums = 0, 0, [0] * len(names)
    for row in rows:
        n += 1
        whole += _hash(repr(row))
        for place, value in enumerate(row):
            sums[place] += _hash(repr(value))
    return Rows(n, str(whole), {name: str(one) for name, one in zip(names, sums, strict=True)})


def _hash(text: str) -> int:
    return int(hashlib.md5(text.encode(errors="surrogatepass"), usedforsecurity=False).hexdigest()[:15], 16)


def _books(session: Session, engine: Engine) -> list[str]:
    """Return the tools' books that there are, as SQL text refers to them."""
    listed = ", ".join(f"'{name}'" for name in sorted(Books))
    if engine == "sqlite":
        sql = f"SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ({listed})"  # noqa: S608
        return sorted(_quoted(str(name), engine) for (name,) in session.run(sql))
    where = "table_schema = database()" if engine == "mysql" else "table_schema <> 'information_schema'"
    sql = f"SELECT table_schema, table_name FROM information_schema.tables WHERE {where}"  # noqa: S608
    sql += f" AND table_name IN ({listed})"
    if engine == "mysql":  # The database's own name differs between the two.
        return sorted(_quoted(str(name), engine) for _, name in session.run(sql))
    return sorted(f"{_quoted(str(schema), engine)}.{_quoted(str(name), engine)}" for schema, name in session.run(sql))


def _book(session: Session, name: str) -> Rows:
    return _hashed(["row"], ((repr(row),) for row in session.run(f"SELECT * FROM {name}")))  # noqa: S608  quoted names


def _sequences(session: Session, engine: Engine) -> dict[str, int]:
    """Return sequence -> the last value given out, 0 for none. MySQL keeps its own counters, which a dump carries."""
    if engine == "postgresql":
        sql = "SELECT schemaname || '.' || sequencename, coalesce(last_value, 0) FROM pg_sequences"
    elif engine == "sqlite":
        if not session.run("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'"):
            return {}
        sql = "SELECT name, max(seq) FROM sqlite_sequence GROUP BY name"
    else:
        sql = (
            "SELECT table_name, auto_increment FROM information_schema.tables "
            "WHERE table_schema = database() AND auto_increment IS NOT NULL"
        )
    return {str(name): int(value) for name, value in session.run(sql)}


def _quoted(name: str, engine: Engine) -> str:
    mark = "`" if engine == "mysql" else '"'
    return mark + name.replace(mark, mark * 2) + mark
