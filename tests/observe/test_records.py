"""What the stored numbers of a request mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from relgate.errors import SourceError
from relgate.observe.records import by_due_time, decode, whole
from relgate.observe.store import open_recording
from relgate.values import Requests
from tests.observe.samples import HEAD, TAIL, fill, row, rows, writer

if TYPE_CHECKING:
    from pathlib import Path

PODS = {"candidate": ["http://pod-1", "http://pod-2"]}


def stored(folder: Path, candidate: list[tuple[int, ...]], **head: Any) -> bytes:
    """Return the bytes that the writer makes of requests."""
    new = writer(folder, **head)
    new.requests("requests", "candidate", candidate)
    new.flush()
    new.close()
    (path,) = folder.glob("live-requests-*.candidate.requests")
    return path.read_bytes()


def test_a_request_knows_its_instance(tmp_path: Path) -> None:
    """The manifest names the instances of a side, a record has the index of one; a side without any is one."""
    new = writer(tmp_path / "r", instances=PODS)
    fill(new, [row(number, instance=number % 2) for number in range(50)])
    new.finish(TAIL)
    evidence = open_recording(tmp_path / "r").evidence("requests", "latency")

    candidate, baseline = evidence.candidate, evidence.baseline
    assert isinstance(candidate, Requests)
    assert isinstance(baseline, Requests)
    assert candidate.instances == ("http://pod-1", "http://pod-2")
    assert candidate.instance.tolist() == [number % 2 for number in range(50)]
    assert [len(one.intended_s) for one in candidate.by_instance()] == [25, 25]
    assert (baseline.instances, set(baseline.instance.tolist())) == ((), {0})


@pytest.mark.parametrize(("field", "value"), [(5, 200), (6, 2), (7, 2)], ids=["fault", "path", "instance"])
def test_a_record_that_names_what_does_not_exist_is_an_error(tmp_path: Path, field: int, value: int) -> None:
    """A fault, a path or an instance beyond what the manifest says: somebody else wrote this."""
    odd = list(row(3))
    odd[field] = value
    data = stored(tmp_path / "r", [tuple(odd)])

    with pytest.raises(SourceError, match="that does not exist"):
        decode(data, {**HEAD, "instances": PODS}, HEAD["streams"][0], "candidate")


def test_a_recording_without_instances_takes_no_index_of_one(tmp_path: Path) -> None:
    """Where the manifest names none there is one, and its index is 0."""
    data = stored(tmp_path / "r", [row(3, instance=1)])

    with pytest.raises(SourceError, match="an instance|a instance"):
        decode(data, HEAD, HEAD["streams"][0], "candidate")


def test_records_are_sorted_by_due_time_only_where_that_is_asked(tmp_path: Path) -> None:
    """As stored: in the order in which they ended."""
    data = stored(tmp_path / "r", rows()[::-1])

    assert decode(data, HEAD, HEAD["streams"][0], "candidate").intended_s[0] == pytest.approx(4.9)
    assert decode(by_due_time(data), HEAD, HEAD["streams"][0], "candidate").intended_s[0] == 0.0


def test_half_a_record_is_not_whole(tmp_path: Path) -> None:
    """Only complete records count; none of nothing."""
    data = stored(tmp_path / "r", rows()[:3])

    assert [whole(data), whole(data[:-1]), whole(data[:1]), whole(b"")] == [len(data), len(data) * 2 // 3, 0, 0]
    assert len(decode(b"", HEAD, HEAD["streams"][0], "candidate").intended_s) == 0
