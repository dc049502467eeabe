"""Whom smoke paths act as, and how what they created is removed: by the path itself, or later by ``relgate sweep``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relgate.adapters.asking import Client, log_in, send
from relgate.errors import SourceError, UsageError
from relgate.ports.observing import Access
from relgate.references import headers_of, resolve, resolve_all
from relgate.smoke.journal import GONE
from relgate.smoke.targets import Targets

if TYPE_CHECKING:
    from relgate.policy import Environment, Policy
    from relgate.policy.api import Api
    from relgate.policy.smoke import Account
    from relgate.smoke.journal import Undo


EXPLORER = "@api"
"""Name of the account under which an exploration wrote down what it made: no policy can have one of that name."""


@dataclass(frozen=True)
class Person:
    """An account of the policy with its secrets resolved."""

    user: str
    password: str
    bearer: str | None = None

    def __repr__(self) -> str:
        return "Person(...)"


class Accounts(Mapping[str, Person]):
    """The accounts of a policy by name; each gets in when it is first needed.

    Args:
        known: as the policy has them.
        client: asks the service.
        api: whom explorations act as, under the name ``EXPLORER``; None where nothing is explored.

    """

    def __init__(self, known: Mapping[str, Account], client: Client, api: Api | None = None) -> None:
        self._known = known
        self._client = client
        self._api = api
        self._headers: dict[str, dict[str, str]] = {}

    def __getitem__(self, name: str) -> Person:
        """Return an account; UsageError names those that there are."""
        if name not in self._known:
            raise UsageError(f"no account {name!r} in smoke.accounts: it has {', '.join(self._known) or 'none'}")
        account = self._known[name]
        bearer = None if account.bearer is None else resolve(account.bearer)
        return Person(resolve(account.user or ""), resolve(account.password or ""), bearer)

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def headers(self, name: str) -> dict[str, str]:
        """Return the request headers of an account; it logs in once where the policy says how.

        Raises:
            UsageError: there is no such account, or nobody says how it gets in.
            SourceError: the service gave no token.

        """
        if name == EXPLORER and name not in self._headers and self._api is not None:
            self._headers[name] = _explorer(self._api, self._client)
        if name not in self._headers:
            self._headers[name] = {"Authorization": f"Bearer {self._token(name, self[name])}"}
        return self._headers[name]

    def _token(self, name: str, person: Person) -> str:
        login = self._known[name].login
        if person.bearer is not None:
            return person.bearer
        if login is None:
            raise UsageError(f"smoke.accounts.{name}: expected `bearer`, or `login` beside user and password")
        body = {login.user: person.user, login.password: person.password}
        return log_in(self._client, login.post, body, login.token)


def _explorer(api: Api, client: Client) -> dict[str, str]:
    """Return what an exploration's requests carry beside what every request to the service does."""
    headers = {name: resolve(value) for name, value in api.headers.items()}
    if api.login is None:
        return headers
    token = log_in(client, api.login.path, resolve_all(api.login.json_body), api.login.token)
    return headers | {api.login.header: f"{api.login.prefix}{token}"}


def targets_of(policy: Policy, environment: Environment, candidate: str, baseline: str | None) -> Targets:
    """Return what paths may ask in an environment."""
    allow = policy.smoke.allow if policy.smoke is not None else ()
    writes = tuple(one.contains for one in allow if one.code == "write-refused")
    return Targets(candidate, environment.name, baseline, environment.read_only, writes)


def access_of(environment: Environment) -> Access:
    """Return how the candidate of an environment is asked."""
    headers = tuple(headers_of(environment.candidate).items())
    return Access(headers, environment.tls.verify, environment.tls.ca)


def undo(todo: Undo, client: Client, accounts: Accounts) -> str | None:
    """Remove one thing. Return None when it is gone, else why it is not."""
    try:
        headers = accounts.headers(todo.account) if todo.account is not None else {}
    except (UsageError, SourceError) as error:
        return str(error)
    status = send(client, todo.method, todo.path, headers, todo.json)
    if isinstance(status, int) and (200 <= status < 300 or status in GONE):
        return None
    return f"{todo.method} {todo.path}: " + (f"answered {status}" if isinstance(status, int) else status)
