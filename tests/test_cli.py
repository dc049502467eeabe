"""The ``relgate`` command as a person types it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from relgate.adapters import ledger
from relgate.cli import main
from relgate.codec import canonical
from relgate.report import document
from relgate.values import Decision, GateResult, Outcome, Verdict
from tests.backtest.recordings import conclude, record

POLICY = """
relgate: 1
service: shop
environments:
  staging: {candidate: {url: "https://canary.example"}}
signals:
  requests: {probe: {rate: 20/s, get: /api}}
  health: {poll: {every: 30s, get: /health}}
gates:
  health: {signal: health, next_steps: ["call Ada"]}
  latency-p99: {signal: requests.latency, quantile: 99%, fail: "> 2000ms", description: nobody waits long}
stages:
  - {name: canary-5, bake: 10s, run: canary}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_check_says_good_of_a_good_policy(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0 and a line with counts."""
    (here / "relgate.yaml").write_text(POLICY)

    assert main(["check"]) == 0
    assert "good" in capsys.readouterr().out


def test_check_names_every_fault_with_its_place(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All at once, and exit 4."""
    (here / "relgate.yaml").write_text(POLICY.replace("20/s", "20 apples").replace("quantile: 99%", "quantle: 99%"))

    assert main(["check"]) == 4
    error = capsys.readouterr().err
    assert "relgate.yaml:7:28: signals.requests.probe.rate" in error
    assert "quantile" in error
    assert error.strip().endswith("faults")


@pytest.mark.usefixtures("here")
def test_check_of_a_file_that_is_not_there_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, no traceback."""
    assert main(["check"]) == 4
    assert "relgate init" in capsys.readouterr().err


def test_explain_says_what_a_gate_needs_and_what_to_do(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also that the bake is too short for it: a P99 needs 299 samples at 95 %."""
    (here / "relgate.yaml").write_text(POLICY)

    assert main(["explain", "latency-p99"]) == 0
    text = capsys.readouterr().out
    assert "99 % quantile" in text
    assert "> 2000ms" in text
    assert "at least 299 samples; the bake of 10s gives about 200, TOO FEW" in text
    assert main(["explain", "health"]) == 0
    assert "call Ada" in capsys.readouterr().out


def test_explain_without_a_gate_lists_them(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line each, with what the stage asks of it."""
    (here / "relgate.yaml").write_text(POLICY)

    assert main(["explain"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == ["health", "latency-p99"]


def test_explain_of_an_unknown_gate_names_the_known(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 4."""
    (here / "relgate.yaml").write_text(POLICY)

    assert main(["explain", "latncy"]) == 4
    assert "latency-p99" in capsys.readouterr().err


def test_schema_accepts_what_check_accepts(capsys: pytest.CaptureFixture[str]) -> None:
    """It is for editors; tests/policy holds both equal."""
    assert main(["schema"]) == 0
    jsonschema.validate(yaml.safe_load(POLICY), json.loads(capsys.readouterr().out))


def test_init_writes_a_policy_that_check_accepts(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Into an empty repository."""
    assert main(["init", "--baseline", "https://www.example", "--path", "/api/items?page=1"]) == 0
    assert sorted(str(path.relative_to(here)) for path in here.rglob("*") if path.is_file()) == [
        "conftest.py",
        "gates/test_release.py",
        "pytest.toml",
        "relgate.yaml",
        "smoke/test_home.py",
    ]
    assert main(["check"]) == 0
    assert "wrote relgate.yaml" in capsys.readouterr().out


def test_init_knows_load(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Asked for it writes users, gates and a stage; not asked it leaves the same lines to be uncommented."""
    asked, later = here / "asked", here / "later"
    for folder, arguments in ((asked, ["--load"]), (later, [])):
        folder.mkdir()
        assert main(["init", str(folder), "--service", "shop", "--path", "/", "--path", "/a?b=1", *arguments]) == 0
    users = (asked / "load" / "users.py").read_text()
    compile(users, "users.py", "exec")
    assert 'PATHS = ["/", "/a?b=1"]' in users
    assert not (later / "load").exists()
    assert "traffic" not in yaml.safe_load((later / "relgate.yaml").read_text())["signals"]
    lines = (later / "relgate.yaml").read_text().splitlines()
    wanted = ("  # traffic:", "  # load-", "  # - {name: load")
    uncommented = [line.replace("# ", "", 1) if line.startswith(wanted) else line for line in lines]
    assert "\n".join(uncommented) + "\n" == (asked / "relgate.yaml").read_text()
    capsys.readouterr()
    assert main(["check", str(asked / "relgate.yaml")]) == 0
    assert "3 signals, 6 gates, 3 stages" in capsys.readouterr().out


def test_new_smoke_writes_a_path_and_says_what_is_left_to_do(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Once; a name that is none, or taken, is refused."""
    assert main(["new", "smoke", "check-out"]) == 0
    text = (here / "smoke" / "test_check_out.py").read_text()
    compile(text, "test_check_out.py", "exec")
    assert "def test_smoke_check_out(path, page):" in text
    said = capsys.readouterr().out
    assert "wrote smoke/test_check_out.py" in said
    assert "add check-out to smoke.paths" in said
    assert main(["new", "smoke", "check-out"]) == 4
    assert main(["new", "smoke", "Check_Out"]) == 4
    assert (here / "smoke" / "test_check_out.py").read_text() == text


def test_a_sweep_of_nothing_is_done(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """tests/smoke sweeps what is there."""
    (here / "relgate.yaml").write_text(POLICY)
    assert main(["sweep"]) == 0
    assert capsys.readouterr().out == "0 removed, 0 left\n"


def test_init_never_overwrites(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is there stays, and is said to have stayed."""
    (here / "relgate.yaml").write_text("mine")
    (here / "pyproject.toml").write_text("[tool.pytest]\nstrict = true\n")

    assert main(["init"]) == 0
    said = capsys.readouterr().out
    assert (here / "relgate.yaml").read_text() == "mine"
    assert "kept  relgate.yaml" in said
    assert not (here / "pytest.toml").exists()
    assert 'to do: add to the pytest settings in pyproject.toml: gate_policy = "relgate.yaml"' in said


@pytest.mark.parametrize(
    "arguments", [["--path", "no-slash"], ["--health", '/x"}, evil: {'], ["--service", "///"], ["--candidate", 'x"y']]
)
def test_init_refuses_what_would_not_be_a_policy(
    here: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is written then."""
    assert main(["init", *arguments]) == 4
    assert list(here.iterdir()) == []
    assert capsys.readouterr().err


def recorded_run(reports: Path, outcome: Outcome) -> Path:
    """A run with a decision, as a session leaves it."""
    gate = GateResult("a", "canary", required=True, severity="critical", verdict=Verdict.PASS, message="fine")
    facts = document.Facts("r1", "shop", "staging", "canary-5", {}, "0" * 64, {}, 0.0, 1.0, 0, {})
    content = document.document(Decision(outcome, (), (gate,), ("a",)), facts)
    ledger.append(reports, "run-started", 0.0, {"run_id": "r1"})
    head = ledger.append(reports, "gate-decision", 1.0, content)
    folder = reports / "r1"
    folder.mkdir()
    (folder / "decision.json").write_text(document.render(content, sequence=head.sequence, sha256=head.sha256))
    return folder


@pytest.mark.parametrize(("outcome", "code"), [(Outcome.PROMOTE, 0), (Outcome.HOLD, 10), (Outcome.ROLLBACK, 20)])
def test_decision_exits_with_the_code_of_the_run(
    here: Path, outcome: Outcome, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """For a later job of the pipeline."""
    recorded_run(here / "reports", outcome)

    assert main(["decision", "r1"]) == code
    assert f"{outcome.value}: shop canary-5 in staging" in capsys.readouterr().out


def test_no_run_is_a_hold(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also a run that started and left no decision."""
    assert main(["decision"]) == 10
    (here / "reports" / "r2").mkdir(parents=True)
    assert main(["decision", "r2"]) == 10
    assert "left no decision" in capsys.readouterr().out


def forged(ledger_text: str) -> str:
    """A ledger whose last record says promote instead of hold, in the right form."""
    *lines, last = ledger_text.splitlines(keepends=True)
    envelope = json.loads(last)
    payload = base64.b64decode(envelope["payload"]).replace(b'"hold"', b'"promote"')
    envelope["payload"] = base64.b64encode(payload).decode()
    return "".join([*lines, canonical(envelope).decode() + "\n"])


@pytest.mark.parametrize("where", ["decision", "ledger", "cut", "unreadable"])
def test_a_decision_that_the_ledger_does_not_confirm_is_not_verified(
    here: Path, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 30: somebody changed the one or the other."""
    folder = recorded_run(here / "reports", Outcome.HOLD)
    path = {"decision": folder / "decision.json", "unreadable": folder / "decision.json"}.get(
        where, here / "reports" / ledger.NAME
    )
    text = path.read_text()
    path.write_text(
        {
            "decision": text.replace('"hold"', '"promote"'),
            "ledger": forged(text) if where == "ledger" else "",
            "cut": text.splitlines(keepends=True)[0],
            "unreadable": text[:100],
        }[where]
    )

    assert main(["decision", "r1"]) == 30
    assert "not verified" in capsys.readouterr().out


COMPARED = (
    POLICY.replace('fail: "> 2000ms"', 'fail: "> baseline + 50%"')
    .replace("bake: 10s", "bake: 30s")
    .replace('canary.example"}}', 'canary.example"}, baseline: {url: "https://www.example"}}')
)


def test_backtest_simulates_releases_and_stores_the_figures(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Our rule beside those of others, in each world; the same seed gives the same figures."""
    (here / "relgate.yaml").write_text(COMPARED)
    command = ["backtest", "--worlds", "iid", "--effects", "none,2x", "--runs", "5", "--json"]

    assert main([*command, "one.json"]) == 0
    said = capsys.readouterr().out
    assert main([*command, "two.json"]) == 0

    assert "world iid, good releases" in said
    assert "world iid, releases with 2x" in said
    assert "Kayenta    too short: first look at 300 s" in said
    assert "not simulated: health" in said
    found = json.loads((here / "one.json").read_text())
    assert found == json.loads((here / "two.json").read_text())
    assert [(cell["world"], cell["effect"]) for cell in found["cells"]] == [("iid", "none"), ("iid", "2x")]
    assert found["cells"][0]["outcomes"][0]["decider"] == "relgate"
    assert (found["rate_per_s"], found["bake_s"], found["runs"]) == (20, 30, 5)


@pytest.mark.parametrize(("policy", "told"), [("fixed", True), ("compared", False)])
def test_a_backtest_tells_that_fixed_limits_allow_what_rules_of_others_roll_back(
    here: Path, capsys: pytest.CaptureFixture[str], policy: str, told: bool
) -> None:
    """Missed releases beside peers that saw them are no fault of the test where the policy allows as much."""
    (here / "relgate.yaml").write_text(
        COMPARED.replace("> baseline + 50%", "> 2000ms") if policy == "fixed" else COMPARED
    )

    assert main(["backtest", "--worlds", "iid", "--effects", "none", "--runs", "2"]) == 0

    assert ("none of them compares with the baseline" in capsys.readouterr().out) is told


def test_backtest_judges_stored_bakes_again(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was recorded beside what this policy says; what cannot be read is named."""
    (here / "relgate.yaml").write_text(COMPARED.replace("quantile: 99%", "quantile: 50%"))
    conclude(record(here / "reports" / "r1", factor=3.0), Outcome.PROMOTE)
    (here / "reports" / "r2").mkdir()

    assert main(["backtest", "--reports", "reports", "--json", "found.json"]) == 0

    said = capsys.readouterr().out
    assert "recorded: promote; this policy: rollback" in said
    assert "1 bakes judged again, 1 not read" in said
    assert "not read: r2: " in said
    found = json.loads((here / "found.json").read_text())
    assert [bake["run_id"] for bake in found["bakes"]] == ["r1"]
    assert [one["run_id"] for one in found["not_read"]] == ["r2"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--worlds", "mars"], "unknown world 'mars': there are iid"),
        (["--effects", "+7%"], "unknown effect '+7%': there are none"),
        (["--worlds", ","], "no world was named"),
        (["--runs", "0"], "--runs: expected a number from 1"),
        (["--seed", "-1"], "--seed: expected"),
        (["--rate", "20 apples"], "--rate: "),
        (["--rate", "0/s"], "--rate: "),
        (["--bake", "soon"], "--bake: "),
        (["--bake", "500ms"], "pass --bake"),
        (["--stage", "moon"], "unknown stage 'moon'"),
        (["--env", "moon"], "unknown environment 'moon'"),
        (["--json", "no/such/folder.json"], "--json: "),
        (["--reports", "nowhere"], "is no folder"),
        (["--reports", ".", "--rate", "5/s"], "--rate: nothing is simulated with --reports"),
        (["missing.yaml"], "cannot be read"),
    ],
)
def test_backtest_refuses_what_it_cannot_run(
    here: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 4 and one message, before anything is simulated."""
    (here / "relgate.yaml").write_text(COMPARED)

    assert main(["backtest", *arguments]) == 4
    said = capsys.readouterr()
    assert says in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert said.out == ""


def test_no_command_prints_help(capsys: pytest.CaptureFixture[str]) -> None:
    """And is not a success."""
    assert main([]) == 4
    assert "decision" in capsys.readouterr().out
