"""Sessions of smoke paths over HTTP: what a path's end means, and how paths wait for each other."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.smoke.conftest import Paths

GOOD = """
def test_smoke_health(path, http):
    with path.step("ask"):
        answer = http.get("/health")
        assert answer.status_code == 200
    with path.step("read"):
        assert answer.json()["status"] == "ok"
"""
FAILS = GOOD.replace('== "ok"', '== "fine"')
SECOND = """
@pytest.mark.after("health")
def test_smoke_second(path, http):
    with path.step("ask"):
        assert http.get("/health").status_code == 200
"""


def messages(ended: object) -> dict[str, str]:
    """Gate id -> message."""
    return {gate["id"]: gate["message"] for gate in ended.document["gates"]}  # type: ignore[attr-defined]


def test_a_path_that_reaches_its_end_is_promoted(paths: Paths) -> None:
    """Each step counts; the evidence of a good path is a page of JSON and nothing heavy."""
    paths.policy("health")
    paths.paths(GOOD)
    ended = paths.walk()

    assert ended.decision == "promote", ended.out
    assert ended.verdicts == {"smoke-health": "pass"}
    assert "nothing found in 2 steps" in messages(ended)["smoke-health"]
    kept = list((ended.runs[-1] / "evidence" / "smoke" / "smoke-health").iterdir())
    assert [one.name for one in kept] == ["path.json"]
    told = json.loads(kept[0].read_text())
    assert [step["name"] for step in told["steps"]] == ["ask", "read"]


def test_a_step_that_fails_names_itself_and_its_line(paths: Paths) -> None:
    """Name, message, file and line of the user's own test."""
    paths.policy("health")
    paths.paths(FAILS)
    ended = paths.walk()

    assert ended.decision == "rollback", ended.out
    said = messages(ended)["smoke-health"]
    assert "step 'read'" in said
    assert "test_smoke.py:12" in said
    folder = ended.runs[-1] / "evidence" / "smoke" / "smoke-health"
    assert (folder / "http.json").exists()
    assert (folder / "path.png").read_bytes().startswith(b"\x89PNG")


def test_what_fails_outside_of_a_step_counts(paths: Paths) -> None:
    """An exception behind the last step is no pass."""
    paths.policy("health")
    paths.paths(GOOD + "    raise RuntimeError('behind the steps')\n")
    ended = paths.walk()

    assert ended.verdicts == {"smoke-health": "fail"}, ended.out
    assert "outside of a step: RuntimeError: behind the steps" in messages(ended)["smoke-health"]


def test_a_failure_that_the_test_swallows_counts(paths: Paths) -> None:
    """A step that raised has failed, whatever is caught around it."""
    paths.policy("health")
    paths.paths(
        "def test_smoke_health(path):\n    try:\n        with path.step('a'):\n            assert 1 == 2\n"
        "    except AssertionError:\n        pass\n"
    )
    ended = paths.walk()

    assert ended.verdicts == {"smoke-health": "fail"}, ended.out


def test_a_path_that_checked_nothing_is_inconclusive(paths: Paths) -> None:
    """Without a step nothing was examined."""
    paths.policy("health")
    paths.paths("def test_smoke_health(path, http):\n    http.get('/health')\n")
    ended = paths.walk()

    assert ended.decision == "hold", ended.out
    assert ended.verdicts == {"smoke-health": "inconclusive"}


def test_a_candidate_that_never_answers_is_an_error(paths: Paths) -> None:
    """Nothing was measured: that holds, and rolls nothing back."""
    paths.policy("health", url="http://127.0.0.1:9")
    paths.paths(GOOD)
    ended = paths.walk()

    assert ended.decision == "hold", ended.out
    assert ended.verdicts == {"smoke-health": "error"}
    assert "could not be measured: http://127.0.0.1:9 does not answer" in messages(ended)["smoke-health"]


def test_a_path_that_skips_itself_is_no_pass(paths: Paths) -> None:
    """Neither does one that is expected to fail."""
    paths.policy("health", "second")
    paths.paths(
        GOOD + "    pytest.skip('not today')\n",
        "@pytest.mark.xfail(strict=False)\ndef test_smoke_second(path):\n    with path.step('a'):\n        assert 0\n",
    )
    ended = paths.walk()

    assert ended.decision in ("hold", "rollback"), ended.out
    assert ended.verdicts == {"smoke-health": "missing", "smoke-second": "fail"}


def test_a_path_comes_after_the_one_that_it_needs(paths: Paths) -> None:
    """Wherever it stands in its file."""
    paths.policy("health", "second")
    paths.paths(SECOND, GOOD)
    ended = paths.walk("-v")

    assert ended.decision == "promote", ended.out


def test_a_path_is_missing_when_the_one_before_it_failed(paths: Paths) -> None:
    """Missing, not failed: the message says after what; a third one behind it is missing too."""
    paths.policy("health", "second", "third")
    paths.paths(SECOND.replace("second", "third").replace("health", "second", 1), SECOND, FAILS)
    ended = paths.walk()

    assert ended.verdicts == {"smoke-health": "fail", "smoke-second": "missing", "smoke-third": "missing"}, ended.out
    assert messages(ended)["smoke-second"].startswith("after health: it ended with fail")
    assert messages(ended)["smoke-third"].startswith("after second: it ended with missing")


def test_a_path_after_one_that_was_not_selected_is_missing(paths: Paths) -> None:
    """And holds: the stage requires both."""
    paths.policy("health", "second")
    paths.paths(SECOND, GOOD)
    ended = paths.walk("-k", "second")

    assert ended.decision == "hold", ended.out
    assert messages(ended)["smoke-second"] == "after health, which was not selected"


def test_a_path_does_not_wait_for_ever(paths: Paths) -> None:
    """The wait is bounded by the policy."""
    paths.policy("health", "second", smoke="  wait: 500ms")
    paths.paths(GOOD + "    time.sleep(3)\n", SECOND)
    ended = paths.walk()

    if paths.workers:
        assert messages(ended)["smoke-second"] == "after health: it did not finish within 0.5 s", ended.out
        assert ended.decision == "hold"
    else:
        assert ended.decision == "promote", ended.out


def test_paths_that_wait_for_each_other_are_one_clear_error(paths: Paths) -> None:
    """Nothing runs, and the message names the circle."""
    paths.policy("health", "second")
    paths.paths(SECOND, '@pytest.mark.after("second")' + GOOD)
    ended = paths.walk()

    assert ended.decision == "hold", ended.out
    assert "1 error in" in ended.out
    assert "relgate: paths wait for each other: " in ended.out
    assert "second after health after second" in ended.out or "health after second after health" in ended.out


def test_a_path_after_an_unknown_one_is_one_clear_error(paths: Paths) -> None:
    """A name that is no path of the policy."""
    paths.policy("health", "second")
    paths.paths(SECOND.replace('"health"', '"helth"'), GOOD)
    ended = paths.walk()

    assert ended.decision == "hold", ended.out
    assert "second comes after 'helth', which is no path of the policy: it has health, second" in ended.out


def test_a_path_asks_the_candidate_and_nobody_else(paths: Paths) -> None:
    """Another host is refused before anything is sent, also behind a redirect."""
    paths.policy("health", "second")
    paths.paths(
        GOOD.replace('"/health"', '"http://127.0.0.1:9/health"'),
        SECOND.replace('"/health"', '"/away"').replace('@pytest.mark.after("health")', ""),
    )
    ended = paths.walk()

    assert ended.verdicts == {"smoke-health": "error", "smoke-second": "error"}, ended.out
    assert "refused: http://127.0.0.1:9 is not the candidate of test" in messages(ended)["smoke-health"]


def test_requests_carry_the_run_and_the_gate(paths: Paths) -> None:
    """In the header that services log."""
    paths.policy("health")
    paths.paths(GOOD + "    path.note(answer.headers['x-seen'])\n")
    ended = paths.walk()

    kept = (ended.runs[-1] / "evidence" / "smoke" / "smoke-health" / "path.json").read_text()
    assert f"{ended.document['run_id']}.smoke-health.1" in kept


def test_a_walked_path_is_replayed_as_it_was_recorded(paths: Paths) -> None:
    """It cannot be walked again; its verdict has no limit that a policy could change. The page lists what was found."""
    paths.policy("health")
    paths.paths(FAILS)
    ended = paths.walk()
    command = [sys.executable, "-m", "relgate.cli", "replay", "--reports", str(ended.runs[-1].parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert "rollback (the same)" in done.stdout
    page = (ended.runs[-1] / "report.html").read_text()
    assert "step-failed" in page
    assert 'href="./evidence/smoke/smoke-health/http.json"' in page
