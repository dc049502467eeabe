"""The rules of the architecture, each as a session that breaks it: what may never lead to promote.

Every test runs serially and with two workers.
"""

from __future__ import annotations

import json
import os
import signal
import time
from xml.etree import ElementTree as ET

import pytest

from tests.plugin.conftest import GATES, POLICY, Project


def test_gates_that_pass_promote(project: Project) -> None:
    """The good case, without which no other test here would mean anything."""
    ended = project.run()

    assert ended.code == 0, ended.out
    assert ended.decision == "promote"
    assert ended.verdicts == {"alpha": "pass", "beta": "pass"}
    assert ended.kinds == ["run-started", "gate-decision"]
    assert "release decision: PROMOTE" in ended.out


def test_allure_results_of_a_run_lie_in_its_folder(serial: Project) -> None:
    """Each gate with its family, id, severity and figures, one history a gate whatever it observed."""
    ended = serial.run()
    results = [json.loads(path.read_text()) for path in (ended.runs[-1] / "allure-results").glob("*-result.json")]
    beta = next(result for result in results if result["name"] == "beta")
    labels = {(label["name"], label["value"]) for label in beta["labels"]}

    assert len(results) == 2
    assert {("feature", "canary"), ("story", "beta"), ("severity", "critical"), ("parentSuite", "stage")} <= labels
    assert {("gate", "beta"), ("stage", "stage"), ("verdict", "pass")} <= labels
    observed = next(parameter for parameter in beta["parameters"] if parameter["name"] == "observed")
    assert (observed["value"], observed["excluded"]) == ("2.0", True)


def test_junit_has_the_figures_of_each_gate_as_properties(project: Project) -> None:
    """For CI systems that read nothing else."""
    ended = project.run("--junitxml", "junit.xml")
    cases = ET.parse(project.folder / "junit.xml").getroot().iter("testcase")
    beta = next(case for case in cases if case.get("name") == "test_beta")
    properties = {item.get("name"): item.get("value") for item in beta.iter("property")}

    assert ended.code == 0
    assert properties["gate"] == "beta"
    assert properties["gate_verdict"] == "pass"
    assert properties["gate_observed"] == "2.0"
    assert properties["gate_limit"] == "> 10"


def test_a_warning_promotes_and_is_listed(project: Project) -> None:
    """A warning is no failure of the test either."""
    project.gates(beta=GATES["beta"].replace("2.0", "7.0"))
    ended = project.run()

    assert ended.code == 0, ended.out
    assert ended.verdicts["beta"] == "warn"
    assert "beta" in ended.reasons


def test_a_failed_gate_rolls_back_with_code_20(project: Project) -> None:
    """Never with 1: a crash of Python also exits with 1."""
    project.gates(beta=GATES["beta"].replace("2.0", "11.0"))
    ended = project.run()

    assert ended.code == 20, ended.out
    assert ended.decision == "rollback"
    assert ended.document["pytest_exit"] == 1


def test_a_failed_gate_with_on_fail_hold_holds_with_code_10(project: Project) -> None:
    """The policy decides what a failure asks for."""
    project.write("relgate.yaml", POLICY.replace('warn: "> 5"', "on_fail: hold"))
    project.gates(beta=GATES["beta"].replace("2.0", "11.0"))
    ended = project.run()

    assert ended.code == 10, ended.out
    assert ended.decision == "hold"


KILLED = "@pytest.mark.canary\ndef test_beta(gate):\n    os.kill(os.getpid(), signal.SIGKILL)\n"


def test_a_worker_killed_inside_a_required_gate_holds(project: Project) -> None:
    """Rules 1 and 3: serial, the session is gone and leaves a gap; with workers, the gate is an error."""
    project.gates(beta=KILLED)
    ended = project.run()

    if project.workers:
        assert ended.code == 10, ended.out
        assert ended.verdicts == {"alpha": "pass", "beta": "error"}
    else:
        assert ended.code == -signal.SIGKILL
        assert ended.kinds == ["run-started"]
        assert not (ended.runs[-1] / "decision.json").exists()


def test_a_worker_killed_in_a_gate_with_an_id_of_its_own_is_an_error_of_that_gate(project: Project) -> None:
    """The controller learns ids before the first gate runs, not from the worker that is gone."""
    marked = KILLED.replace("@pytest.mark.canary", '@pytest.mark.gate(id="beta")\n@pytest.mark.canary')
    project.gates(beta=marked.replace("test_beta", "test_other_name"))
    ended = project.run()

    if project.workers:
        assert ended.code == 10, ended.out
        assert ended.verdicts == {"alpha": "pass", "beta": "error"}
    else:
        assert ended.code == -signal.SIGKILL


def test_os_exit_with_zero_inside_a_gate_holds(project: Project) -> None:
    """os._exit(0) takes the process along without a word; its code must not read as promote."""
    project.gates(beta="@pytest.mark.canary\ndef test_beta(gate):\n    os._exit(0)\n")
    ended = project.run()

    assert ended.code == 10, ended.out
    assert ended.decision == "hold"
    assert ended.verdicts["beta"] in ("error", "missing")


def test_os_exit_in_a_forked_child_is_left_alone(serial: Project) -> None:
    """A child that a gate forks may end as it likes."""
    body = (
        "    child = os.fork()\n    if not child: os._exit(3)\n"
        "    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3\n"
    )
    serial.gates(beta=GATES["beta"].replace("    gate", body + "    gate"))

    assert serial.run().code == 0


@pytest.mark.parametrize("code", [0, 20, None])
def test_pytest_exit_inside_a_gate_holds(project: Project, code: int | None) -> None:
    """Whatever code it asks for."""
    project.gates(beta=f"@pytest.mark.canary\ndef test_beta(gate):\n    pytest.exit('enough', returncode={code})\n")
    ended = project.run()

    assert ended.code in (2, 3, 10), ended.out
    assert ended.decision == "hold"


def test_pytest_exit_after_the_last_gate_holds(project: Project) -> None:
    """All gates have passed by then; the session still did not end cleanly."""
    project.write(
        "conftest.py",
        "import pytest\n@pytest.hookimpl(trylast=True)\ndef pytest_runtest_logfinish(nodeid):\n"
        "    if 'beta' in nodeid: pytest.exit('enough', returncode=0)\n",
    )
    ended = project.run("-p", "no:randomly")

    assert ended.code != 0, ended.out
    assert ended.decision == "hold"


def test_pytest_exit_in_another_plugins_session_finish_does_not_overrule_the_decision(project: Project) -> None:
    """pytest itself would take the code of that exit."""
    project.gates(beta=GATES["beta"].replace("2.0", "11.0"))
    project.write(
        "conftest.py", "import pytest\ndef pytest_sessionfinish(session): pytest.exit('fine', returncode=0)\n"
    )
    ended = project.run()

    assert ended.code in (20, 30), ended.out


def test_another_plugin_that_sets_the_exit_status_does_not_overrule_the_decision(project: Project) -> None:
    """The last word is the decision's."""
    project.gates(beta=GATES["beta"].replace("2.0", "11.0"))
    project.write(
        "conftest.py",
        "import pytest\n@pytest.hookimpl(wrapper=True)\ndef pytest_sessionfinish(session):\n"
        "    result = yield\n    session.exitstatus = 0\n    return result\n",
    )

    assert project.run().code == 20


@pytest.mark.parametrize(
    "beta",
    [
        "@pytest.fixture\ndef broken(): raise OSError('no disk')\n\n"
        + GATES["beta"].replace("(gate)", "(broken, gate)"),
        "@pytest.fixture\ndef broken():\n    yield\n    raise OSError('no disk')\n\n"
        + GATES["beta"].replace("(gate)", "(broken, gate)"),
        GATES["beta"] + "    raise OSError('no disk')\n",
    ],
    ids=["fixture", "teardown", "after judging"],
)
def test_a_gate_that_breaks_is_an_error_and_holds(project: Project, beta: str) -> None:
    """Rule 3: in setup, in teardown, and after it has passed."""
    project.gates(beta=beta)
    ended = project.run()

    assert ended.code == 10, ended.out
    assert ended.verdicts["beta"] == "error"
    assert "no disk" in ended.reasons


@pytest.mark.parametrize(
    "mark",
    [
        "@pytest.mark.skip(reason='not today')",
        "@pytest.mark.skipif(True, reason='not today')",
        "@pytest.mark.xfail(run=False, reason='not today')",
    ],
)
def test_a_skipped_gate_is_missing_and_holds(project: Project, mark: str) -> None:
    """Rule 4: a skip is no pass."""
    project.gates(beta=f"{mark}\n{GATES['beta']}")
    ended = project.run()

    assert ended.code == 10, ended.out
    assert ended.verdicts["beta"] == "missing"
    assert "not today" in ended.reasons


def test_an_xfail_does_not_hide_a_failure(project: Project) -> None:
    """The verdict counts, not what somebody expected of the test."""
    project.gates(beta=f"@pytest.mark.xfail\n{GATES['beta'].replace('2.0', '11.0')}")

    assert project.run().code == 20


def test_a_gate_that_never_judges_is_missing(project: Project) -> None:
    """A green test is not a verdict."""
    project.gates(beta="@pytest.mark.canary\ndef test_beta(gate):\n    assert True\n")
    ended = project.run()

    assert ended.code == 10, ended.out
    assert "judged nothing" in ended.reasons


@pytest.mark.parametrize(
    "arguments", [["-k", "alpha"], ["--deselect", "test_gates.py::test_beta"], ["test_gates.py::test_alpha"]]
)
def test_a_required_gate_that_was_not_selected_is_missing(project: Project, arguments: list[str]) -> None:
    """Rule 4: required gates come from the policy, not from the selection."""
    ended = project.run(*arguments)

    assert ended.code == 10, ended.out
    assert ended.verdicts == {"alpha": "pass", "beta": "missing"}


def test_a_deselect_in_the_environment_is_missing(project: Project) -> None:
    """Nobody sees PYTEST_ADDOPTS in a CI log."""
    project.environment = {"PYTEST_ADDOPTS": "--deselect test_gates.py::test_beta"}
    ended = project.run()

    assert ended.code == 10, ended.out
    assert ended.verdicts["beta"] == "missing"


def test_stopping_at_the_first_failure_reports_the_rest_as_missing(project: Project) -> None:
    """-x: what was collected and did not run is missing, also when nothing requires it."""
    project.write(
        "relgate.yaml",
        POLICY.replace("require: [alpha, beta]", "require: [alpha]").replace(
            'fail: "> 10"}', 'fail: "> 10", on_fail: hold}', 1
        ),
    )
    project.gates(
        alpha=GATES["alpha"].replace("1.0", "11.0") + "    \n",
        beta=GATES["beta"].replace("    gate", "    time.sleep(1)\n    gate"),
    )
    ended = project.run("-x")

    assert ended.code in (2, 10), ended.out
    assert ended.decision == "hold"
    if not project.workers:
        assert ended.verdicts == {"alpha": "fail", "beta": "missing"}


def test_a_mistyped_marker_is_a_usage_error(project: Project) -> None:
    """`-m canray` is not an empty green run."""
    ended = project.run("-m", "canray")

    assert ended.code in (3, 4), ended.out
    assert "Unknown marker" in ended.out or project.workers
    assert all(run / "decision.json" not in run.iterdir() or ended.decision == "hold" for run in ended.runs)


def test_a_mistyped_path_is_a_usage_error(serial: Project) -> None:
    """A path that does not exist runs nothing."""
    ended = serial.run("test_gtaes.py")

    assert ended.code in (4, 5), ended.out
    assert ended.decision == "hold"


def test_a_file_that_cannot_be_collected_holds(project: Project) -> None:
    """It may have held a gate."""
    project.write("test_other.py", "import nothing_of_this_name\n")
    ended = project.run()

    assert ended.code in (2, 10), ended.out
    assert ended.decision == "hold"
    assert "test_other.py could not be collected: " in ended.reasons
    assert "No module named 'nothing_of_this_name'" in ended.reasons


def test_a_worker_that_dies_after_its_last_gate_holds(project: Project) -> None:
    """Everything was reported, and still something went wrong that nobody can explain."""
    project.write(
        "conftest.py",
        "import os\ndef pytest_sessionfinish(session):\n    if hasattr(session.config, 'workerinput'): os._exit(0)\n",
    )
    ended = project.run()

    if project.workers:
        assert ended.code == 10, ended.out
        assert "was lost" in ended.reasons
    else:
        assert ended.code == 0, ended.out


def test_a_failing_test_that_is_no_gate_holds(project: Project) -> None:
    """A red session is not a clean one."""
    project.gates("@pytest.mark.canary\ndef test_plain():\n    assert 1 == 2\n")
    ended = project.run()

    assert ended.code == 10, ended.out
    assert "is no gate" in ended.reasons


def test_one_test_cannot_judge_two_gates(project: Project) -> None:
    """A result rides on the report of its own test."""
    both = GATES["alpha"] + '    gate.judge("beta", value(1.0))\n'
    project.gates(alpha=both, beta="")
    ended = project.run()

    assert ended.code == 10, ended.out
    assert ended.verdicts == {"alpha": "error", "beta": "missing"}


def test_a_flaky_gate_is_not_washed_by_a_rerun(project: Project) -> None:
    """pytest-rerunfailures: the failed attempt counts."""
    flaky = (
        "@pytest.mark.canary\ndef test_beta(gate):\n"
        "    first = not os.path.exists('ran')\n    open('ran', 'w').close()\n"
        '    gate.judge("beta", value(11.0 if first else 1.0))\n'
    )
    project.gates(beta=flaky)
    ended = project.run("--reruns", "2")

    assert ended.code == 20, ended.out


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_the_session_in_order(project: Project, name: str) -> None:
    """Rule 7: the run says that it was interrupted, and holds."""
    project.gates(
        beta="@pytest.mark.canary\ndef test_beta(gate):\n    open('waiting', 'w').close()\n    time.sleep(30)\n"
    )
    process = project.start("--gate-policy", "relgate.yaml")
    project.wait_for("waiting")
    os.kill(process.pid, getattr(signal, name))
    ended = project.end(process)

    assert ended.code == 2, ended.out
    assert ended.decision == "hold"
    assert ended.kinds == ["run-started", "gate-decision"]


def test_a_killed_controller_leaves_a_gap(project: Project) -> None:
    """Rule 7: a start without a decision."""
    project.gates(
        beta="@pytest.mark.canary\ndef test_beta(gate):\n    open('waiting', 'w').close()\n    time.sleep(3)\n"
    )
    process = project.start("--gate-policy", "relgate.yaml")
    project.wait_for("waiting")
    process.kill()
    ended = project.end(process)

    assert ended.code == -signal.SIGKILL
    assert ended.kinds == ["run-started"]
    assert not (ended.runs[-1] / "decision.json").exists()


def test_no_verdict_of_an_earlier_run_counts(serial: Project) -> None:
    """Rule 8: a folder a run, and the decision names its run."""
    assert serial.run().code == 0
    second = serial.run("-k", "alpha")

    assert second.code == 10
    assert len(second.runs) == 2
    assert second.document["run_id"] == second.runs[-1].name
    assert (second.folder / "reports" / "latest").resolve() == second.runs[-1]
    assert second.kinds == ["run-started", "gate-decision"] * 2


def test_a_decision_that_cannot_be_recorded_exits_with_30(project: Project) -> None:
    """Rule 10: the ledger became unreadable during the run."""
    project.gates(
        beta=GATES["beta"].replace("    gate", "    open('reports/ledger.jsonl', 'a').write('forged\\n')\n    gate")
    )
    ended = project.run()

    assert ended.code == 30, ended.out
    assert "release decision: NOT RECORDED" in ended.out
    assert "promote" not in ended.out.replace("do not promote", "").lower()
    assert not (ended.runs[-1] / "decision.json").exists()


def test_a_run_whose_start_cannot_be_recorded_does_not_begin(serial: Project) -> None:
    """No gate runs without a start record."""
    serial.write("reports/ledger.jsonl", "forged\n")
    ended = serial.run()

    assert ended.code == 4, ended.out
    assert "start of this run cannot be recorded" in ended.out


def test_plain_pytest_without_a_policy_is_left_alone(serial: Project) -> None:
    """Rule 12: no option, no folder, no output."""
    (serial.folder / "relgate.yaml").unlink()
    serial.write("test_gates.py", "def test_one(): pass\n")
    plain = serial.run_plainly("-m", "not gate")

    assert plain.code == 0, plain.out
    assert "relgate:" not in plain.out
    assert not (serial.folder / "reports").exists()


def test_a_gate_without_a_policy_fails_and_says_what_to_do(serial: Project) -> None:
    """`pytest -m canary` without a policy is no green run."""
    plain = serial.run_plainly()

    assert plain.code == 1, plain.out
    assert "--gate-policy" in plain.out
    assert not (serial.folder / "reports").exists()


def test_a_policy_in_the_configuration_decides_only_when_a_family_is_selected(project: Project) -> None:
    """A developer's plain `pytest` stays a plain pytest."""
    project.write(
        "pytest.toml", '[pytest]\nstrict = true\ngate_policy = "relgate.yaml"\naddopts = ["-m", "not gate"]\n'
    )
    project.write("test_unit.py", "def test_unit(): pass\n")
    plain = project.run_plainly("-m", "not gate")

    assert plain.code == 0, plain.out
    assert not (project.folder / "reports").exists()

    deciding = project.run_plainly()

    assert deciding.code == 0, deciding.out
    assert deciding.decision == "promote"


def test_observe_only_decides_but_exits_as_pytest_does(project: Project) -> None:
    """For the first weeks with relgate: the decision is recorded, CI is not stopped by it."""
    project.gates(beta=GATES["beta"].replace("2.0", "11.0"))
    ended = project.run("--gate-observe-only")

    assert ended.code == 1, ended.out
    assert ended.decision == "rollback"
    assert any("observe only" in override for override in ended.document["overrides"])


def test_a_gate_that_the_policy_does_not_define_does_not_run_and_is_noted(project: Project) -> None:
    """Gates that come with relgate run where the policy gives them limits."""
    project.gates('@pytest.mark.canary\ndef test_gamma(gate):\n    gate.judge("gamma", value(1.0))\n')
    ended = project.run()

    assert ended.code == 0, ended.out
    assert any("gamma" in note for note in ended.document["overrides"])


def test_nan_does_not_get_into_a_measurement(serial: Project) -> None:
    """Rule 9: not a number is not a number to compare."""
    serial.gates(beta=GATES["beta"].replace("2.0", 'float("nan")'))
    ended = serial.run()

    assert ended.code == 10, ended.out
    assert ended.verdicts["beta"] == "error"


def test_a_hold_that_outlives_its_time_is_rolled_back(serial: Project) -> None:
    """The row of holds is read from the ledger; another release starts a row of its own."""
    serial.write("relgate.yaml", POLICY.replace("service: demo", "service: demo\nhold_for: 1s"))
    serial.gates(beta="@pytest.mark.canary\n@pytest.mark.skip\ndef test_beta(gate): ...\n")
    first = serial.run("--gate-release", "version=1")
    time.sleep(1.1)
    other = serial.run("--gate-release", "version=2")
    again = serial.run("--gate-release", "version=1")

    assert (first.code, other.code, again.code) == (10, 10, 20), again.out
    assert "longer than hold_for" in again.reasons


LAST_WORDS = {
    "session start": "def pytest_sessionstart(session): pytest.exit('x', returncode=0)",
    "configure": "def pytest_configure(config):\n"
    "    if not hasattr(config, 'workerinput'): pytest.exit('x', returncode=0)",
    "conftest": "sys.exit(0)",
    "sys.exit in session finish": "def pytest_sessionfinish(session): sys.exit(0)",
    "error in session finish": "def pytest_sessionfinish(session): raise OSError('disk')",
    "sys.exit in summary": "def pytest_terminal_summary(): sys.exit(0)",
    "sys.exit in unconfigure": "def pytest_unconfigure(): sys.exit(0)",
    "error in unconfigure": "def pytest_unconfigure(): raise OSError('disk')",
    "os._exit at exit": "import atexit\natexit.register(lambda: os._exit(0))",
    "os._exit in a thread": "import threading\n"
    "if 'PYTEST_XDIST_WORKER' not in os.environ: threading.Timer(4.0, lambda: os._exit(0)).start()",
}


@pytest.mark.parametrize("way", LAST_WORDS)
def test_nobody_else_has_the_last_word_about_the_exit_code(project: Project, way: str) -> None:
    """Whoever ends the process: a release that failed its gate never ends with 0."""
    project.gates(beta=GATES["beta"].replace("2.0", "11.0"))
    project.write("conftest.py", f"import os, sys\nimport pytest\n{LAST_WORDS[way]}\n")
    ended = project.run()

    assert ended.code not in (0, 1), ended.out
    if way not in ("conftest", "configure", "session start", "os._exit in a thread"):
        assert ended.decision == "rollback", ended.out


@pytest.mark.parametrize(
    "arguments", [["--markers"], ["--fixtures"], ["--collect-only"], ["-p", "no:relgate-controller"]]
)
def test_a_session_that_judges_nothing_does_not_end_with_zero(project: Project, arguments: list[str]) -> None:
    """Somebody put such an option into PYTEST_ADDOPTS."""
    assert project.run(*arguments).code not in (0, 1)


@pytest.mark.parametrize("option", ["policy", "candidate", "stage", "env", "bake", "reports"])
def test_an_empty_option_is_a_usage_error(serial: Project, option: str) -> None:
    """`--gate-candidate "$URL"` with a variable that is not set must not judge something else."""
    ended = serial.run_plainly("--gate-policy", "relgate.yaml", f"--gate-{option}=")

    assert ended.code == 4, ended.out
    assert "empty text" in ended.out


def test_a_fork_that_goes_on_with_the_session_decides_nothing(project: Project) -> None:
    """Only the process that wrote the start writes the decision."""
    if project.workers:
        pytest.skip("workers do not decide")
    forked = (
        "@pytest.mark.canary\ndef test_beta(gate):\n    child = os.fork()\n    if not child: time.sleep(2)\n"
        '    gate.judge("beta", value(11.0 if child else 1.0))\n'
    )
    project.gates(beta=forked)
    ended = project.run()
    time.sleep(2.5)

    assert ended.code == 20, ended.out
    assert ended.decision == "rollback"
    assert ended.kinds == ["run-started", "gate-decision"]


@pytest.mark.parametrize("harm", ["os.unlink('reports/ledger.jsonl')", "open('reports/ledger.jsonl', 'w').close()"])
def test_a_ledger_that_lost_the_start_takes_no_decision(project: Project, harm: str) -> None:
    """The decision goes into the ledger that has its start, or nowhere."""
    project.gates(beta=GATES["beta"].replace("    gate", f"    {harm}\n    gate"))
    ended = project.run()

    assert ended.code == 30, ended.out


@pytest.mark.parametrize(
    "after", ["    raise OSError('late')", "    pytest.xfail('known')", "    pytest.skip('after')", "    assert False"]
)
def test_what_happens_after_judging_takes_the_pass_back(project: Project, after: str) -> None:
    """Also where an xfail mark or a skip hides it."""
    project.gates(beta=f"@pytest.mark.xfail(strict=False)\n{GATES['beta']}{after}\n")
    ended = project.run()

    assert ended.code == 10, ended.out
    assert ended.verdicts["beta"] == "error"


def test_a_gate_cannot_judge_in_the_name_of_another(project: Project) -> None:
    """Copied, and half of it renamed: alpha would be missing and nobody would see it."""
    project.write("relgate.yaml", POLICY.replace("require: [alpha, beta]", "require: [beta]"))
    project.gates(alpha=GATES["alpha"].replace('"alpha"', '"beta"'))
    ended = project.run()

    assert ended.code == 10, ended.out
    assert ended.verdicts["alpha"] == "error"


def test_a_signal_that_a_test_swallows_is_seen(project: Project) -> None:
    """The CI job was cancelled; what the test makes of it does not matter."""
    if project.workers:
        pytest.skip("the signal goes to the controller")
    swallow = "    try:\n        os.kill(os.getpid(), signal.SIGTERM)\n        time.sleep(1)\n"
    swallow += "    except BaseException: pass\n"
    project.gates(beta=GATES["beta"].replace("    gate", f"{swallow}    gate"))
    ended = project.run()

    assert ended.code == 10, ended.out
    assert "SIGTERM" in ended.reasons


def test_secrets_do_not_redact_the_decision_itself(serial: Project) -> None:
    """A variable that looks like a secret and has a word of ours as its value."""
    serial.environment = {"DEPLOY_TOKEN": "rollback", "OTHER_TOKEN": "decision"}
    serial.gates(beta=GATES["beta"].replace("2.0", "11.0"))
    ended = serial.run()

    assert ended.code == 20, ended.out
    assert ended.decision == "rollback"


def test_a_summary_that_cannot_be_written_does_not_undo_the_record(serial: Project) -> None:
    """The decision is in the ledger by then."""
    harm = "    import pathlib\n    next(pathlib.Path('reports').glob('2*')).joinpath('decision.md').mkdir()\n"
    serial.gates(beta=GATES["beta"].replace("    gate", f"{harm}    gate"))
    ended = serial.run()

    assert ended.code == 0, ended.out
    assert "decision.md: cannot be written" in ended.out


@pytest.mark.parametrize("number", ["__import__('numpy').int64(11)", "__import__('fractions').Fraction(11)", "10**20"])
def test_a_number_of_any_kind_is_judged(serial: Project, number: str) -> None:
    """JSON knows few kinds of numbers; a failure must not get lost on the way."""
    serial.gates(beta=GATES["beta"].replace("2.0", number))
    ended = serial.run()

    assert ended.code == 20, ended.out


def test_a_text_that_is_no_unicode_is_written_down_all_the_same(serial: Project) -> None:
    """Names of files come as lone surrogates."""
    serial.gates(beta=GATES["beta"] + "    raise OSError('bad \\udcff name')\n")
    ended = serial.run("-p", "no:allure_pytest")  # It cannot write such a text, and takes the session down.

    assert ended.code == 10, ended.out
    assert ended.verdicts["beta"] == "error"


def test_a_gate_of_the_policy_that_nobody_required_or_ran_is_named(project: Project) -> None:
    """It is no hold, and no secret."""
    project.write("relgate.yaml", POLICY.replace("require: [alpha, beta]", "require: [alpha]"))
    ended = project.run("-k", "alpha")

    assert ended.code == 0, ended.out
    assert "in the policy, not required, did not run: beta" in ended.document["overrides"]
