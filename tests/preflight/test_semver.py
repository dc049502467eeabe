"""Versions are ordered as semver.org says, and rise as the commits ask."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.preflight.semver import LEVELS, Commit, Version, faults, level_of, parse, version_of

ORDERED = (
    "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.0.1 1.10.0"
)
CORES = st.tuples(*[st.integers(0, 30)] * 3)


def version(text: str) -> Version:
    """A version that there is."""
    found = parse(text)
    assert found is not None, text
    return found


def test_the_order_is_that_of_the_standard() -> None:
    """Its own example, and more."""
    versions = [version(text) for text in ORDERED.split()]
    assert all(one < other for one, other in itertools.combinations(versions, 2))
    assert version("1.0.0+a") == version("1.0.0+b")


@pytest.mark.parametrize(
    "text", ["1", "1.2", "v1.2.3", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3+", "1.2.3\n", "1.2.x", ""]
)
def test_what_is_no_version(text: str) -> None:
    """Nothing is guessed."""
    assert parse(text) is None


@given(CORES)
def test_a_version_is_read_as_it_is_written(core: tuple[int, int, int]) -> None:
    """There and back."""
    assert str(version(".".join(map(str, core)))) == ".".join(map(str, core))


def test_a_tag_is_called_as_the_policy_says() -> None:
    """Otherwise it is another product's."""
    assert version_of("shop-1.2.3-x", "shop-{version}") == version("1.2.3-x")
    assert version_of("v1.2.3", "shop-{version}") is None
    assert version_of("v", "v{version}") is None
    assert version_of("aa", "a{version}a") is None


@pytest.mark.parametrize(
    ("message", "level"),
    [
        ("fix: a thing", "patch"),
        ("chore(deps): update", "patch"),
        ("feat: a thing", "minor"),
        ("Feat(ui): a thing", "minor"),
        ("refactor!: drop", "major"),
        ("feat(api)!: drop", "major"),
        ("fix: a thing\n\nBREAKING CHANGE: it is gone", "major"),
        ("fix: a thing\n\nBREAKING-CHANGE: it is gone", "major"),
        ("fix: a thing\n\nno BREAKING CHANGE: here", "patch"),
        ('Revert "feat: a thing"\n\nThis reverts', "patch"),
        ("wip", None),
        ("feat:", None),
        ("fixed: ", None),
        ("feat(: x", None),
        ("", None),
    ],
)
def test_what_a_commit_asks_for(message: str, level: str | None) -> None:
    """By its header and its footers."""
    assert level_of(Commit("a", message)) == level


def test_a_merge_asks_for_nothing_itself() -> None:
    """What it merges is there too; where it says that it breaks something, it counts."""
    assert level_of(Commit("a", "Merge branch x", merges=True)) == "patch"
    assert level_of(Commit("a", "all of it", merges=True)) == "patch"
    assert level_of(Commit("a", "Merge x\n\nBREAKING CHANGE: gone", merges=True)) == "major"


def codes(new: str, last: str, *messages: str) -> list[str]:
    """The faults of a bump."""
    commits = [Commit(str(number), message) for number, message in enumerate(messages)]
    return [code for code, _, _ in faults(version(new), version(last), commits)]


@pytest.mark.parametrize(
    ("new", "last", "messages", "expected"),
    [
        ("1.4.3", "1.4.2", ["fix: a"], []),
        ("1.5.0", "1.4.2", ["fix: a", "feat: b"], []),
        ("2.0.0", "1.4.2", ["feat!: b"], []),
        ("1.5.0-rc.1", "1.4.2", ["feat: b"], []),
        ("1.4.3", "1.4.2", ["feat: b", "fix: a"], ["too-small"]),
        ("1.5.0", "1.4.2", ["feat!: b"], ["too-small"]),
        ("0.5.0", "0.4.2", ["feat!: b"], []),
        ("0.4.3", "0.4.2", ["feat!: b"], ["too-small"]),
        ("0.4.3", "0.4.2", ["feat: b"], ["too-small"]),
        ("1.0.0", "0.4.2", ["fix: b"], []),
        ("2.0.0", "1.4.2", ["fix: b"], ["too-large"]),
        ("1.4.3", "1.4.2", ["wip"], ["kind-unknown"]),
        ("1.5.0", "1.4.2", ["wip"], ["kind-unknown"]),
        ("2.0.0", "1.4.2", ["wip"], []),
        ("1.4.2", "1.4.2", ["fix: a"], ["not-above"]),
        ("1.4.2-rc.1", "1.4.2", ["fix: a"], ["not-above"]),
        ("1.4.3", "1.4.2", [], ["nothing-new"]),
        ("1.6.0", "1.4.2", ["feat: a"], ["skipped"]),
        ("1.5.2", "1.4.2", ["feat: a"], ["not-reset"]),
        ("2.1.0", "1.4.2", ["feat!: a"], ["not-reset"]),
        ("1.4.9", "1.4.2", ["fix: a"], ["skipped"]),
    ],
)
def test_a_bump_fits_or_does_not(new: str, last: str, messages: list[str], expected: list[str]) -> None:
    """Each with its code."""
    assert codes(new, last, *messages) == expected


@given(CORES, st.lists(st.sampled_from(["fix: a", "feat: a", "feat!: a"]), min_size=1, max_size=4))
def test_the_next_version_of_the_gravest_commit_fits_and_no_smaller_one(
    core: tuple[int, int, int], messages: list[str]
) -> None:
    """For every last release."""
    major, minor, patch = core
    nexts = {"patch": (major, minor, patch + 1), "minor": (major, minor + 1, 0), "major": (major + 1, 0, 0)}
    need = max((level_of(Commit("a", one)) or "" for one in messages), key=LEVELS.index)
    need = "minor" if need == "major" and major == 0 else need
    commits = [Commit(str(number), message) for number, message in enumerate(messages)]
    assert list(faults(Version(nexts[need]), Version(core), commits)) == []
    for smaller in itertools.takewhile(lambda level: level != need, LEVELS):
        found = list(faults(Version(nexts[smaller]), Version(core), commits))
        assert any(code == "too-small" and blocks for code, _, blocks in found)
