"""The ledger of a run: which one the policy names, who signs it, and what has to be signed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from relgate.adapters import ledgerkeys
from relgate.adapters.ledger import Ledger, Store
from relgate.adapters.ledgerfile import FileStore
from relgate.references import is_secret, resolve

if TYPE_CHECKING:
    from relgate.adapters.ledgerkeys import KeySigner
    from relgate.policy import Policy
    from relgate.settings import Run


def of(run: Run) -> Ledger:
    """Return the ledger that a run is recorded in.

    Raises:
        UsageError: the key cannot be used, or there is none and the policy protects the stage or the environment.

    """
    return opened(run.policy, run.policy_name, run.path.parent, protected=is_protected(run))


def is_protected(run: Run) -> bool:
    """Whether the policy wants the run's stage or environment recorded in a signed ledger only."""
    return bool({run.stage_name, run.environment_name} & set(run.policy.ledger.protected))


def opened(policy: Policy, policy_name: str, reports: Path, *, protected: bool = True) -> Ledger:
    """Return the ledger of a policy, with its key.

    Args:
        policy: says where records are kept and what signs them.
        policy_name: path of its file; folders in it are relative to that.
        reports: the reports folder: where records are kept when the policy says nothing.
        protected: whether a key that is not set is an error; otherwise records go unsigned then, and say so.

    Raises:
        UsageError: the key cannot be used.

    """
    asked = policy.ledger
    folder = reports
    store: Store = FileStore(reports)
    if asked.store is not None:
        if is_secret(asked.store):
            from relgate.adapters.ledgersql import SqlStore

            store = SqlStore(resolve(asked.store))
        else:
            folder = Path(policy_name).absolute().parent / asked.store
            store = FileStore(folder)
    signer = _signer(asked.key, needed=protected)
    return Ledger(store, folder, signer, ledgerkeys.verifier(folder) if signer is not None else None)


def at(place: str, reports: Path | None = None) -> Ledger:
    """Return the ledger at a folder, or behind a reference to a database's URL, to be read with its signatures.

    ``reports``: where the public keys of a ledger in a database are.
    """
    if is_secret(place):
        from relgate.adapters.ledgersql import SqlStore

        beside = reports or Path.cwd()
        return Ledger(SqlStore(resolve(place)), beside, None, ledgerkeys.verifier(beside))
    folder = Path(place)
    return Ledger(FileStore(folder), folder, None, ledgerkeys.verifier(folder))


def signer_of(reference: str) -> KeySigner:
    """Return the signer behind a reference (file:, env:, a URI of a key service), or in a file. Raises UsageError."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        return ledgerkeys.from_pem(resolve(reference).encode(), f"env:{name}")
    if kind in ledgerkeys.SERVICES:
        return ledgerkeys.from_service(reference)
    return ledgerkeys.from_file(Path(name if kind == "file" else reference))


def _signer(reference: str | None, *, needed: bool) -> KeySigner | None:
    if reference is None:
        return None
    kind, _, name = reference.partition(":")
    there = Path(name).exists() if kind == "file" else kind != "env" or bool(os.environ.get(name))
    return signer_of(reference) if needed or there else None
