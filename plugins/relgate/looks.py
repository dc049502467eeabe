"""Looks at a bake that is not over: whether a gate that asks for a rollback, or is watched, has failed beyond doubt.

Sequential tests may be looked at as often as one likes, at the same chance of a false rollback; a look costs what was
recorded since the one before. Deterministic rules (down, three in a row, > 500 MB) are looked at as they are. Whatever
else a gate measures is judged at the end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

from relgate.judge import judge
from relgate.observe.store import NOT_FINISHED, open_recording
from relgate.observe.tail import Tail
from relgate.policy.risk import is_statistical
from relgate.values import Verdict
from relgate.watch import Watch, is_sequential

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        return self._crossed() or self._together()

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

    def certain(self, elapsed_s: float) -> str | None:
        """Why the bake can stop, by rules that need no statistics."""
        policy, stage = self._run.policy, self._run.stage
        recording = open_recording(self._run.path, live=True)
        for rule in self._certain:
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
            )
            if judgement.verdict is Verdict.FAIL:
                return f"{rule.id}: {judgement.message}"
        return None

    def _watch(self, rule: Gate) -> Watch:
        run, stage = self._run, self._run.stage
        begin_s = stage.warmup_s if rule.warmup_s is None else rule.warmup_s
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


def _may_stop(rule: Gate) -> bool:
    grave = rule.severity in ("blocker", "critical") and rule.signal is not None
    return grave and (rule.on_fail == "rollback" or rule.watch)


def _so_far(evidence: Evidence, elapsed_s: float) -> Evidence:
    """Evidence of a running recording as if its window ended now; every other problem of it stays."""
    problems = tuple(problem for problem in evidence.problems if not problem.startswith(NOT_FINISHED))
    return replace(evidence, problems=problems, finished_s=evidence.started_s + elapsed_s)
