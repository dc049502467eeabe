"""The hash chain: what it proves, and what it cannot."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.audit.chain import EMPTY, Head, line, read


def ledger(count: int) -> bytes:
    """A chain of ``count`` records."""
    data, head = b"", EMPTY
    for number in range(count):
        record, head = line(head, "run-started", 1_700_000_000.0 + number, {"run_id": f"r{number}"})
        data += record
    return data


def test_a_chain_that_was_written_verifies() -> None:
    """Every record is there and the head is the last line's."""
    chain = read(ledger(3))

    assert chain.fault is None
    assert [record["body"]["run_id"] for record in chain.records] == ["r0", "r1", "r2"]
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


def test_what_was_written_half_is_told_apart_from_what_was_changed() -> None:
    """A torn tail is no record and no fault."""
    data = ledger(2)
    chain = read(data + b'{"body":')

    assert chain.fault is None
    assert chain.torn == b'{"body":'
    assert len(chain.records) == 2


def test_a_body_with_nan_is_refused() -> None:
    """There is no canonical form of NaN."""
    with pytest.raises(ValueError, match="NaN|nan|finite|float"):
        line(EMPTY, "gate-decision", 0.0, {"value": float("nan")})


@given(position=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_changed_byte_is_seen(position: int, byte: int) -> None:
    """Any one byte in any but the last record."""
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


def test_a_line_that_was_rewritten_with_other_spacing_is_seen() -> None:
    """Canonical form is part of the proof: only relgate's own bytes count."""
    record = json.loads(ledger(1))

    assert "canonical" in (read(json.dumps(record, indent=None).encode() + b"\n").fault or "")
