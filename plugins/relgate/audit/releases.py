"""One line a release: what was deployed where and when, who agreed, how it ended.

The lines are drawn from the ledger's records; they prove nothing by themselves.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from relgate.audit.record import CONTEXT

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAIN = re.compile(r"[\w.:/@+,-]+\Z")
_FACTS = ("version", "commit", "image", "digest", "bundle", "deployer")


def line(body: Mapping[str, Any], sequence: int) -> str:
    """Return the line of a decision, with its LF: time, service, environment, decision, then ``key=value``."""
    context = body.get(CONTEXT, {})
    release = body["release"]
    rolled_back = body["decision"] == "rollback"
    pairs = {
        **{name: release[name] for name in _FACTS if name in release},
        "actor": context.get("actor", {}).get("name", ""),
        "approvers": ",".join(context.get("approvals", ())),
        "ticket": context.get("ticket") or "",
        "stage": body["stage"],
        "rollback": release.get("rollback", "decided") if rolled_back else "none",
        "run": body["run_id"],
        "record": str(sequence),
    }
    words = [body["finished"], body["service"], body["environment"], body["decision"]]
    return " ".join([*words, *(f"{name}={_quoted(str(value))}" for name, value in pairs.items())]) + "\n"


def ends(body: Mapping[str, Any], last_stage: str) -> bool:
    """Whether a decision ends its release: the last stage was promoted, or any was rolled back."""
    return bool(body["decision"] == "rollback" or (body["decision"] == "promote" and body["stage"] == last_stage))


def _quoted(value: str) -> str:
    return value if _PLAIN.match(value) else json.dumps(value)
