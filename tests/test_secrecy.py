"""What no stored file may hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from relgate.errors import UsageError
from relgate.policy import load
from relgate.secrecy import database_secrets, demand, secrets_of

if TYPE_CHECKING:
    from pathlib import Path

POLICY = """
relgate: 1
service: shop
environments:
  here:
    candidate:
      url: http://127.0.0.1:9
      auth: {bearer: env:BEARER}
      database: env:DATABASE
    baseline:
      url: http://127.0.0.1:8
      auth: {basic: {user: bob, password: file:password.txt}}
    loki: {url: http://loki:3100, auth: {header: {X-Scope-OrgID: env:LOKI}}}
migrations: {alembic: a.ini, production: env:LIVE}
api: {login: {post: /login, json: {password: env:LOGIN}}}
smoke: {paths: [buy], accounts: {anna: {bearer: env:ANNA}}}
ledger: {key: file:key.pem}
notify: {users: {to: [env:MAIL]}}
preflight: {flags: {ofrep: http://flags, off: [new-checkout], headers: {Authorization: env:FLAGS}}}
stages: [{name: m, run: migration}]
"""
SET = {
    "BEARER": "bearer-of-the-shop",
    "DATABASE": "postgresql://reader:p%40ss-w0rd@db/shop",
    "LOKI": "tenant-key-4711",
    "LIVE": "postgresql://owner:0wn-it@db/shop",
    "LOGIN": "of the login",
    "ANNA": "of anna",
    "MAIL": "anna@shop.example",
    "FLAGS": "Bearer of-flags",
    "DEPLOY_TOKEN": "token-of-the-pipeline",
    "EMPTY_TOKEN": "",
}
FILES = {
    "password.txt": "correct horse\n",
    "key.pem": "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n-----END PRIVATE KEY-----\n",
}


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every secret of a policy that has them everywhere."""
    monkeypatch.chdir(tmp_path)
    for name, value in SET.items():
        monkeypatch.setenv(name, value)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    policy = load(POLICY)
    return set(secrets_of(policy, policy.environment("here")))


@pytest.mark.parametrize("name", [name for name, value in SET.items() if value])
def test_what_a_policy_refers_to_is_a_secret(found: set[str], name: str) -> None:
    """Wherever it stands; and process variables whose name says that they are secrets."""
    assert SET[name] in found


def test_secrets_are_known_in_the_forms_in_which_they_could_be_written(found: set[str]) -> None:
    """A password as in a URL and as it is meant, a key line by line; never a text that is everywhere."""
    assert {"p%40ss-w0rd", "p@ss-w0rd", "0wn-it", "correct horse", "MC4CAQAwBQYDK2Vw"} <= found
    assert found.isdisjoint({"", "-----BEGIN PRIVATE KEY-----", "bob", "http://flags"})


def test_what_is_not_set_is_nowhere_to_be_hidden() -> None:
    """Whoever needs it says that it is missing: a rollback must not wait for the password of a smoke path."""
    policy = load(POLICY)

    assert "bearer-of-the-shop" not in secrets_of(policy, policy.environment("here"))


@pytest.mark.parametrize("url", ["postgresql://[::1", "", "sqlite:///shop.db"])
def test_an_address_of_a_database_without_a_password_is_no_error(url: str) -> None:
    """The whole of it is kept."""
    assert database_secrets(url) == {url} - {""}


@pytest.mark.parametrize("name", ["BEARER", "DATABASE", "LOKI", "LIVE", "LOGIN", "ANNA"])
def test_what_a_run_needs_is_demanded_by_name(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Before anything starts; what somebody else will miss is left to them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "password.txt").write_text("correct horse\n")
    needed = ("BEARER", "DATABASE", "LOKI", "LIVE", "LOGIN", "ANNA")
    for one in needed:
        monkeypatch.setenv(one, SET[one])
    policy = load(POLICY)
    environment = policy.environment("here")
    demand(policy, environment)
    monkeypatch.delenv(name)
    with pytest.raises(UsageError, match=f"env:{name}: the environment variable {name} is not set"):
        demand(policy, environment)
    if name in ("LOGIN", "ANNA"):
        demand(policy, environment, paths=False)
