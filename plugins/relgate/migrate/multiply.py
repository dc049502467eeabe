"""Many rows out of few, in the database itself: what timing at scale needs is number, not variety. Pure: makes SQL.

Every row is copied, and in each set of columns that must be unique one column gets a new value: an integer moves by the
span of what is there, a text or a time by the number of the copy. References stay as they are, so that children share
their parents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from relgate.migrate.inserts import quoted

if TYPE_CHECKING:
    from relgate.ports.migrations import Column, Engine, Table

_INTEGERS = frozenset(
    {"smallint", "integer", "bigint", "int", "int2", "int4", "int8", "mediumint", "numeric", "decimal"}
)
_TEXTS = frozenset({"text", "character varying", "varchar", "citext", "longtext", "mediumtext"})
_TIMES = frozenset({"timestamp with time zone", "timestamp without time zone", "date"})
_NEAR = 100_000
"""Keys beyond this are not copied: rows at the limits of a type have no room above them."""
_SHORT = 8
"""Characters that a digest needs to be another one for each of some thousand copies."""
_DIGEST = 24
_ROOM = 12
"""Characters that the number of a copy needs."""


def multiplication(table: Table, engine: Engine, times: int, salt: int = 0) -> str | None:
    """Return one INSERT that adds ``times`` copies of every row; None where what is unique cannot get new values.

    ``salt``: another number at each use on the same table.
    """
    changed: dict[str, str] = {}
    near: list[str] = []
    references = {name for key in table.foreign_keys for name in key.columns}
    columns = {column.name: column for column in table.columns}
    for unique in filter(None, (table.primary_key, *table.uniques)):
        if any(name in changed for name in unique):
            continue
        free = [columns[name] for name in unique if name not in references and name in columns]
        free.sort(key=lambda column: column.type not in _INTEGERS)  # A time may leave its partition.
        found = next(((one.name, new) for one in free if (new := _moved(one, table, engine, salt)) is not None), None)
        if found is None:
            return None
        changed[found[0]] = found[1]
        if columns[found[0]].type in _INTEGERS:
            near.append(f"abs(t.{_name(found[0], engine)}) <= {_NEAR}")
    written = [column for column in table.columns if not column.generated]
    if not written:
        return None
    names = ", ".join(_name(column.name, engine) for column in written)
    values = ", ".join(changed.get(column.name, f"t.{_name(column.name, engine)}") for column in written)
    overriding = "OVERRIDING SYSTEM VALUE " if any(column.identity == "always" for column in written) else ""
    copies = f"WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < {times})"  # noqa: S608  # a number
    where = f" WHERE {' AND '.join(near)}" if near else ""
    source = f"SELECT {values} FROM {table.name} t CROSS JOIN k{where}"  # noqa: S608  # names of the catalog
    head = f"INSERT INTO {table.name} ({names}) {overriding}"
    return f"{head}{copies} {source}"


def _moved(column: Column, table: Table, engine: Engine, salt: int) -> str | None:
    """Return the SQL of a column's value in copy ``k.n``."""
    name = f"t.{_name(column.name, engine)}"
    if column.array or column.checks:
        return None
    if column.type in _INTEGERS and not column.scale:
        bare = _name(column.name, engine)
        near = f"FROM {table.name} WHERE abs({bare}) <= {_NEAR}"
        return f"{name} + k.n * (SELECT max({bare}) - min({bare}) + 1 {near})"
    if column.type in _TEXTS:
        return _another_text(column, name, engine, salt)
    if engine == "postgresql" and column.type == "uuid":
        return f"md5({name}::text || '-{salt}-' || k.n)::uuid"
    if engine == "postgresql" and column.type in _TIMES:
        return f"({name} + k.n * interval '1000 days')::{column.type}"
    return None


def _another_text(column: Column, name: str, engine: Engine, salt: int) -> str | None:
    """Return a text with the number of the copy in it; a digest of that where its length is limited."""
    mark = f"'-{salt}-'"  # Copies of copies: the same number may come again.
    whole = f"concat({name}, {mark}, k.n)" if engine == "mysql" else f"{name} || {mark} || k.n"
    if column.length is None:
        return whole
    if engine == "sqlite":
        return f"substr({name}, 1, {column.length - _ROOM}) || {mark} || k.n" if column.length > 2 * _ROOM else None
    return f"substr(md5({whole}), 1, {min(column.length, _DIGEST)})" if column.length >= _SHORT else None


def _name(name: str, engine: Engine) -> str:
    return quoted(name, engine).replace("%%", "%")
