"""What gates are written with: ``gate`` judges, ``observation`` gives the recorded signals.

Every pytest session imports this module, most of them without a policy: it imports what it needs when a gate runs.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from relgate.observe.store import Recording
    from relgate.policy import Gate as Rule
    from relgate.preflight.store import Asked
    from relgate.settings import Run
    from relgate.values import Evidence, Findings, GateResult, Judgement, Measurement

RUN: pytest.StashKey[Run] = pytest.StashKey()

_NO_POLICY = (
    "this session does not decide about a release: pass --gate-policy FILE, or set gate_policy in [tool.pytest] and "
    "select gates by their family (pytest -m canary). relgate init writes a first policy"
)


@dataclass(frozen=True, slots=True)
class SignalPart:
    """A part of a gate's signal, by name: ``observation.latency`` is the latency of the policy's signal."""

    field: str


@dataclass
class Observation:
    """The recorded signals of this run. ``observation.latency`` names a part; the policy says of which signal."""

    run: Run
    _recording: Recording | None = field(default=None, repr=False)

    def __getattr__(self, name: str) -> SignalPart:
        if name.startswith("_"):
            raise AttributeError(name)
        return SignalPart(name)

    def evidence(self, rule: Rule) -> Evidence:
        """The samples that a gate judges.

        Raises:
            SourceError: the recording is missing, unfinished or damaged.

        """
        from relgate.errors import SourceError
        from relgate.observe.store import open_recording

        if rule.signal is None or rule.field is None:
            raise TypeError(f"gate {rule.id} has no signal in the policy: give judge() a Measurement")
        if self._recording is None:
            recording = open_recording(self.run.path)
            if recording.run_id != self.run.id:
                text = f"{self.run.path}: the recording is that of run {recording.run_id}, not of {self.run.id}"
                raise SourceError(text)
            self._recording = recording
        return self._recording.evidence(rule.signal, rule.field)


@dataclass(frozen=True, slots=True)
class ProofPart:
    """What the proof of the migrations says about one gate, by the gate's id."""

    gate: str


@dataclass(frozen=True)
class MigrationProof:
    """The proof of this run's migrations; ``migrations.data`` is what the gate ``migration-data`` judges."""

    run: Run

    def __getattr__(self, name: str) -> ProofPart:
        if name.startswith("_"):
            raise AttributeError(name)
        return ProofPart(f"migration-{name.replace('_', '-')}")

    def findings(self, gate_id: str) -> Findings:
        """Return what was found.

        Raises:
            SourceError: nothing was proven in this run, or not this gate.

        """
        from relgate.errors import SourceError
        from relgate.migrate.store import read

        gates = read(self.run.path / "evidence", self.run.id).gates
        if gate_id not in gates:
            raise SourceError(f"the proof has nothing about {gate_id}: it has {', '.join(gates)}")
        return gates[gate_id]


@dataclass(frozen=True, slots=True)
class ExploredPart:
    """What exploring the API says about one gate, by the gate's id."""

    gate: str


@dataclass(frozen=True)
class ApiExploration:
    """What was explored in this run; ``exploration.errors`` is what the gate ``api-errors`` judges."""

    run: Run

    def __getattr__(self, name: str) -> ExploredPart:
        if name.startswith("_"):
            raise AttributeError(name)
        return ExploredPart(f"api-{name.replace('_', '-')}")

    def findings(self, gate_id: str) -> Findings:
        """Return what was found.

        Raises:
            SourceError: nothing was explored in this run, or not this gate.

        """
        from relgate.errors import SourceError
        from relgate.openapi.store import read

        gates = read(self.run.path / "evidence", self.run.id).gates
        if gate_id not in gates:
            raise SourceError(f"the exploration has nothing about {gate_id}: it has {', '.join(gates)}")
        return gates[gate_id]


Part = SignalPart | ProofPart | ExploredPart


class GateJudge:
    """The ``gate`` fixture: judges one release criterion and leaves the result on the test's report."""

    def __init__(self, request: pytest.FixtureRequest, run: Run, observation: Observation) -> None:
        self._item = request.node
        self._config = request.config
        self._run = run
        self._observation = observation

    def judge(
        self,
        gate_id: str,
        signal: Part | Measurement | Findings | None = None,
        *,
        files: tuple[str, ...] = (),
        remark: str = "",
    ) -> Judgement:
        """Judge a gate of the policy; the test fails unless the verdict is pass or warn.

        Args:
            gate_id: id of the gate in the policy.
            signal: a part of ``observation``, which must be the one that the policy's gate measures; or your own
                ``Measurement`` for a gate without a signal; or a part of ``migrations`` or ``exploration``; or what a
                smoke path found; or None for what the policy names.
            files: SHA-256 of further evidence.
            remark: what a reader wants to know about a gate that lets the release pass.

        Returns:
            The judgement, when it is pass or warn.

        """
        from relgate.collector import RESULT
        from relgate.judging import result as judged

        rule = self._rule(gate_id)
        judgement, evidence = self._judgement(rule, signal)
        result = judged(self._run, rule, judgement, evidence, self._reproduce())
        if remark and result.verdict in ("pass", "warn"):
            result = replace(result, message=self._run.redactor.text(f"{result.message}; {remark}"))
        result = replace(result, evidence=(*result.evidence, *self._files(rule), *files))
        self._item.stash[RESULT] = result
        self._describe(result)
        if result.verdict not in ("pass", "warn"):
            pytest.fail(f"{rule.id}: {result.message}", pytrace=False)
        return judgement

    def absent(self, gate_id: str, why: str) -> None:
        """Say that a gate cannot be judged since what it needs did not come: it holds the release, and did not fail."""
        from relgate.collector import RESULT
        from relgate.judging import result as judged
        from relgate.values import Judgement, Measurement, Verdict

        rule = self._rule(gate_id)
        missing = Judgement(Verdict.MISSING, why, Measurement(dimension=rule.dimension, n=0), "")
        self._item.stash[RESULT] = result = judged(self._run, rule, missing, None, self._reproduce())
        self._describe(result)

    def _rule(self, gate_id: str) -> Rule:
        from relgate.collector import RESULT, declared_gate
        from relgate.errors import UsageError

        rule = self._run.gates.get(gate_id)
        if rule is None:
            known = ", ".join(self._run.gates)
            raise UsageError(f"gate {gate_id!r} is not in the policy for stage {self._run.stage_name}: it has {known}")
        declared = declared_gate(self._item)
        if gate_id != declared:
            text = f"{self._item.nodeid} is gate {declared!r} by its name or marker, and judges {gate_id!r}"
            raise UsageError(f'{text}: rename it, or mark it with @pytest.mark.gate(id="{gate_id}")')
        previous = self._item.stash.get(RESULT, None)
        if previous is not None:
            raise UsageError(f"one test is one gate: {self._item.nodeid} has judged {previous.id} already")
        return rule

    def _judgement(self, rule: Rule, signal: Part | Measurement | Findings | None) -> tuple[Judgement, Evidence | None]:
        from relgate.policy.smoke import is_path
        from relgate.values import Findings
        from relgate.verdicts import by_findings, unmeasured

        if isinstance(signal, Findings):
            if not is_path(rule) or signal.gate != rule.id:
                return unmeasured(rule, f"{rule.id} is not judged by what a path found, the test gives that"), None
            return by_findings(rule, signal), None
        if is_path(rule):
            text = f"{rule.id} is judged by its path: write the test with the fixture `path`"
            return unmeasured(rule, text), None
        if rule.kind == "findings" and rule.family == "preflight":
            return self._asked(rule, signal), None
        if rule.kind == "findings" or isinstance(signal, ProofPart | ExploredPart):
            return self._found(rule, signal), None
        return self._measured(rule, signal)

    def _asked(self, rule: Rule, signal: Part | Measurement | None) -> Judgement:
        """Judge what was asked and answered before the rollout, whatever the test asks for."""
        from relgate.errors import SourceError
        from relgate.verdicts import by_findings, unmeasured

        if signal is not None:
            return unmeasured(rule, f"{rule.id} is judged by what is asked before a rollout: give judge() its id alone")
        try:
            return by_findings(rule, asked_before(self._run, rule.id).findings)
        except SourceError as error:
            return unmeasured(rule, str(error))

    def _files(self, rule: Rule) -> tuple[str, ...]:
        """Return the SHA-256 of what was answered to a gate that asks before a rollout."""
        from relgate.errors import SourceError

        if rule.kind != "findings" or rule.family != "preflight":
            return ()
        try:
            return asked_before(self._run, rule.id).files
        except SourceError:
            return ()  # The verdict is an error and says so.

    def _found(self, rule: Rule, signal: Part | Measurement | None) -> Judgement:
        """Judge what the proof or the exploration says about this gate, whatever the test asks for."""
        from relgate.errors import SourceError
        from relgate.policy.api import EXPLORED
        from relgate.verdicts import by_findings, unmeasured

        part, what = (
            (ExploredPart, "the exploration of the API")
            if rule.id in EXPLORED
            else (ProofPart, "the proof of the migrations")
        )
        if rule.kind != "findings" or (isinstance(signal, ProofPart | ExploredPart) and signal.gate != rule.id):
            return unmeasured(rule, f"the policy's gate {rule.id} is not what the test gives it to judge: {signal}")
        if signal is not None and not isinstance(signal, part):
            return unmeasured(rule, f"{rule.id} is judged by {what}, the test gives something else")
        source = ApiExploration(self._run) if rule.id in EXPLORED else MigrationProof(self._run)
        try:
            return by_findings(rule, source.findings(rule.id))
        except SourceError as error:
            return unmeasured(rule, str(error))

    def _measured(self, rule: Rule, signal: SignalPart | Measurement | None) -> tuple[Judgement, Evidence | None]:
        from relgate.errors import SourceError
        from relgate.judge import judge_value
        from relgate.judging import keep, measured
        from relgate.values import Measurement
        from relgate.verdicts import unmeasured

        if isinstance(signal, Measurement) and rule.signal is not None:
            text = f"the policy measures {rule.signal}.{rule.field}, the test gives a measurement of its own"
            return unmeasured(rule, text), None
        if isinstance(signal, Measurement):
            keep(self._run, rule.id, signal)
            return judge_value(rule, signal), None
        if isinstance(signal, SignalPart) and signal.field != rule.field:
            text = f"the policy measures {rule.signal}.{rule.field}, the test gives observation.{signal.field}"
            return unmeasured(rule, text), None
        try:
            evidence = self._observation.evidence(rule)
        except SourceError as error:
            return unmeasured(rule, str(error)), None
        return measured(self._run, rule, evidence), evidence

    def _reproduce(self) -> str:
        return shlex.join(["pytest", self._item.nodeid, *self._run.command])

    def _describe(self, result: GateResult) -> None:
        """Say what was judged in the formats of others: JUnit properties, Allure labels."""
        from relgate.report.properties import junit_properties

        self._item.user_properties.extend(junit_properties(result))
        if self._config.pluginmanager.has_plugin("allure_listener"):
            from relgate.adapters.allure import describe

            describe(result)


def asked_before(run: Run, gate_id: str) -> Asked:
    """Return what was asked and answered before the rollout, for one gate.

    Raises:
        SourceError: nothing was asked in this run, or not for this gate.

    """
    from relgate.errors import SourceError
    from relgate.preflight.store import read

    answers = read(run.path / "evidence", run.id)
    if gate_id not in answers:
        raise SourceError(f"nothing was asked for {gate_id}: there is {', '.join(answers) or 'nothing'}")
    return answers[gate_id]


@pytest.fixture(scope="session")
def observation(request: pytest.FixtureRequest) -> Observation:
    """The signals that were recorded in this run's window: ``gate.judge("latency-p95", observation.latency)``."""
    return Observation(_run(request.config))


@pytest.fixture
def gate(request: pytest.FixtureRequest) -> GateJudge:
    """Judges one release gate: ``gate.judge("latency-p95", observation.latency)``."""
    from relgate.collector import RESULT

    judge = GateJudge(request, _run(request.config), request.getfixturevalue("observation"))
    if RESULT in request.node.stash:
        del request.node.stash[RESULT]  # Of an earlier attempt, for a plugin that runs tests again: it was reported.
    if request.config.pluginmanager.has_plugin("allure_listener"):
        from relgate.adapters.allure import announce
        from relgate.collector import declared_gate

        run = _run(request.config)
        rule = run.gates.get(declared_gate(request.node) or "")
        if rule is not None:
            announce(rule, run.stage_name, run.release)
    return judge


@pytest.fixture(scope="session")
def migrations(request: pytest.FixtureRequest) -> MigrationProof:
    """What was proven about this run's migrations: ``gate.judge("migration-data", migrations.data)``."""
    return MigrationProof(_run(request.config))


@pytest.fixture(scope="session")
def exploration(request: pytest.FixtureRequest) -> ApiExploration:
    """What exploring the API found: ``gate.judge("api-errors", exploration.errors)``."""
    return ApiExploration(_run(request.config))


def _run(config: pytest.Config) -> Run:
    run: Any = config.stash.get(RUN, None)
    if run is None:
        pytest.fail(_NO_POLICY, pytrace=False)
    return run  # type: ignore[no-any-return]  # the stash key is typed lazily, the value is a Run
