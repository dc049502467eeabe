"""What squawk's rules mean here: which block, which warn, which are off, and what to do about each.

Squawk reads text. Where running tells better, its rule only warns: locks and rewrites are measured (its rules on
rewrites are right about half of the time), and what the old version still needs is asked with its own queries. It
blocks where the text alone is proof. Rules of style are off, and so are those that a rule of ours takes the place of.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SquawkRule:
    """Whether a rule blocks, why it matters, and what to do."""

    blocks: bool
    why: str
    do: str


def _warn(why: str, do: str) -> SquawkRule:
    return SquawkRule(blocks=False, why=why, do=do)


def _block(why: str, do: str) -> SquawkRule:
    return SquawkRule(blocks=True, why=why, do=do)


_SCAN = "The table is read from end to end while writers wait."
_REWRITE = "The table may be rewritten under its strongest lock; the lock gate measures whether it is."
_OLD = "The version that still runs may use it; the N-1 gate asks with its queries."
_LATER = "Expand first, and remove it one release after the last version that uses it."
_NOT_VALID = "Add it NOT VALID, and VALIDATE it in a second transaction."
_DOMAIN = "Checking it reads every table that uses the domain, under lock."

RULES: dict[str, SquawkRule] = {
    "adding-field-with-default": _warn(_REWRITE, "Add the column without default, then set it, then fill in batches."),
    "adding-foreign-key-constraint": _warn("Both tables are locked against writes while it is checked.", _NOT_VALID),
    "adding-not-nullable-field": _warn(
        _SCAN, "Add CHECK (column IS NOT NULL) NOT VALID, validate it, then SET NOT NULL."
    ),
    "adding-required-field": _block(
        "It fails as soon as the table has a row, and the old version's INSERTs fail after it.",
        "Add the column nullable or with a default, fill it, and make it required in a later release.",
    ),
    "adding-serial-primary-key-field": _warn(
        _REWRITE, "Fill a new column in batches, then make it the key USING INDEX."
    ),
    "ban-alter-domain-with-add-constraint": _warn(_DOMAIN, _NOT_VALID),
    "ban-concurrent-index-creation-in-transaction": _block(
        "PostgreSQL refuses CONCURRENTLY in a transaction.", "Run it in an autocommit block, alone in its revision."
    ),
    "ban-create-domain-with-constraint": _warn(_DOMAIN, "Put the check on the columns."),
    "ban-drop-column": _warn(_OLD, _LATER),
    "ban-drop-constraint": _warn("Rows that it would refuse can come in, and then it cannot be put back.", _LATER),
    "ban-drop-database": _block("Nothing brings it back.", "Take it out of the migration."),
    "ban-drop-not-null": _warn(
        "The version that still runs may not expect NULL.", "Let both versions read NULL first."
    ),
    "ban-drop-domain": _warn(_OLD, _LATER),
    "ban-drop-function": _warn(_OLD, _LATER),
    "ban-drop-schema": _warn(_OLD, _LATER),
    "ban-drop-sequence": _warn(_OLD, _LATER),
    "ban-drop-type": _warn(_OLD, _LATER),
    "ban-drop-view": _warn(_OLD, _LATER),
    "ban-drop-table": _warn(_OLD, _LATER),
    "ban-duplicate-column-assignments": _block("PostgreSQL refuses it.", "Assign each column once."),
    "ban-truncate-cascade": _block("It empties tables that nobody named.", "Name each table that is meant."),
    "ban-uncommitted-transaction": _block("What it changes is undone when the connection ends.", "End it with COMMIT."),
    "changing-column-type": _warn(
        _REWRITE, "Add a column of the new type, write both, fill in batches, then change over."
    ),
    "constraint-missing-not-valid": _warn(_SCAN, _NOT_VALID),
    "disallowed-unique-constraint": _warn(
        "Readers and writers wait while its index is built.",
        "CREATE UNIQUE INDEX CONCURRENTLY, then ADD ... USING INDEX.",
    ),
    "identifier-too-long": _block(
        "PostgreSQL cuts names at 63 bytes: two may become one, and the way back looks for the long one.",
        "Choose a name of at most 63 bytes.",
    ),
    "renaming-column": _warn(_OLD, "Add the new column, write both, and drop the old one a release later."),
    "renaming-table": _warn(_OLD, "Rename it and leave a view of the old name for one release."),
    "require-concurrent-index-creation": _warn("Writers wait while the index is built.", "CREATE INDEX CONCURRENTLY."),
    "require-concurrent-index-deletion": _warn(
        "It waits for its lock, and all wait behind it.", "DROP INDEX CONCURRENTLY."
    ),
    "require-concurrent-partition-detach": _warn(
        "It locks the parent for everybody.", "DETACH PARTITION ... CONCURRENTLY."
    ),
    "require-concurrent-reindex": _warn("Writers wait while the index is rebuilt.", "REINDEX ... CONCURRENTLY."),
    "require-enum-value-ordering": _warn("A label goes to the end, and sorts there.", "Say BEFORE or AFTER."),
    "transaction-nesting": _warn(
        "The inner COMMIT ends the tool's transaction.", "Leave BEGIN and COMMIT to the tool."
    ),
    "unused-ignore": _warn("It will silently excuse the next fault.", "Remove the squawk-ignore comment."),
}
"""Rule -> what it means. One that is not here warns with squawk's own words: a newer squawk has newer rules."""

OFF: dict[str, str] = {
    "ban-char-field": "style",
    "prefer-bigint-over-int": "style",
    "prefer-bigint-over-smallint": "style",
    "prefer-identity": "style",
    "prefer-repack": "style",
    "prefer-robust-stmts": "the opposite of our rule hides-drift; crashes half-way are proven by crashing",
    "prefer-text-field": "style",
    "prefer-timestamp-tz": "style",
    "require-lock-timeout": "our rule no-lock-timeout, once per revision",
    "require-statement-timeout": "a backfill may be slow on purpose",
    "require-table-schema": "style",
}
"""Rule -> why it is off."""
