"""Results -> docs/playbooks.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .triggers import Trigger

HEAD = """\
# The five playbooks, and what happens when they are needed

Made by `python -m benchmarks.playbooks`, and `--table` for this page. Two versions of the shop behind a
real HAProxy, twenty requests of users a second, `relgate rollout` with the playbook's own policy ([mapping](../playbooks/README.md)).
A trigger is rolled out from the first stage that gives it traffic, or from the one that should see it before that.

- *compressed*: what bakes, intervals and `for 5m` are divided by ([decision 35](decisions/0035-time-may-be-compressed.md)).
- *decided after*: real seconds from the first traffic for the new version (or the kill) to the decision. A trigger that must last
  for five minutes lasts a twentieth of that here. Without a figure it never got traffic.
- *restored after*: real seconds from the decision until the old version was proven to have all traffic and to be well.
- *lost*: requests of users that failed, in the whole trial; with faults that answer 500 these are the fault itself.
- *load*: of the machine's two processors, when it ended.
"""


def page(triggers: Iterable[Trigger], results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the page."""
    lines = [HEAD]
    lines += [
        "| id | demand | how it is provoked | decision | seen by | decided after | restored after | lost | compressed | load |"
    ]
    lines += ["|---|---|---|---|---|---|---|---|---|---|"]
    missing = []
    for one in triggers:
        if one.id in results:
            lines.append(_row(one, results[one.id]))
        else:
            missing.append(one.id)
    if missing:
        lines += ["", f"Not yet taken: {', '.join(missing)}."]
    wrong = [name for name, one in results.items() if not one["right"]]
    if wrong:
        lines += ["", "Not what the playbook asks for:", ""]
        lines += [f"- {name}: {'; '.join(results[name]['reasons'])}" for name in wrong]
    return "\n".join(lines) + "\n"


def _row(one: Trigger, seen: Mapping[str, Any]) -> str:
    decision = (
        seen["decision"] if seen["decision"] == seen["wanted"] else f"**{seen['decision']}**, not {seen['wanted']}"
    )
    cells = [one.id, one.demand, one.how, decision, ", ".join(seen["failed"]) or "-"]
    cells += [_seconds(seen["decided_s"]), _seconds(seen["restored_s"]), f"{seen['lost']} of {seen['sent']}"]
    cells += [f"{seen['compress']:g}", f"{seen['load']:g}"]
    return f"| {' | '.join(cells)} |"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"
