"""Both errors that a policy promises to bound, and which gates spend the first of them.

``risk: {false_rollback: 5%, false_promotion: 5%}``: of a hundred rollouts of a release that keeps all its limits at
most five, on average, are rolled back by chance, and of a hundred releases that are worse by a gate's ``worse_by`` at
most five pass that gate. Where nothing is written both are 1 - ``confidence``; a gate's own ``confidence`` says the
second one for that gate.

All gates that are judged by chance and can roll back share ``false_rollback``, in all stages in which they run: two
gates in three stages have a sixth each; with ``weight: 2`` one of them has two ninths and the other a ninth. Gates
that can only hold or warn share with nobody. Those that report what they saw spend nothing: states, versions, gauges,
growth, your own measurements, and zero tolerance (``any``; ``> 0`` of failed requests, ids or counted events).

A relative fail limit says from where on a release is rolled back, ``worse_by`` from where on it must never be
promoted; what lies between may be held. ``worse_by`` is a share of the baseline (``20%``: 1.2 times as much) and at
least what each fail limit of the baseline allows. Latencies and error rates have it.

``quantile: all`` compares the whole distribution with the baseline's instead of one quantile. It takes limits that
say how many times the baseline is too much, for the whole window: ``> baseline + 5%``, ``> 105% of baseline``,
``> 1.05x baseline``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from relgate.policy.base import Frozen
from relgate.policy.limits import AnyLimit, Limit, NumberLimit

if TYPE_CHECKING:
    from relgate.policy.model import Gate

STATISTICAL = frozenset(
    {"quantile", "share", "throughput", "capacity", "counter", "trend", "ids", "patterns", "statements"}
)
"""Rule kinds that estimate something from a sample; all others report what they saw."""


class Risk(Frozen):
    """How often a decision may be wrong, as shares of rollouts.

    ``false_rollback`` (alpha): the chance that a whole rollout rolls back a release that keeps all its limits.
    ``false_promotion`` (beta): the chance that a release is promoted that is worse by a gate's ``worse_by``.
    """

    false_rollback: float = Field(default=0.05, gt=0, lt=0.5)
    false_promotion: float = Field(default=0.05, gt=0, lt=0.5)

    @classmethod
    def at(cls, confidence: float) -> Risk:
        """Return the risks of a policy that says no more than its confidence."""
        return cls(false_rollback=complement(confidence), false_promotion=complement(confidence))


def complement(confidence: float) -> float:
    """Return ``1 - confidence`` without the dust of binary fractions: 0.95 gives 0.05."""
    return round(1.0 - confidence, 15)


def is_statistical(gate: Gate) -> bool:
    """Whether a gate is judged by chance: it estimates, and has a limit that is not zero tolerance."""
    return gate.kind in STATISTICAL and any(not _forbids(gate, limit) for limit in (*gate.fail, *gate.warn))


def can_roll_back_by_chance(gate: Gate) -> bool:
    """Whether a gate can roll back a good release: statistical in a fail limit, with ``on_fail: rollback``."""
    judged = gate.kind in STATISTICAL and any(not _forbids(gate, limit) for limit in gate.fail)
    return judged and gate.on_fail == "rollback"


def _forbids(gate: Gate, limit: Limit) -> bool:
    """Whether one event breaks a limit, so that nothing is estimated: ``any``, or ``> 0`` of events."""
    if isinstance(limit, AnyLimit):
        return True
    events = gate.kind in ("share", "ids", "patterns") or (gate.kind == "counter" and gate.dimension == "rate")
    zero = isinstance(limit, NumberLimit) and (limit.op, limit.basis, limit.value) == (">", "absolute", 0.0)
    return events and zero
