"""The sentence about a decision's own errors."""

from __future__ import annotations

from relgate.report.promise import promise

NOISE = {"host_drift": 0.08, "over_s": 200.0, "bursts_s": 2.0, "source": "assumed"}
RISK = {"false_rollback": 0.05, "false_promotion": 0.1, "stage_alpha": 0.0125, "noise": NOISE}


def test_both_errors_and_the_noise_are_said() -> None:
    """In words, with the stage's own part of the rollout's chance."""
    assert promise(RISK) == (
        "This stage rolls back a release that keeps its limits in at most 1.25 % of cases (the whole rollout: 5 %), "
        "and promotes one that is as bad as must not be in at most 10 %. It takes into account that two equal hosts "
        "differ by about 8 % over 200 s (assumed, since nothing was declared or measured)."
    )


def test_where_the_noise_is_known_from_is_said() -> None:
    """Declared and measured noise are told apart."""
    assert "as the policy declares" in promise({**RISK, "noise": {**NOISE, "source": "declared"}})
    assert "(measured)" in promise({**RISK, "noise": {**NOISE, "source": "measured"}})


def test_storms_of_errors_that_were_measured_are_said() -> None:
    """They are why failed requests are judged in longer blocks; usual ones, and what the policy declares, are not."""
    noise = {**NOISE, "source": "measured", "storms_s": 8.2}

    assert "over 200 s and fail in storms of about 8 s (measured)" in promise({**RISK, "noise": noise})
    assert "storms" not in promise({**RISK, "noise": {**noise, "storms_s": 2.0}})
    assert "storms" not in promise({**RISK, "noise": {**noise, "source": "declared"}})


def test_a_stage_without_chance_says_so() -> None:
    """Deterministic gates spend nothing."""
    assert "has no gate that could roll back a good release by chance" in promise({**RISK, "stage_alpha": 0.0})


def test_a_stage_that_estimates_nothing_promises_nothing() -> None:
    """Migration gates report what they saw: there is no noise to speak of."""
    said = promise({**RISK, "stage_alpha": 0.0, "by_chance": False})

    assert said == "No gate of this stage is judged by chance: each reports what it saw."
