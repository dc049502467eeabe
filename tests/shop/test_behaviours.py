"""Tests of the switches and of the arithmetic behind the faults: seeded, without a server and without waiting."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.shop import behaviours
from examples.shop.behaviours import MEDIAN_S, SIGMA, Backend, Behaviours, Share, UnknownCurrencyError, override
from examples.shop.releases import RELEASES


def _draws(release: str, seed: int, n: int = 20_000) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    backend = Backend(RELEASES[release].behaviours, seed, clock=lambda: 0.0)
    return np.array([backend.draw_s() for _ in range(n)])


def test_backend_time_is_log_normal() -> None:
    """P50, P95 and P99 of 20 000 draws lie within 3 % of the formula's."""
    draws = _draws("good", 1)
    for share, z in ((0.5, 0.0), (0.95, 1.6449), (0.99, 2.3263)):
        assert np.quantile(draws, share) == pytest.approx(MEDIAN_S * math.exp(SIGMA * z), rel=0.03)


def test_same_seed_draws_the_same_and_another_one_does_not() -> None:
    """The seed alone decides what is drawn."""
    assert np.array_equal(_draws("good", 5, 100), _draws("good", 5, 100))
    assert not np.array_equal(_draws("good", 5, 100), _draws("good", 6, 100))


def test_two_instances_agree_at_p95() -> None:
    """Over 1000 draws each, P95 of two instances differs by about 3.8 % (one standard deviation)."""
    logs = [math.log(float(np.quantile(_draws("good", seed, 1000), 0.95))) for seed in range(200)]
    differences = np.array(logs[:100]) - np.array(logs[100:])
    assert 0.028 < differences.std() < 0.048


def test_slow_stretches_every_quantile_alike() -> None:
    """Release slow is good times its factor, draw by draw."""
    factor = RELEASES["slow"].behaviours.stretch
    assert _draws("slow", 3, 500) == pytest.approx(_draws("good", 3, 500) * factor)


def test_tail_moves_p99_and_hardly_p95() -> None:
    """Release tail more than trebles P99 of the backend's time, P95 rises by less than a fifth, P50 stays."""
    good, tail = _draws("good", 1), _draws("tail", 2)
    ratio = {share: np.quantile(tail, share) / np.quantile(good, share) for share in (0.5, 0.95, 0.99)}
    assert ratio[0.5] < 1.05
    assert ratio[0.95] < 1.2
    assert ratio[0.99] > 3.2


def test_slow_start_decays_to_nothing() -> None:
    """At the start calls take five times as long, half-way three times, after twenty seconds no longer than usual."""
    now = 0.0
    slow = Backend(RELEASES["slow-start"].behaviours, 4, clock=lambda: now)
    good = Backend(RELEASES["good"].behaviours, 4, clock=lambda: now)
    for now, factor in ((0.0, 5.0), (10.0, 3.0), (20.0, 1.0), (600.0, 1.0)):  # noqa: B007  # read by the clocks
        assert slow.draw_s() == pytest.approx(good.draw_s() * factor)


def test_backend_answers_cannot_be_digested_for_the_share_asked_for() -> None:
    """A share of 1 always fails, a share of 0 never does."""
    always = Backend(Behaviours(error_share=1.0), 1)
    with pytest.raises(UnknownCurrencyError, match="XTS"):
        asyncio.run(always.call())
    asyncio.run(Backend(Behaviours(), 1).call())


@given(st.floats(0.002, 1.0), st.integers(0, 2**32))
def test_a_share_is_the_same_in_every_minute(share: float, seed: int) -> None:
    """What is judged is the release, not the dice of the shop: one hit in each stretch of 1 / share calls."""
    hits = Share(share, random.Random(seed))
    n = int(20 / share)
    found = sum(hits.hit() for _ in range(n))

    assert abs(found - share * n) <= 1 + 0.02 * share * n


def test_a_share_of_nothing_hits_nothing() -> None:
    """No share, no hit."""
    hits = Share(0.0, random.Random(1))
    assert not any(hits.hit() for _ in range(1000))


def test_leak_stops_at_its_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is retained never exceeds the cap."""
    retained: list[bytearray] = []
    monkeypatch.setattr(behaviours, "_retained", retained)
    for _ in range(10):
        behaviours.retain(1000, 4500)
    assert sum(map(len, retained)) == 4000


def test_a_healthy_release_has_no_background_task() -> None:
    """Only stalls, leak and crash run something beside the workers."""
    tasks = {name: behaviours.background(release.behaviours) for name, release in RELEASES.items()}
    for coroutines in tasks.values():
        for coroutine in coroutines:
            coroutine.close()
    assert {name for name, coroutines in tasks.items() if coroutines} == {"stalls", "leak", "crash"}


def test_every_release_but_good_differs_from_good() -> None:
    """No release is good under another name."""
    assert [name for name, release in RELEASES.items() if release.behaviours == Behaviours()] == ["good"]


def test_override_changes_one_field_and_keeps_its_type() -> None:
    """Numbers, truth values and words are read as what the field is."""
    changed = override(Behaviours(), ["leak_per_s=5", "stretch=2", "logged_ids=false", "replicas=+-"])
    assert changed == dataclasses.replace(Behaviours(), leak_per_s=5, stretch=2.0, logged_ids=False, replicas="+-")


@pytest.mark.parametrize(
    "text",
    ["stretch", "unknown=1", "stretch=fast", "stretch=nan", "stretch=inf", "stretch=-1", "rubbish=yes", "leak_cap=-1"],
)
def test_override_refuses_what_it_does_not_understand(text: str) -> None:
    """A mistyped behaviour is an error, not a good release."""
    with pytest.raises(ValueError, match=r".+"):
        override(Behaviours(), [text])


@given(st.floats(min_value=0, allow_nan=False, allow_infinity=False))
def test_override_reads_every_finite_number(value: float) -> None:
    """What is written with repr is read back exactly."""
    assert override(Behaviours(), [f"stretch={value!r}"]).stretch == value
