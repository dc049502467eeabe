"""The controller of a deciding session: pytest hooks in lifecycle order, from the start record to the exit status."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from relgate.bake import Bake
from relgate.collector import Collector, GateItems, read_collected
from relgate.decide import Ending
from relgate.errors import PolicyError, SourceError, UsageError
from relgate.guard import Guard
from relgate.report import terminal
from relgate.run import DECISION, EXIT_UNRECORDED, SUMMARY, Conclusion, conclude, redactor, start
from relgate.settings import Options, Run, make_run

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator


def join(config: pytest.Config, text: str) -> Run:
    """Take the controller's run over on a worker."""
    run = Run.from_json(text)
    _place_allure_results(config, run)
    worker: Any = config
    config.pluginmanager.register(GateItems(run, worker.workerinput["workerid"]), "relgate-items")
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
    note: str | None = None

    @classmethod
    def prepare(cls, config: pytest.Config, families: tuple[str, ...]) -> Controller:
        """Freeze the run of this session and register what collects its results.

        Raises:
            pytest.UsageError: the policy or an option is at fault; every fault is named.

        """
        try:
            run = make_run(_options(config, families), _command(config))
            redactor(run)  # An unset secret is the caller's fault: say so before anything starts.
        except (PolicyError, UsageError) as error:
            raise pytest.UsageError(str(error)) from error
        _place_allure_results(config, run)
        controller = cls(config, run, Collector(run))
        config.pluginmanager.register(controller, "relgate-controller")
        config.pluginmanager.register(controller.collector, "relgate-collector")
        config.pluginmanager.register(GateItems(run, "main"), "relgate-items")
        return controller

    def pytest_report_header(self) -> list[str]:
        """What is going to be decided about."""
        run = self.run
        required = run.policy.required_ids(run.stage)
        lines = terminal.header_lines(
            run.policy.service, run.environment_name, run.stage_name, run.release, required, run.candidate_url
        )
        return [redactor(run).text(line) for line in lines]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Write the start record before the first gate, and stand guard."""
        try:
            start(self.run)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error
        self.guard = Guard(self._sudden_end)

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
        wanted = set(collected.values()) if serial else set(self.run.gates)
        if not (serial and session.testsfailed):
            try:
                self.note = Bake(self.run, wanted, reporter).observe()
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
        except pytest.exit.Exception as error:
            self.collector.interrupt(f"pytest.exit at the end of the session: {error.msg}")
            self._conclude(int(session.exitstatus))
            session.exitstatus = EXIT_UNRECORDED
        else:
            if self.conclusion is not None:
                session.exitstatus = self.conclusion.exit_code

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the decision: what a person reads in ten seconds."""
        if self.conclusion is not None:
            done = self.conclusion
            terminal.show_decision(terminalreporter, done.decision, _footer(self.run, done), done.unrecorded)

    def pytest_unconfigure(self) -> None:
        """Give signals and functions back; by now every other plugin has written its files."""
        if self.guard is not None:
            self.guard.release()
        results = getattr(self.config.option, "allure_report_dir", None)
        if results:
            from relgate.adapters.allure import sweep

            sweep(Path(results), redactor(self.run).text)

    def _conclude(self, exit_status: int) -> None:
        if self.conclusion is not None:
            return
        if self.guard is not None:
            self.guard.deaf()
        self.collector.finished = True
        collected, unknown = read_collected(self.run.path)
        unjudged = (f"not in the policy, so not run: {', '.join(unknown)}",) if unknown else ()
        notes = ((self.note,) if self.note else ()) + unjudged
        outcomes = self.collector.outcomes(collected)
        self.conclusion = conclude(
            self.run, outcomes, collected, Ending(exit_status, self.collector.interruption), notes
        )

    def _sudden_end(self, reason: str) -> None:
        self.collector.interrupt(reason)
        self._conclude(1)


def _footer(run: Run, conclusion: Conclusion) -> list[str]:
    """Where the record lies, if there is one."""
    if conclusion.head is None:
        return [f"exit code {conclusion.exit_code}"]
    return [
        f"report: {run.path / SUMMARY}",
        f"record: {run.path / DECISION}",
        f"ledger: line {conclusion.head.sequence}, sha256 {conclusion.head.sha256}",
    ]


def _options(config: pytest.Config, families: tuple[str, ...]) -> Options:
    def option(name: str) -> str | None:
        return getattr(config.option, f"gate_{name}") or config.getini(f"gate_{name}") or None

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
        release=tuple(config.getini("gate_release")) + tuple(config.option.gate_release),
        reports=option("reports") or "reports",
        observe_only=config.option.gate_observe_only or config.getini("gate_observe_only"),
        families=families,
    )


def _command(config: pytest.Config) -> tuple[str, ...]:
    """The options that make the same run again, for the ``reproduce`` line of a gate."""
    command = ["-m", config.option.markexpr] if config.option.markexpr else []
    for name in ("policy", "env", "stage", "candidate", "baseline", "bake"):
        value = getattr(config.option, f"gate_{name}")
        command += [f"--gate-{name}", value] if value else []
    for pair in config.option.gate_release:
        command += ["--gate-release", pair]
    return tuple(command)
