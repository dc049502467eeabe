"""Patterns of log lines: values go, words stay, and the order of lines is nothing."""

from __future__ import annotations

import json
import random

from hypothesis import given
from hypothesis import strategies as st

from relgate.measure.templates import ANY, LONGEST, merged, message, pattern

WORDS = st.lists(st.sampled_from(["could", "not", "open", "close", "file", "socket", "42", "alice"]), max_size=6)


def test_values_do_not_make_two_patterns_of_one() -> None:
    """Times, numbers, ids, addresses and quoted texts differ from line to line."""
    lines = [
        "2026-11-22 01:20:03,123 ERROR pool of db-7 exhausted after 30.5 s for ann@shop.example, id 0xdeadbeef 'a b'",
        "2026-11-23T02:00:00Z ERROR pool of db-12 exhausted after 2 s for bob@shop.example, id 0x1 'c'",
    ]

    assert len({pattern(line) for line in lines}) == 1
    assert pattern(lines[0]).startswith(f"{ANY} ERROR pool of db-{ANY} exhausted")


def test_two_messages_that_differ_in_a_word_are_two() -> None:
    """A new error must not hide behind a known one."""
    texts = ["ERROR cannot open file", "ERROR cannot open socket"]

    assert merged(texts) == {text: text for text in texts}


def test_a_place_where_many_words_stand_is_a_value() -> None:
    """Names are no numbers, and still make no pattern of their own."""
    names = ("ann", "bob", "cid", "dan", "eve")
    found = merged([f"ERROR user {name} is locked out" for name in names] + ["ERROR user table is locked now or"])

    assert set(found.values()) == {f"ERROR user {ANY} is locked out", "ERROR user table is locked now or"}


def test_of_a_json_line_the_message_counts_and_the_end_of_the_exception() -> None:
    """The id of a request in the same line would make a pattern of each."""
    line = json.dumps(
        {"level": "error", "message": "GET /a 500", "correlation_id": "x", "exception": "Traceback\n at\nKeyError: 'a'"}
    )

    assert message(line) == "GET /a 500: KeyError: 'a'"
    assert message('{"level": "error"}') == '{"level": "error"}'
    assert message("[not json") == "[not json"


@given(st.text(max_size=600))
def test_every_line_has_a_pattern(line: str) -> None:
    """Whatever a service writes."""
    found = pattern(line)

    assert found
    assert "\n" not in found
    assert len(found) <= LONGEST


@given(st.lists(WORDS.map(" ".join), max_size=30))
def test_the_order_of_lines_is_nothing(texts: list[str]) -> None:
    """And every pattern has exactly one form."""
    shuffled = random.Random(1).sample(texts, len(texts))

    assert merged(texts) == merged(shuffled)
    assert set(merged(texts)) == set(texts)
