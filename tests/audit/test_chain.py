"""The hash chain: what it proves, and what it cannot."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from relgate.audit.chain import read, split
from relgate.audit.record import (
    EMPTY,
    GENESIS,
    Head,
    RecordError,
    Tail,
    _surely_canonical,
    compose,
    parse,
    subjects,
)


def ledger(count: int, kind: Any = "run-started") -> bytes:
    """A chain of ``count`` records."""
    data, tail = b"", replace(EMPTY, ledger="l" * 32)
    for number in range(count):
        record, tail = compose(tail, kind, 1_700_000_000.0 + number, {"run_id": f"r{number}"})
        data += record
    return data


def statement(line: bytes) -> dict[str, Any]:
    """The in-toto statement in a line."""
    content: dict[str, Any] = json.loads(base64.b64decode(json.loads(line)["payload"]))
    return content


def test_a_chain_that_was_written_verifies() -> None:
    """Every record is there and the head is the last line's."""
    chain = read(ledger(3))

    assert chain.fault is None
    assert [record.body["run_id"] for record in chain.records] == ["r0", "r1", "r2"]
    assert chain.head.sequence == 3


def test_an_empty_ledger_is_an_empty_chain() -> None:
    """The first record follows on 64 zeros."""
    assert read(b"").head == Head(0, "0" * 64)


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_a_removed_line_breaks_the_chain_unless_it_is_the_last(broken: int) -> None:
    """The last line can be cut off unseen: that is what anchors are for."""
    lines = ledger(3).splitlines(keepends=True)
    del lines[broken]

    assert (read(b"".join(lines)).fault is None) == (broken == 2)


def test_swapped_lines_break_the_chain() -> None:
    """Order is part of the proof."""
    first, second, third = ledger(3).splitlines(keepends=True)

    assert read(second + first + third).fault == "ledger line 1: expected sequence 1, got 2"


def test_lines_of_two_ledgers_do_not_mix() -> None:
    """Each record names its ledger, so a record of another one is refused even where it would fit."""
    first, tail = compose(replace(EMPTY, ledger="a"), "run-started", 0.0, {})
    second, _ = compose(replace(tail, ledger="b"), "run-started", 0.0, {})

    assert "belongs to ledger b" in (read(first + second).fault or "")


def test_what_was_written_half_is_told_apart_from_what_was_changed() -> None:
    """A torn tail is no record and no fault."""
    data = ledger(2)
    chain = read(data + b'{"body":')

    assert chain.fault is None
    assert chain.torn == b'{"body":'
    assert len(chain.records) == 2


def test_blocks_that_never_reached_the_disk_are_torn_too() -> None:
    """A file system gives NUL bytes for them, sometimes with the end of the line behind."""
    data = ledger(2)

    assert split(data + b'{"pay\0\0\0"}\n') == (split(data)[0], b'{"pay\0\0\0"}\n')
    assert "line 2" in (read(data.splitlines(keepends=True)[0] + b"\0\n" + data).fault or "")


def test_records_that_were_joined_are_not_torn() -> None:
    """A NUL in the place of the LF between the last two: both were acknowledged, so no power loss has done that."""
    first, second, third = ledger(3).splitlines(keepends=True)

    assert "line 2" in (read(first + second[:-1] + b"\0" + third).fault or "")
    assert split(first + second[:-100] + b"\0" * 100 + b"\n")[1]


def test_a_body_with_nan_is_refused() -> None:
    """There is no canonical form of NaN."""
    with pytest.raises(ValueError, match="NaN|nan|finite|float"):
        compose(EMPTY, "gate-decision", 0.0, {"value": float("nan")})


@given(position=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_changed_byte_is_seen(position: int, byte: int) -> None:
    """Any one byte in any but the last record, whose signature would be needed for that."""
    data = bytearray(ledger(3))
    last = data[:-1].rfind(b"\n") + 1
    position %= last
    if data[position] == byte:
        return
    data[position] = byte

    assert read(bytes(data)).fault is not None


@given(st.binary(max_size=200))
def test_rubbish_never_ends_in_a_traceback(data: bytes) -> None:
    """Whatever lies in the file, reading it says something."""
    read(data)
    read(data + b"\n")
    read(ledger(1) + data + b"\n")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@given(part=st.sampled_from(["_type", "subject", "predicateType", "predicate"]), value=JSON)
def test_a_statement_with_any_part_replaced_is_refused_without_a_traceback(part: str, value: Any) -> None:
    """In canonical form and in an envelope: only its content is wrong."""
    forged = {**statement(ledger(1)), part: value}
    outer = {**json.loads(ledger(1)), "payload": base64.b64encode(rfc8785.dumps(forged)).decode()}

    with pytest.raises(RecordError):
        parse(rfc8785.dumps(outer))


@given(
    part=st.sampled_from(
        ["ledger", "sequence", "previous", "time", "clock_back_s", "key", "subject_is", "body", "more"]
    ),
    value=JSON,
)
def test_a_predicate_with_any_part_replaced_is_refused_or_read(part: str, value: Any) -> None:
    """Never a traceback, and never a chain that verifies with it."""
    forged = statement(ledger(1))
    before = forged["predicate"].get(part)
    forged["predicate"][part] = value
    outer = {**json.loads(ledger(1)), "payload": base64.b64encode(rfc8785.dumps(forged)).decode()}
    line = rfc8785.dumps(outer) + b"\n" + ledger(2).splitlines(keepends=True)[1]

    assert value == before or read(line).fault is not None


def test_a_line_that_was_rewritten_with_other_spacing_is_seen() -> None:
    """Canonical form is part of the proof: only relgate's own bytes count."""
    record = json.loads(ledger(1))

    assert "canonical" in (read(json.dumps(record, indent=None).encode() + b"\n").fault or "")


NUMBERS = st.integers(-(10**15), 10**15) | st.floats(allow_nan=False, allow_infinity=False)


@given(
    value=st.dictionaries(
        st.text(max_size=4), NUMBERS | st.text() | st.lists(NUMBERS, max_size=3) | st.none() | st.booleans(), max_size=4
    )
)
def test_the_fast_way_to_know_canonical_form_never_errs(value: dict[str, Any]) -> None:
    """What it takes for canonical is, whatever wrote it."""
    for raw in (
        rfc8785.dumps(value),
        json.dumps(value).encode(),
        json.dumps(value, sort_keys=True, separators=(",", ":")).encode(),
        json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace"),
    ):
        floats = re.findall(r"-?\d+(?:\.\d+)?[eE][-+]?\d+|-?\d+\.\d+", raw.decode())
        read_back = json.loads(raw)
        if _surely_canonical(read_back, raw, floats):
            assert rfc8785.dumps(read_back) == raw


@pytest.mark.parametrize(
    "raw", [b'{"a":1.0}', b'{"a":1e2}', b'{"a":-0.0}', b'{"a":1,"a":1}', b'{"b":1,"a":1}', b'{"a":"\\u0041"}']
)
def test_other_forms_of_the_same_value_are_not_taken_for_canonical(raw: bytes) -> None:
    """Numbers written otherwise, keys twice or out of order, needless escapes."""
    with pytest.raises(RecordError, match="canonical"):
        parse(raw)


def test_a_ledger_of_the_first_form_says_what_to_do() -> None:
    """It is neither migrated nor gone on with."""
    old = (
        b'{"body":{},"kind":"run-started","previous":"' + GENESIS.encode() + b'","schema":1,"sequence":1,"time":"x"}\n'
    )
    fault = read(old).fault or ""

    assert fault.startswith("ledger line 1: a plain record of schema 1")
    assert "--gate-reports" in fault


def test_a_clock_that_goes_backwards_is_recorded() -> None:
    """By how much; a record is never refused for it."""
    tail: Tail = replace(EMPTY, ledger="a")
    first, tail = compose(tail, "run-started", 100.0, {})
    second, tail = compose(tail, "run-started", 96.5, {})
    third, _ = compose(tail, "run-started", 97.0, {})
    chain = read(first + second + third)

    assert chain.fault is None
    assert [record.clock_back_s for record in chain.records] == [0, 3.5, 0]


@pytest.mark.parametrize(
    ("release", "digests", "subject_is"),
    [
        ({"image": f"shop@sha256:{'a' * 64}"}, {"image": {"sha256": "a" * 64}}, "digests"),
        ({"digest": f"sha256:{'a' * 64}", "commit": "b" * 40},
         {"digest": {"sha256": "a" * 64}, "commit": {"gitCommit": "b" * 40}}, "digests"),
        ({"bundle": "c" * 64, "version": "1"}, {"bundle": {"sha256": "c" * 64}}, "digests"),
        ({"image": "shop:latest", "commit": "main"}, None, "facts"),
        ({}, None, "facts"),
    ],
)  # fmt: skip
def test_a_release_is_named_by_its_digests(release: Any, digests: Any, subject_is: str) -> None:
    """A tag or a branch is none: what states no digest is named by its facts, and the record says so."""
    found, what = subjects("run-started", {"release": release}, EMPTY.head)

    assert what == subject_is
    if digests is not None:
        assert {one["name"]: one["digest"] for one in found} == digests
    assert all(len(value) >= 40 for one in found for value in one["digest"].values())


def test_a_subject_that_is_not_the_bodys_is_refused() -> None:
    """Whoever finds a record by its digest must find the release that its body tells of."""
    forged = statement(ledger(1))
    forged["subject"][0]["digest"]["sha256"] = "f" * 64
    outer = {**json.loads(ledger(1)), "payload": base64.b64encode(rfc8785.dumps(forged)).decode()}

    with pytest.raises(RecordError, match="subject"):
        parse(rfc8785.dumps(outer))
