"""``relgate serve``: from its options to an endpoint that judges for other rollout controllers."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relgate import ledgers
from relgate.adapters.answering import Endpoint, Words, serve
from relgate.audit import releases
from relgate.deploy.judges import Court, Judges, Question
from relgate.errors import SourceError, UsageError
from relgate.references import is_secret, resolve
from relgate.settings import read_policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from relgate.adapters.ledger import Ledger
    from relgate.audit.releases import Standing
    from relgate.policy import Policy
    from relgate.report.peers import Answer

_OURS = ("env", "stage", "version", "id")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options. ``listen``: ``host:port``. ``token``: ``env:NAME`` or ``file:PATH``. ``fresh_s``: seconds."""

    policy: str
    reports: Path
    listen: str
    token: str | None = None
    environment: str | None = None
    pytest: tuple[str, ...] = ()
    fresh_s: float = 600.0


def run(wanted: Wanted, say: Callable[[str], None]) -> int:
    """Serve until a signal comes; 0.

    Raises:
        PolicyError: the policy is at fault.
        UsageError: an option does not fit, or others could ask without a token.

    """
    policy, _ = read_policy(wanted.policy)
    if wanted.environment is not None:
        policy.environment(wanted.environment)
    host, port = _address(wanted.listen)
    token = _token(wanted.token, host)
    reports = wanted.reports.absolute()

    def book(policy: Policy, environment: str) -> Ledger:
        protected = environment in policy.ledger.protected
        return ledgers.opened(policy, wanted.policy, reports, protected=protected)

    judges = Judges(Court(wanted.policy, reports, wanted.pytest, wanted.fresh_s, book))
    usual = wanted.environment or (next(iter(policy.environments)) if len(policy.environments) == 1 else "")

    def ask(words: Words) -> Answer:
        return judges.ask(question(words, usual))

    def look(words: Words) -> Answer:
        return judges.look(question(words, usual))

    def standings(environment: str) -> list[Standing]:
        policy, _ = read_policy(wanted.policy)
        found = ledgers.opened(policy, wanted.policy, reports, protected=False).read()
        if found.fault is not None:
            raise SourceError(f"the ledger cannot be believed: {found.fault}")
        every = releases.standings(found.records, policy.stages[-1].name)
        return [one for one in every if environment in ("", one.environment)]

    endpoint = Endpoint(ask, look, standings, token)
    shown = f"[{host}]" if ":" in host else host
    try:
        serve(
            endpoint.application(),
            host,
            port,
            lambda bound: say(f"relgate: judging for others on http://{shown}:{bound}"),
        )
    finally:
        judges.close()
    return 0


def question(words: Words, environment: str = "") -> Question:
    """Return what a request asks. ``environment``: of requests that name none."""
    facts = tuple(sorted((key, value) for key, value in words.items() if key not in _OURS and key.isidentifier()))
    return Question(
        words.get("env") or environment, words.get("stage", ""), words.get("version", ""), words.get("id", ""), facts
    )


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"--listen: expected HOST:PORT, such as 127.0.0.1:8686, got {text}")
    return host.strip("[]"), int(port)


def _token(reference: str | None, host: str) -> str | None:
    """Return what requests must bear. Nobody may ask from elsewhere without a token: who asks starts sessions."""
    if reference is None:
        if not _is_loopback(host):
            raise UsageError(f"--listen {host}: others can reach this, so name a token: --token env:NAME or file:PATH")
        return None
    if not is_secret(reference):
        raise UsageError("--token: expected env:NAME or file:PATH, since others can read a command line")
    token = resolve(reference).strip()
    if not token:
        raise UsageError(f"--token {reference}: it is empty")
    return token


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
