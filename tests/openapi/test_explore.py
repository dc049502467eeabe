"""Exploring a small service over sockets: every fault that is switched on is found, and nothing in a good one."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from relgate.errors import SourceError
from relgate.policy.api import Login
from tests.openapi.exploring import Explored, as_json, explored, service, stored
from tests.openapi.service import DOCUMENT, FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def good() -> Iterator[str]:
    """A good service, the baseline of all."""
    with service() as url:
        yield url


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The explorer goes to the policy's folder; this process comes back."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_by_its_gate(fault: str, good: str, tmp_path: Path) -> None:
    """With the gate and the code that it must have."""
    with service(fault) as url:
        found = explored(tmp_path, url, good)

    assert FAULTS[fault] in found.codes, found.page


@pytest.mark.parametrize("seed", range(6))
def test_a_good_service_has_no_finding(seed: int, good: str, tmp_path: Path) -> None:
    """Six seeds, not one finding or warning; every operation examined, everything removed."""
    with service() as url:
        found = explored(tmp_path, url, good, requests=80, plan={"seed": seed})

    assert found.codes == set(), found.page
    assert all(gate.checked == gate.expected and not gate.problems for gate in found.result.gates.values())
    assert found.result.made == found.result.removed > 0
    assert found.result.left == ()


def test_the_smallest_request_is_told_with_a_command_that_shows_it(good: str, tmp_path: Path) -> None:
    """The command is run by a shell here, as a person would."""
    with service("boundary") as url:
        found = explored(tmp_path, url, good)
        (command,) = found.commands("server-error")
        answer = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout

    assert command.startswith("curl -si ")
    assert '"stars": 5' in command
    assert len(command) < 160
    assert " 500 " in answer.splitlines()[0]


def test_an_error_that_does_not_show_each_time_says_so(good: str, tmp_path: Path) -> None:
    """Whoever runs the command should not believe that it is mended."""
    with service("sometimes") as url:
        found = explored(tmp_path, url, good)

    assert "not each time: sent again it was answered 201" in found.page


def test_a_sequence_is_shown_by_one_command(good: str, tmp_path: Path) -> None:
    """It makes a thing of its own and asks for it by the id that it got."""
    with service("loses") as url:
        found = explored(tmp_path, url, good)
        (command,) = found.commands("content-lost")
        answer = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout

    assert " 200 " in answer.splitlines()[0], command
    assert '"title":"m"' in answer


def test_a_difference_is_shown_on_both_sides(good: str, tmp_path: Path) -> None:
    """First what it was, then what it is."""
    with service("refuses") as url:
        found = explored(tmp_path, url, good)
        (command,) = found.commands("status-class")
        answer = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout

    assert [line.split()[1] for line in answer.splitlines() if line.startswith("HTTP/")] == ["201", "422"]


def test_the_same_seed_asks_the_same(tmp_path: Path) -> None:
    """What can be compared between two services with random ids: how often each operation answered what."""

    def counts(name: str) -> list[dict[str, int]]:
        with service() as url:
            found = explored(tmp_path / name, url, None, requests=80, plan={"seed": 5})
        return [row["statuses"] for row in found.result.operations]

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert counts("a") == counts("b")


def test_without_a_baseline_nothing_is_compared(tmp_path: Path) -> None:
    """And says so; the other gates do their work."""
    with service() as url:
        found = explored(tmp_path, url, requests=60)

    assert found.result.gates["api-differential"].does_not_apply == "there is no baseline to compare with"
    assert found.result.requests["baseline"] == 0


def test_a_read_only_environment_gets_nothing_but_reading(tmp_path: Path) -> None:
    """GET and HEAD; ids have nothing to check."""
    with service() as url:
        found = explored(tmp_path, url, requests=60, plan={"read_only": True})

    asked = {row["operation"].split()[0] for row in found.result.operations if row["statuses"]}
    assert asked == {"GET"}
    assert "read-only" in str(found.result.gates["api-ids"].does_not_apply)
    assert found.result.made == 0


def test_a_budget_that_is_too_small_is_no_pass(tmp_path: Path) -> None:
    """What was not reached is missing."""
    with service() as url:
        found = explored(tmp_path, url, requests=4)

    gate = found.result.gates["api-errors"]
    assert gate.checked < gate.expected
    assert found.result.requests["candidate"] <= 4


def test_a_service_that_never_says_yes_is_a_problem(tmp_path: Path) -> None:
    """A wrong token must not look like a healthy API."""
    (tmp_path / "other.json").write_text(
        '{"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": {"/nowhere": {"get": {"responses": '
        '{"404": {"description": "none"}}}}}}'
    )
    with service() as url:
        found = explored(tmp_path, url, openapi="other.json", requests=20)

    assert any("2xx" in text for text in found.result.gates["api-errors"].problems)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{}", "expected an OpenAPI document"),
        ('{"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": {}}', "has no paths"),
        ('{"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": {"/x": {}}}', "no operation"),
        ("[1]", "expected an OpenAPI document, got list"),
        ("{", "expected JSON or YAML"),
    ],
)
def test_a_document_that_says_nothing_is_an_error(document: str, said: str, tmp_path: Path) -> None:
    """Never a pass."""
    (tmp_path / "bad.json").write_text(document)
    with pytest.raises(SourceError, match=said):
        explored(tmp_path, "http://127.0.0.1:9", openapi="bad.json")


def test_a_document_that_cannot_be_fetched_is_an_error(good: str, tmp_path: Path) -> None:
    """Wrong path, or nobody there."""
    with pytest.raises(SourceError, match="got 404"):
        explored(tmp_path, good, openapi="/nowhere.json")
    with pytest.raises(SourceError, match="connect"):
        explored(tmp_path, "http://127.0.0.1:9")


def test_a_baseline_that_is_not_there_is_no_pass(tmp_path: Path) -> None:
    """And no failure of the candidate."""
    with service() as url:
        found = explored(tmp_path, url, "http://127.0.0.1:9", requests=60)

    gate = found.result.gates["api-differential"]
    assert (gate.checked, gate.findings) == (0, ())


def test_a_missing_library_names_the_extra(good: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error, never a skip."""
    monkeypatch.setitem(sys.modules, "schemathesis", None)
    with pytest.raises(SourceError, match=r"pip install 'relgate\[api\]'"):
        explored(tmp_path, good)


def test_a_login_without_a_token_is_an_error(good: str, tmp_path: Path) -> None:
    """It names the place, and what came."""
    login = Login(path="/notes", json_body={"title": "no", "stars": 0})
    with pytest.raises(SourceError, match="expected a token at /token, got HTTP 201"):
        explored(tmp_path, good, login=login)


def test_leaving_everything_out_is_an_error(good: str, tmp_path: Path) -> None:
    """An exploration of nothing would pass everything."""
    with pytest.raises(SourceError, match="none of the document's 5 operations is left"):
        explored(tmp_path, good, exclude=("*",))


def test_excluded_operations_are_never_asked(good: str, tmp_path: Path) -> None:
    """By path, by label, by operationId."""
    found = explored(tmp_path, good, exclude=("/health", "POST /notes", "listNotes"), requests=30)

    assert {row["operation"] for row in found.result.operations} == {"GET /notes/{id}", "DELETE /notes/{id}"}
    deleted = next(row for row in found.result.operations if row["operation"].startswith("DELETE"))
    assert deleted["statuses"] == {}
    assert "nothing of the document makes" in deleted["not_asked"]


def test_secrets_stay_out_of_what_is_written(tmp_path: Path) -> None:
    """The command has the variable's name."""
    with service("boundary") as url:
        side = {"url": url, "headers": {"X-Key": "s3cret-value"}, "shown": {"X-Key": "$API_KEY"}}
        more = {"candidate": side, "secrets": ["s3cret-value"]}
        found = explored(tmp_path, url, plan=more, requests=60)

    assert "s3cret-value" not in stored(tmp_path)
    assert '-H "X-Key: $API_KEY"' in found.commands("server-error")[0]


def test_what_was_made_is_written_down_before_it_is_removed(tmp_path: Path) -> None:
    """An exploration that is killed leaves the list of what it has made."""
    with service("keeps") as url:
        found = explored(tmp_path, url, requests=60)

    events = [line.split('"')[3] for line in (tmp_path / "api-made.jsonl").read_text().splitlines()]
    assert events[0] == "made"
    assert events.count("made") == found.result.made
    assert events.count("removed") == found.result.removed


def test_the_document_is_what_it_says(tmp_path: Path) -> None:
    """A file beside the policy does as well as a path on the candidate."""
    import yaml

    (tmp_path / "api.yaml").write_text(yaml.safe_dump(DOCUMENT))
    with service() as url:
        found = explored(tmp_path, url, openapi="api.yaml", requests=40)

    assert found.codes == set()
    assert as_json(tmp_path)["document"] == "api.yaml"


def test_the_page_is_what_a_person_needs(good: str, tmp_path: Path) -> None:
    """Headline, why, what to do, command, answer, table of operations, seed."""
    with service("boundary", "no-id") as url:
        found: Explored = explored(tmp_path, url, good)

    for part in ("# API: ", "Why: ", "Do: ", "```sh\ncurl", "500 application/json", "| POST /notes |", "seed: 1"):
        assert part in found.page
