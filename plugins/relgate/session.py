"""The controller of a deciding session: pytest hooks in lifecycle order, from the start record to the exit status."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from relgate import news
from relgate.bake import Bake
from relgate.checking import Checking
from relgate.collector import Collector, GateItems, read_collected
from relgate.decide import Ending
from relgate.errors import PolicyError, SourceError, UsageError
from relgate.exploring import Exploring
from relgate.guard import Guard
from relgate.history import carried, excused, going_back, usual_noise
from relgate.listening import listening
from relgate.outward import Commands, tell
from relgate.paths import PathItems
from relgate.proving import Proving
from relgate.report import page, terminal
from relgate.report.promise import promise
from relgate.run import (
    DECISION,
    EXIT_HOLD,
    EXIT_UNRECORDED,
    EXITS_OF_PYTEST,
    Conclusion,
    conclude,
    risk_of,
    start,
)
from relgate.settings import Options, Run, make_run
from relgate.values import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from relgate.audit.record import Head


def join(config: pytest.Config, text: str) -> Run:
    """Take the controller's run over on a worker."""
    run = Run.from_json(text)
    _place_allure_results(config, run)
    worker: Any = config
    config.pluginmanager.register(GateItems(run, worker.workerinput["workerid"]), "relgate-items")
    config.pluginmanager.register(PathItems(run), "relgate-paths")
    return run


def _place_allure_results(config: pytest.Config, run: Run) -> None:
    """Where allure-pytest is here and was not told where to write, its results belong to this run's."""
    if getattr(config.option, "allure_report_dir", run) in (None, ""):
        config.option.allure_report_dir = str(run.path / "allure-results")


@dataclass(eq=False)
class Controller:
    """Owns a run on the process that decides. Registered as a plugin of its own."""

    config: pytest.Config
    run: Run
    collector: Collector
    guard: Guard | None = None
    conclusion: Conclusion | None = None
    started: Head | None = None
    ended_early: str | None = None
    broken: str | None = None
    pid: int = field(default_factory=os.getpid)
    commands: Commands = field(default_factory=Commands)
    untold: list[str] = field(default_factory=list)

    @classmethod
    def prepare(cls, config: pytest.Config, families: tuple[str, ...]) -> Controller:
        """Freeze the run of this session and register what collects its results.

        Raises:
            pytest.UsageError: the policy or an option is at fault; every fault is named.

        """
        try:
            run = make_run(_options(config, families), _command(config))
            waived, told = excused(run)
            run = replace(run, noise=usual_noise(run), carried=carried(run), waived=waived)
            run = replace(run, overrides=run.overrides + told)
            run.redactor  # noqa: B018 - an unset secret is the caller's fault: say so before anything starts.
        except (PolicyError, UsageError) as error:
            raise pytest.UsageError(str(error)) from error
        _place_allure_results(config, run)
        controller = cls(config, run, Collector(run))
        config.pluginmanager.register(controller, "relgate-controller")
        config.pluginmanager.register(controller.collector, "relgate-collector")
        config.pluginmanager.register(GateItems(run, "main"), "relgate-items")
        config.pluginmanager.register(PathItems(run), "relgate-paths")
        return controller

    def pytest_report_header(self) -> list[str]:
        """What is going to be decided about."""
        run = self.run
        required = run.policy.required_ids(run.stage)
        lines = terminal.header_lines(
            run.policy.service, run.environment_name, run.stage_name, run.release, required, run.candidate_url
        )
        return [run.redactor.text(line) for line in lines]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Write the start record before the first gate, and stand guard."""
        try:
            self.started = start(self.run)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error
        self.guard = Guard(self.collector.interrupt, self._sudden_end)
        self._write([self.commands.stop()])
        self._tell(lambda: news.begins(self.run))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Hand the frozen run to a worker."""
        node.workerinput["relgate"] = self.run.to_json()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Observe for the length of the bake, then let the gates judge what was recorded."""
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        serial = not self.config.pluginmanager.has_plugin("dsession")
        collected, _ = read_collected(self.run.path)
        wanted = set((collected or {}).values()) if serial else set(self.run.gates)
        with ExitStack() as stack:
            if not (serial and session.testsfailed):
                try:
                    Checking(self.run, wanted, reporter).check()
                    Proving(self.run, wanted, reporter).prove()
                    Exploring(self.run, wanted, reporter).explore()
                    self.ended_early = Bake(self.run, wanted, reporter).observe()
                    if self.ended_early is not None:
                        self._tell(lambda: news.ends_early(self.run, self.ended_early or ""))
                    stack.enter_context(listening(self.run, wanted))
                except (SourceError, UsageError) as error:
                    self.collector.interrupt(f"nothing could be observed: {error}")
            return (yield)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Decide and record before anybody reports."""
        self._conclude(int(exitstatus))
        if self.conclusion is not None:
            session.exitstatus = self.conclusion.exit_code

    @contextmanager
    def finishing(self, session: pytest.Session) -> Iterator[None]:
        """The outermost ring of the session's end: nobody else's last word replaces the decision's exit status."""
        try:
            yield
        except BaseException as error:
            self.crashed(error)
            self._conclude(int(session.exitstatus))
            if not isinstance(error, pytest.exit.Exception):
                raise
        session.exitstatus = self.last_word(int(session.exitstatus))

    def crashed(self, error: BaseException) -> None:
        """Note that something broke at the end of the session; a promotion does not survive that."""
        self.broken = f"{type(error).__name__} at the end of the session: {error}"
        self.collector.interrupt(self.broken)

    def last_word(self, exit_status: int) -> int:
        """The exit code of the process, whatever pytest and others make of it."""
        if os.getpid() != self.pid and self.guard is not None:
            self.guard.leave()
        if self.started is None:
            # It ended before it began: nothing is recorded, and no code but pytest's own for such an end will do.
            return exit_status if exit_status in EXITS_OF_PYTEST else EXIT_HOLD
        self._conclude(exit_status)
        if self.conclusion is None:
            return EXIT_UNRECORDED
        if self.run.observe_only:
            return self.conclusion.exit_code
        if self.broken is not None and self.conclusion.exit_code == 0:
            return EXIT_UNRECORDED
        return self.conclusion.exit_code

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the decision: what a person reads in ten seconds."""
        if self.conclusion is not None:
            done = self.conclusion
            terminal.show_decision(terminalreporter, done.decision, _footer(self.run, done), done.unrecorded)
            for fault in self.untold:
                terminalreporter.write_line(f"not told: {fault}")

    def pytest_unconfigure(self) -> None:
        """Give signals and functions back; by now every other plugin has written its files."""
        if self.guard is not None:
            self.guard.release(self.conclusion.exit_code if self.conclusion is not None else None)
        results = getattr(self.config.option, "allure_report_dir", None)
        if results:
            self._finish_allure(Path(results))
        if self.started is not None:
            self._write(self.commands.resume(self.conclusion))

    def _write(self, lines: Sequence[str | None]) -> None:
        """Write lines that a CI system reads, each as a line of its own."""
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        for line in lines:
            if line is not None and reporter is not None:
                reporter.ensure_newline()
                reporter.write_line(line)

    def _finish_allure(self, results: Path) -> None:
        """Bring Allure's results in line with the decision, and take secrets out of them."""
        from relgate.adapters.allure import finish, sweep

        done = self.conclusion
        if done is not None and done.head is not None and done.content is not None:
            head = (done.head.sequence, done.head.sha256)
            try:
                finish(results, self.run.path, done.content, head)
            except (OSError, ValueError, KeyError, TypeError) as error:
                sys.stderr.write(f"relgate: the Allure results are not whole ({type(error).__name__}: {error})\n")
        sweep(results, self.run.redactor.text)

    def _conclude(self, exit_status: int) -> None:
        if self.conclusion is not None or self.started is None:
            return
        if self.guard is not None:
            if os.getpid() != self.pid:
                self.guard.leave()
            self.guard.deaf()
        self.collector.finished = True
        collected, unknown = read_collected(self.run.path)
        if collected is None:
            self.collector.interrupt("the list of collected gates is not there: nobody knows what is missing")
        outcomes = self.collector.outcomes(collected or {})
        failed = any(seen.result is not None and seen.result.verdict is Verdict.FAIL for seen in outcomes)
        if self.ended_early is not None and not failed:
            self.collector.interrupt(f"{self.ended_early}; at the end no gate failed")
        ending = Ending(exit_status, self.collector.interruption)
        notes = self._notes(collected or {}, unknown)
        back = going_back(self.run)
        self.conclusion = conclude(self.run, self.started, outcomes, collected or {}, ending, notes, back)
        done = self.conclusion
        self._tell(lambda: tell(self.run, done))
        self._tell(lambda: news.decided(self.run, done))

    def _tell(self, others: Callable[[], list[str]]) -> None:
        """Tell others; whatever goes wrong there is a line for people, and nothing else."""
        try:
            self.untold += others()
        except Exception as error:  # noqa: BLE001 - a decision does not hang on who hears of it
            self.untold.append(self.run.redactor.text(f"{type(error).__name__}: {error}"))

    def _notes(self, collected: Mapping[str, str], unknown: Sequence[str]) -> tuple[str, ...]:
        """What a reader of the record has to know beside the gates."""
        expected = {*collected.values(), *self.run.policy.required_ids(self.run.stage)}
        absent = [gate for gate in self.run.gates if gate not in expected]
        notes = [self.ended_early] if self.ended_early is not None else []
        notes += [f"not in the policy, so not run: {', '.join(unknown)}"] if unknown else []
        notes += [f"in the policy, not required, did not run: {', '.join(absent)}"] if absent else []
        return tuple(notes)

    def _sudden_end(self, reason: str) -> None:
        self.collector.interrupt(reason)
        self._conclude(1)


def _footer(run: Run, conclusion: Conclusion) -> list[str]:
    """Where the record lies, if there is one."""
    if conclusion.head is None:
        return [f"exit code {conclusion.exit_code}"]
    signed = "unsigned" if conclusion.key is None else f"signed by {conclusion.key}"
    return [
        promise(risk_of(run)),
        f"report: {conclusion.unwritten or run.path / page.NAME}",
        f"record: {run.path / DECISION}",
        f"ledger: line {conclusion.head.sequence}, sha256 {conclusion.head.sha256}, {signed}",
    ]


def _options(config: pytest.Config, families: tuple[str, ...]) -> Options:
    def option(name: str) -> str | None:
        given: str | None = getattr(config.option, f"gate_{name}")
        if given is not None and not given.strip():
            raise UsageError(
                f"--gate-{name}: expected a value, got an empty text. Is a variable of the pipeline not set?"
            )
        return given or config.getini(f"gate_{name}") or None

    policy = option("policy")
    if policy is None:
        raise UsageError(
            "--gate-policy FILE is needed with the other --gate-* options; relgate init writes a first policy"
        )
    return Options(
        policy=policy,
        environment=option("env"),
        stage=option("stage"),
        candidate=option("candidate"),
        baseline=option("baseline"),
        bake=option("bake"),
        compress=option("compress"),
        release=tuple(config.getini("gate_release")) + tuple(config.option.gate_release),
        reports=option("reports") or "reports",
        observe_only=config.option.gate_observe_only or config.getini("gate_observe_only"),
        families=families,
    )


def _command(config: pytest.Config) -> tuple[str, ...]:
    """The options that make the same run again, for the ``reproduce`` line of a gate."""
    command = ["-m", config.option.markexpr] if config.option.markexpr else []
    for name in ("policy", "env", "stage", "candidate", "baseline", "bake", "compress"):
        value = getattr(config.option, f"gate_{name}")
        command += [f"--gate-{name}", value] if value else []
    for pair in config.option.gate_release:
        command += ["--gate-release", pair]
    return tuple(command)
