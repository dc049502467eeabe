"""Looks at a bake that is not over: whether a gate that asks for a rollback, or is watched, has failed beyond doubt.

Sequential tests may be looked at as often as one likes, at the same chance of a false rollback; a look costs what was
recorded since the one before. A limit of shares or latencies that must be broken ``for 5m`` is looked at whenever
a further stretch of five minutes is over; the level is that of all stretches of the bake, so this is free, too.
Deterministic rules (down, three in a row, > 500 MB) are looked at as they are. Whatever else a gate measures is judged
at the end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

from relgate.judge import IN_STRETCHES, judge
from relgate.measure.samples import slides
from relgate.observe.store import NOT_FINISHED, open_recording
from relgate.observe.tail import Tail
from relgate.policy.limits import NumberLimit
from relgate.policy.risk import is_statistical
from relgate.values import Verdict
from relgate.watch import Watch, is_sequential

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from relgate.policy import Gate
    from relgate.settings import Run
    from relgate.values import Evidence

_CERTAIN_KINDS = frozenset({"ids", "health", "gauge", "growth"})


class Looks:
    """All looks at one bake. Use it as a context manager: it keeps the files of the recording open."""

    def __init__(self, run: Run, rules: Mapping[str, Gate]) -> None:
        self._run = run
        able = {id_: rule for id_, rule in rules.items() if _may_stop(rule) and id_ not in run.waived}
        self._certain = [rule for rule in able.values() if rule.kind in _CERTAIN_KINDS and not is_statistical(rule)]
        self._watches = {
            id_: self._watch(rule) for id_, rule in able.items() if any(is_sequential(rule, one) for one in rule.fail)
        }
        self._sustained = [rule for rule in able.values() if rule.kind in IN_STRETCHES and _lengths(rule)]
        self._stretches = 0
        self._tail = Tail(run.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._tail.close()

    def statistical(self, settled_s: float) -> str | None:
        """Why the bake can stop, by what was asked before ``settled_s`` (nothing older is open any more)."""
        signals = {watch.gate.signal for watch in self._watches.values() if watch.gate.signal is not None}
        for signal in sorted(signals):
            for side, requests in self._tail.read(signal):
                for watch in self._watches.values():
                    if watch.gate.signal == signal:
                        watch.add(side, requests)
        for watch in self._watches.values():
            watch.until(settled_s)
        return self._crossed() or self._together() or self._lasting(settled_s)

    def _crossed(self) -> str | None:
        for id_, watch in self._watches.items():
            for limit in watch.limits:
                if limit.crossed_s is not None:
                    return f"{id_}: {limit.limit.text!r} is broken, evidence {limit.highest:.3g} against it"
        return None

    def _together(self) -> str | None:
        able = {id_: watch for id_, watch in self._watches.items() if watch.gate.on_fail == "rollback"}
        joint = sum(watch.alpha * self._run.before(id_)[0] * watch.e_value for id_, watch in able.items())
        return None if joint < 1 else f"{', '.join(able)} together: evidence {joint:.3g} of 1 needed"

    def _lasting(self, settled_s: float) -> str | None:
        """Why the bake can stop, by limits that were broken for as long as they say."""
        over = sum(
            len(slides(self._begin_s(rule), settled_s, for_s)) for rule in self._sustained for for_s in _lengths(rule)
        )
        if over == self._stretches:
            return None
        self._stretches = over
        return self._judged(self._sustained, settled_s)

    def certain(self, elapsed_s: float) -> str | None:
        """Why the bake can stop, by rules that need no statistics."""
        return self._judged(self._certain, elapsed_s)

    def _judged(self, rules: Sequence[Gate], elapsed_s: float) -> str | None:
        policy, stage = self._run.policy, self._run.stage
        recording = open_recording(self._run.path, live=True)
        for rule in rules:
            if rule.signal is None or rule.field is None:
                continue
            judgement = judge(
                rule,
                _so_far(recording.evidence(rule.signal, rule.field), elapsed_s),
                alpha=policy.alpha_of(stage, rule),
                beta=policy.beta_of(rule, stage),
                expected_version=self._run.version,
                warmup_s=stage.warmup_s,
                signal=policy.signals[rule.signal],
                noise=self._run.noise,
                planned_end_s=self._run.bake_s,
            )
            if judgement.verdict is Verdict.FAIL:
                return f"{rule.id}: {judgement.message}"
        return None

    def _begin_s(self, rule: Gate) -> float:
        return self._run.stage.warmup_s if rule.warmup_s is None else rule.warmup_s

    def _watch(self, rule: Gate) -> Watch:
        run, stage = self._run, self._run.stage
        begin_s = self._begin_s(rule)
        sides = (len(run.candidate_instances) or 1, len(run.baseline_instances) or 1)
        return Watch(
            rule,
            run.noise,
            run.policy.alpha_of(stage, rule),
            begin_s,
            found=stage.warmup_found and rule.warmup_s is None and run.baseline_url is not None,
            instances=sides,
            looks=True,
            before=run.before(rule.id)[0],
        )


def _lengths(rule: Gate) -> list[float]:
    """Return for how many seconds the fail limits of a gate must be broken, those that say so."""
    limits = (limit for limit in rule.fail if isinstance(limit, NumberLimit))
    return [limit.for_s for limit in limits if limit.for_s is not None]


def _may_stop(rule: Gate) -> bool:
    grave = rule.severity in ("blocker", "critical") and rule.signal is not None
    return grave and (rule.on_fail == "rollback" or rule.watch)


def _so_far(evidence: Evidence, elapsed_s: float) -> Evidence:
    """Evidence of a running recording as if its window ended now; every other problem of it stays."""
    problems = tuple(problem for problem in evidence.problems if not problem.startswith(NOT_FINISHED))
    return replace(evidence, problems=problems, finished_s=evidence.started_s + elapsed_s)
