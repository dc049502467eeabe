"""Logs and databases in a policy: where lines come from, and which side lacks what a required gate reads."""

from __future__ import annotations

import pytest

from relgate.policy import load
from relgate.policy.model import ERRORS
from tests.policy.samples import faults_of

POLICY = """\
relgate: 1
service: shop
environments:
  here:
    candidate: {url: "http://127.0.0.1:1", log: {file: new.log}, database: env:NEW_DB}
    baseline: {url: "http://127.0.0.1:2", log: {loki: '{app="$side"}'}, database: env:OLD_DB}
    loki: {url: "http://loki:3100"}
signals:
  errors: {log: {}}
  auth: {log: {match: "failed_login|token_expired", requests: "GET|POST", every: 2s}}
  queries: {statements: {}}
gates:
  new-errors: {signal: errors, fail: "> baseline + 1/min"}
  auth-failures: {signal: auth.rate, fail: "> 100/min"}
  slow-queries: {signal: queries, fail: ["> 1s", "> 2x baseline"]}
stages: [{name: canary}]
"""


def test_lines_come_from_files_commands_and_loki() -> None:
    """What counts are errors where nobody says otherwise."""
    policy = load(POLICY)
    here, errors, auth = policy.environments["here"], policy.signals["errors"].log, policy.signals["auth"].log

    assert here.baseline is not None
    assert (here.candidate.log_file, here.baseline.log_query, here.candidate.database) == (
        "new.log",
        '{app="$side"}',
        "env:NEW_DB",
    )
    assert errors is not None
    assert auth is not None
    assert (errors.match, errors.requests, errors.every_s) == (ERRORS, None, 1.0)
    assert (auth.match, auth.requests, auth.every_s) == ("failed_login|token_expired", "GET|POST", 2.0)
    kinds = {gate.id: (gate.kind, gate.dimension) for gate in policy.gates.values()}
    assert kinds == {
        "new-errors": ("patterns", "rate"),
        "auth-failures": ("counter", "rate"),
        "slow-queries": ("statements", "time"),
    }


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("log: {loki: '{app=\"$side\"}'}, ", "", "baseline needs log with a file, a command or loki"),
        (
            "log: {file: new.log}",
            'log: {get: "http://logs/{id}"}',
            "candidate needs log with a file, a command or loki",
        ),
        ('    loki: {url: "http://loki:3100"}\n', "", "a log of loki: here needs loki"),
        (", database: env:OLD_DB", "", "baseline needs database"),
        ("database: env:NEW_DB", "database: postgres://u:p@h/db", "expected a reference to a secret"),
        ("log: {file: new.log}", "log: {file: new.log, command: x}", "file"),
        ('match: "failed_login|token_expired"', 'match: "("', "expected a regular expression"),
        ('fail: "> baseline + 1/min"', 'fail: "> 1/min for 5m"', "without a streak"),
        ('fail: "> baseline + 1/min"', 'fail: "> 5%"', "is a rate"),
        ('fail: "> 100/min"', 'fail: "> 100"', "is a rate"),
    ],
)
def test_what_is_missing_is_named(old: str, new: str, said: str) -> None:
    """Before the bake, not after it."""
    assert old in POLICY
    assert said in " | ".join(str(fault) for fault in faults_of(POLICY.replace(old, new)))


def test_a_gate_that_nothing_requires_needs_no_log() -> None:
    """It reports an error and holds nothing up."""
    text = POLICY.replace("log: {file: new.log}, ", "").replace(
        "stages: [{name: canary}]", "stages: [{name: canary, require: [slow-queries]}]"
    )

    assert load(text).gates["new-errors"].kind == "patterns"
