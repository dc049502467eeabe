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

    What is not set is nowhere to be hidden: see ``demand`` for what is missing.
    """
    named = _of_environment(environment) + _of_migrations(policy) + _of_api(policy) + _of_smoke(policy)
    values = process_secrets() | _of_auths(environment) | _of_ledger(policy)
    for one in named + _of_notify(policy) + _of_preflight(policy):
        values |= _forms(one)
    return tuple(sorted(values - {""}, key=len, reverse=True))


def demand(policy: Policy, environment: Environment, *, paths: bool = True) -> None:
    """See that everything is set that a run in ``environment`` needs.

    Args:
        policy: what is run.
        environment: where.
        paths: also what smoke paths and explorations get in with; a rollout that is taken back needs none of it.

    Raises:
        UsageError: something is not set; the text names it.

    """
    named = _of_environment(environment) + _of_migrations(policy)
    for one in named + (_of_api(policy) + _of_smoke(policy) if paths else []):
        resolve(one)


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


def _forms(reference: str) -> set[str]:
    """What is behind a reference, nothing where it is not set; of a database's URL the password too."""
    with suppress(UsageError):
        value = resolve(reference)
        return database_secrets(value) if "://" in value else {value}
    return set()


def _of_environment(environment: Environment) -> list[str]:
    """Databases, and what requests carry."""
    observed = [side for side in (environment.candidate, environment.baseline) if side is not None]
    databases = [side.database for side in observed if side.database is not None]
    headers = [value for server in _servers(environment) for value in server.headers.values()]
    users = [text for server in _servers(environment) if server.auth for text in _texts_of(server.auth)]
    return databases + [text for text in headers + users if is_secret(text)]


def _servers(environment: Environment) -> list[Any]:
    named = (environment.candidate, environment.baseline)
    return [one for one in (*named, environment.prometheus, environment.alertmanager, environment.loki) if one]


def _texts_of(auth: Auth) -> list[str]:
    return [text for text in (auth.bearer, auth.user, auth.password, *auth.header.values()) if text is not None]


def _of_auths(environment: Environment) -> set[str]:
    """What stands in Authorization headers: also the Base64 of user and password."""
    values = set()
    for server in _servers(environment):
        with suppress(UsageError):
            values |= {value.split(" ", 1)[-1] for value in auth_headers(server.auth).values()}
    return values


def _of_migrations(policy: Policy) -> list[str]:
    migrations = policy.migrations
    return _references((migrations.production, migrations.scratch) if migrations is not None else ())


def _of_api(policy: Policy) -> list[str]:
    """Headers and texts of the login."""
    if policy.api is None:
        return []
    login = _texts(policy.api.login.json_body) if policy.api.login is not None else []
    return _references([*policy.api.headers.values(), *login])


def _of_smoke(policy: Policy) -> list[str]:
    """What accounts get in with."""
    accounts = policy.smoke.accounts.values() if policy.smoke is not None else ()
    return _references(one for account in accounts for one in (account.user, account.password, account.bearer))


def _of_ledger(policy: Policy) -> set[str]:
    """The private key that signs, whole and line by line, and the URL of the database that the ledger is in."""
    key, store = (_references((one,)) for one in (policy.ledger.key, policy.ledger.store))
    texts = {text for one in key for text in _forms(one)}
    lines = {line for text in texts for line in text.splitlines()}
    secret = {line for line in lines if len(line) >= _SECRET_LENGTH and not line.startswith("-----")}
    return texts | secret | {word for one in store for word in _forms(one)}


def _of_notify(policy: Policy) -> list[str]:
    """Addresses of people."""
    return [one for audience in policy.notify.values() for one in audience.to]


def _of_preflight(policy: Policy) -> list[str]:
    """What services of flags and approvals are asked with."""
    if policy.preflight is None:
        return []
    flags, approvals = policy.preflight.flags, policy.preflight.approvals
    named = [*flags.headers.values(), flags.ofrep] if flags is not None else []
    named += [approvals.github.token] if approvals is not None and approvals.github is not None else []
    return _references(named)


def _references(texts: Iterable[str | None]) -> list[str]:
    return [one for one in texts if one is not None and is_secret(one)]


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []
