"""Whether a database's rows keep what its schema promises: questions to a real database, nothing is changed.

Asked of a restored backup, or of a scratch copy: orphans are counted by joining, which takes time on large tables. The
answers of each engine become findings; a question that the database refuses is a problem, never a pass.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from relgate.ports.migrations import SqlError
from relgate.values import Finding, Findings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from relgate.ports.migrations import Engine, ForeignKey, Session, Table

GATE = "migration-integrity"

_USER = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'"
_NAMED = "quote_ident(n.nspname) || '.' || quote_ident(c.relname)"
_INVALID = f"""
SELECT {_NAMED}, i.indrelid::regclass::text
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT (i.indisvalid AND i.indisready) AND c.relkind = 'i' AND {_USER} ORDER BY 1
"""  # noqa: S608  constants of this module
_NOT_VALID = f"""
SELECT quote_ident(k.conname), {_NAMED}, pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT k.convalidated AND {_USER} ORDER BY 2, 1
"""  # noqa: S608  constants of this module
_DISABLED = f"""
SELECT DISTINCT quote_ident(k.conname), {_NAMED}
FROM pg_trigger t JOIN pg_constraint k ON k.oid = t.tgconstraint
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE t.tgenabled = 'D' AND t.tgisinternal AND {_USER} ORDER BY 2, 1
"""  # noqa: S608  constants of this module
_FEEDS = f"""
WITH feeds AS (
  SELECT d.objid AS seq, d.refobjid AS tab, d.refobjsubid AS col FROM pg_depend d
  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
    AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
  UNION
  SELECT d.refobjid, f.adrelid, f.adnum FROM pg_attrdef f
  JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass
)
SELECT {_NAMED}, quote_ident(tn.nspname) || '.' || quote_ident(t.relname), quote_ident(a.attname), q.seqincrement
FROM feeds JOIN pg_class c ON c.oid = feeds.seq AND c.relkind = 'S' JOIN pg_sequence q ON q.seqrelid = c.oid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class t ON t.oid = feeds.tab AND t.relkind IN ('r', 'p') JOIN pg_namespace tn ON tn.oid = t.relnamespace
JOIN pg_attribute a ON a.attrelid = feeds.tab AND a.attnum = feeds.col
WHERE a.atttypid IN (20, 21, 23, 1700) AND {_USER} ORDER BY 1, 2, 3
"""  # noqa: S608  constants of this module


class Text(NamedTuple):
    """Whether a fault blocks, why it matters and what to do."""

    blocks: bool
    why: str
    do: str


TEXTS: dict[str, Text] = {
    "orphans": Text(
        blocks=True,
        why="Code that follows the reference finds nothing, and the constraint cannot be put back or validated.",
        do="Delete them or give them a parent, in a revision of their own, then validate the constraint.",
    ),
    "invalid-index": Text(
        blocks=True,
        why="A CREATE INDEX CONCURRENTLY was broken off: writes pay for the index, no query uses it, and a unique one "
        "promises nothing.",
        do="DROP INDEX CONCURRENTLY, then create it again.",
    ),
    "constraint-not-valid": Text(
        blocks=False,
        why="Old rows may break it: only new ones are checked.",
        do="ALTER TABLE ... VALIDATE CONSTRAINT in the next revision.",
    ),
    "not-enforced": Text(
        blocks=True,
        why="Its triggers are switched off: orphans can come in although the schema shows the foreign key.",
        do="ALTER TABLE ... ENABLE TRIGGER ALL, and look for orphans.",
    ),
    "sequence-behind": Text(
        blocks=True,
        why="The next INSERT takes a number that is taken already, and fails.",
        do="SELECT setval(sequence, (SELECT max(column) FROM table)), also in the restore's procedure.",
    ),
    "duplicates": Text(
        blocks=True,
        why="The unique constraint that is to come cannot be created.",
        do="Merge or remove them in an earlier revision.",
    ),
    "damaged": Text(
        blocks=True,
        why="The database's own check says that its pages or indexes are broken.",
        do="Restore the newest backup that passes, or rebuild what is named (REINDEX, REPAIR TABLE).",
    ),
}
"""Code -> what it means."""


def check(session: Session, engine: Engine, unique: Mapping[str, Sequence[Sequence[str]]] | None = None) -> Findings:
    """Ask everything that the engine has an answer for.

    ``unique``: table (as ``Table.name``) -> column sets that are to become unique.
    """
    try:
        questions = list(_questions(session, engine, unique or {}, session.tables()))
    except SqlError as error:
        return Findings(GATE, "questions", 0, 1, problems=(f"the tables cannot be listed: {error}",))
    found: list[Finding] = []
    problems: list[str] = []
    for what, ask in questions:
        try:
            found += ask()
        except SqlError as error:
            problems.append(f"{what}: the database refused the question ({error})")
    done = len(questions) - len(problems)
    return Findings(GATE, "questions", done, len(questions), tuple(found), tuple(problems))


def _questions(
    session: Session, engine: Engine, unique: Mapping[str, Sequence[Sequence[str]]], tables: Sequence[Table]
) -> Iterator[tuple[str, Callable[[], Iterable[Finding]]]]:
    """Yield what is asked, and how."""
    for name, sets in unique.items():
        for columns in sets:
            yield f"duplicates of {name}", partial(duplicates, session, engine, name, columns)
    if engine == "sqlite":
        yield "damage", partial(sqlite_damage, session)
        yield "orphans", partial(sqlite_orphans, session)
        yield "sequences", partial(sqlite_sequences, session)
        return
    for table in tables:
        yield f"orphans of {table.name}", partial(orphans, session, engine, table, tables)
    if engine == "mysql":
        yield "damage", partial(mysql_damage, session, tables)
    else:
        yield "indexes", partial(invalid_indexes, session)
        yield "constraints", partial(unproven, session)
        yield "sequences", partial(postgres_sequences, session)


# --- every engine


def orphans(session: Session, engine: Engine, table: Table, tables: Iterable[Table]) -> Iterator[Finding]:
    """Count rows whose foreign key leads nowhere; one with a NULL in it leads nowhere on purpose (MATCH SIMPLE)."""
    if table.partition_of is not None:
        return  # Its parent's rows are its own.
    keys = {one.name: one.primary_key for one in tables}
    for key in table.foreign_keys:
        referred = key.referred or keys.get(key.table, ())
        count = session.run(_orphans_sql(table.name, key, referred, engine))[0][0]
        if count:
            columns = ", ".join(key.columns)
            what = f"{count} rows of {table.name} refer by {columns} to rows of {key.table} that do not exist."
            yield _finding("orphans", what)


def _orphans_sql(table: str, key: ForeignKey, referred: Sequence[str], engine: Engine) -> str:
    own = [f"c.{_quoted(name, engine)}" for name in key.columns]
    other = [f"p.{_quoted(name, engine)}" for name in referred]
    same = " AND ".join(f"{a} = {b}" for a, b in zip(own, other, strict=True))
    full = " AND ".join(f"{name} IS NOT NULL" for name in own)
    parent = f"SELECT 1 FROM {key.table} p WHERE {same}"  # noqa: S608  quoted names
    return f"SELECT count(*) FROM {table} c WHERE {full} AND NOT EXISTS ({parent})"  # noqa: S608


def duplicates(session: Session, engine: Engine, table: str, columns: Sequence[str]) -> Iterator[Finding]:
    """Count the values that several rows share, and those rows; NULLs are never equal."""
    names = [_quoted(name, engine) for name in columns]
    full = " AND ".join(f"{name} IS NOT NULL" for name in names)
    groups = f"SELECT count(*) AS n FROM {table} WHERE {full} GROUP BY {', '.join(names)} HAVING count(*) > 1"  # noqa: S608
    values, rows = session.run(f"SELECT count(*), coalesce(sum(n), 0) FROM ({groups}) g")[0]  # noqa: S608
    if values:
        what = f"{values} values of ({', '.join(columns)}) are in several of {table}'s rows ({rows} rows in all)."
        yield _finding("duplicates", what)


# --- PostgreSQL


def invalid_indexes(session: Session) -> Iterator[Finding]:
    """Find indexes that no query may use."""
    for index, table in session.run(_INVALID):
        yield _finding("invalid-index", f"The index {index} of {table} is INVALID.")


def unproven(session: Session) -> Iterator[Finding]:
    """Find constraints that old rows were never checked against, and foreign keys that are switched off."""
    for name, table, definition in session.run(_NOT_VALID):
        yield _finding("constraint-not-valid", f"The constraint {name} of {table} is NOT VALID: {definition}.")
    for name, table in session.run(_DISABLED):
        yield _finding("not-enforced", f"The foreign key {name} of {table} is switched off.")


def postgres_sequences(session: Session) -> Iterator[Finding]:
    """Find sequences whose next value is in the column that they feed, or behind it."""
    for sequence, table, column, step in session.run(_FEEDS):
        last, called = session.run(f"SELECT last_value, is_called FROM {sequence}")[0]  # noqa: S608  quoted names
        next_ = last + step if called else last
        end = "max" if step > 0 else "min"
        reached = session.run(f"SELECT {end}({column}) FROM {table}")[0][0]  # noqa: S608
        if reached is not None and (reached >= next_ if step > 0 else reached <= next_):
            what = f"The next value of {sequence} is {next_}, and {table}.{column} has {reached} already."
            yield _finding("sequence-behind", what)


# --- SQLite


def sqlite_damage(session: Session) -> Iterator[Finding]:
    """Ask SQLite to read every page and index; CHECK and NOT NULL constraints are looked at too."""
    for (text,) in session.run("PRAGMA integrity_check"):
        if text != "ok":
            yield _finding("damaged", f"PRAGMA integrity_check says: {text}.")


def sqlite_orphans(session: Session) -> Iterator[Finding]:
    """Ask SQLite for rows without parent: it enforces nothing for connections that do not ask for it."""
    counts: dict[tuple[str, str], int] = {}
    for table, _, parent, _ in session.run("PRAGMA foreign_key_check"):
        counts[str(table), str(parent)] = counts.get((str(table), str(parent)), 0) + 1
    for (table, parent), count in sorted(counts.items()):
        yield _finding("orphans", f"{count} rows of {table} refer to rows of {parent} that do not exist.")


def sqlite_sequences(session: Session) -> Iterator[Finding]:
    """Find AUTOINCREMENT counters behind their table: deleted numbers would be given out again."""
    if not session.run("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'"):
        return
    for name, value in session.run("SELECT name, max(seq) FROM sqlite_sequence GROUP BY name ORDER BY name"):
        if not session.run("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = %s", (name,)):
            continue  # A dropped table's; SQLite leaves some behind.
        reached = session.run(f"SELECT max(_rowid_) FROM {_quoted(str(name), 'sqlite')}")[0][0]  # noqa: S608
        if reached is not None and int(reached) > int(value):
            yield _finding("sequence-behind", f"The counter of {name} is at {value}, and a row has {reached} already.")


# --- MySQL and MariaDB


def mysql_damage(session: Session, tables: Iterable[Table]) -> Iterator[Finding]:
    """Ask the server to check each table."""
    for table in tables:
        for row in session.run(f"CHECK TABLE {table.name}"):
            kind, text = str(row[-2]), str(row[-1])
            if kind.lower() in {"error", "warning"} or (kind.lower() == "status" and text != "OK"):
                yield _finding("damaged", f"CHECK TABLE {table.name} says: {text}.")


def _quoted(name: str, engine: Engine) -> str:
    mark = "`" if engine == "mysql" else '"'
    return mark + name.replace(mark, mark * 2) + mark


def _finding(code: str, what: str) -> Finding:
    text = TEXTS[code]
    return Finding(GATE, code, what, text.why, text.do, text.blocks)
