"""Migration gates: what a release does to the database, and whether it can be taken back; on scratch databases."""

import pytest

pytestmark = pytest.mark.migration


def test_migration_chain(gate, migrations):
    """One head, no orphan, no cycle, and production's head is on the way to it."""
    gate.judge("migration-chain", migrations.chain)


def test_migration_round_trip(gate, migrations):
    """The schema after up and down is the schema before, and up again is the first up."""
    gate.judge("migration-round-trip", migrations.round_trip)


def test_migration_data(gate, migrations):
    """Rows survive the way there and back, those of the old version and those of the new one."""
    gate.judge("migration-data", migrations.data)


def test_migration_n_1(gate, migrations):
    """What the version before reads and writes works on the new schema."""
    gate.judge("migration-n-1", migrations.n_1)


def test_migration_locks(gate, migrations):
    """No table that is in use is rewritten, scanned or indexed under a strong lock."""
    gate.judge("migration-locks", migrations.locks)


def test_migration_backfill(gate, migrations):
    """Changes of rows can be repeated, come in batches, and go on after a kill."""
    gate.judge("migration-backfill", migrations.backfill)


def test_migration_scale(gate, migrations):
    """Time grows no faster than the rows, and fits into the release at production's size."""
    gate.judge("migration-scale", migrations.scale)


def test_migration_crash(gate, migrations):
    """Ended before any statement, a migration leaves nothing, or can be started again."""
    gate.judge("migration-crash", migrations.crash)


def test_migration_rollback_sql(gate, migrations):
    """The SQL of the way back is stored, and leads back."""
    gate.judge("migration-rollback-sql", migrations.rollback_sql)


def test_migration_models(gate, migrations):
    """The models describe the schema that the migrations make."""
    gate.judge("migration-models", migrations.models)


def test_migration_static(gate, migrations):
    """Nothing in the text of a migration is known to hurt."""
    gate.judge("migration-static", migrations.static)


def test_migration_declared(gate, migrations):
    """A revision that cannot be taken back says so, says why, and names a backup."""
    gate.judge("migration-declared", migrations.declared)


def test_migration_integrity(gate, migrations):
    """No orphaned row, no invalid index, no constraint that was never validated, no sequence behind its column."""
    gate.judge("migration-integrity", migrations.integrity)


def test_migration_backup(gate, migrations):
    """A backup was taken, can be restored, and holds what the database holds."""
    gate.judge("migration-backup", migrations.backup)
