"""The ledger in a policy: what may be written, and what it means."""

from __future__ import annotations

import pytest

from relgate.errors import PolicyError
from relgate.policy import Policy, load

HEAD = """
relgate: 1
service: demo
environments: {test: {candidate: {url: "http://127.0.0.1:9"}}}
stages: [{name: canary-5}]
"""


def with_ledger(text: str) -> Policy:
    """A policy with this ledger."""
    return load(f"{HEAD}ledger: {text}\n")


def test_without_a_word_records_are_unsigned_files_kept_for_seven_years() -> None:
    """The defaults."""
    asked = load(HEAD).ledger

    assert (asked.store, asked.key, asked.protected, asked.retention_days) == (None, None, (), 2557)
    assert asked.anchors.names == ()


def test_everything_can_be_said() -> None:
    """Store, key, what is protected, how long, anchors."""
    asked = with_ledger(
        "{store: env:LEDGER, key: file:/k.pem, protected: [canary-5, test], retention: 400d, anchors: {"
        "rfc3161: {url: 'https://tsa.example', ca: ca.pem}, git: {key: id, remote: origin}, s3: {bucket: heads},"
        " sigstore: true}}"
    ).ledger

    assert (asked.store, asked.key, asked.protected) == ("env:LEDGER", "file:/k.pem", ("canary-5", "test"))
    assert asked.retention_days == 400
    assert asked.anchors.names == ("rfc3161", "git", "s3", "sigstore")
    assert asked.anchors.s3 is not None
    assert (asked.anchors.s3.prefix, asked.anchors.s3.endpoint) == ("relgate", None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{protected: canary-5}", "protected stands here only beside key"),
        ("{key: env:K, protected: [canary-6]}", 'unknown stage or environment "canary-6": did you mean "canary-5"'),
        ("{key: abc}", "expected a reference to a key"),
        ("{retention: forever}", "expected a time such as 7y"),
        ("{anchors: {rfc3161: {url: 'https://tsa.example'}}}", "rfc3161 needs the key ca"),
        ("{anchors: {paper: true}}", "unknown key in anchors"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(text: str, said: str) -> None:
    """Never later than when the policy is read."""
    with pytest.raises(PolicyError) as raised:
        with_ledger(text)
    assert said in str(raised.value)


def test_a_key_in_clear_text_is_refused_and_not_repeated() -> None:
    """A private key does not belong into a policy."""
    with pytest.raises(PolicyError) as raised:
        with_ledger("{key: '-----BEGIN PRIVATE KEY-----MC4CAQAw'}")
    assert "MC4CAQAw" not in str(raised.value)
