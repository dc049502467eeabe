"""What happens when a decision has been recorded: statements for other tools, the head told to others, anchors.

None of it changes the decision. An anchor that the policy asks for and that cannot be had leaves a promotion without
what was to vouch for it: the caller makes that a 30.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from relgate.adapters.durable import write_durably
from relgate.audit import attest, releases
from relgate.audit.record import CONTEXT, envelope
from relgate.codec import canonical
from relgate.errors import RelgateError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from relgate.adapters.ledger import Head, Ledger
    from relgate.policy.ledger import Anchors

TEST_RESULT = "test-result.intoto.json"
VERIFICATION = "verification-result.intoto.json"
RELEASES = "releases.log"


def write_statements(book: Ledger, folder: Path, body: Mapping[str, Any]) -> None:
    """Write the decision's statements for other tools beside it, signed by the ledger's key. Raises OSError."""
    content, run_url = body, body.get(CONTEXT, {}).get("actor", {}).get("run")
    signers = (book.signer,) if book.signer is not None else ()
    found = {TEST_RESULT: attest.result_of(content, run_url), VERIFICATION: attest.verification(content)}
    for name, statement in found.items():
        if statement is not None:
            write_durably(folder / name, envelope(canonical(statement), signers))


def write_release(reports: Path, body: Mapping[str, Any], head: Head, last_stage: str) -> None:
    """Append the release's line to ``releases.log`` when this decision ends it. Raises OSError."""
    if releases.ends(body, last_stage):
        number = os.open(reports / RELEASES, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(number, releases.line(body, head.sequence).encode())
        finally:
            os.close(number)


def tell_head(head: Head, environment: Mapping[str, str] = os.environ) -> None:
    """Leave the head where the CI keeps it outside of the ledger: its step summary, and its outputs.

    A file that cannot be written leaves no anchor, and that is seen when somebody looks for one.
    """
    told = f"{head.sequence}:{head.sha256}"
    lines = {"GITHUB_STEP_SUMMARY": f"\nLedger head: `{told}`\n", "GITHUB_OUTPUT": f"ledger_head={told}\n"}
    for name, text in lines.items():
        if environment.get(name):
            with suppress(OSError), open(environment[name], "a", encoding="utf-8") as file:  # noqa: PTH123
                file.write(text)


def anchor(book: Ledger, head: Head, asked: Anchors, retention_days: int) -> tuple[str, ...]:
    """Have the head vouched for by every anchor that is asked for, and record each; return why any is missing."""
    missing = []
    for name in asked.names:
        try:
            ledger = next(book.newest()).ledger
            body = _anchored(book, head, asked, name, retention_days, ledger)
            book.append("anchor", time.time(), {"of": {"sequence": head.sequence, "sha256": head.sha256}, **body})
        except (RelgateError, OSError) as error:
            missing.append(f"anchor {name}: {error}")
    return tuple(missing)


def _anchored(book: Ledger, head: Head, asked: Anchors, name: str, retention_days: int, ledger: str) -> dict[str, Any]:
    if name == "rfc3161" and asked.rfc3161 is not None:
        from relgate.adapters import ledgertsa

        return ledgertsa.stamp(head, asked.rfc3161.url, asked.rfc3161.ca, book.folder)
    if name == "git" and asked.git is not None:
        from relgate.adapters import ledgergit

        return ledgergit.tag(ledger, head, asked.git.repository, asked.git.key, asked.git.remote)
    if name == "s3" and asked.s3 is not None:
        from relgate.adapters import ledgers3

        at = ledgers3.Place(asked.s3.bucket, f"{asked.s3.prefix}/{ledger}", asked.s3.endpoint)
        return ledgers3.put(head, at, retention_days)
    from relgate.adapters import ledgersigstore

    return ledgersigstore.sign(head, book.folder)
