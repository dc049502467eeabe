"""How much worse than the baseline: ``worse_by`` beside the limits that a gate has.

A gate's relative fail limit says from where on a release is rolled back, its ``worse_by`` from where on it must never
be promoted. What lies between the two may be held. If ``worse_by`` were the smaller one, a release that keeps the limit
could never be promoted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from relgate.policy import units
from relgate.policy.grammar import BAD
from relgate.policy.limits import NumberLimit

if TYPE_CHECKING:
    from relgate.policy.gates import Doc, Rule
    from relgate.policy.limits import Limit
    from relgate.policy.nodes import Faults, Path

_KINDS = ("quantile", "share")
# Factors are exact to more digits than this; 1.05 - 1 is a little more than 0.05.
_DUST = 1e-9


def check_worse_by(raw: Doc, rule: Rule, fail: tuple[Limit, ...], path: Path, faults: Faults) -> None:
    """Note a ``worse_by`` that does not go with the gate's rule or with its fail limits.

    ``raw``: the gate's keys, with those of its phase. ``fail``: the limits that hold.
    """
    worse_by = raw.get("worse_by", BAD)
    if worse_by is BAD:
        return
    here = (*path, "worse_by")
    if rule.kind not in _KINDS:
        faults.add(here, f"{rule.what} is no latency and no error rate: worse_by means nothing here", at_key=True)
        return
    widest = _widest(fail)
    if widest is not None and widest.value - 1 > worse_by + _DUST:
        text, least = units.shown(widest.text), units.written(widest.value - 1, "share")
        faults.add(here, f"fail {text} keeps what is worse by {least}: worse_by must be at least that")
    elif widest is None and not _hidden(raw):
        faults.add(here, "worse_by stands beside a fail limit of the baseline, such as > baseline + 5%", at_key=True)


def check_no_looser(change: Doc, old: Doc, fail: tuple[Limit, ...], path: Path, faults: Faults) -> None:
    """Note a change whose ``worse_by`` is more than what held before; without one the fail limits (``fail``) did."""
    new, before, widest = change.get("worse_by", BAD), old.get("worse_by"), _widest(fail)
    if before is None and widest is not None:
        before = widest.value - 1
    if new is BAD or before in (None, BAD) or new <= before + _DUST:
        return
    shown = units.written(before, "share")
    faults.add((*path, "worse_by"), f"a phase may only tighten: worse_by is {shown} outside of it")


def _widest(fail: tuple[Limit, ...]) -> NumberLimit | None:
    """Return the limit that allows most, of those that say how many times the baseline is too much."""
    found = [one for one in fail if isinstance(one, NumberLimit) and one.basis == "times" and one.op[0] == ">"]
    return max(found, key=lambda limit: limit.value, default=None)


def _hidden(raw: Doc) -> bool:
    """Whether a fault hides a limit."""
    fail = raw.get("fail", ())
    return fail is BAD or BAD in fail
