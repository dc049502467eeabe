"""Waivers and overrides from records: what lacks something excuses nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from relgate.audit.record import EMPTY, Record, compose, parse
from relgate.audit.waivers import overrides, same_person, waivers

GOOD: dict[str, Any] = {
    "id": "W-1",
    "gate": "alpha",
    "service": "shop",
    "environment": "production",
    "stage": None,
    "release": {"version": "1.5"},
    "reason": "known, OPS-7",
    "actor": {"name": "ada"},
    "approver": "bob",
    "expires": "2026-12-01T00:00:00.000Z",
}
NOW_S = 1_795_000_000.0


def record(kind: Any = "waiver", sequence: int = 1, **changed: Any) -> Record:
    """A record of a waiver, or of an override."""
    line, _ = compose(replace(EMPTY, ledger="a"), kind, NOW_S, {**GOOD, "run_id": "r1", **changed})
    return replace(parse(line[:-1]), sequence=sequence)


def test_a_waiver_speaks_of_what_it_names() -> None:
    """Another service, environment or release is not excused; a stage that is not named is any."""
    (waiver,) = waivers([record()])

    assert waiver.covers("shop", "production", "canary", {"version": "1.5", "commit": "b"})
    assert not waiver.covers("shop", "staging", "canary", {"version": "1.5"})
    assert not waiver.covers("shop", "production", "canary", {"version": "1.6"})
    assert not waiver.covers("other", "production", "canary", {"version": "1.5"})
    assert "waiver W-1 of alpha until 2026-12-01" in waiver.told


@pytest.mark.parametrize(
    "changed",
    [
        {"approver": "ada"},
        {"approver": " @ADA "},
        {"approver": ""},
        {"reason": "  "},
        {"expires": "soon"},
        {"expires": "2029-01-01T00:00:00.000Z"},
        {"actor": {}},
        {"actor": None},
    ],
)
def test_what_is_not_complete_excuses_nothing(changed: dict[str, Any]) -> None:
    """Whoever wrote the record, and however."""
    assert waivers([record(**changed)]) == []
    assert overrides([record("override", **changed)]) == []


def test_an_end_ends_whatever_the_order_of_records() -> None:
    """Records may come newest first."""
    end = record(sequence=2, ends="W-1")

    assert waivers([end, record()]) == waivers([record(), end]) == []
    assert [one.id for one in waivers([record(), record(sequence=3, id="W-2"), end])] == ["W-2"]


def test_where_signatures_are_asked_for_unsigned_records_count_for_nothing() -> None:
    """Whoever can write the file could have made them."""
    assert waivers([record()], signed=True) == []
    assert overrides([record("override")], signed=True) == []
    assert len(overrides([record("override")])) == 1


def test_names_are_one_person_whatever_their_case() -> None:
    """Nobody is everybody's."""
    assert same_person("Ada", "@ada ")
    assert same_person("", "bob")
    assert not same_person("ada", "bob")
