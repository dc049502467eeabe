"""What seeding needs to know of a PostgreSQL schema, and the statements that read and count rows and move sequences.

Four small queries and their assembly into ``Table``. Names are what SQL under the default ``search_path`` refers to;
types that came with an extension have their bare name (``citext``).
"""

# ruff: noqa: S608 - nothing here comes from outside: names are those that the server quoted

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from relgate.ports.migrations import Books, Column, ForeignKey, SqlError, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Ask = Callable[[str], list[tuple[Any, ...]]]

_BOOKS = ", ".join(f"'{name}'" for name in sorted(Books))

_TABLES = f"""
WITH t AS MATERIALIZED (
  SELECT c.oid, c.relkind, c.relispartition, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND c.oid >= 16384 AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND c.relname NOT IN ({_BOOKS})
    AND NOT EXISTS (
      SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
)
"""

_LISTED = (
    _TABLES
    + """
SELECT t.name, t.relkind = 'p', p.name,
  EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = t.oid AND NOT g.tgisinternal),
  CASE WHEN t.relispartition THEN pg_get_partition_constraintdef(t.oid) END
FROM t LEFT JOIN pg_inherits i ON i.inhrelid = t.oid AND t.relispartition LEFT JOIN t p ON p.oid = i.inhparent
ORDER BY t.name
"""
)

# ``bottom``: each domain with the type at the bottom of it, all checks on the way, and the default nearest to the top.
_COLUMNS = (
    _TABLES.replace("WITH t ", "WITH RECURSIVE t ")
    + """
, bottom AS (
  SELECT oid AS top, oid, typbasetype, typtypmod, typnotnull, typdefault
  FROM pg_type WHERE typtype = 'd' AND oid >= 16384
  UNION ALL
  SELECT b.top, d.oid, d.typbasetype, CASE WHEN b.typtypmod >= 0 THEN b.typtypmod ELSE d.typtypmod END,
    b.typnotnull OR d.typnotnull, coalesce(b.typdefault, d.typdefault)
  FROM bottom b JOIN pg_type d ON d.oid = b.typbasetype AND d.typtype = 'd'
), domain AS (
  SELECT b.top, b.typbasetype AS base, b.typtypmod AS typmod, b.typnotnull, b.typdefault,
    (SELECT array_agg(pg_get_expr(k.conbin, 0) ORDER BY k.conname) FROM pg_constraint k
     WHERE k.contype = 'c' AND k.contypid IN (SELECT w.oid FROM bottom w WHERE w.top = b.top)) AS checks
  FROM bottom b JOIN pg_type x ON x.oid = b.typbasetype AND x.typtype <> 'd'
), facts AS (
  SELECT t.name AS table_name, a.attnum, a.attname, a.attnotnull OR coalesce(d.typnotnull, false) AS required,
    format_type(a.atttypid, a.atttypmod) AS declared, a.attgenerated, a.attidentity,
    coalesce(pg_get_expr(f.adbin, f.adrelid), d.typdefault) AS fallback, d.checks,
    coalesce(d.base, a.atttypid) AS type, CASE WHEN d.top IS NULL THEN a.atttypmod ELSE d.typmod END AS typmod
  FROM t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
  LEFT JOIN domain d ON d.top = a.atttypid
)
SELECT f.table_name, f.attname::text, CASE WHEN s.typtype = 'e' THEN 'enum'
    WHEN s.typnamespace = 'pg_catalog'::regnamespace THEN format_type(s.oid, NULL) ELSE s.typname::text END,
  f.declared, NOT f.required, CASE WHEN f.attgenerated = '' THEN f.fallback END, f.typmod, f.attgenerated <> '',
  CASE f.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'default' ELSE '' END,
  CASE WHEN s.typtype = 'e'
    THEN ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid = s.oid ORDER BY enumsortorder) END,
  y.typcategory = 'A', f.checks, s.typname::text
FROM facts f JOIN pg_type y ON y.oid = f.type
JOIN pg_type s ON s.oid = CASE WHEN y.typcategory = 'A' AND y.typelem <> 0 THEN y.typelem ELSE y.oid END
ORDER BY f.table_name, f.attnum
"""
)

# A foreign key to a partitioned table has rows for its partitions too, of the same table: those are left out.
_CONSTRAINTS = (
    _TABLES
    + """
SELECT t.name, c.contype::text, c.conname::text, pg_get_expr(c.conbin, c.conrelid), r.name,
  ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY k(n, at)
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n ORDER BY k.at),
  ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY k(n, at)
        JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.n ORDER BY k.at)
FROM t JOIN pg_constraint c ON c.conrelid = t.oid LEFT JOIN t r ON r.oid = c.confrelid
LEFT JOIN pg_constraint above ON above.oid = c.conparentid
WHERE c.contype = 'c' OR (c.contype = 'f' AND r.name IS NOT NULL AND above.conrelid IS DISTINCT FROM c.conrelid)
ORDER BY t.name, c.conname
"""
)

_UNIQUES = (
    _TABLES
    + """
SELECT t.name, x.indisprimary, ARRAY(SELECT a.attname::text FROM unnest(x.indkey::int2[]) WITH ORDINALITY k(n, at)
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.n WHERE k.at <= x.indnkeyatts ORDER BY k.at)
FROM t JOIN pg_index x ON x.indrelid = t.oid
WHERE x.indisunique AND x.indpred IS NULL AND x.indexprs IS NULL ORDER BY t.name, x.indexrelid
"""
)

# Of a row: what JSON can say exactly stays as it is, times become ISO 8601, all else is the server's own text.
_AS_JSON = "'bool', 'int2', 'int4', 'int8', 'float4', 'float8', 'date', 'timestamp', 'timestamptz'"

_READ = (
    _TABLES
    + f"""
SELECT t.name, t.relkind = 'p', string_agg(quote_ident(a.attname) || CASE WHEN y.typname IN ({_AS_JSON})
  AND y.typnamespace = 'pg_catalog'::regnamespace THEN '' ELSE '::text AS ' || quote_ident(a.attname) END, ', '
  ORDER BY a.attnum)
FROM t LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_type y ON y.oid = a.atttypid GROUP BY 1, 2 ORDER BY 1
"""
)

# By ownership (serial, identity), and by a default that calls nextval.
_FED = (
    _TABLES
    + """
, fed AS (
  SELECT objid AS sequence, refobjid AS relation, refobjsubid AS attnum FROM pg_depend
  WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND refobjsubid > 0
    AND deptype IN ('a', 'i')
  UNION
  SELECT d.refobjid, f.adrelid, f.adnum FROM pg_depend d JOIN pg_attrdef f ON f.oid = d.objid
  WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
)
SELECT t.name, t.relkind = 'p', quote_ident(a.attname), quote_ident(n.nspname) || '.' || quote_ident(c.relname),
  s.seqincrement, s.seqmin, s.seqmax
FROM fed JOIN t ON t.oid = fed.relation JOIN pg_sequence s ON s.seqrelid = fed.sequence
JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = fed.attnum
JOIN pg_type y ON y.oid = a.atttypid AND y.typcategory = 'N' ORDER BY 4, 1, 3
"""
)


def tables(ask: Ask) -> tuple[Table, ...]:
    """Return the tables, those that others refer to first where there is an order."""
    columns: dict[str, list[Column]] = defaultdict(list)
    for name, *facts in ask(_COLUMNS):
        columns[name].append(_column(*facts))
    keys: dict[str, list[ForeignKey]] = defaultdict(list)
    checks: dict[str, list[str]] = defaultdict(list)
    for name, kind, constraint, expression, to, own, referred in ask(_CONSTRAINTS):
        if kind == "c":
            checks[name].append(expression)
        else:
            keys[name].append(ForeignKey(constraint, tuple(own), to, tuple(referred)))
    primary: dict[str, tuple[str, ...]] = {}
    uniques: dict[str, dict[tuple[str, ...], None]] = defaultdict(dict)  # As an ordered set.
    for name, is_primary, own in ask(_UNIQUES):
        if is_primary:
            primary[name] = tuple(own)
        else:
            uniques[name][tuple(own)] = None
    found = [
        Table(
            name=name,
            columns=tuple(columns[name]),
            primary_key=primary.get(name, ()),
            uniques=tuple(unique for unique in uniques[name] if unique != primary.get(name)),
            foreign_keys=tuple(keys[name]),
            # What a row of a partition must be like is a check in all but name.
            checks=(*checks[name], *([bounds] if bounds else [])),
            partition_of=parent,
            partitioned=partitioned,
            triggers=triggers,
        )
        for name, partitioned, parent, triggers, bounds in ask(_LISTED)
    ]
    return in_order(found)


def _column(
    name: str,
    base: str,
    declared: str,
    nullable: bool,  # noqa: FBT001
    default: str | None,
    typmod: int,
    generated: bool,  # noqa: FBT001
    identity: str,
    enum: list[str] | None,
    array: bool,  # noqa: FBT001
    checks: list[str] | None,
    internal: str,
) -> Column:
    length = precision = scale = None
    if typmod >= 0 and internal in ("varchar", "bpchar"):
        length = typmod - 4
    elif typmod >= 0 and internal in ("bit", "varbit"):
        length = typmod
    elif typmod >= 0 and internal == "numeric":
        precision = ((typmod - 4) >> 16) & 0xFFFF
        scale = (((typmod - 4) & 0x7FF) ^ 1024) - 1024  # Eleven bits with a sign, see numeric.c.
    return Column(
        name, base, declared, nullable, default, length, precision, scale,
        generated, identity, tuple(enum or ()), array, tuple(checks or ()),
    )  # fmt: skip


def in_order(found: Sequence[Table]) -> tuple[Table, ...]:
    """Return tables so that what a table refers to, or is a partition of, comes before it; cycles in any order."""
    by_name = {table.name: table for table in found}
    done: dict[str, Table] = {}
    begun: set[str] = set()
    for table in found:
        waiting = [(table, iter(_needed(table)))] if table.name not in begun else []
        begun.add(table.name)
        while waiting:  # Depth first, without recursion: a chain may be longer than Python's stack.
            top, needs = waiting[-1]
            name = next((name for name in needs if name in by_name and name not in begun), None)
            if name is None:
                done[top.name] = top
                waiting.pop()
            else:
                begun.add(name)
                waiting.append((by_name[name], iter(_needed(by_name[name]))))
    return tuple(done.values())


def _needed(table: Table) -> Iterable[str]:
    return [*(key.table for key in table.foreign_keys), *([table.partition_of] if table.partition_of else [])]


def _from(name: str, *, partitioned: bool) -> str:
    """A partitioned table with its partitions, any other without the tables that inherit from it."""
    return name if partitioned else f"ONLY {name}"


def rows_sql(ask: Ask, only: Sequence[str] | None) -> tuple[tuple[str, ...], str]:
    """Return the tables and one statement that gives (place in them, row as JSON text)."""
    listed = ask(_READ)
    missing = set(only or ()) - {row[0] for row in listed}
    if missing:
        raise SqlError(f"relation {min(missing)} does not exist", "42P01")
    read = [row for row in listed if only is None or row[0] in set(only)]
    parts = [
        f"SELECT {place}, to_json(r)::text FROM (SELECT {columns or ''} FROM {_from(name, partitioned=many)}) r"
        for place, (name, many, columns) in enumerate(read)
    ]
    return tuple(row[0] for row in read), " UNION ALL ".join(parts)


def counts_sql(ask: Ask) -> tuple[tuple[str, ...], str]:
    """Return the tables and one statement that gives (place in them, number of rows)."""
    listed = ask(_LISTED)
    parts = [
        f"SELECT {at}, count(*) FROM {_from(name, partitioned=many)}" for at, (name, many, *_) in enumerate(listed)
    ]
    return tuple(row[0] for row in listed), " UNION ALL ".join(parts)


def sequences_sql(ask: Ask) -> tuple[str, ...]:
    """Return the statements that move sequences behind what their columns have; none goes backwards."""
    statements = []
    for table, many, column, sequence, increment, least, most in ask(_FED):
        far = f"greatest(max({column})::bigint, (SELECT last_value FROM {sequence})), {most}"
        if increment < 0:
            far = f"least(min({column})::bigint, (SELECT last_value FROM {sequence})), {least}"
        bounded = f"least({far})" if increment > 0 else f"greatest({far})"
        literal = sequence.replace("'", "''")
        statements.append(
            f"SELECT setval('{literal}', {bounded}) FROM {_from(table, partitioned=many)} HAVING count({column}) > 0"
        )
    return tuple(statements)
