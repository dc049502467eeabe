"""What has to hold between the stages of a rollout: their order, their traffic, their marks."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from relgate.policy.grammar import BAD, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from relgate.policy.nodes import Faults, Path


def check_rollout(doc: Mapping[str, Any], faults: Faults) -> None:
    """Note what cannot be rolled out: unknown stages, traffic that falls or does not end at 100 %, a lonely standby."""
    _marks(doc, faults)
    rollout = doc.get("rollout")
    if not isinstance(rollout, dict):
        return
    strategy, hooks = rollout.get("strategy", "canary"), rollout.get("hooks", {})
    if "standby" in rollout and strategy not in (BAD, "blue-green"):
        faults.add(("rollout", "standby"), "a standby belongs to the strategy blue-green", at_key=True)
    if strategy == "rolling" and isinstance(hooks, dict) and "replace" not in hooks:
        faults.add(
            ("rollout",), "a rolling strategy needs hooks: {replace: ...}: who replaces an instance?", at_key=True
        )
    stages = doc.get("stages", BAD)
    if stages is BAD or not all(isinstance(stage, dict) and stage.get("name", BAD) is not BAD for stage in stages):
        return
    _traffic(rollout, {stage["name"]: (index, stage) for index, stage in enumerate(stages)}, faults)


def _marks(doc: Mapping[str, Any], faults: Faults) -> None:
    stages = doc.get("stages", BAD)
    for index, stage in enumerate(() if stages is BAD else stages):
        marks: Any = stage.get("marks", BAD) if isinstance(stage, dict) else BAD
        if marks is BAD or BAD in marks:
            continue
        path: Path = ("stages", index, "marks")
        if any(later <= earlier for earlier, later in pairwise(marks)):
            faults.add(path, "expected each mark later than the one before")
        bake = stage.get("bake")
        if isinstance(bake, int | float) and marks and marks[-1] > bake:
            faults.add(path, "expected no mark after the end of the bake")


def _traffic(rollout: Mapping[str, Any], known: Mapping[str, tuple[int, Any]], faults: Faults) -> None:
    names = rollout.get("stages") or tuple(known)
    if names is BAD or BAD in names:
        return
    for place, name in enumerate(names):
        if name not in known:
            faults.add(("rollout", "stages", place), f'unknown stage "{name}": {nearest(name, known)}')
            return
    for name in names:
        index, stage = known[name]
        if stage.get("watch") is False:
            faults.add(("stages", index, "watch"), "no stage of a rollout goes without the gates that are watched")
    shares = [(known[name][0], known[name][1].get("traffic")) for name in names]
    if any(share is BAD for _, share in shares):
        return
    stated = [(index, share) for index, share in shares if share is not None]
    for (_, earlier), (index, later) in pairwise(stated):
        if later < earlier:
            faults.add(("stages", index, "traffic"), "in a rollout no stage has less traffic than the one before")
    if not stated or stated[-1][1] != 1.0:
        faults.add(("rollout",), "a rollout ends with a stage that has traffic: 100%", at_key=True)
