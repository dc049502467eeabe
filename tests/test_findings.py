"""What the tests of a limit say at the end, and what would decide one that is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from relgate.findings import finding, limit_exceeded, surely_kept
from relgate.measure.drift import Noise
from relgate.measure.noise import ASSUMED
from relgate.measure.quantiles import QuantilePair
from relgate.measure.rates import SharePair
from relgate.measure.samples import failures, latencies
from relgate.policy.limits import NumberLimit, parse_limit
from relgate.watch import watched
from tests.bakes import QUIET, due, evidence, gate, requests, usual

if TYPE_CHECKING:
    from relgate.measure.interval import Estimator
    from relgate.measure.trial import Finding
    from relgate.policy.model import Gate
    from relgate.values import Requests

WINDOW_S = 300.0


def found(
    rule: Gate, own: Requests, other: Requests | None, noise: Noise = QUIET, window_s: float = WINDOW_S, **more: float
) -> Finding:
    """What the first limit's tests say about a bake at 5 % and 5 %."""
    watch = watched(rule, evidence(own, other, window_s), noise, 0.05, 0.0)
    assert watch is not None
    pair: Estimator
    if rule.kind == "share":
        pair = SharePair(*failures(own, 0, window_s), *(failures(other, 0, window_s) if other else (None, None)))
    else:
        known = None if other is None else latencies(other, 0, window_s)
        pair = QuantilePair(latencies(own, 0, window_s), known, rule.quantile or 0.5)
    limit = rule.fail[0]
    assert isinstance(limit, NumberLimit)
    said = finding(watch, limit, pair, 0.05, **more)
    assert said is not None
    return said


def failing(share: float, seed: int = 1, window_s: float = WINDOW_S) -> Requests:
    """Requests of which a share fails, one by one."""
    n = len(due(window_s))
    return requests(due(window_s), 0.05, np.random.default_rng(seed).random(n) < share)


RELATIVE = gate("> baseline + 20%")
ERRORS = gate("> 300% of baseline", kind="share")


def test_a_broken_limit_says_the_evidence_and_when() -> None:
    """How much of what was needed, and after how many seconds of the bake."""
    said = found(RELATIVE, usual(WINDOW_S, 1, 2.0), usual(WINDOW_S, 2))

    assert said.side == "bad"
    (note,) = said.notes
    assert note.startswith("evidence against it >1e6x of 20x needed after ")
    assert note.endswith(" s")


def test_a_kept_limit_says_what_it_is_surely_not() -> None:
    """The evidence of health, with what must not be promoted."""
    said = found(RELATIVE, usual(WINDOW_S, 1), usual(WINDOW_S, 2))

    assert said.side == "good"
    assert said.notes[0].startswith("evidence that it is not 20 % slower ")


def test_an_open_limit_says_what_could_have_been_seen_and_how_long_it_takes() -> None:
    """The smallest slow-down, the noise and where it is known from, and a bake that would decide."""
    said = found(RELATIVE, usual(30, 1), usual(30, 2), window_s=30)

    assert said.side == "open"
    assert said.more.startswith("this bake could show a slow-down of ")
    assert "hosts drift by 1 % over 50 s (declared); about " in said.more
    assert said.more.endswith(" of bake would decide")


def test_a_release_at_its_limit_is_said_to_lie_between() -> None:
    """More of the same bake is all that can help."""
    said = found(gate("> baseline + 20%", quantile=0.5), usual(WINDOW_S, 1, 1.2), usual(WINDOW_S, 2))

    assert said.side == "open"
    assert "the release lies between what is kept and what is broken" in said.more


@pytest.mark.parametrize(
    ("noise", "helps"),
    [
        (ASSUMED, ", or `noise:` in the policy once it is measured"),
        (Noise(0.08, 200.0, 2.0, "declared"), "a wider margin"),
    ],
)
def test_what_noise_hides_is_not_decidable(noise: Noise, helps: str) -> None:
    """No bake helps where hosts drift by more than the margin: it says why, and what does."""
    said = found(gate("> baseline + 2%"), usual(60, 1), usual(60, 2), noise, 60)

    assert said.side == "open"
    assert "not decidable at this margin: hosts drift by 8 % over 200 s" in said.more
    assert f"({noise.source})" in said.more
    assert "more instances on each side, a wider margin" in said.more
    assert said.more.endswith(helps)


def test_worse_by_says_from_where_on_nothing_is_promoted() -> None:
    """10 % slower is no health at a limit of 10 %, and is where only 40 % must not be promoted."""
    own, other = usual(WINDOW_S, 1, 1.1), usual(WINDOW_S, 2)
    strict = found(gate("> baseline + 10%", quantile=0.5), own, other)
    wide = found(gate("> baseline + 10%", quantile=0.5, worse_by=0.4), own, other)

    assert (strict.side, wide.side) == ("open", "good")
    assert "not 10 % slower" in strict.notes[0]
    assert "not 40 % slower" in wide.notes[0]


def test_seconds_more_than_the_baseline_are_said_as_time() -> None:
    """A limit of time has a share of the baseline only where there is one."""
    shift = gate("> baseline + 100ms")
    assert "% slower" in found(shift, usual(WINDOW_S, 1), usual(WINDOW_S, 2)).notes[0]
    dead = requests(due(WINDOW_S), 0.05, np.ones(3000, dtype=np.bool_))
    said = found(shift, dead, dead)
    assert said.side == "open"
    assert "is not 100 ms slower" in said.notes[0]
    assert said.more == "a longer bake may decide it"


def test_earlier_holds_add_to_health() -> None:
    """What two short bakes could not show alone, they show together."""
    alone = found(RELATIVE, usual(36, 1), usual(36, 2), window_s=36)
    again = found(RELATIVE, usual(36, 1), usual(36, 2), window_s=36, before=19.9)

    assert (alone.side, again.side) == ("open", "good")


def test_health_of_earlier_holds_does_not_outlive_a_release_that_turned_bad() -> None:
    """A million times the evidence, and a bake that speaks against it: open."""
    said = found(RELATIVE, usual(60, 1, 1.3), usual(60, 2), window_s=60, before=1e6)

    assert said.side == "open"
    assert said.more == "the bake speaks against earlier ones"


def test_a_baseline_that_fails_is_no_measure_of_a_whole_distribution() -> None:
    """40 % of its requests fail: half of the rest would be its slow ones, and a slow candidate looks fast beside it."""
    n = len(due(WINDOW_S))
    other = usual(WINDOW_S, 2)
    sick = requests(due(WINDOW_S), other.latency_s, np.random.default_rng(3).random(n) < 0.4)
    said = found(gate("> baseline + 20%", quantile=None, whole=True), usual(WINDOW_S, 1, 1.3), sick)

    assert said.side == "open"
    assert said.more.endswith("of the baseline's requests failed")


def test_errors_are_kept_by_exact_bounds() -> None:
    """None at all keeps every ratio; a few among many do; a few among few are open, with how many more it takes."""
    marks = np.zeros(3000, dtype=np.bool_)
    marks[np.linspace(5, 2995, 12, dtype=int)] = True
    clean, few = failing(0), requests(due(WINDOW_S), 0.05, marks)
    assert found(ERRORS, clean, clean).side == "good"
    assert found(gate("> 5%", kind="share"), few, clean).side == "good"
    said = found(gate("> 0.5%", kind="share"), few, clean)

    assert said.side == "open"
    assert said.n_needed is not None
    assert said.n_needed > 3000
    assert said.more.startswith("needs about ")
    assert any(note.startswith("evidence against it") for note in said.notes)


def test_clusters_of_errors_widen_the_bounds() -> None:
    """Thirty errors in three storms are three pieces of evidence: what thirty single ones prove, they do not."""
    n = len(due(WINDOW_S))
    alone, storms = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    alone[np.linspace(5, n - 5, 30, dtype=int)] = True
    for start in (400, 1400, 2400):
        storms[start : start + 10] = True
    rule = gate("> 1.7%", kind="share")
    single, clustered = (found(rule, requests(due(WINDOW_S), 0.05, bad), failing(0)) for bad in (alone, storms))

    assert (single.side, clustered.side) == ("good", "open")
    assert clustered.notes[0].startswith("events in clusters of about ")


@pytest.mark.parametrize("rule", [ERRORS, gate("> 1%", kind="share"), gate("> 150ms")])
def test_less_than_a_block_proves_no_health(rule: Gate) -> None:
    """Two thousand good requests within two seconds: any storm would be longer than that."""
    own, other = (usual(2, seed, 0.5, per_s=1000) for seed in (1, 2))
    said = found(rule, own, other, window_s=2)

    assert said.side == "open"
    assert "less than a block of 3 s was watched" in said.more


@pytest.mark.parametrize("text", ["> 300% of baseline", "> baseline + 1pp"])
def test_a_dead_baseline_proves_no_health(text: str) -> None:
    """Where everything fails no candidate can be worse; one that does not fail at all is no worse whatever it is."""
    rule, dead = gate(text, kind="share"), failing(1.1)
    said = found(rule, failing(0.9), dead)

    assert said.side == "open"
    assert "the baseline fails so often" in said.more
    assert found(rule, failing(0), dead).side == "good"


def test_bounds_at_the_level_that_was_asked_for() -> None:
    """0 of 300 keeps 1 % at 95 %, 0 of 298 does not; at 99 % it takes 459."""
    limit = parse_limit("> 1%")
    assert isinstance(limit, NumberLimit)
    kept = [surely_kept(limit, SharePair(0, n), 0.01, beta) for n, beta in ((300, 0.05), (298, 0.05), (458, 0.01))]
    assert kept == [True, False, False]


def test_what_breaks_a_fixed_limit() -> None:
    """Beyond it, and at it only where the limit says so; no answer always does."""
    latency_s = np.array([0.1, 0.2, 0.3, np.inf])
    above, at = parse_limit("> 200ms"), parse_limit(">= 200ms")
    assert isinstance(above, NumberLimit)
    assert isinstance(at, NumberLimit)
    assert (limit_exceeded(latency_s, above), limit_exceeded(latency_s, at)) == (2, 3)
