"""Our static rules on SQL. Words are looked for outside of strings and comments; no grammar is known.

What a revision creates itself is left alone: nobody reads or writes it yet. Statements that only keep a tool's books
are skipped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from relgate.migrate.sqltext import bodies, mask
from relgate.migrate.static_rules import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from relgate.ports.migrations import Engine, Statement

_NAME = r'(?:"(?:[^"]|"")+"|`[^`]+`|\[[^\]]+\]|[\w$]+)'
_TABLE = rf"(?P<table>{_NAME}(?:\s*\.\s*{_NAME})*)"
_IF = r"(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"


def _re(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


_CREATE = _re(
    rf"^\s*CREATE\s+(?:(?:GLOBAL|LOCAL|TEMP|TEMPORARY|UNLOGGED)\s+)*(?:TABLE|MATERIALIZED\s+VIEW)\s+{_IF}{_TABLE}"
)
_ALTER = _re(rf"^\s*ALTER\s+TABLE\s+{_IF}(?:ONLY\s+)?{_TABLE}\s+(?P<rest>.*)$")
_DROP = _re(rf"^\s*DROP\s+TABLE\s+{_IF}{_TABLE}")
_INDEX = _re(rf"^\s*CREATE\s+(?P<unique>UNIQUE\s+)?INDEX\b.*?\bON\s+(?:ONLY\s+)?{_TABLE}(?P<rest>.*)$")
_TRUNCATE = _re(rf"^\s*TRUNCATE\s+(?:TABLE\s+)?(?:ONLY\s+)?{_TABLE}")
_UPDATE = _re(rf"\bUPDATE\s+(?:ONLY\s+)?{_TABLE}(?:\s+(?:AS\s+)?(?!SET\b){_NAME})?\s+SET\b(?P<rest>.*)$")
_DELETE = _re(rf"\bDELETE\s+FROM\s+(?:ONLY\s+)?{_TABLE}(?P<rest>.*)$")
_CHANGES = _re(r"^\s*(?:WITH|UPDATE|DELETE|TRUNCATE)\b")
_VALUE = r"(?:[-+]?\d|'|%s|%\(|:\w|\$\d|\?|true\b|false\b)"
_BOUNDED = _re(
    rf"\bLIMIT\b|\bBETWEEN\b|\bFETCH\s+FIRST\b|[<>]=?\s*(?:{_VALUE}|\w+\s*\+)|=\s*{_VALUE}|\bIN\s*\(|=\s*ANY\b|\bctid\b"
)
_CASCADE = _re(r"^\s*DROP\s.*\bCASCADE\b|^\s*ALTER\s+TABLE\b.*\bDROP\b[^,]*\bCASCADE\b")
_HIDES = _re(
    r"^\s*CREATE\s+(?!EXTENSION|SCHEMA|DATABASE).*?\bIF\s+NOT\s+EXISTS\b"
    r"|^\s*DROP\s+(?!\s|INDEX\s+CONCURRENTLY).*?\bIF\s+EXISTS\b|^\s*ALTER\s+TABLE\b.*\bIF\s+(?:NOT\s+)?EXISTS\b"
)
_ADD_COLUMN = _re(
    rf"^ADD\s+(?:COLUMN\s+)?{_IF}(?!(?:CONSTRAINT|UNIQUE|PRIMARY|FOREIGN|CHECK|INDEX|KEY|EXCLUDE)\b)"
    rf"(?P<column>{_NAME})\s+(?P<rest>.*)$"
)
_DEFAULT = _re(r"\bDEFAULT\s+(?!NULL\b)(?P<value>.*)$")
_VOLATILE = _re(
    r"\b(?:random|gen_random_uuid|uuid_generate_\w+|uuidv[47]|clock_timestamp|timeofday|nextval|rand|uuid|newid"
    r"|randomblob|gen_random_bytes)\s*\("
)
_SERIAL = _re(r"^(?:big|small)?serial\d?\b|\bGENERATED\s+(?:ALWAYS|BY\s+DEFAULT)\s+AS\s+IDENTITY\b|\bAUTO_INCREMENT\b")
_MOMENT = _re(
    r"\b(?:now|statement_timestamp|transaction_timestamp|sysdate|utc_timestamp|unixepoch|julianday)\s*\("
    r"|\b(?:current_timestamp|current_date|current_time|localtimestamp|localtime)\b|\b(?:date|datetime|strftime)\s*\(\s*'"
)
_TIMEOUTS = {"postgresql": "lock_timeout", "mysql": "lock_wait_timeout"}
_SETS = _re(r"^\s*SET\b|\bset_config\s*\(")
_STRONG = _re(
    r"^\s*(?:ALTER\s+TABLE|DROP\s+TABLE|TRUNCATE|LOCK\s+TABLE|CLUSTER|REINDEX(?!.*\bCONCURRENTLY\b)|CREATE\s+TRIGGER"
    r"|CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?!\s|CONCURRENTLY)|DROP\s+INDEX\s+(?!\s|CONCURRENTLY))"
)
_ON_TABLE = _re(rf"^\s*CREATE\s+TRIGGER\b.*?\bON\s+{_TABLE}")
_REQUIRED = _re(rf"^ALTER\s+(?:COLUMN\s+)?(?P<column>{_NAME})\s+SET\s+NOT\s+NULL\b")
_MODIFIED = _re(rf"^(?:MODIFY|CHANGE(?:\s+COLUMN)?\s+{_NAME})\s+(?:COLUMN\s+)?(?P<column>{_NAME})\s.*\bNOT\s+NULL\b")
_UNIQUE = _re(r"^ADD\s+(?:CONSTRAINT\s+\S+\s+)?(?:UNIQUE|PRIMARY\s+KEY)\b(?!\s+USING\s+INDEX)(?P<rest>.*)$")
_NOT_NULL_CHECK = _re(rf"\bCHECK\s*\(+\s*(?P<column>{_NAME})\s+IS\s+NOT\s+NULL\s*\)")


@dataclass(slots=True)
class Known:
    """What earlier statements tell of later ones. ``created``, ``added``, ``tidied``: within the revision.

    ``filled``: columns (table, column) in which every row has a value, or had its chance, over all revisions.
    """

    engine: Engine
    timeout_set: bool = False
    created: set[str] = field(default_factory=set)
    added: set[tuple[str, str]] = field(default_factory=set)
    tidied: set[str] = field(default_factory=set)
    filled: set[tuple[str, str]] = field(default_factory=set)
    waits: bool = True

    def begin(self) -> None:
        """Forget what holds within one revision only."""
        self.created, self.added, self.tidied = set(), set(), set()
        self.waits = not self.timeout_set


class Text(NamedTuple):
    """A statement, and its code without strings and comments."""

    statement: Statement
    code: str


class Change(NamedTuple):
    """Rows that are changed: in which table, SET's text, and what bounds them (None: no WHERE at all)."""

    verb: str
    table: str
    sets: str
    where: str | None


def read_sql(statements: Sequence[Statement], known: Known) -> list[Fault]:
    """Return what the statements of one revision show, in their order; ``known`` goes on to the next revision."""
    known.begin()
    found: list[Fault] = []
    wide: list[Text] = []
    strong: set[int] = set()
    for statement in statements:
        if statement.books:
            continue
        text = Text(statement, mask(statement.sql, mysql=known.engine == "mysql"))
        found += _rows(text, known, wide)
        found += [*_drops(text), *_columns(text, known), *_uniques(text, known), *_waiting(text, known)]
        if statement.transaction and _is_strong(text, known):
            strong.add(statement.transaction)
        _learn(text, known)
    if known.engine == "postgresql":  # MySQL commits at each DDL, SQLite locks the whole file anyway.
        found += [
            _fault("backfill-with-ddl", text, "All rows are changed in the transaction of a schema change.")
            for text in wide
            if text.statement.transaction in strong
        ]
    return found


# --- rules


def _rows(text: Text, known: Known, wide: list[Text]) -> Iterator[Fault]:
    """Find changes of all rows; those of existing tables are added to ``wide``."""
    for change in _changes(text, known):
        if change.table in known.created:
            continue
        if change.where is None:
            wide.append(text)
            yield _fault("no-where", text, f"{change.verb} of {change.table} without WHERE changes every row at once.")
        elif not _BOUNDED.search(change.where):
            wide.append(text)
            what = f"Nothing in the WHERE of this {change.verb} bounds how many rows of {change.table} it changes."
            yield _fault("unbounded-backfill", text, what)


def _drops(text: Text) -> Iterator[Fault]:
    if _CASCADE.search(text.code):
        yield _fault("drop-cascade", text, "DROP ... CASCADE drops more than it names.")
    if _HIDES.search(text.code):
        yield _fault("hides-drift", text, "IF [NOT] EXISTS passes whatever is there under that name.")


def _columns(text: Text, known: Known) -> Iterator[Fault]:
    """Find columns whose default is computed per row, and columns that become required while rows may lack them."""
    for table, action in _actions(text, known):
        added = _ADD_COLUMN.match(action)
        if added is not None:
            yield from _defaults(text, f"{table}.{_plain(added['column'])}", added["rest"])
        required = _REQUIRED.match(action) or _MODIFIED.match(action)
        if required is not None and (table, _plain(required["column"])) not in known.filled:
            what = f"{table}.{_plain(required['column'])} becomes NOT NULL, and no revision read filled it before."
            # MODIFY repeats NOT NULL whether it is new or not; the text does not tell.
            mild = _REQUIRED.match(action) is None
            yield _fault("not-null-on-existing", text, what, blocks=False if mild else None)


def _defaults(text: Text, column: str, rest: str) -> Iterator[Fault]:
    default = _DEFAULT.search(rest)
    value = default["value"] if default else ""
    if _VOLATILE.search(value) or _SERIAL.search(rest):
        yield _fault("volatile-default", text, f"The new column {column} gets another value in each existing row.")
    elif _MOMENT.search(value):
        what = f"Every existing row gets the moment of the migration as its {column}; each run stores another one."
        yield _fault("volatile-default", text, what, blocks=False)


def _uniques(text: Text, known: Known) -> Iterator[Fault]:
    index = _INDEX.match(text.code)
    wanted = [(_plain(index["table"]), index["rest"])] if index is not None and index["unique"] else []
    for table, action in _actions(text, known):
        unique = _UNIQUE.match(action)
        if unique is not None:
            wanted.append((table, unique["rest"]))
    for table, rest in wanted:
        columns = re.findall(_NAME, rest.partition("(")[2].partition(")")[0])
        empty = bool(columns) and (table, _plain(columns[0])) in known.added
        if table not in known.created and table not in known.tidied and not empty:
            what = f"Rows of {table} that are there already must be unique in ({', '.join(map(_plain, columns))})."
            yield _fault("unique-on-existing", text, what)


def _waiting(text: Text, known: Known) -> Iterator[Fault]:
    """Find the first statement of a revision that waits for a strong lock without end."""
    timeout = _TIMEOUTS.get(known.engine)
    if timeout is None:
        return
    if _SETS.search(text.code) and re.search(rf"\b{timeout}\b", text.statement.sql, re.IGNORECASE):
        known.waits = False
    if known.waits and _is_strong(text, known):
        known.waits = False  # Once per revision.
        yield _fault("no-lock-timeout", text, "It waits for its lock without end.")


# --- reading


def _learn(text: Text, known: Known) -> None:
    created = _CREATE.match(text.code)
    if created is not None:
        known.created.add(_plain(created["table"]))
    for change in _changes(text, known):
        if change.verb == "DELETE":
            known.tidied.add(change.table)
        names = re.findall(rf"(?:^|,)\s*({_NAME})\s*=", _top(change.sets))
        known.filled |= {(change.table, _plain(name)) for name in names}
    for table, action in _actions(text, known):
        added, checked = _ADD_COLUMN.match(action), _NOT_NULL_CHECK.search(action)
        if added is not None:
            key = (table, _plain(added["column"]))
            has_value = _DEFAULT.search(added["rest"]) is not None
            (known.filled.add if has_value else known.filled.discard)(key)
            if not has_value:
                known.added.add(key)
        if checked is not None:
            known.filled.add((table, _plain(checked["column"])))


def _changes(text: Text, known: Known) -> Iterator[Change]:
    """Yield what changes rows, also in the body of a DO block; a loop there is taken for batches."""
    pieces = [text.code] if _CHANGES.match(text.code) else []
    if re.match(r"\s*DO\b", text.code, re.IGNORECASE):
        code = "\n".join(mask(body, mysql=known.engine == "mysql") for body in bodies(text.statement.sql))
        pieces = [] if re.search(r"\bLOOP\b", code, re.IGNORECASE) else code.split(";")
    for piece in pieces:
        truncated = _TRUNCATE.match(piece)
        if truncated is not None:
            yield Change("TRUNCATE", _plain(truncated["table"]), "", None)
            continue
        top = _top(piece)
        match = _UPDATE.search(top) or _DELETE.search(top)
        if match is None:
            continue
        start, end = match.span("rest")
        where = re.search(r"\bWHERE\b", top[start:end], re.IGNORECASE)
        limited = bool(re.search(r"\bLIMIT\b", piece, re.IGNORECASE))
        bounds = piece if limited else piece[start + where.end() : end] if where is not None else None
        sets = piece[start : start + where.start()] if where is not None else piece[start:end]
        verb = "UPDATE" if _UPDATE.search(top) else "DELETE"
        yield Change(verb, _plain(match["table"]), sets if verb == "UPDATE" else "", bounds)


def _actions(text: Text, known: Known) -> Iterator[tuple[str, str]]:
    """Yield (table, action) for each action of an ALTER TABLE on a table that was there before."""
    match = _ALTER.match(text.code)
    if match is None or _plain(match["table"]) in known.created:
        return
    rest, top = match["rest"], _top(match["rest"])
    start = 0
    for end in [*(comma.start() for comma in re.finditer(",", top)), len(rest)]:
        yield _plain(match["table"]), rest[start:end].strip()
        start = end + 1


def _is_strong(text: Text, known: Known) -> bool:
    """Whether the statement needs a lock that readers or writers of an existing table wait for."""
    if not _STRONG.match(text.code) or re.search(r"\bVALIDATE\s+CONSTRAINT\b", text.code, re.IGNORECASE):
        return False
    for pattern in (_ALTER, _DROP, _INDEX, _TRUNCATE, _ON_TABLE):
        match = pattern.match(text.code)
        if match is not None:
            return _plain(match["table"]) not in known.created
    return True


def _top(code: str) -> str:
    """Return the code with everything in parentheses blanked; lengths stay."""
    depth, out = 0, []
    for character in code:
        depth -= character == ")"
        out.append(character if depth <= 0 else " ")
        depth += character == "("
    return "".join(out)


def _plain(name: str) -> str:
    """Return a name without quotes and without the usual schema; unquoted names are equal in any case."""
    parts = re.findall(_NAME, name)
    plain = [part[1:-1] if part[0] in '"`[' else part.lower() for part in parts]
    return ".".join(plain[1:] if len(plain) > 1 and plain[0] in {"public", "main"} else plain)


def _fault(code: str, text: Text, what: str, *, blocks: bool | None = None) -> Fault:
    statement = text.statement
    return Fault(code, what, statement.line, statement.path, statement.sql, blocks)
