"""Versions that a service tells: all of them, and answers that tell none."""

from __future__ import annotations

import pytest

from relgate.measure.versions import read, same
from relgate.values import Answer


def answer(body: str, code: int | None = 200, **headers: str) -> Answer:
    """An answer with these headers."""
    return Answer(0.0, 0.0, 0.01, code, body, tuple(headers.items()))


@pytest.mark.parametrize(
    ("body", "pointer", "expected"),
    [
        ('{"version": "1.2.3"}', None, "1.2.3"),
        ('{"releaseId": "7"}', None, "7"),
        ('{"build": {"version": "2.0"}}', None, "2.0"),
        ('{"app": {"tag": "3"}}', "/app/tag", "3"),
        ('{"version": "1.2.3"}', "/app/tag", None),
        ('"1.2.3"', None, "1.2.3"),
        ("v1.2.3", None, "v1.2.3"),
        ("v1.2.3", "/version", None),
        ("<html>1.2.3</html>", None, None),
        ('{"version": null}', None, None),
        ('{"version": "1", "version": "2"}', None, None),
        ("", None, None),
    ],
)
def test_where_versions_stand(body: str, pointer: str | None, expected: str | None) -> None:
    """At the pointer, at a usual place, or as the whole text; never in a page."""
    told = read((answer(body),), pointer)

    assert told.seen == (() if expected is None else ((expected, 1),))
    assert told.unread == (expected is None)
    assert (told.doubt(1) is not None) == (expected is None)


def test_all_versions_are_seen() -> None:
    """Two versions behind one address are both reported, the frequent one first."""
    told = read(tuple(answer(f'{{"version": "{v}"}}') for v in ("1", "2", "2")))

    assert told.seen == (("2", 2), ("1", 1))
    assert (told.n, told.fresh, told.last) == (3, 3, "2")


def test_failures_and_caches_are_no_evidence() -> None:
    """A failed poll tells nothing, a cached answer nothing fresh."""
    good = '{"version": "1"}'
    told = read((answer(good), answer(good, age="30"), answer(good, 500), answer(good, None)))

    assert (told.fresh, told.cached, told.failed, told.last) == (1, 1, 2, None)
    assert told.doubt(1) == "2 of 4 polls had no good answer"
    assert told.doubt(2) == "the last poll had no good answer"
    assert told.blemish() == "1 of 4 answers came from a cache"


@pytest.mark.parametrize(
    ("seen", "expected", "equal"),
    [("v1.2.3", "1.2.3", True), ("1.2.3", "V1.2.3", True), ("1.2.3+abc", "1.2.3", False), ("version", "ersion", False)],
)
def test_a_tag_and_its_version_are_the_same(seen: str, expected: str, equal: bool) -> None:
    """Only a v before a digit may differ."""
    assert same(seen, expected) is equal
