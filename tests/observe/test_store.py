"""Recordings are read whole and checked, or not at all."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relgate.errors import SourceError
from relgate.observe.format import MANIFEST
from relgate.observe.store import open_recording
from relgate.values import Answers, Ids, Requests, Series
from tests.observe.samples import BAKE_S, START_NS, WALL_NS, fill, line, recorded, row, rows, writer

if TYPE_CHECKING:
    from pathlib import Path

PARTS = (
    ("requests", "latency"),
    ("requests", "ids"),
    ("requests", "logged"),
    ("health", "status"),
    ("memory", "growth"),
)


def test_requests_come_back_in_order_of_their_intended_start(tmp_path: Path) -> None:
    """Answers are stored as they ended; a reader gets seconds since the start, ordered by when they were due."""
    late_first = rows()[::-1]

    evidence = open_recording(recorded(tmp_path / "r", late_first)).evidence("requests", "latency")

    assert isinstance(evidence.candidate, Requests)
    assert evidence.candidate.intended_s.tolist() == pytest.approx([n / 10 for n in range(50)])
    assert set(evidence.candidate.latency_s.tolist()) == {0.02}
    assert evidence.candidate.paths == ("/a", "/b")
    assert evidence.candidate.path.tolist() == [n % 2 for n in range(50)]
    assert (evidence.started_s, evidence.finished_s) == (WALL_NS / 1e9, WALL_NS / 1e9 + BAKE_S)
    assert evidence.problems == ()
    assert len(evidence.files) == 2


@pytest.mark.parametrize("fault", ["timeout", "connect", "tls", "protocol", "expectation"])
def test_what_the_service_did_wrong_is_a_failure(tmp_path: Path, fault: str) -> None:
    """Every fault but the recorder's own is the service's."""
    requests = open_recording(recorded(tmp_path / "r", rows(n7=fault))).evidence("requests", "errors").candidate

    assert isinstance(requests, Requests)
    assert np.flatnonzero(requests.failed).tolist() == [7]
    assert requests.usable.all()


def test_what_the_recorder_could_not_send_is_not_usable_and_no_failure(tmp_path: Path) -> None:
    """The recorder's own trouble says nothing about the service; beyond 1 % it is a problem of the whole."""
    evidence = open_recording(recorded(tmp_path / "r", rows(n7="recorder"))).evidence("requests", "errors")

    assert isinstance(evidence.candidate, Requests)
    assert np.flatnonzero(~evidence.candidate.usable).tolist() == [7]
    assert not evidence.candidate.failed.any()
    assert "bottleneck" in evidence.problems[0]


def test_a_recorder_that_lags_is_a_problem(tmp_path: Path) -> None:
    """More than 5 ms at the 95th percentile."""
    slow = [row(number, lag_s=0.006) for number in range(50)]

    assert "lagged" in open_recording(recorded(tmp_path / "r", slow)).evidence("requests", "latency").problems[0]


@pytest.mark.parametrize(
    ("candidate", "tail", "text"),
    [
        (rows()[:40], {}, "cut short"),
        ([], {}, "nothing was recorded"),
        (None, {"ended": "interrupted", "reason": "SIGTERM"}, "interrupted: SIGTERM"),
        (None, {"clock_step_s": -3600.0}, "clock"),
    ],
)
def test_what_makes_samples_untrustworthy_is_a_problem(
    tmp_path: Path, candidate: list[tuple[int, ...]] | None, tail: dict[str, Any], text: str
) -> None:
    """Too few, none, an interruption, a clock that jumped: evidence is given, and says so."""
    evidence = open_recording(recorded(tmp_path / "r", candidate, **tail)).evidence("requests", "latency")

    assert any(text in problem for problem in evidence.problems)


def test_a_stopped_recording_is_judged_by_what_was_observed(tmp_path: Path) -> None:
    """Stopping early is no fault: as many samples are expected as the observed time has."""
    folder = recorded(tmp_path / "r", rows()[:20], ended="stopped", reason="seen enough", observed_s=2.0)
    evidence = open_recording(folder).evidence("requests", "latency")

    assert not [problem for problem in evidence.problems if "candidate" in problem]
    assert evidence.finished_s - evidence.started_s == pytest.approx(2.0)


def test_answers_series_and_ids_come_back(tmp_path: Path) -> None:
    """What was not observed is NaN with its fault; ids know whether they were found in the log."""
    recording = open_recording(recorded(tmp_path / "r"))
    health = recording.evidence("health", "status")
    memory = recording.evidence("memory", "value")
    ids = recording.evidence("requests", "logged")

    assert isinstance(health.candidate, Answers)
    assert health.baseline is None
    assert [answer.t_s for answer in health.candidate.answers] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert health.candidate.answers[0].headers == (("age", "0"),)
    assert health.candidate.answers[0].took_s == 0.005
    assert isinstance(memory.candidate, Series)
    assert np.isnan(memory.candidate.value[2])
    assert memory.candidate.faults == ("2 s: no series",)
    assert isinstance(ids.candidate, Ids)
    assert [(fact.sent, fact.logged, fact.path) for fact in ids.candidate.facts] == [
        ("candidate-0", True, "/a"),
        ("candidate-1", None, "/b"),
        ("candidate-2", None, "/a"),
    ]


def test_an_unknown_signal_or_part_names_what_there_is(tmp_path: Path) -> None:
    """A replay under another policy may ask for what was never recorded."""
    recording = open_recording(recorded(tmp_path / "r"))

    with pytest.raises(SourceError, match="requests, health, memory"):
        recording.evidence("queue", "value")
    with pytest.raises(SourceError, match="no part growth"):
        recording.evidence("requests", "growth")


def test_without_a_manifest_there_is_no_recording(tmp_path: Path) -> None:
    """An empty folder, and a recorder that never finished, are errors."""
    with pytest.raises(SourceError, match="no recording"):
        open_recording(tmp_path)
    new = writer(tmp_path / "r")
    new.close()
    with pytest.raises(SourceError, match="not finished"):
        open_recording(tmp_path / "r")


def test_a_live_recording_can_be_peeked_into_but_never_passes(tmp_path: Path) -> None:
    """Half a record at the end is left out, and a problem stands in the evidence."""
    new = writer(tmp_path / "r")
    fill(new)
    new.lines(("health", "candidate", "answers"), [line(6, code=200, body="x" * 30_000)])
    new.flush()
    new.close()
    for path in (tmp_path / "r").glob("live-*"):
        path.write_bytes(path.read_bytes()[:-5])

    recording = open_recording(tmp_path / "r", live=True)
    requests = recording.evidence("requests", "latency")
    health = recording.evidence("health", "status")

    assert isinstance(requests.candidate, Requests)
    assert len(requests.candidate.intended_s) == 49
    assert isinstance(health.candidate, Answers)
    assert len(health.candidate.answers) == 6
    assert "not finished" in requests.problems[0]
    assert "not finished" in health.problems[0]


def test_a_recording_in_the_evidence_folder_is_found(tmp_path: Path) -> None:
    """A run keeps its raw samples in a folder of their own."""
    recorded(tmp_path / "evidence")

    assert open_recording(tmp_path).run_id == "run-1"


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """A manifest that names a file which is gone gives no evidence."""
    folder = recorded(tmp_path / "r")
    name = open_recording(folder).evidence("health", "status").files[0]
    (folder / name).unlink()

    with pytest.raises(SourceError):
        open_recording(folder).evidence("health", "status")


def test_changed_figures_in_the_manifest_are_noticed(tmp_path: Path) -> None:
    """An interruption cannot be edited away."""
    folder = recorded(tmp_path / "r", ended="interrupted")
    text = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(text.replace("interrupted", "complete"))

    with pytest.raises(SourceError, match="seal"):
        open_recording(folder)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make one recording that is copied and damaged."""
    return recorded(tmp_path_factory.mktemp("original") / "r")


def plain(folder: Path, *, live: bool = False) -> list[str]:
    """Return everything that a recording says, as text."""
    recording = open_recording(folder, live=live)
    return [repr(recording.evidence(*part)) for part in PARTS]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_recording_is_an_error_or_says_the_same(original: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Whatever bytes are changed, cut or added in any file: an error, never other evidence and never a traceback."""
    folder = tmp_path / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(original, folder)
    victim = data.draw(st.sampled_from(sorted(folder.iterdir())))
    content = bytearray(victim.read_bytes())
    begin = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(begin, min(len(content), begin + 20)))
    content[begin:end] = data.draw(st.binary(max_size=20))
    victim.write_bytes(content)

    try:
        said = plain(folder)
    except SourceError:
        return
    assert said == plain(original)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_live_recording_never_gives_a_traceback(tmp_path: Path, data: st.DataObject) -> None:
    """Live files carry no digest yet: garbage in them is an error or evidence with its problem."""
    folder = tmp_path / "live"
    shutil.rmtree(folder, ignore_errors=True)
    new = writer(folder)
    fill(new)
    new.flush()
    new.close()
    victim = data.draw(st.sampled_from(sorted(folder.iterdir())))
    content = bytearray(victim.read_bytes())
    begin = data.draw(st.integers(0, len(content)))
    content[begin : begin + 20] = data.draw(st.binary(max_size=20))
    victim.write_bytes(content)

    for part in PARTS:
        try:
            evidence = open_recording(folder, live=True).evidence(*part)
        except SourceError:
            continue
        assert evidence.problems


def test_moments_are_stored_exactly(tmp_path: Path) -> None:
    """Nanoseconds do not fit into a JSON number: they are texts, and nothing is rounded away."""
    manifest = json.loads((recorded(tmp_path / "r") / MANIFEST).read_text())

    assert int(manifest["started"]["monotonic_ns"]) == START_NS
    assert manifest["started"]["wall_ns"] == str(WALL_NS)
