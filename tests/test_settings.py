"""What a run is told from outside, frozen once."""

from __future__ import annotations

from pathlib import Path

import pytest

from relgate.errors import PolicyError, UsageError
from relgate.references import resolve
from relgate.settings import Options, Run, make_run

POLICY = """
relgate: 1
service: shop
environments:
  staging:
    candidate: {url: "https://canary.example/", auth: {bearer: "env:SHOP_BEARER"}}
    baseline: {url: "https://www.example", auth: {basic: {user: bob, password: "file:password.txt"}}}
  production:
    candidate: {url: "https://shop.example"}
signals:
  health: {poll: {get: /health}}
gates:
  health: {signal: health}
  after: {signal: health, family: postdeploy}
stages:
  - {name: canary-5, bake: 10m, run: canary}
  - {name: canary-50, bake: 10m, run: canary}
  - {name: watch, bake: 1h, run: postdeploy}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a policy."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "relgate.yaml").write_text(POLICY)
    return tmp_path


def options(**given: object) -> Options:
    """Options of a session on staging."""
    return Options(**{"policy": "relgate.yaml", "environment": "staging", "stage": "canary-5", **given})  # type: ignore[arg-type]


@pytest.mark.usefixtures("here")
def test_a_run_survives_the_way_to_a_worker() -> None:
    """Workers read what the controller read, not the files again."""
    run = make_run(options(release=("version=1.5.0", "commit = abc "), bake="90s"))
    again = Run.from_json(run.to_json())

    assert again == run
    assert again.policy.sha256 == run.policy.sha256
    assert again.release == {"version": "1.5.0", "commit": "abc"}
    assert (again.bake_s, again.candidate_url) == (90.0, "https://canary.example")
    assert again.overrides == ("bake 90s instead of the policy's 600s (--gate-bake)",)


@pytest.mark.usefixtures("here")
def test_a_run_judges_the_gates_of_its_stage() -> None:
    """Families of other stages do not take part."""
    assert list(make_run(options()).gates) == ["health"]
    assert list(make_run(options(stage="watch")).gates) == ["after"]


@pytest.mark.usefixtures("here")
def test_the_only_fitting_stage_is_taken_from_the_marker() -> None:
    """`pytest -m postdeploy` needs no --gate-stage where one stage runs that family."""
    assert make_run(options(stage=None, families=("postdeploy",))).stage_name == "watch"


@pytest.mark.usefixtures("here")
def test_compressed_time_is_that_of_workers_too_and_the_record_says_so() -> None:
    """The bake is a tenth; the policy is the same one."""
    run = make_run(options(compress="10"))
    again = Run.from_json(run.to_json())

    assert (run.bake_s, again.policy.stage("canary-5").bake_s) == (60.0, 60.0)
    assert again.policy.signals["health"].every_s == 0.5
    assert run.overrides == ("compressed: bakes, waits, intervals and `for` divided by 10 (--gate-compress)",)
    assert run.policy.sha256 == make_run(options()).policy.sha256


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"environment": None}, "2 environments .staging, production.: choose one with --gate-env"),
        ({"environment": "stagin"}, "unknown environment 'stagin'"),
        ({"stage": None, "families": ("canary",)}, "canary-5, canary-50.: choose one with --gate-stage"),
        ({"stage": None, "families": ("load",)}, "no stage of the policy runs load"),
        ({"stage": "canary"}, "unknown stage 'canary'"),
        ({"bake": "soon"}, "--gate-bake: expected a duration"),
        ({"compress": "0.5"}, "--gate-compress: expected a number from 1 to 100000, got '0.5'"),
        ({"compress": "nan"}, "--gate-compress: expected a number"),
        ({"compress": "fast"}, "--gate-compress: expected a number"),
        ({"candidate": "canary.example"}, "--gate-candidate: expected a URL"),
        ({"release": ("1.5.0",)}, "--gate-release: expected KEY=VALUE"),
        ({"policy": "missing.yaml"}, "missing.yaml: cannot be read"),
        ({"policy": "."}, "cannot be read"),
        ({"reports": "relgate.yaml"}, "cannot be made"),
    ],
)
@pytest.mark.usefixtures("here")
def test_an_option_that_does_not_fit_is_said_in_one_line(given: dict[str, object], text: str) -> None:
    """What was expected, what came, what to do."""
    with pytest.raises(UsageError, match=text) as error:
        make_run(options(**given))

    assert "\n" not in str(error.value)


def test_a_policy_that_is_not_text_is_no_traceback(here: Path) -> None:
    """Bytes that are not UTF-8."""
    (here / "relgate.yaml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises((UsageError, PolicyError)):
        make_run(options())


@pytest.mark.parametrize("reference", ["env:NOT_SET_ANYWHERE", "file:not-there.txt", "file:empty.txt"])
def test_a_secret_that_is_not_there_is_the_callers_fault(here: Path, reference: str) -> None:
    """An empty one too: it would be sent as an empty header."""
    (here / "empty.txt").write_text("\n")

    with pytest.raises(UsageError, match="not set or empty|cannot be read|is empty"):
        resolve(reference)


def test_a_text_without_a_reference_is_itself() -> None:
    """Also one with a colon."""
    assert resolve("https://a.example") == "https://a.example"


INSTANCES = POLICY.replace('url: "https://canary.example/",', 'url: "https://canary.example/", instances: [INSTANCES],')


def with_instances(here: Path, *urls: str) -> None:
    """Let the candidate have instances."""
    (here / "relgate.yaml").write_text(INSTANCES.replace("INSTANCES", ", ".join(f'"{url}"' for url in urls)))


def test_instances_are_frozen_with_the_run(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolved once, the same on every worker; a side without any is asked as one."""
    monkeypatch.setenv("POD_2", "https://pod-2.example/")
    with_instances(here, "https://pod-1.example", "env:POD_2")
    again = Run.from_json(make_run(options()).to_json())

    assert again.candidate_instances == ("https://pod-1.example", "https://pod-2.example")
    assert again.baseline_instances == ()
    assert again.overrides == ()


def test_a_url_on_the_command_line_replaces_the_instances(here: Path) -> None:
    """What was named there is what is asked, and the record says so."""
    with_instances(here, "https://pod-1.example", "https://pod-2.example")
    run = make_run(options(candidate="https://other.example"))

    assert (run.candidate_url, run.candidate_instances) == ("https://other.example", ())
    assert run.overrides == ("candidate https://other.example instead of the policy's 2 instances (--gate-candidate)",)


@pytest.mark.parametrize(
    ("urls", "text"),
    [
        (("https://pod.example", "env:POD"), "two instances of the candidate are both https://pod.example"),
        (("https://pod.example", "https://www.example/"), "candidate and baseline are both https://www.example"),
        (("https://pod.example", "env:NOTHING"), "NOTHING is not set"),
    ],
)
def test_an_instance_that_would_be_counted_twice_is_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch, urls: tuple[str, ...], text: str
) -> None:
    """Within a side, and on both sides where they are asked alike."""
    monkeypatch.setenv("POD", "https://pod.example/")
    monkeypatch.setenv("SHOP_BEARER", "bearer-of-the-shop")
    with_instances(here, *urls)
    same = (here / "relgate.yaml").read_text()
    same = same.replace(', auth: {bearer: "env:SHOP_BEARER"}', "").replace(
        ', auth: {basic: {user: bob, password: "file:password.txt"}}', ""
    )
    (here / "relgate.yaml").write_text(same)

    with pytest.raises(UsageError, match=text):
        make_run(options())


def test_a_rollout_names_the_run_before_it_begins(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once: what is started inside of that run names itself."""
    monkeypatch.setenv("RELGATE_RUN_ID", "20261121T100000.000Z-0123abcd")
    options = Options(policy="relgate.yaml", environment="production", stage="canary-5", reports=str(here / "reports"))
    assert make_run(options).id == "20261121T100000.000Z-0123abcd"
    assert make_run(options).id != "20261121T100000.000Z-0123abcd"


@pytest.mark.parametrize("name", ["../../etc", "short", "a b c d e f g", "-rf-rf-rf-rf"])
def test_a_run_id_that_is_none_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """It becomes the name of a folder."""
    monkeypatch.setenv("RELGATE_RUN_ID", name)
    options = Options(policy="relgate.yaml", environment="production", stage="canary-5", reports=str(here / "reports"))
    with pytest.raises(UsageError, match="RELGATE_RUN_ID: expected a run id"):
        make_run(options)
