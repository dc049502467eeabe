"""The table of our own static rules: what each is about, and whether it blocks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """Why a fault matters, what to do, and whether it blocks."""

    blocks: bool
    why: str
    do: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule that was broken. ``line`` 0: of the whole revision. ``blocks`` None: as the rule says."""

    code: str
    what: str
    line: int = 0
    path: str = ""
    sql: str | None = None
    blocks: bool | None = None


_BATCHES = "Go through the key in batches of some thousand rows, each in a transaction of its own."

RULES: dict[str, Rule] = {
    "no-where": Rule(
        blocks=True,
        why="Every row of the table is locked until the transaction ends, and a kill half-way starts all over again.",
        do=_BATCHES,
    ),
    "unbounded-backfill": Rule(
        blocks=False,
        why="How long it takes, and how many rows it locks at once, grows with the table.",
        do=_BATCHES,
    ),
    "backfill-with-ddl": Rule(
        blocks=True,
        why="The lock of the schema change is held while all rows are written: nobody can read the table meanwhile.",
        do="Split the revision: schema first, then the backfill in its own revision and transactions.",
    ),
    "drop-cascade": Rule(
        blocks=True,
        why="CASCADE also drops what nobody named: views, foreign keys, columns. The way back does not know them.",
        do="Drop what depends on it one by one, so that the way back can bring each back.",
    ),
    "hides-drift": Rule(
        blocks=False,
        why="If something of that name is there and differs, the revision passes and the schema stays wrong.",
        do="Leave IF [NOT] EXISTS out: a chain that is applied in order knows what is there.",
    ),
    "volatile-default": Rule(
        blocks=True,
        why="The default is computed for every existing row: the table is rewritten under its strongest lock.",
        do="Add the column without default, set the default for new rows, and fill the old ones in batches.",
    ),
    "no-lock-timeout": Rule(
        blocks=False,
        why="It waits for the longest running query, and everything else waits behind it.",
        do="SET LOCAL lock_timeout = '5s' first (MySQL: SET lock_wait_timeout = 5), and retry.",
    ),
    "unique-on-existing": Rule(
        blocks=False,
        why="It fails as soon as two rows are equal; whether they are, only production's rows tell.",
        do="Look for duplicates in a copy of production (the integrity check counts them), and remove them before.",
    ),
    "not-null-on-existing": Rule(
        blocks=True,
        why="It fails as soon as one row has no value.",
        do="Fill the column in an earlier revision, or add CHECK (column IS NOT NULL) NOT VALID and validate it first.",
    ),
    "sql-from-data": Rule(
        blocks=True,
        why="A quote in a row breaks the migration, or becomes SQL that nobody wrote.",
        do='Bind values as parameters: op.get_bind().execute(text("... :name"), {"name": name}).',
    ),
    "imports-models": Rule(
        blocks=True,
        why="The models change with the code, the revision must not: next year it sends other SQL, or breaks.",
        do="Describe the tables that it needs in the revision itself (sa.table, sa.column; apps.get_model in Django).",
    ),
    "imports-application": Rule(
        blocks=False,
        why="The application changes, the revision must not.",
        do="Copy what it needs into the revision.",
    ),
    "network-import": Rule(
        blocks=True,
        why="It does something outside of the database that no way back undoes, and fails where the network is closed.",
        do="Do it in a job after the release; a revision changes the database and nothing else.",
    ),
    "empty-downgrade": Rule(
        blocks=True,
        why="The tool will say that it went back, and the schema stays new.",
        do='Write the way back, or raise in it and declare it: irreversible = {"reason": ..., "backup": ...}.',
    ),
    "unreadable-source": Rule(
        blocks=True,
        why="What cannot be read was not checked.",
        do="Mend the file's syntax.",
    ),
}
"""Code -> rule. A fault may say otherwise of blocking where one rule has a grave and a mild case."""
