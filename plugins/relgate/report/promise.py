"""What a decision promises about its own errors, in a sentence that a person understands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from relgate.measure.drift import USUAL_BURST_S

if TYPE_CHECKING:
    from collections.abc import Mapping


def promise(risk: Mapping[str, Any]) -> str:
    """Say how often a decision like this one is wrong.

    Args:
        risk: of decision.json: ``false_rollback`` and ``false_promotion`` (shares), ``stage_alpha`` (share of the first
            that this stage may spend), ``by_chance`` (whether any gate estimates), ``noise`` (``host_drift`` as a
            share, ``over_s`` seconds, ``source``; ``storms_s`` since errors are measured, too).

    """
    if not risk.get("by_chance", True):
        return "No gate of this stage is judged by chance: each reports what it saw."
    noise = risk["noise"]
    spends = (
        f"rolls back a release that keeps its limits in at most {_percent(risk['stage_alpha'])} of cases (the whole "
        f"rollout: {_percent(risk['false_rollback'])})"
        if risk["stage_alpha"]
        else "has no gate that could roll back a good release by chance"
    )
    hosts = f"two equal hosts differ by about {_percent(noise['host_drift'])} over {noise['over_s']:.0f} s"
    if noise["source"] != "declared" and noise.get("storms_s", 0) > USUAL_BURST_S:
        hosts += f" and fail in storms of about {noise['storms_s']:.0f} s"
    known = {"assumed": "assumed, since nothing was declared or measured", "declared": "as the policy declares"}
    return (
        f"This stage {spends}, and promotes one that is as bad as must not be in at most "
        f"{_percent(risk['false_promotion'])}. It takes into account that {hosts} "
        f"({known.get(noise['source'], noise['source'])})."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
