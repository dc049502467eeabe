"""What other rollout controllers are told."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.report.peers import Answer, confirms, kayenta, plain, takes_back
from relgate.values import Outcome

ANSWERS = st.builds(
    Answer,
    state=st.sampled_from(["judging", "decided", "refused"]),
    outcome=st.sampled_from(Outcome),
    reasons=st.lists(st.text(max_size=20), max_size=3).map(tuple),
    gates=st.lists(st.tuples(st.text(max_size=5), st.sampled_from(["pass", "fail", "missing"])), max_size=3).map(tuple),
)
THRESHOLDS = st.dictionaries(
    st.sampled_from(["pass", "marginal"]), st.one_of(st.floats(), st.integers(), st.none(), st.text(max_size=3))
)


@given(ANSWERS, st.one_of(st.none(), THRESHOLDS))
def test_only_a_promotion_lets_anybody_go_on(answer: Answer, thresholds: dict[str, Any] | None) -> None:
    """And only a rollback takes anything back, whatever the thresholds are."""
    promoted, taken_back = (answer.outcome is one for one in (Outcome.PROMOTE, Outcome.ROLLBACK))
    score = kayenta(answer, thresholds)["score"]

    assert (plain(answer)["value"] > 0) is promoted
    assert (plain(answer)["value"] < 0) is taken_back
    assert (confirms(answer) < 300) is (promoted and answer.state != "judging")
    assert (takes_back(answer) < 300) is taken_back
    assert (score["classification"] == "Pass") is promoted
    assert (score["classification"] == "Fail") is taken_back
    assert 0 <= score["score"] <= 100
    assert not math.isnan(score["score"])


@pytest.mark.parametrize(("thresholds", "score"), [(None, 85.0), ({"pass": 90, "marginal": 50}, 70.0)])
def test_a_hold_lies_between_marginal_and_pass(thresholds: dict[str, float] | None, score: float) -> None:
    """Where Kayenta asks a person."""
    assert kayenta(Answer("decided"), thresholds)["score"]["score"] == score


def test_kayenta_is_told_each_gate() -> None:
    """What was not measured is no data, not a pass."""
    told = kayenta(Answer("decided", Outcome.ROLLBACK, ("alpha: 11 > 10",), (("alpha", "fail"), ("beta", "missing"))))

    assert [(one["name"], one["classification"], one["critical"]) for one in told["results"]] == [
        ("alpha", "High", True),
        ("beta", "Nodata", False),
    ]
    assert told["score"]["classificationReason"] == "alpha: 11 > 10"
