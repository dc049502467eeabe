"""What proving migrations asks of databases and of migration tools: protocols, and the values that cross them.

Three ports. A ``Server`` makes scratch databases and nothing else: whatever changes a database takes a ``Scratch``, and
only a server makes one, so that a database which relgate did not create cannot be handed to it. A ``Session`` is one
connection to a scratch database. A ``Tool`` knows a project's revisions and moves a scratch database by one of them.

Adapters: ``adapters/postgres.py``, ``mariadb.py``, ``sqlite.py`` (servers); ``alembic.py``, ``django.py``,
``sqlfolder.py``, ``command.py`` (tools). None of them judges.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Engine = Literal["postgresql", "mysql", "sqlite"]
"""``mysql`` is MariaDB too."""

Direction = Literal["up", "down"]

Catalog = dict[tuple[str, str], str]
"""Everything that a database's catalog knows of its schema: (kind, identity) -> definition.

``kind``: ``table``, ``column``, ``constraint``, ``index``, ``sequence``, ``enum``, ``domain``, ``view``,
``materialised-view``, ``function``, ``trigger``, ``policy``, ``privilege``, ``extension``, ``partition``, ``comment``,
``schema``, ``type``, ``column-order``; of PostgreSQL also ``rule``, ``event-trigger``, ``statistics``, ``publication``,
``foreign-server``, ``object`` (operators, casts and the like). ``identity``: the full name,
``public.orders.total``. The definition is text in which equal schemas are equal: no oids, no sizes, no statistics, no
positions (``column-order`` has those). The tables in which migration tools keep their own books (``alembic_version``
and so on) are not in it.
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column, as seeding needs it.

    ``type``: the engine's base type in lower case without length (``integer``, ``character varying``, ``numeric``,
    ``timestamp with time zone``, ``jsonb``, ``enum``; a domain's base type). ``declared``: the type as DDL writes it.
    ``length``: characters, None without limit. ``default``: SQL text. ``generated``: computed from others, cannot be
    written. ``identity``: ``always``, ``default`` or empty. ``enum``: labels in order. ``array``: of ``type``.
    ``checks``: SQL texts of a domain's checks, with VALUE in them.
    """

    name: str
    type: str
    declared: str
    nullable: bool = True
    default: str | None = None
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    generated: bool = False
    identity: str = ""
    enum: tuple[str, ...] = ()
    array: bool = False
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """``columns`` of this table refer to ``referred`` columns of ``table`` (its name as in ``Table.name``)."""

    name: str
    columns: tuple[str, ...]
    table: str
    referred: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table that rows can be written to, as seeding needs it.

    ``name``: as SQL text refers to it, quoted where it must be (``public.orders``, ``public."Order"``). ``uniques``:
    column sets of unique constraints and of unique indexes without predicate or expression, the primary key not among
    them. ``checks``: SQL texts of its CHECK constraints, without the word CHECK. ``partition_of``: its parent's name.
    ``partitioned``: rows go to a partition.
    """

    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    uniques: tuple[tuple[str, ...], ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[str, ...] = ()
    partition_of: str | None = None
    partitioned: bool = False
    triggers: bool = False


Row = dict[str, Any]
"""Column -> value in JSON's types: numbers exact (a decimal is text), bytes as hexadecimal text, times as ISO text."""


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that a transaction held on a table. ``mode``: the engine's word (``AccessExclusiveLock``)."""

    table: str
    mode: str


@dataclass(frozen=True, slots=True)
class Scratch:
    """A database that relgate created, and may therefore destroy. Only a ``Server`` makes one.

    ``url``: SQLAlchemy's URL for the engine's usual driver (``postgresql+psycopg``, ``mysql+pymysql``, ``sqlite``).
    ``environment``: variables that lead a tool's process to this database and nowhere else (PGHOST, ...).
    """

    engine: Engine
    name: str
    url: str = field(repr=False)
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)


class Session(Protocol):
    """One connection to a scratch database; every statement commits by itself outside of ``begin``."""

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement, ``%s`` for each parameter, and return its rows.

        Raises:
            SqlError: the database refuses it.

        """

    def begin(self) -> None:
        """Start a transaction."""

    def commit(self) -> None:
        """End it."""

    def rollback(self) -> None:
        """Undo it; nothing to undo is no error."""

    def catalog(self) -> Catalog:
        """Return the schema."""

    def tables(self) -> tuple[Table, ...]:
        """Return the tables that rows can be written to, those that others refer to first where there is an order."""

    def rows(self, tables: Sequence[str] | None = None) -> dict[str, list[Row]]:
        """Return all rows of the tables (None: of all that ``tables()`` has), in no order. For scratch-sized tables."""

    def counts(self) -> dict[str, int]:
        """Return how many rows each table has."""

    def set_sequences(self) -> None:
        """Move every sequence behind the largest value of the column that it feeds."""

    def close(self) -> None:
        """Close the connection; an open transaction is undone."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Watching(Protocol):
    """What a session can tell about another connection: PostgreSQL only."""

    def locks(self, backend: int) -> tuple[Lock, ...]:
        """Return the locks that a backend holds on tables and their indexes at this moment."""

    def files(self) -> dict[str, int]:
        """Return table or index -> the number of the file that it is stored in; a rewrite changes it."""


class Server(Protocol):
    """Where scratch databases are made.

    ``transactional``: whether DDL can be rolled back. ``description``: for people, ``PostgreSQL 18.4 (embedded)``.
    """

    engine: Engine
    description: str
    transactional: bool

    def create(self, template: Scratch | None = None) -> Scratch:
        """Create a database, empty or a copy of another scratch database that nobody is connected to.

        Raises:
            SourceError: it cannot be created.

        """

    def drop(self, scratch: Scratch) -> None:
        """Drop a scratch database and everything that is connected to it. Gone already is no error."""

    def open(self, scratch: Scratch) -> Session:
        """Connect."""

    def close(self) -> None:
        """Drop every scratch database that this server made, and stop it where it was started for this run."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Production(Protocol):
    """The live database: relgate did not create it, so it is only read."""

    def applied(self, table: str = "alembic_version", of: tuple[int, ...] = (0,)) -> tuple[str, ...]:
        """Return the revisions that a tool's books list: the columns ``of``, joined by a point; none without books.

        Raises:
            SourceError: it cannot be read.

        """

    def row_counts(self) -> dict[str, int]:
        """Return about how many rows each table has."""

    def statements(self) -> tuple[str, ...]:
        """Return what its users send, where it keeps that."""


class SqlError(Exception):
    """A database refused a statement. ``state``: its SQLSTATE, empty where there is none."""

    def __init__(self, text: str, state: str = "") -> None:
        self.state = state
        super().__init__(text)


# --- tools


@dataclass(frozen=True, slots=True)
class Declared:
    """``irreversible: reason, backup`` as a revision declares it. ``backup``: what takes its place, or None."""

    reason: str
    backup: str | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """One step of a project's history.

    ``down``: the revisions that it builds on, none for a base. ``after``: others that must be applied before
    (``depends_on``). ``path``: its file, relative to the project. ``line``, ``down_line``: where its way up and its way
    back begin. ``way_back``: whether it has one at all (a down file, a reverse operation). ``release``: the release
    that brings it, where the project says so. ``retired``: columns (``orders.page``) that the code of this release does
    not use any more: a later release may drop them.
    """

    id: str
    down: tuple[str, ...]
    message: str = ""
    path: str = ""
    line: int = 1
    down_line: int = 1
    after: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    way_back: bool = True
    declared: Declared | None = None
    release: str | None = None
    retired: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement that a step sent.

    ``sql``: as sent. ``literal``: with its parameters in it, so that it can be sent again. ``parameters``: whether it
    had any. ``rows``: how many it changed, None where nobody knows. ``transaction``: number of its transaction within
    the step, 0 for one that commits by itself. ``path``, ``line``: the line of the revision's file that caused it, line
    0 where nobody knows. ``backend``: number of the server's process or connection that ran it. ``books``: it only
    writes the tool's own books.
    """

    sql: str
    literal: str
    transaction: int
    took_s: float = 0.0
    path: str = ""
    line: int = 0
    backend: int | None = None
    parameters: bool = False
    books: bool = False
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step failed. ``text``: one line. ``sql``: the statement that the database refused, if one was."""

    text: str
    sql: str | None = None
    state: str = ""
    path: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Ran:
    """What a step did. ``statements`` in order, the failed one as the last; ``output``: what it printed."""

    statements: tuple[Statement, ...]
    failure: Failure | None = None
    took_s: float = 0.0
    output: str = ""


class Watch(Protocol):
    """Sees each statement of a step, in the thread that runs it. ``number`` counts from 0.

    An exception of ``before`` ends the step as a crash of its process at this point would: nothing more is sent, the
    connection is closed without commit.
    """

    def before(self, number: int, sql: str, backend: int | None) -> None:
        """Called before a statement is sent."""

    def after(self, number: int, statement: Statement) -> None:
        """Called after it succeeded, its transaction still open."""


class Crash(BaseException):
    """Raised by a ``Watch`` to end a step in the middle. Not an ``Exception``: no tool may catch it by accident."""


class Tool(Protocol):
    """A migration tool with a project's history.

    ``project``: the folder that paths of revisions are relative to. ``watches``: whether a ``Watch`` is called (a
    foreign program's statements are only known afterwards, or not at all). ``has_models``: whether the project's models
    can be compared with a database.
    """

    name: str
    project: Path
    watches: bool

    @property
    def has_models(self) -> bool:
        """Whether ``drift`` can be asked."""

    def revisions(self) -> tuple[Revision, ...]:
        """Return all revisions, in any order, broken chains included.

        Raises:
            SourceError: the project cannot be read.

        """

    def engine(self) -> Engine | None:
        """Return the engine that the project is made for, None where it does not say."""

    def move(self, scratch: Scratch, revision: str, direction: Direction, watch: Watch | None = None) -> Ran:
        """Apply or take back exactly one revision, the others that it builds on being applied. Never raises."""

    def applied(self, scratch: Scratch) -> tuple[str, ...]:
        """Return the heads of what is applied to a database; none for an empty one."""

    def offline(self, revision: str, direction: Direction, engine: Engine) -> str:
        """Return a step as SQL text, without a database.

        Raises:
            SourceError: the tool cannot say it, or the revision needs a database.

        """

    def drift(self, scratch: Scratch) -> tuple[str, ...]:
        """Return what the project's models would still change, one line each. Only where ``has_models``.

        Raises:
            SourceError: the models cannot be loaded or compared.

        """

    def close(self) -> None:
        """Give back connections and settings."""


Books = frozenset(
    {
        "alembic_version",
        "django_migrations",
        "schema_migrations",
        "goose_db_version",
        "flyway_schema_history",
        "_prisma_migrations",
        "__EFMigrationsHistory",
        "relgate_migrations",
    }
)
"""Tables in which tools keep their own books. They are neither compared nor seeded."""


def heads_of(revisions: Mapping[str, Revision]) -> tuple[str, ...]:
    """Return the revisions that no other builds on, in the order given."""
    parents = {parent for revision in revisions.values() for parent in revision.down}
    return tuple(id_ for id_ in revisions if id_ not in parents)
