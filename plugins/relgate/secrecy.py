"""What no stored file may hold: every secret that a policy refers to, in the forms in which it could be written."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from relgate.errors import UsageError
from relgate.references import auth_headers, is_secret, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable

    from relgate.policy import Auth, Environment, Policy

_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSW|API_?KEY|PRIVATE_?KEY|CREDENTIAL", re.IGNORECASE)
_SECRET_LENGTH = 8


def secrets_of(policy: Policy, environment: Environment) -> tuple[str, ...]:
    """Return everything that a run in ``environment`` must store nowhere, the longest first.

    What is not set is nowhere to be hidden: whoever needs it says that it is missing.
    """
    values = process_secrets() | _of_environment(environment) | _of_migrations(policy) | _of_api(policy)
    values |= _of_smoke(policy) | _of_ledger(policy) | _of_notify(policy) | _of_preflight(policy)
    return tuple(sorted(values - {""}, key=len, reverse=True))


def process_secrets() -> set[str]:
    """Process variables whose name says that they are secret (``DEPLOY_TOKEN``) and whose value is not a short word."""
    return {value for name, value in os.environ.items() if _SECRET_NAME.search(name) and len(value) >= _SECRET_LENGTH}


def database_secrets(url: str) -> set[str]:
    """The URL of a database, and the password in it as it is written and as it is meant."""
    try:
        password = urlsplit(url).password or ""
    except ValueError:
        password = ""
    return {url, password, unquote(password)} - {""}


def _of_environment(environment: Environment) -> set[str]:
    """What requests carry, and databases."""
    values: set[str] = set()
    observed = (environment.candidate, environment.baseline)
    servers: list[Any] = [*observed, environment.prometheus, environment.alertmanager, environment.loki]
    for side in observed:
        if side is not None and side.database is not None:
            values |= {word for url in _set(side.database) for word in database_secrets(url)}
    for side in filter(None, servers):
        values |= _behind(side.headers.values()) | _of_auth(side.auth)
    return values


def _of_auth(auth: Auth | None) -> set[str]:
    if auth is None:
        return set()
    values = _behind((auth.user, auth.password))
    with suppress(UsageError):
        values |= {value.split(" ", 1)[-1] for value in auth_headers(auth).values()}
    return values


def _of_migrations(policy: Policy) -> set[str]:
    migrations = policy.migrations
    named = (migrations.production, migrations.scratch) if migrations is not None else ()
    return {word for url in _behind(named) for word in database_secrets(url)}


def _of_api(policy: Policy) -> set[str]:
    """Headers and texts of the login that are references."""
    if policy.api is None:
        return set()
    login = _texts(policy.api.login.json_body) if policy.api.login is not None else []
    return _behind([*policy.api.headers.values(), *login])


def _of_smoke(policy: Policy) -> set[str]:
    """What accounts get in with."""
    accounts = policy.smoke.accounts.values() if policy.smoke is not None else ()
    return _behind(one for account in accounts for one in (account.user, account.password, account.bearer))


def _of_ledger(policy: Policy) -> set[str]:
    """The private key that signs, whole and line by line, and the URL of the database that the ledger is in."""
    text = "".join(_behind((policy.ledger.key,)))
    lines = {line for line in text.splitlines() if len(line) >= _SECRET_LENGTH and not line.startswith("-----")}
    stores = {word for url in _behind((policy.ledger.store,)) for word in database_secrets(url)}
    return {text} | lines | stores


def _of_notify(policy: Policy) -> set[str]:
    """Addresses of people."""
    return {value for audience in policy.notify.values() for one in audience.to for value in _set(one)}


def _of_preflight(policy: Policy) -> set[str]:
    """What services of flags and approvals are asked with."""
    if policy.preflight is None:
        return set()
    flags, approvals = policy.preflight.flags, policy.preflight.approvals
    named = [*flags.headers.values(), flags.ofrep] if flags is not None else []
    named += [approvals.github.token] if approvals is not None and approvals.github is not None else []
    return _behind(named)


def _behind(references: Iterable[str | None]) -> set[str]:
    """What is behind those texts that are references, and set."""
    return {value for one in references if one is not None and is_secret(one) for value in _set(one)}


def _set(reference: str) -> set[str]:
    """What is behind a reference, or a text itself; nothing where it is not set."""
    with suppress(UsageError):
        return {resolve(reference)}
    return set()


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []
