"""Every kind of fault that proving finds: code -> whether it blocks, why it matters, what to do. Pure.

Chain, static reading, backups and integrity have their own tables beside their own checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from relgate.kinds import Fault, blocks, warns
from relgate.values import Finding

if TYPE_CHECKING:
    from relgate.ports.migrations import Revision


ROUND_TRIP = "migration-round-trip"
DATA = "migration-data"
EARLIER = "migration-n-1"
LOCKS = "migration-locks"
BACKFILL = "migration-backfill"
SCALE = "migration-scale"
CRASH = "migration-crash"
ROLLBACK_SQL = "migration-rollback-sql"
MODELS = "migration-models"

_BACK = "going back leaves a schema that the old version was never tested on, and the next upgrade starts from it"
_MEND_DOWN = "make the downgrade the exact inverse of the upgrade"
_LOSS = "what users entered is gone after a rollback"
_KEEP = "keep the old column until a later release, or declare the revision irreversible with a backup"

FAULTS: dict[str, dict[str, Fault]] = {
    ROUND_TRIP: {
        "up-fails": blocks("the release cannot be rolled out", "mend the upgrade"),
        "up-fails-with-rows": blocks(
            "an empty database takes it, production's does not",
            "fill or convert existing rows before the constraint is added",
        ),
        "down-fails": blocks("there is no way back", "mend the downgrade, or declare the revision irreversible"),
        "down-fails-with-rows": blocks(
            "there is no way back as soon as there are rows",
            "convert the rows in the downgrade, or declare the revision irreversible",
        ),
        "down-does-nothing": blocks("the tool will say that it went back; the schema stays new", "write the downgrade"),
        "lost": blocks(_BACK, _MEND_DOWN),
        "left-over": blocks(f"{_BACK}; often it then fails with 'already exists'", _MEND_DOWN),
        "weakened": blocks(
            "after going back the database accepts what it refused before", "restore the constraint as it was"
        ),
        "changed": blocks(_BACK, _MEND_DOWN),
        "renamed": blocks("a later migration that names it will not find it", "give it the name that it had"),
        "order-changed": warns("only SELECT * and INSERT without column names notice", "name the columns in queries"),
        "up-again-fails": blocks(
            "after a rollback the mended release cannot be rolled out", "leave nothing behind in the downgrade"
        ),
        "up-again-differs": blocks(
            "a second roll-out ends in another schema than the first", "make upgrade and downgrade deterministic"
        ),
        "not-deterministic": warns(
            "two straight upgrades of the same rows differ", "take the time and random values from the rows"
        ),
    },
    DATA: {
        "table-lost": blocks(_LOSS, _KEEP),
        "rows-lost": blocks(_LOSS, "never delete rows on the way that rows must be able to come back"),
        "rows-added": blocks(
            "rows that nobody entered stay after a rollback", "remove in the downgrade what the upgrade inserts"
        ),
        "column-lost": blocks(_LOSS, _KEEP),
        "column-emptied": blocks(f"{_LOSS}: the column comes back empty", _KEEP),
        "column-defaulted": blocks(f"{_LOSS}: every row has the default now", _KEEP),
        "value-truncated": blocks(_LOSS, "widen types only; refuse what does not fit instead of cutting it"),
        "value-changed": blocks(_LOSS, "make the conversion exact in both directions, or keep the old column"),
        "order-lost": blocks("values now belong to other rows than before", "match rows by key, never by order"),
        "null-filled": blocks(
            "unknown became a value; nobody can tell them apart now", "keep NULL as NULL on the way back"
        ),
        "orphaned": blocks("rows refer to others that are gone", "delete or move children with their parents"),
        "new-rows-lost": blocks(
            "what users enter between roll-out and rollback disappears",
            "convert new rows in the downgrade; if the old schema cannot hold them, declare the revision irreversible",
        ),
        "new-value-changed": blocks(
            "what users entered with the new version comes back different", "make the downgrade's conversion exact"
        ),
        "rows-lost-forward": blocks("rows of the old version do not survive the upgrade", "convert them instead"),
        "not-seeded": warns(
            "nothing is known about what happens to rows of this table",
            "give a sample: `migrations: {sample: sample.sql}`",
        ),
    },
    EARLIER: {
        "read-breaks": blocks(
            "while the release rolls out, and after a rollback of the code, the version before it reads this schema",
            "expand first, contract in a later release: keep what the previous version reads",
        ),
        "write-breaks": blocks(
            "while the release rolls out, and after a rollback of the code, the version before writes to this schema",
            "nullable first or with a default, backfill, then required in a later release",
        ),
        "query-breaks": blocks("a recorded query of the running version fails on the new schema", "keep what it needs"),
        "new-query-breaks": blocks(
            "the new version runs before the migration and fails", "migrate first, or make the code tolerate both"
        ),
    },
    LOCKS: {
        "rewrite": blocks(
            "the whole table is written anew while nobody can read or write it",
            "add a new column, fill it in batches, switch in a later release",
        ),
        "blocks-writes": blocks(
            "nobody can write while the index is built", "CREATE INDEX CONCURRENTLY in an autocommit block"
        ),
        "validates-while-locked": blocks(
            "all rows are read while a strong lock is held",
            "add the constraint NOT VALID, and VALIDATE it in a transaction of its own",
        ),
        "no-lock-timeout": warns(
            "a migration that waits for a lock makes every later query wait behind it",
            "SET LOCAL lock_timeout = '2s' before the first strong lock, and try again",
        ),
        "strong-lock": blocks(
            "users wait as long as the lock is held", "do the slow part outside of the transaction that locks"
        ),
    },
    BACKFILL: {
        "not-idempotent": blocks(
            "run twice, after a kill or by hand, it changes the rows again", "write it so that done rows are left alone"
        ),
        "not-batched": blocks(
            "one statement locks every row until its end, and undoes everything when it is killed",
            "batches of some thousand rows, each with its own commit",
        ),
        "not-resumable": blocks(
            "killed half way and started again it ends with other rows than in one go", "mark or recognise what is done"
        ),
    },
    SCALE: {
        "superlinear": blocks(
            "ten times the rows take far more than ten times as long",
            "give the condition an index, or join instead of searching again for each row",
        ),
        "too-slow": blocks(
            "at production's row counts it takes longer than the policy allows", "batches outside of the deployment"
        ),
        "not-timed": warns("nobody knows how long it takes with production's rows", "time it on a copy of production"),
        "no-index": blocks(
            "a query that the policy names reads the whole table", "keep or create the index that it needs"
        ),
    },
    CRASH: {
        "not-atomic": warns(
            "killed in the middle it leaves half a schema", "one transaction, or steps that can be repeated"
        ),
        "stuck-after-crash": blocks(
            "killed in the middle it can neither go on nor back without hand work",
            "make each step repeatable (IF NOT EXISTS, drop what is INVALID)",
        ),
    },
    ROLLBACK_SQL: {
        "offline-fails": warns(
            "nobody can review the SQL before it runs",
            "read rows in SQL, not in Python, or guard with context.is_offline_mode()",
        ),
        "rollback-sql-fails": blocks("the stored rollback SQL does not lead back", "mend the downgrade"),
        "data-dependent": warns(
            "the stored rollback SQL was made for other rows than production's",
            "write the statement so that the database finds the rows",
        ),
    },
    MODELS: {
        "drift": blocks("models and migrations describe different schemas", "generate the missing migration"),
    },
}


def finding(
    gate: str,
    code: str,
    what: str,
    revision: Revision | None = None,
    *,
    sql: str | None = None,
    line: int | None = None,
    path: str | None = None,
) -> Finding:
    """Return one finding with what is always said about its code; ``line`` of the revision's way up unless given."""
    fault = FAULTS[gate][code]
    return Finding(
        gate=gate,
        code=code,
        what=what,
        why=fault.why,
        do=fault.do,
        blocks=fault.blocks,
        revision=revision.id if revision is not None else None,
        path=path or (revision.path if revision is not None else ""),
        line=line or (revision.line if revision is not None else 0),
        sql=sql,
    )
