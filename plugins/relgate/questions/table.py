"""Gate -> the function that asks its question."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from relgate.policy.preflight import PREFIX
from relgate.questions import artifacts, commands, flags, hosts, people, promoted, tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from relgate.policy.preflight import Preflight
    from relgate.questions.answer import Answer
    from relgate.settings import Run

_ASKED_BY: dict[str, Callable[[str, Any, Run], Answer]] = {
    "window": people.window,
    "facts": people.facts,
    "approvals": people.approvals,
    "attestations": people.attestations,
    "certificates": hosts.certificates,
    "disk": hosts.disk,
    "headers": hosts.headers,
    "flags": flags.flags,
    "secrets": tree.secrets,
    "baseline": promoted.baseline,
    "checksums": artifacts.checksums,
    "sbom": artifacts.sbom,
    "versions": artifacts.versions,
    "bump": artifacts.bump,
    "notes": artifacts.notes,
    "attributions": artifacts.attributions,
}


def of(policy: Preflight, run: Run) -> dict[str, Callable[[], Answer]]:
    """Return how each gate's question is asked."""
    asks: dict[str, Callable[[], Answer]] = {}
    for name, check in policy.checks.items():
        asks[f"{PREFIX}{name}"] = partial(commands.command, f"{PREFIX}{name}", check, run)
    for gate, part in policy.parts.items():
        asks[gate] = partial(_ASKED_BY[gate.removeprefix(PREFIX)], gate, part, run)
    return asks
