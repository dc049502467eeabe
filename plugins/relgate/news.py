"""Tells audiences what happens to a release: before, during, after, and on trouble. Never changes a decision.

What cannot be sent is one line on the terminal. A state is told once: the decision before, of the same release in the
same stage, is looked up in the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from relgate import ledgers
from relgate.errors import RelgateError
from relgate.references import resolve
from relgate.report.escape import flat
from relgate.report.matrix import worst

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from relgate.policy.audiences import Event
    from relgate.run import Conclusion
    from relgate.settings import Run

_MOST_REASONS = 8
_LONGEST_REASON = 300


def begins(run: Run) -> list[str]:
    """Tell that a stage begins to be judged; what could not be sent, one line each."""
    minutes = f"{run.bake_s / 60:.3g} min of observation" if run.bake_s else "no observation"
    return list(_tell(run, ("before",), f"{_what(run)}: begins", [f"{minutes}, in {run.environment_name}"]))


def ends_early(run: Run, reason: str) -> list[str]:
    """Tell that the bake was ended because a gate failed beyond doubt."""
    return list(_tell(run, ("during",), f"{_what(run)}: a gate has failed", [reason], bad=True))


def decided(run: Run, conclusion: Conclusion) -> list[str]:
    """Tell the decision, if it is another one than before."""
    content = conclusion.content
    if content is None:
        text = f"{_what(run)}: decided, but not recorded"
        return list(_tell(run, ("trouble",), text, [f"do not promote: {conclusion.unrecorded}"], bad=True))
    if not run.policy.notify or _before(run, content) == content["decision"]:
        return []
    by_matrix = worst(conclusion.decision, run.policy.matrix, run.gates, run.stage.traffic)
    reasons = [by_matrix] if by_matrix is not None else []
    reasons += [f"{one['gate'] or 'stage'}: {one['text']}" for one in content["reasons"]]
    bad = content["decision"] != "promote"
    events: tuple[Event, ...] = ("after", "trouble") if bad else ("after",)
    return list(_tell(run, events, f"{_what(run)}: {content['decision']}", reasons, bad=bad))


def _before(run: Run, content: Mapping[str, Any]) -> str | None:
    """Return the decision before this one, of the same release in the same stage; None where there is none."""
    names = ("service", "environment", "stage", "release")
    this = [content[name] for name in names]
    try:
        bodies = [one.body for one in ledgers.of(run).read().records if one.kind == "gate-decision"]
    except RelgateError:
        return None
    same = [body for body in bodies if [body[name] for name in names] == this and body["run_id"] != run.id]
    return str(same[-1]["decision"]) if same and run.release else None


def _tell(run: Run, events: Iterable[Event], title: str, lines: list[str], *, bad: bool = False) -> Iterator[str]:
    wanted = set(events)
    body = "\n".join(
        [
            *(flat(line, _LONGEST_REASON) for line in lines[:_MOST_REASONS]),
            *([f"and {len(lines) - _MOST_REASONS} more"] if len(lines) > _MOST_REASONS else []),
            f"run {run.id}",
        ]
    )
    clean = run.redactor.text
    for audience in run.policy.notify.values():
        if not wanted.intersection(audience.on) or (audience.stages and run.stage_name not in audience.stages):
            continue
        try:
            from relgate.adapters.notify import send

            send([resolve(one) for one in audience.to], clean(flat(title, 200)), clean(body), bad=bad)
        except Exception as error:  # noqa: BLE001 - nothing that is told may take a decision with it
            yield f"notify {audience.name}: {clean(str(error) or type(error).__name__)}"


def _what(run: Run) -> str:
    return " ".join(filter(None, (run.policy.service, run.version, run.stage_name)))
