"""Who agreed to a release: enough people, none of them its own, and each about this release."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.policy.people import Approvals, Statement
from relgate.preflight import people
from relgate.preflight.people import Said
from relgate.values import Findings
from relgate.verdicts import by_findings
from tests.preflight.gates import GATE

NOW = 1_800_000_000.0
RELEASE = {"version": "1.5", "type": "hotfix", "author": "ann", "deployer": "bot"}
ABOUT = (("version", "1.5"),)


def verdict(found: Findings) -> str:
    """The verdict about findings."""
    return by_findings(GATE, found).verdict.value


def approved(*by: str, release: dict[str, str] | None = None, **keys: Any) -> str:
    """The verdict where these people approve version 1.5, a hotfix that needs two."""
    wanted = Approvals(least={"regular": 1, "hotfix": 2}, **keys)
    said = [Said("approval", name, NOW - 60, ABOUT) for name in by]
    return verdict(people.approvals(GATE.id, wanted, release or RELEASE, said, NOW))


def test_as_many_people_as_the_type_asks_for() -> None:
    """A hotfix needs two, and one who approves twice is one."""
    assert approved("cid", "dora") == "pass"
    assert approved("cid") == "fail"
    assert approved() == "fail"
    assert approved("cid", "Cid", "@cid", " cid ") == "fail"
    assert approved("cid", release={**RELEASE, "type": "regular"}) == "pass"


def test_nobody_approves_their_own_release() -> None:
    """Neither who wrote it nor who deploys it, under no other name of theirs."""
    assert approved("ann", "cid") == "fail"
    assert approved("bot", "cid") == "fail"
    known = {"ann": ("ann@example.org",), "cid": (), "dora": ("dora-gh",)}
    assert approved("ann@example.org", "cid", people=known) == "fail"
    assert approved("dora", "dora-gh", people=known) == "fail"
    assert approved("dora-gh", "cid", people=known) == "pass"
    assert approved("eve", "cid", people=known) == "fail"


@pytest.mark.parametrize("missing", ["author", "deployer", "type"])
def test_what_is_not_known_holds(missing: str) -> None:
    """Who cannot be named cannot be told from who approves."""
    release = {key: text for key, text in RELEASE.items() if key != missing}
    assert approved("cid", "dora", release=release) == "fail"
    assert approved("cid", "dora", release={**RELEASE, missing: " "}) == "fail"
    assert approved("cid", "dora", release={**RELEASE, "type": "tiny"}) == "fail"


@pytest.mark.parametrize(
    ("about", "at_s", "expected"),
    [
        (ABOUT, NOW - 1, "pass"),
        ((("version", "1.4"),), NOW - 1, "fail"),
        ((("version", "1.5"), ("commit", "abc")), NOW - 1, "fail"),
        ((("type", "regular"),), NOW - 1, "fail"),
        ((), NOW - 1, "fail"),
        (ABOUT, NOW + 3600, "fail"),
    ],
)
def test_an_approval_is_about_this_release(about: tuple[tuple[str, str], ...], at_s: float, expected: str) -> None:
    """Every fact that it names is the release's, and one tells it from others; none comes from the future."""
    wanted = Approvals(least={"regular": 1})
    said = [Said("approval", "cid", at_s, about)]
    release = {**RELEASE, "type": "regular"}
    assert verdict(people.approvals(GATE.id, wanted, release, said, NOW)) == expected


def test_a_review_that_is_due_is_a_warning() -> None:
    """It comes after the release, and cannot hold it."""
    assert approved("cid", "dora", review=("hotfix",)) == "warn"
    assert approved("cid", review=("hotfix",)) == "fail"


def test_statements_of_people() -> None:
    """Of this release, and not too old."""
    wanted = {"qa-sign-off": Statement(), "rollback-owner": Statement(max_age_s=86400.0, any_release=True)}

    def found(*said: Said) -> list[str]:
        return [one.code for one in people.statements(GATE.id, wanted, RELEASE, said, NOW).findings]

    signed = Said("qa-sign-off", "quinn", NOW - 1e6, ABOUT)
    assert found(signed, Said("rollback-owner", "ann", NOW - 86400)) == []
    assert found(signed, Said("rollback-owner", "ann", NOW - 86401)) == ["too-old"]
    assert found(signed) == ["not-stated"]
    other = Said("qa-sign-off", "quinn", NOW, (("version", "1.4"),))
    assert found(other, Said("rollback-owner", "ann", NOW, (("version", "1.4"),))) == ["not-stated"]


def test_facts_that_are_empty_are_missing() -> None:
    """A variable of the pipeline was not set."""
    assert verdict(people.facts(GATE.id, ("version", "type"), RELEASE)) == "pass"
    found = people.facts(GATE.id, ("version", "ticket", "commit"), {**RELEASE, "ticket": " "})
    assert [one.do for one in found.findings] == ["--gate-release ticket=...", "--gate-release commit=..."]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"step": "qa", "actor": {"name": " "}, "release": {}},
        {"step": 5, "actor": {"name": "ann"}, "release": {}},
        {"step": "qa", "actor": "ann", "release": {}},
        {"step": "approval", "actor": {"name": "ann"}, "release": {}},
    ],
)
def test_a_record_that_states_nothing_is_passed_over(body: dict[str, Any]) -> None:
    """Somebody's name and what they state belong to it; an approval is a record of its own kind."""
    assert people.read_said("attestation", body, NOW) is None


NAMES = st.sampled_from(["ann", "Ann", "bot", "cid", "@cid", "dora", "eve"])


@given(st.lists(NAMES, max_size=6), st.integers(1, 4))
def test_a_pass_has_that_many_other_people(by: list[str], least: int) -> None:
    """Whoever approves, in whatever spelling."""
    said = [Said("approval", name, NOW - 60, ABOUT) for name in by]
    found = people.approvals(GATE.id, Approvals(least={"hotfix": least}), RELEASE, said, NOW)
    others = {name.removeprefix("@").casefold() for name in by} - {"ann", "bot"}
    assert verdict(found) == ("pass" if len(others) >= least else "fail")
