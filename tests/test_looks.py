"""Looks at a bake that is not over: what stops it, and what never does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from relgate.judge import judge
from relgate.looks import Looks
from relgate.measure import trial
from relgate.measure.drift import Noise
from relgate.measure.samples import slides
from relgate.measure.trial import at_once
from relgate.observe.store import open_recording
from relgate.settings import Options, make_run
from tests.bakes import latencies
from tests.observe.samples import START_NS, WALL_NS, writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from relgate.measure.interval import Estimator
    from relgate.measure.trial import Bound, Finding, Subject, Trial
    from relgate.observe.writer import Writer
    from relgate.settings import Run

POLICY = """
relgate: 1
service: shop
environments: {{here: {{candidate: {{url: "https://new.example"}}, baseline: {{url: "https://old.example"}}}}}}
signals:
  requests: {{probe: {{rate: 20/s, get: /, ids: {{echo: true}}}}}}
gates: {{{gates}}}
stages: [{{name: canary, bake: 10m, run: canary}}]
"""
LATENCY = 'latency: {signal: requests.latency, quantile: 95%, fail: "> baseline + 20%"MORE}'
ERRORS = 'errors: {signal: requests.errors, fail: "> 300% of baseline"MORE}'
QUIET = Noise(0.01, 50.0, 2.0, "declared")
PER_S = 20


@pytest.fixture
def looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[Run, Looks, Writer]]]:
    """A run of these gates whose recording has begun, and its looks."""
    monkeypatch.chdir(tmp_path)
    opened: list[Any] = []

    def made(*gates: str, more: str = "", **facts: Any) -> tuple[Run, Looks, Writer]:
        Path("relgate.yaml").write_text(POLICY.format(gates=", ".join(gates).replace("MORE", more)))
        run = replace(make_run(Options("relgate.yaml")), noise=QUIET, **facts)
        new = writer(run.path / "evidence", run_id=run.id)
        looks = Looks(run, run.gates)
        opened.extend((looks, new))
        return run, looks, new

    yield made
    for one in opened:
        (one.__exit__(None, None, None) if isinstance(one, Looks) else one.close())


def grow(new: Writer, begin_s: int, end_s: int, factor: float = 1.0, failing: float = 0.0) -> None:
    """Record some seconds: the candidate ``factor`` times as slow, a share of its requests failing."""
    rng = np.random.default_rng(begin_s)
    for seed, (side, slow, share) in enumerate((("candidate", factor, failing), ("baseline", 1.0, 0.0))):
        n = (end_s - begin_s) * PER_S
        due_ns = START_NS + begin_s * 10**9 + np.arange(n) * (10**9 // PER_S)
        took_ns = (slow * latencies(n, 100 * begin_s + seed) * 1e9).astype(np.int64)
        bad = rng.random(n) < share
        new.requests(
            "requests",
            side,
            [
                (int(at), int(at), int(at + took), WALL_NS, 503 if failed else 200, int(failed), 0, 0, 21)
                for at, took, failed in zip(due_ns, took_ns, bad, strict=True)
            ],
        )
    new.flush()


def first_stop(looks: Looks, new: Writer, until_s: int, **truth: float) -> tuple[int, str] | None:
    """Look every five seconds; when the bake was stopped and why."""
    for end_s in range(5, until_s + 1, 5):
        grow(new, end_s - 5, end_s, **truth)
        said = looks.statistical(float(end_s))
        if said is not None:
            return end_s, said
    return None


def test_a_slow_release_stops_the_bake(looking: Callable[..., tuple[Run, Looks, Writer]]) -> None:
    """Within the first minute of ten, with the limit and the evidence in words."""
    _, looks, new = looking(LATENCY)
    stopped = first_stop(looks, new, 60, factor=2.5)

    assert stopped is not None
    assert stopped[1].startswith("latency: '> baseline + 20%' is broken, evidence ")


def test_a_good_release_is_left_alone(looking: Callable[..., tuple[Run, Looks, Writer]]) -> None:
    """However often somebody looks."""
    _, looks, new = looking(LATENCY, ERRORS)

    assert first_stop(looks, new, 120) is None


def test_what_is_not_settled_is_not_looked_at(looking: Callable[..., tuple[Run, Looks, Writer]]) -> None:
    """The slowest requests are still open: nothing is known of those seconds."""
    _, looks, new = looking(LATENCY)
    grow(new, 0, 60, factor=2.5)

    assert looks.statistical(3.0) is None
    assert looks.statistical(60.0) is not None


def test_joint_evidence_stops_the_bake(looking: Callable[..., tuple[Run, Looks, Writer]]) -> None:
    """Neither gate could alone: what earlier holds left counts, weighted with the shares of alpha."""
    _, looks, new = looking(LATENCY, ERRORS, carried={"latency": (30.0, 1.0), "errors": (30.0, 1.0)})
    grow(new, 0, 1)
    said = looks.statistical(1.0)

    assert said == "latency, errors together: evidence 1.5 of 1 needed"
    _, looks, new = looking(LATENCY, ERRORS, carried={"latency": (19.0, 1.0), "errors": (19.0, 1.0)})
    grow(new, 0, 1)
    assert looks.statistical(1.0) is None


def test_earlier_evidence_for_a_release_counts_in_looks_too(
    looking: Callable[..., tuple[Run, Looks, Writer]],
) -> None:
    """The bake is not stopped for what the end would not call broken."""
    _, looks, new = looking(LATENCY)
    alone = first_stop(looks, new, 60, factor=2.5)
    _, looks, new = looking(LATENCY, carried={"latency": (1e-6, 1.0)})
    after = first_stop(looks, new, 120, factor=2.5)

    assert alone is not None
    assert after is None or after[0] > alone[0]


@pytest.mark.parametrize("more", [", on_fail: hold, severity: critical", ", severity: minor", ", severity: normal"])
def test_gates_that_do_not_ask_for_a_rollback_at_once_never_stop(
    looking: Callable[..., tuple[Run, Looks, Writer]], more: str
) -> None:
    """Not alone and not together; the bake goes on for the others' sake."""
    _, looks, new = looking(LATENCY, more=more, carried={"latency": (1e9, 1.0)})

    assert first_stop(looks, new, 30, factor=4.0) is None


def test_a_release_that_fails_stops_the_bake(looking: Callable[..., tuple[Run, Looks, Writer]]) -> None:
    """One of four requests."""
    _, looks, new = looking(ERRORS)
    stopped = first_stop(looks, new, 60, failing=0.25)

    assert stopped is not None
    assert stopped[1].startswith("errors: ")


LASTING = 'errors: {signal: requests.errors, fail: "> 2% for 30s"}'


def test_a_limit_that_is_broken_for_long_enough_stops_the_bake(
    looking: Callable[..., tuple[Run, Looks, Writer]],
) -> None:
    """Not at the end of ten minutes, and not before its thirty seconds are over."""
    _, looks, new = looking(LASTING)
    stopped = first_stop(looks, new, 90, failing=0.25)

    assert stopped is not None
    assert stopped[0] == 30
    assert stopped[1].startswith("errors: from 0 s to 30 s: error rate")


def test_a_burst_is_not_as_long_as_a_limit_says(looking: Callable[..., tuple[Run, Looks, Writer]]) -> None:
    """Ten seconds of errors, however many; and a release without any."""
    _, looks, new = looking(LASTING)

    assert first_stop(looks, new, 20) is None
    grow(new, 20, 30, failing=0.9)
    for end_s in range(35, 91, 5):
        grow(new, end_s - 5, end_s)
        assert looks.statistical(float(end_s)) is None


def test_looking_at_stretches_costs_no_error_probability(looking: Callable[..., tuple[Run, Looks, Writer]]) -> None:
    """A stretch is judged at the level of all stretches of the bake, whenever it is looked at."""
    run, _, new = looking(LASTING)
    grow(new, 0, 30, failing=0.25)
    recording = open_recording(run.path, live=True)
    evidence = replace(recording.evidence("requests", "errors"), problems=())
    evidence = replace(evidence, finished_s=evidence.started_s + 30)
    gate, signal = run.gates["errors"], run.policy.signals["requests"]

    def judged(planned_end_s: float) -> None:
        judge(gate, evidence, alpha=0.05, beta=0.05, noise=QUIET, signal=signal, planned_end_s=planned_end_s)

    levels = []

    def spy(bound: Bound, estimator: Estimator, subject: Subject, found: Finding | None = None) -> Trial:
        levels.append(subject.alpha)
        return at_once(bound, estimator, subject, found)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(trial, "at_once", spy)
        judged(30.0)
        judged(600.0)
    assert levels[0] == pytest.approx(0.05)
    assert levels[-1] == pytest.approx(0.05 / len(slides(0, 600, 30)))


IDS = 'ids: {{signal: requests.ids, fail: "{}"}}'


@pytest.mark.parametrize(("limit", "stops"), [("any", True), ("> 0%", True), ("> 1%", False)])
def test_ids_stop_a_bake_only_where_none_may_break_the_rule(
    looking: Callable[..., tuple[Run, Looks, Writer]], limit: str, stops: bool
) -> None:
    """A share of them is an estimate: judged once, at the end, or looking would cost error probability."""
    _, looks, new = looking(IDS.format(limit))
    grow(new, 0, 5)
    facts = [{"t_ns": START_NS + n, "sent": f"c{n}", "got": "other", "status": 200, "path": 0} for n in range(50)]
    new.lines(("requests", "candidate", "ids"), facts, clean=True)
    new.lines(("requests", "baseline", "ids"), [{**fact, "got": fact["sent"]} for fact in facts], clean=True)
    new.flush()

    said = looks.certain(5.0)
    assert (said is not None) is stops
    assert said is None or said.startswith("ids: ")
