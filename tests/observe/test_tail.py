"""Looks at a recording that is still being made: every record once, whatever the moment of the look."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relgate.errors import SourceError
from relgate.observe.format import REQUEST
from relgate.observe.store import open_recording
from relgate.observe.tail import Tail
from relgate.values import Requests, Side
from tests.observe.samples import RATE, TAIL, fill, row, rows, writer


def ticks(found: list[tuple[Side, Requests]], side: Side = "candidate") -> list[int]:
    """Return the numbers of the ticks at which the requests of a side were due, as they came."""
    return [round(due * RATE) for due in dict(found)[side].intended_s.tolist()]


def file_of(folder: Path, side: str = "candidate") -> Path:
    """Return the growing file of a side's requests."""
    (path,) = folder.glob(f"live-requests-*.{side}.requests")
    return path


def test_a_look_gives_what_came_since_the_one_before(tmp_path: Path) -> None:
    """Each record once, both sides, in the order in which requests ended."""
    new = writer(tmp_path)
    with Tail(tmp_path) as tail:
        looks = []
        for numbers in ((0, 2, 1), (), (4, 3)):
            new.requests("requests", "candidate", [row(number) for number in numbers])
            new.flush()
            looks.append(tail.read("requests"))
    new.close()

    assert [[side for side, _ in look] for look in looks] == [["candidate", "baseline"]] * 3
    assert [ticks(look) for look in looks] == [[0, 2, 1], [], [4, 3]]
    assert [ticks(look, "baseline") for look in looks] == [[], [], []]


def test_the_end_of_a_recording_is_not_lost(tmp_path: Path) -> None:
    """Files that were renamed since the last look are read to their end; a tail that begins late finds all."""
    new = writer(tmp_path)
    fill(new, rows()[:30])
    new.flush()
    with Tail(tmp_path) as tail, Tail(tmp_path) as late:
        before = ticks(tail.read("requests"))
        new.requests("requests", "candidate", rows()[30:])
        new.finish(TAIL)

        assert (before, ticks(tail.read("requests"))) == (list(range(30)), list(range(30, 50)))
        assert ticks(tail.read("requests")) == []
        assert ticks(late.read("requests")) == list(range(50))


def test_a_look_while_the_recorder_finishes_is_made_up_later(tmp_path: Path) -> None:
    """A tail that knows the old names only, when files have their new ones: an error, and then everything."""
    new = writer(tmp_path)
    fill(new)
    new.flush()
    with Tail(tmp_path) as tail:
        with pytest.raises(SourceError, match="is no probe"):
            tail.read("health")
        new.finish(TAIL)
        with pytest.raises(SourceError, match="cannot be read"):
            tail.read("requests")

        assert ticks(tail.read("requests")) == list(range(50))


def test_a_look_reads_only_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the recording is: the cost of a look is that of what came since the one before."""
    new = writer(tmp_path)
    new.requests("requests", "candidate", [row(number) for number in range(100_000)])
    new.flush()
    asked: list[int] = []

    def counted(descriptor: int, length: int, offset: int) -> bytes:
        asked.append(length)
        return pread(descriptor, length, offset)

    pread = os.pread
    with Tail(tmp_path) as tail:
        tail.read("requests")
        new.requests("requests", "candidate", [row(number) for number in range(100_000, 100_003)])
        new.flush()
        monkeypatch.setattr(os, "pread", counted)
        found = tail.read("requests")
    new.close()

    assert ticks(found) == [100_000, 100_001, 100_002]
    assert asked == [3 * REQUEST.itemsize, 0]


def test_what_is_no_request_is_an_error_until_it_is_gone(tmp_path: Path) -> None:
    """Nothing is passed over: the next look meets the same, and not even the other side's records are lost."""
    new = writer(tmp_path)
    new.requests("requests", "candidate", [row(0)])
    new.requests("requests", "baseline", [row(0), (*row(1)[:6], 9, *row(1)[7:])])
    new.flush()
    with Tail(tmp_path) as tail:
        for _ in range(2):
            with pytest.raises(SourceError, match="a path that does not exist"):
                tail.read("requests")
        path = file_of(tmp_path, "baseline")
        path.write_bytes(path.read_bytes()[: REQUEST.itemsize])
        found = tail.read("requests")
    new.close()

    assert (ticks(found), ticks(found, "baseline")) == ([0], [0])


def test_a_file_that_shrinks_is_an_error(tmp_path: Path) -> None:
    """Records that were seen cannot be taken back."""
    new = writer(tmp_path)
    new.requests("requests", "candidate", rows())
    new.flush()
    with Tail(tmp_path) as tail:
        tail.read("requests")
        file_of(tmp_path).write_bytes(b"")
        with pytest.raises(SourceError, match="shrunk"):
            tail.read("requests")
    new.close()


def test_what_is_not_there_is_an_error_and_may_come(tmp_path: Path) -> None:
    """Before the recorder has started there is nothing to look at; a signal that is no probe never has requests."""
    tail = Tail(tmp_path)
    with pytest.raises(SourceError, match="no recording"):
        tail.read("requests")
    new = writer(tmp_path)
    assert ticks(tail.read("requests")) == []
    for signal in ("health", "dreams"):
        with pytest.raises(SourceError, match="is no probe"):
            tail.read(signal)
    tail.close()
    hidden = file_of(tmp_path).rename(tmp_path / "hidden")
    with pytest.raises(SourceError, match="cannot be read"):
        tail.read("requests")
    hidden.rename(tmp_path / file_of(tmp_path, "baseline").name.replace("baseline", "candidate"))
    assert ticks(tail.read("requests")) == []
    tail.close()
    new.close()


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ended=st.permutations(range(50)),
    cuts=st.lists(st.integers(0, 50 * REQUEST.itemsize), max_size=20).map(sorted),
)
def test_all_looks_together_are_the_recording(
    tmp_path_factory: pytest.TempPathFactory, ended: list[int], cuts: list[int]
) -> None:
    """Whenever the recorder's buffer reaches the disk, also within a record: no record is missed or seen twice."""
    folder = tmp_path_factory.mktemp("tail")
    new = writer(folder)
    new.requests("requests", "candidate", [row(number) for number in ended])
    new.flush()
    new.close()
    path = file_of(folder)
    everything = path.read_bytes()
    path.write_bytes(b"")
    parts: list[Requests] = []
    with Tail(folder) as tail, path.open("ab", buffering=0) as file:
        for begin, end in pairwise([0, *cuts, len(everything)]):
            file.write(everything[begin:end])
            parts.append(dict(tail.read("requests"))["candidate"])

    whole = open_recording(folder, live=True).evidence("requests", "latency").candidate
    assert isinstance(whole, Requests)
    for name in ("intended_s", "latency_s", "lag_s", "status", "failed", "usable", "path", "instance"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        order = np.argsort(np.concatenate([part.intended_s for part in parts]), kind="stable")
        assert np.array_equal(joined[order], getattr(whole, name))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(garbage=st.binary(max_size=200), at=st.integers(0, 3 * REQUEST.itemsize))
def test_garbage_is_an_error_or_requests(tmp_path_factory: pytest.TempPathFactory, garbage: bytes, at: int) -> None:
    """Whatever stands in the file, no traceback comes out."""
    folder = tmp_path_factory.mktemp("tail")
    new = writer(folder)
    new.requests("requests", "candidate", rows()[:3])
    new.flush()
    new.close()
    path = file_of(folder)
    content = bytearray(path.read_bytes())
    content[at : at + len(garbage)] = garbage
    path.write_bytes(content)

    with Tail(folder) as tail:
        try:
            found = dict(tail.read("requests"))["candidate"]
        except SourceError:
            return
    assert len(found.intended_s) == len(content) // REQUEST.itemsize
