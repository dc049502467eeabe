"""Migrations in a policy: what may be written, and the gates that come with them."""

from __future__ import annotations

import pytest

from relgate.errors import PolicyError
from relgate.migrate.prove import GATES
from relgate.policy import Policy, load
from relgate.policy.migrations import PROVEN

HEAD = """
relgate: 1
service: demo
environments: {test: {candidate: {url: "http://127.0.0.1:9"}}}
stages: [{name: migrate, run: migration, require: [migration]}]
"""


def with_migrations(text: str, more: str = "") -> Policy:
    """A policy with these migrations."""
    return load(f"{HEAD}migrations: {text}\n{more}")


def faults(text: str, more: str = "") -> str:
    """What the loader says about such a policy."""
    with pytest.raises(PolicyError) as raised:
        with_migrations(text, more)
    return str(raised.value)


def test_migrations_bring_their_gates() -> None:
    """Nothing has to be written under gates, and a stage that requires the family requires them all."""
    policy = with_migrations("{alembic: alembic.ini}")
    stage = policy.stage("migrate")

    assert set(policy.required_ids(stage)) == set(GATES)
    assert all(gate.kind == "findings" and gate.family == "migration" for gate in policy.running(stage).values())
    assert all(gate.description == PROVEN[id_] for id_, gate in policy.running(stage).items())


def test_a_backup_brings_one_more_gate() -> None:
    """It is judged only where the policy says where backups are."""
    policy = with_migrations("{alembic: alembic.ini, backup: {max_age: 24h}}")

    assert "migration-backup" in policy.gates
    assert policy.migrations is not None
    assert policy.migrations.backup is not None
    assert policy.migrations.backup.max_age_s == 86400


def test_every_proven_gate_is_known_to_the_policy_and_to_the_prover() -> None:
    """A gate that one of both does not know would hold for ever, or never be asked for."""
    assert {*GATES, "migration-backup"} == set(PROVEN)


def test_checks_can_be_left_out_by_name() -> None:
    """What is left out is left out visibly: in the policy."""
    policy = with_migrations("{command: 'tool up {revision}', list: 'tool list', without: [locks, crash]}")

    assert "migration-locks" not in policy.gates
    assert "migration-crash" not in policy.gates
    assert "migration-chain" in policy.gates
    assert "unknown word" in (text := faults("{alembic: a.ini, without: lock}")) or "locks" in text


def test_a_gate_of_migrations_can_be_changed_and_keeps_what_it_is() -> None:
    """Gravity and owner are the policy's; the finding is what it is."""
    gate = with_migrations(
        "{alembic: alembic.ini}", "gates: {migration-static: {on_fail: hold, severity: minor, owner: anna}}"
    ).gates["migration-static"]

    assert (gate.kind, gate.family, gate.on_fail, gate.severity, gate.owner) == (
        "findings",
        "migration",
        "hold",
        "minor",
        "anna",
    )


def test_a_gate_of_migrations_has_no_limits() -> None:
    """One finding that blocks fails it; a limit would mean something else."""
    said = faults("{alembic: alembic.ini}", 'gates: {migration-data: {fail: "> 3"}}')

    assert "fail means nothing here" in said
    assert "waive" in said


def test_a_gate_of_migrations_needs_migrations() -> None:
    """A policy that names one without saying where migrations come from is at fault."""
    with pytest.raises(PolicyError, match="needs migrations"):
        load(HEAD + "gates: {migration-data: {on_fail: hold}}")


def test_the_live_database_is_named_by_reference_only() -> None:
    """Its URL holds a password."""
    assert "reference to a secret" in faults('{alembic: a.ini, production: "postgresql://u:p@db/x"}')
    assert "p@db" not in faults('{alembic: a.ini, production: "postgresql://u:p@db/x"}')


def test_one_tool_is_named() -> None:
    """Two would be two histories of one database."""
    assert "alembic" in faults("{alembic: a.ini, sql: migrations/}")
    assert "command" in faults("{alembic: a.ini, down: 'tool down'}")
