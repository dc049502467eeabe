"""Documents that write themselves: announcement, retrospective, postmortem and success metrics of stored runs.

Filled from the ledger and from a decision that it confirms; what only people know is left for them to fill in.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

from relgate.adapters import jinja, ledger
from relgate.errors import SourceError
from relgate.report import story
from relgate.run import recorded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Kind = Literal["announcement", "retrospective", "postmortem", "metrics"]
KINDS: tuple[Kind, ...] = ("announcement", "retrospective", "postmortem", "metrics")

_HEADLINES = {"promote": "released", "hold": "on hold", "rollback": "rolled back"}
_SENTENCES = {
    "promote": "The release kept its limits and goes on.",
    "hold": "The release was not promoted: it stays where it is until its gates say more.",
    "rollback": "The release broke a limit; all traffic goes back to the version before.",
}


def paper(kind: Kind, reports: Path, run_id: str, templates: Path | None = None) -> str:
    """Return a document about the release that a run judged.

    Args:
        kind: which.
        reports: where runs leave their records.
        run_id: a run's id, or ``latest``.
        templates: a team's own folder of templates.

    Raises:
        SourceError: the run has no decision that the ledger confirms.
        UsageError: Jinja is missing, or a template has a fault.

    """
    found = recorded(reports, run_id)
    if found.content is None or found.head is None:
        raise SourceError(found.lines[0])
    records: list[story.Record] = [(record.kind, record.body) for record in ledger.read(reports).records]
    return jinja.render(kind, _values(found.content, found.head, records), templates)


def _values(content: Mapping[str, Any], head: tuple[int, str], records: list[story.Record]) -> dict[str, Any]:
    timeline = story.timeline(records, content["run_id"])
    metrics = story.metrics(records, content["service"], content["environment"])
    own = [body for kind, body in records if kind == "gate-decision" and _same(body, content)]
    since = [body for kind, body in records[head[0] - 1 :] if kind == "gate-decision"]
    restore = story.metrics([("gate-decision", body) for body in since], content["service"], content["environment"])
    return {
        **content,
        "version": content["release"].get("version", content["run_id"]),
        "headline": _HEADLINES[content["decision"]],
        "sentence": _SENTENCES[content["decision"]],
        "reasons": [f"{one['gate'] or 'stage'}: {one['text']}" for one in content["reasons"]],
        "record": f"{head[0]} ({head[1]})",
        "timeline": [asdict(event) for event in timeline],
        "metrics": asdict(metrics),
        "runs": len(own),
        "began": own[0]["started"] if own else content["started"],
        "detect_s": restore.detect_s,
        "restore_s": restore.restore_s,
    }


def _same(body: Mapping[str, Any], content: Mapping[str, Any]) -> bool:
    return story.release_of(body) == story.release_of(content)
