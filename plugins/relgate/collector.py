"""Gate results on test reports, from the worker that judged to the controller that decides.

Worker side: knows which tests are gates, and puts a judged result on the report of its own test, as JSON text. A
result that travels with its report is there or not there together with it; what a worker keeps until its end is lost
when the worker crashes.

Controller side: turns reports into one ``TestOutcome`` a test. A report that says "failed" and carries no verdict is a
broken gate, not an absent one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from relgate.codec import decode_result, encode_result
from relgate.decide import TestOutcome, worst
from relgate.values import GateResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from pathlib import Path

    from relgate.report.redact import Redactor
    from relgate.settings import Run

RESULT = pytest.StashKey[GateResult]()
REDACTOR: pytest.StashKey[Redactor] = pytest.StashKey()
"""On a test that knows more secrets than its run."""
_ON_REPORT = "relgate_result"
_COLLECTED_FOLDER = "workers"
_LONGEST_TEXT = 500
_GENERIC = "test_gate"


def declared_gate(item: pytest.Item) -> str | None:
    """The gate id of a test, or None when it is no gate.

    A test is a gate when it uses the ``gate`` fixture. Its id is the marker's (``@pytest.mark.gate(id="...")``), or
    that of its parameter ``gate_id``, or its name: ``test_latency_p95`` is ``latency-p95``.
    """
    if "gate" not in getattr(item, "fixturenames", ()):
        return None
    for marker in item.iter_markers("gate"):
        named = marker.kwargs.get("id") or next(iter(marker.args), None)
        if named is not None:
            return str(named)
    callspec = getattr(item, "callspec", None)
    if callspec is not None and isinstance(callspec.params.get("gate_id"), str):
        return str(callspec.params["gate_id"])
    return gate_of_name(getattr(item, "originalname", None) or item.name)


def gate_of_name(name: str) -> str:
    """``test_latency_p95`` -> ``latency-p95``; ``test_gate[queue]`` -> ``queue``."""
    base, _, parameter = name.partition("[")
    if base == _GENERIC and parameter:
        return parameter.removesuffix("]")
    return base.removeprefix("test_").replace("_", "-")


class GateItems:
    """Hooks of every process that collects and runs tests: each worker, or the only process of a serial run."""

    def __init__(self, run: Run, worker: str) -> None:
        self._run = run
        self._worker = worker
        self.collected: dict[str, str] = {}
        self.not_in_policy: list[str] = []
        self._concealed = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_make_parametrize_id(self, val: object) -> str | None:
        """Take secrets out of ids of tests: pytest makes them of values, and they are printed and stored everywhere."""
        text = val.decode("ascii", "backslashreplace") if isinstance(val, bytes) else val
        if not isinstance(text, str):
            return None
        clean = self._run.redactor.text(text)
        if clean == text:
            return None
        # Numbered in the order of collection, which is the same in each worker: a strict project wants no id twice.
        self._concealed += 1
        return f"{clean}-{self._concealed}"

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out gates that the policy does not define, and generic tests of gates that have a test of their own."""
        gates = [(item, declared_gate(item)) for item in items]
        own = {gate for item, gate in gates if gate is not None and not _is_generic(item)}
        kept: list[pytest.Item] = []
        dropped: list[pytest.Item] = []
        for item, gate in gates:
            unknown = gate is not None and gate not in self._run.gates
            twice = _is_generic(item) and gate in own
            (dropped if unknown or twice else kept).append(item)
            if unknown and gate is not None and gate not in self._run.policy.gates:
                self.not_in_policy.append(gate)
        if dropped:
            config.hook.pytest_deselected(items=dropped)
            items[:] = kept

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Tell the controller which tests are gates, before the first of them can take the worker down."""
        found = ((item.nodeid, declared_gate(item)) for item in session.items)
        self.collected = {nodeid: gate for nodeid, gate in found if gate is not None}
        folder = self._run.path / _COLLECTED_FOLDER
        folder.mkdir(exist_ok=True)
        draft = folder / f"{self._worker}.draft"
        draft.write_text(
            json.dumps({"collected": self.collected, "not_in_policy": sorted(set(self.not_in_policy))}),
            encoding="utf-8",
        )
        draft.replace(folder / f"{self._worker}.json")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Take secrets out of what is said about a file that cannot be collected."""
        report = yield
        _clean(report, self._run.redactor.text)
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the judged result on the report of its test, and take secrets out of what others will print or store."""
        report = yield
        _clean(report, item.stash.get(REDACTOR, self._run.redactor).text)
        result = item.stash.get(RESULT, None)
        if result is not None:
            try:
                setattr(report, _ON_REPORT, encode_result(result))
            except (TypeError, ValueError) as error:
                report.outcome = "failed"
                report.longrepr = f"the result of gate {result.id} cannot be written: {error}"
        return report


def _clean(report: pytest.TestReport | pytest.CollectReport, clean: Callable[[str], str]) -> None:
    if report.longrepr is not None and clean(report.longreprtext) != report.longreprtext:
        report.longrepr = clean(report.longreprtext)
    report.sections = [(title, clean(text)) for title, text in report.sections]


def _is_generic(item: pytest.Item) -> bool:
    return getattr(item, "originalname", None) == _GENERIC


@dataclass
class _Seen:
    result: GateResult | None = None
    broken: str | None = None
    skipped: str | None = None


@dataclass(eq=False)  # Hashable by identity: pytest keeps plugins in sets where a conftest lies beside the tests.
class Collector:
    """Hooks of the controller: everything that pytest reports, and how it ended."""

    run: Run
    interruption: str | None = None
    finished: bool = False
    _tests: dict[str, _Seen] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the verdict of a gate, or why there is none."""
        if getattr(report, "context", None) is not None:
            return  # A subtest: its parent reports the failure once more.
        seen = self._tests.setdefault(report.nodeid, _Seen())
        text = getattr(report, _ON_REPORT, None)
        if text is not None:
            try:
                result = decode_result(text)
                seen.result = result if seen.result is None else worst([seen.result, result])
            except ValueError as error:
                seen.broken = f"{report.nodeid}: {error}"
        verdict = seen.result.verdict if seen.result is not None else None
        if str(report.outcome) in ("failed", "rerun") and verdict in (None, Verdict.PASS, Verdict.WARN):
            seen.broken = seen.broken or _failure(report)
        elif report.outcome == "skipped" and verdict in (Verdict.PASS, Verdict.WARN):
            # It judged, and then did not go on to its end: xfail swallowed a failure, or it skipped itself.
            seen.broken = f"{report.nodeid} did not pass after it had judged: {_skip_reason(report)}"
        elif report.outcome == "skipped" and text is None:
            seen.skipped = _skip_reason(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be collected may have held a gate."""
        if report.failed:
            why = _last_line(report)
            self.interrupt(f"{report.nodeid or 'the session'} could not be collected{': ' if why else ''}{why}")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """SIGINT, SIGTERM and ``pytest.exit``, whatever code the latter was given."""
        self.interrupt(f"{excinfo.typename}: {excinfo.value}".rstrip(": "))

    def pytest_internalerror(self, excrepr: object) -> None:
        """A crash of pytest or of a plugin."""
        lines = str(excrepr).strip().splitlines()
        self.interrupt(f"internal error: {lines[-1] if lines else 'unknown'}")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object | None) -> None:
        """A worker that is gone for any reason but the end of its work."""
        if error is not None and not self.finished:
            self.interrupt(f"worker {node.gateway.id} was lost: {error}")

    def interrupt(self, reason: str) -> None:
        """Note why the session cannot be trusted to be whole; the first reason is the cause."""
        self.interruption = self.interruption or reason

    def outcomes(self, collected: dict[str, str]) -> list[TestOutcome]:
        """One outcome a test, in the order in which tests were first reported."""
        return [
            TestOutcome(nodeid, self._gate(nodeid, seen, collected), seen.result, seen.broken, seen.skipped)
            for nodeid, seen in self._tests.items()
        ]

    def _gate(self, nodeid: str, seen: _Seen, collected: dict[str, str]) -> str | None:
        if seen.result is not None:
            return seen.result.id
        if nodeid in collected:
            return collected[nodeid]
        named = gate_of_name(nodeid.rpartition("::")[2])
        return named if named in self.run.gates else None


def read_collected(folder: Path) -> tuple[dict[str, str] | None, tuple[str, ...]]:
    """What all processes of a run collected: test node id -> gate id, and the gates that the policy does not define.

    None for the former where no process left a list, or one that cannot be read.
    """
    collected: dict[str, str] = {}
    unknown: set[str] = set()
    paths = sorted((folder / _COLLECTED_FOLDER).glob("*.json"))
    try:
        for path in paths:
            document = json.loads(path.read_text(encoding="utf-8"))
            collected.update(document["collected"])
            unknown.update(document["not_in_policy"])
    except (OSError, ValueError, KeyError, TypeError):
        return None, ()
    return (collected if paths else None), tuple(sorted(unknown))


def _last_line(report: pytest.CollectReport) -> str:
    """Return what a traceback ends with: the error itself."""
    lines = [line.removeprefix("E ").strip() for line in report.longreprtext.splitlines()]
    return next((line for line in reversed(lines) if line), "")[:300]


def _failure(report: pytest.TestReport) -> str:
    text = report.longreprtext.strip()
    crash = getattr(report.longrepr, "reprcrash", None)
    last = crash.message if crash is not None else (text.splitlines() or ["failed"])[-1]
    again = " and was run again" if str(report.outcome) == "rerun" else ""
    when = f" in {report.when}" if report.when in ("setup", "teardown") else ""
    return f"{report.nodeid} failed{when}{again}: {_first_line(last)}"


def _skip_reason(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return f"xfail: {report.wasxfail or 'expected to fail'}"
    longrepr: object = report.longrepr
    reason = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return _first_line(str(reason).removeprefix("Skipped: "))


def _first_line(text: str) -> str:
    lines: Iterable[str] = text.strip().splitlines() or ["no reason given"]
    # A name of a file that is no UTF-8 comes as lone surrogates, which nothing can write down.
    return next(iter(lines))[:_LONGEST_TEXT].encode("utf-8", "backslashreplace").decode()
