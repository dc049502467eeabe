"""Migrations in a policy: where they come from, what they are proven on, and the gates that every policy with them has.

The gates need no entry under ``gates:``; one there changes how grave they are, what they decide, who looks after them.
A migration gate has no limit: one finding that blocks and that nobody has waived fails it.
"""

from __future__ import annotations

from typing import Literal, get_args

from relgate.policy import texts
from relgate.policy.base import Frozen
from relgate.policy.grammar import Flag, Key, ListOf, Record, Whole, Words

Kind = Literal["alembic", "sql", "django", "command"]
Engine = Literal["postgresql", "mysql", "sqlite"]

KINDS: tuple[Kind, ...] = get_args(Kind)
BACKUP = "migration-backup"
PROVEN = {
    "migration-chain": "one head, no orphan, no cycle, and production's head on the way to it",
    "migration-declared": "a revision that cannot be taken back says why and names a backup",
    "migration-static": "nothing in the text of a migration is known to hurt",
    "migration-round-trip": "the schema after up and down is the schema before, and up again is the first up",
    "migration-data": "rows survive the way there and back, old ones and new ones",
    "migration-n-1": "what the version before reads and writes works on the new schema",
    "migration-locks": "no table in use is rewritten, scanned or indexed under a strong lock",
    "migration-backfill": "changes of rows can be repeated, come in batches, and go on after a kill",
    "migration-crash": "ended before any statement it leaves nothing, or can be started again",
    "migration-rollback-sql": "the SQL of the way back is stored, and leads back",
    "migration-scale": "time grows no faster than the rows, and fits into the release",
    "migration-models": "the models describe the schema that the migrations make",
    "migration-integrity": "no orphan, no invalid index, no constraint left unvalidated, no sequence behind",
    BACKUP: "a backup was taken, can be restored, and holds what the database holds",
}
"""Gate id -> what it protects."""
CHECKS = tuple(name.removeprefix("migration-") for name in PROVEN)


class Backup(Frozen):
    """``take``, ``restore``: command lines, None for the engine's own tools. ``max_age_s``: of the newest backup."""

    folder: str | None = None
    take: str | None = None
    restore: str | None = None
    max_age_s: float | None = None


class Migrations(Frozen):
    """Where migrations come from, and what they are proven on.

    ``source``: alembic.ini, a folder, manage.py, or the command line that goes up. ``scratch``: ``auto``, ``embedded``,
    ``system``, or a reference to the URL of a server that may be used. ``production``: a reference to the URL of the
    database that is only read. ``since``: a git ref whose revisions are not new. ``everything``: the whole history.
    ``large``: rows from which a table's locks count. ``longest_s``, ``lock_s``: of a step, of waiting for it.
    """

    kind: Kind
    source: str
    down: str | None = None
    list: str | None = None
    applied: str | None = None
    engine: Engine | None = None
    scratch: str = "auto"
    production: str | None = None
    since: str | None = None
    everything: bool = False
    code_first: bool = False
    sample: str | None = None
    queries: str | None = None
    plans: tuple[str, ...] = ()
    large: int = 10_000
    batch: int = 5_000
    longest_s: float = 600.0
    lock_s: float = 1.0
    without: tuple[str, ...] = ()
    backup: Backup | None = None

    @property
    def gates(self) -> tuple[str, ...]:
        """Ids of the gates that a policy with these migrations has."""
        left_out = {f"migration-{name}" for name in self.without}
        return tuple(name for name in PROVEN if name not in left_out and (name != BACKUP or self.backup is not None))


SHAPE = Record(
    "migrations",
    (
        Key("alembic", texts.FILE, "the path of alembic.ini"),
        Key("sql", texts.FILE, "a folder of SQL files: dbmate, goose, golang-migrate, Flyway, Sqitch"),
        Key("django", texts.FILE, "the path of manage.py"),
        Key("command", texts.FREE, "a command that applies `{revision}`"),
        Key("down", texts.FREE, "a command that takes `{revision}` back; beside command"),
        Key("list", texts.FREE, "a command that prints revisions as JSON lines; beside command"),
        Key("applied", texts.FREE, "a command that prints what is applied; beside command"),
        Key("engine", Words(get_args(Engine)), "the database; mysql is MariaDB too", "what the project says"),
        Key(
            "scratch",
            texts.SCRATCH,
            "where scratch databases are made: embedded, system, or env:NAME with a server's URL",
            "embedded where it is installed, else system",
        ),
        Key("production", texts.SECRET, "a reference to the URL of the live database, which is only read"),
        Key(
            "since", texts.FREE, "a git ref; what it has is not new", "what production has not applied, else everything"
        ),
        Key("everything", Flag(), "whether the whole history is proven", "false"),
        Key("code_first", Flag(), "whether the new version runs before the migration", "false"),
        Key("sample", texts.FILE, "a SQL file with rows: a sample, or a masked dump", "rows made from the catalog"),
        Key("queries", texts.FILE, "what the running version sends: a SQL file or a PostgreSQL log"),
        Key("plans", ListOf(texts.FREE), "queries that must use an index"),
        Key("large", Whole(0, 1_000_000_000), "rows from which a table's locks count", "10000"),
        Key("batch", Whole(1, 1_000_000_000), "the most rows that one statement may change", "5000"),
        Key("longest", texts.INTERVAL, "how long a revision may take on production's rows", "10m"),
        Key("lock", texts.INTERVAL, "how long others may wait for it", "1s"),
        Key("without", ListOf(Words(CHECKS)), "checks that are left out"),
        Key(
            "backup",
            Record(
                "backup",
                (
                    Key("folder", texts.FILE, "where backups lie", "one is taken for the check"),
                    Key("take", texts.FREE, "a command that takes one", "the database's own tool"),
                    Key("restore", texts.FREE, "a command that restores one", "the database's own tool"),
                    Key("max_age", texts.INTERVAL, "how old the newest may be", "any age"),
                ),
            ),
            "the backup that is proven before a migration",
        ),
    ),
    exactly_one=KINDS,
    needs={"down": "command", "list": "command", "applied": "command"},
)
