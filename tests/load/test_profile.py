"""Profiles: what a service really gets, from its access log or from a browser's HAR."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.load.profile import MOST, read

COMMON = '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "{} HTTP/1.1" {} 2326'
COMBINED = COMMON + ' "http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"'
SAFE = ("GET", "HEAD")


def log(*lines: tuple[str, int], form: str = COMMON) -> str:
    """An access log."""
    return "\n".join(form.format(request, status) for request, status in lines)


@pytest.mark.parametrize("form", [COMMON, COMBINED])
def test_requests_weigh_what_they_weighed_in_the_log(form: str) -> None:
    """The most frequent first, with their queries."""
    text = log(("GET /a", 200), ("GET /b?q=1", 200), ("GET /a", 304), ("HEAD /a", 200), form=form)

    assert read(text, SAFE) == (("GET", "/a", 2.0), ("GET", "/b?q=1", 1.0), ("HEAD", "/a", 1.0))


def test_what_changes_something_and_what_failed_is_left_out() -> None:
    """A POST without its body is another request; a load of errors is none."""
    text = log(("POST /orders", 201), ("GET /gone", 404), ("GET /broken", 500), ("GET /a", 200), ("OPTIONS *", 200))

    assert read(text, SAFE) == (("GET", "/a", 1.0),)
    assert ("POST", "/orders", 1.0) in read(text, ("GET", "POST"))


def test_a_har_is_read_as_well() -> None:
    """Paths only: where it was recorded is not where it is replayed."""
    entries = [
        {"request": {"method": "GET", "url": url}, "response": {"status": 200}}
        for url in ("https://shop.example/api/products?page=2", "https://shop.example", "https://cdn.example/x.js")
    ]

    assert {path for _, path, _ in read(json.dumps({"log": {"entries": entries}}), SAFE)} == {
        "/api/products?page=2",
        "/",
        "/x.js",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "found no request"),
        ("nothing like a log\n" * 3, "found no request"),
        (log(("POST /a", 200)), "1 requests, none of them answered well with GET, HEAD"),
        ('{"log": {}}', "expected a HAR with log.entries"),
        ('{"log": ', "expected a HAR with log.entries"),
    ],
)
def test_what_is_no_profile_is_said_to_be_none(text: str, said: str) -> None:
    """A load of nothing would keep every limit."""
    with pytest.raises(ValueError, match=said):
        read(text, SAFE)


@given(st.text())
def test_any_text_is_a_profile_or_refused(text: str) -> None:
    """Access logs hold what strangers send."""
    try:
        found = read(text, SAFE)
    except ValueError:
        return
    assert found


def test_a_profile_has_an_end() -> None:
    """Of a million paths the most frequent are kept."""
    assert len(read(log(*((f"GET /{number}", 200) for number in range(MOST + 10))), SAFE)) == MOST
