"""``relgate sweep``: removes what smoke paths and explorations left that died in the middle."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from relgate.acting import Accounts, access_of, targets_of, undo
from relgate.adapters.asking import Client
from relgate.errors import UsageError
from relgate.smoke.journal import sweep

if TYPE_CHECKING:
    from pathlib import Path

    from relgate.policy import Policy
    from relgate.smoke.journal import Left, Owner

TIMEOUT_S = 30.0


@dataclass
class Swept:
    """What a sweep did: how many things it removed, sentences about what is still there, journals still in use."""

    removed: int = 0
    left: list[str] = field(default_factory=list)
    alive: tuple[Path, ...] = ()


def sweep_all(policy: Policy, reports: Path, candidates: tuple[str, ...] = (), run: str | None = None) -> Swept:
    """Remove what the runs in ``reports`` created and did not remove.

    Requests go only to what the policy's environments name, and to ``candidates``, which the caller names: a journal
    alone does not get accounts sent anywhere.
    """
    done = Swept()
    environments = policy.environments.values()
    trusted = {side.url for one in environments for side in (one.candidate, one.baseline) if side is not None}
    trusted |= set(candidates)

    def remove(left: Left) -> tuple[int, ...]:
        if run is not None and left.path.parents[2].name != run:
            return ()
        fault = left.fault or _fault(left.owner, policy, {_plain(url) for url in trusted})
        if fault is not None or left.owner is None:
            done.left.append(f"{left.path}: {fault}")
            return ()
        gone = _remove(left, left.owner, policy, done)
        done.removed += len(gone)
        return gone

    done.alive = sweep(reports, remove)
    return done


def _fault(owner: Owner | None, policy: Policy, trusted: set[str]) -> str | None:
    if owner is None:
        return "the journal does not say whose it is"
    if owner.environment not in policy.environments:
        return f"it is of environment {owner.environment}, which the policy does not have"
    if policy.environments[owner.environment].read_only:
        return f"{owner.environment} is read-only by the policy"
    if owner.url not in trusted:
        return f"it was created at {owner.url}, which the policy does not name: pass --candidate {owner.url}"
    return None


def _remove(left: Left, owner: Owner, policy: Policy, done: Swept) -> tuple[int, ...]:
    environment = policy.environments[owner.environment]
    gone = []
    targets = targets_of(policy, environment, owner.url, None)
    with Client(targets, access_of(environment), TIMEOUT_S, f"sweep.{owner.run_id}.{owner.gate}") as client:
        accounts = Accounts(policy.smoke.accounts if policy.smoke is not None else {}, client, policy.api)
        for todo in left.undos:
            why = undo(todo, client, accounts)
            if why is None:
                gone.append(todo.number)
            else:
                done.left.append(f"{owner.gate} of run {owner.run_id}: {why}")
    return tuple(gone)


def _plain(url: str) -> str:
    from relgate.references import resolve

    try:
        return resolve(url).rstrip("/")
    except UsageError:
        return url
