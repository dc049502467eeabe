"""Approvals as GitHub tells them; the answers have the form of its documentation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from relgate.errors import SourceError
from tests.adapters.servers import Service, serving
from tests.questions.runs import asked, run_of, said, verdict

SHA = "4f2a90c1" * 5
RUNS = "/repos/acme/shop/actions/runs/77"
ASKED = (
    "{{approvals: {{least: {{regular: 1}}, not: [author], "
    "github: {{repo: acme/shop, token: 'env:GH_TOKEN', api: '{url}'}}}}}}"
)
RELEASE = {"type": "regular", "author": "ann", "commit": SHA, "version": "1.5"}


def review(login: str, state: str = "approved") -> dict[str, Any]:
    """A review of a deployment."""
    environments = [{"id": 1, "name": "production"}]
    return {"state": state, "comment": "Ship it!", "environments": environments, "user": {"login": login, "id": 1}}


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """GitHub's API with run 77, which bob has approved."""
    monkeypatch.setenv("GH_TOKEN", "a-token-of-github")
    monkeypatch.setenv("GITHUB_RUN_ID", "77")
    with serving() as service:
        tell(service, [review("bob")])
        yield service


def tell(service: Service, approvals: object, code: int = 200, sha: str = SHA) -> None:
    """What GitHub answers about the run."""
    service.pages[RUNS] = (200, "application/json", json.dumps({"id": 77, "head_sha": sha}).encode())
    service.pages[f"{RUNS}/approvals"] = (code, "application/json", json.dumps(approvals).encode())


def judged(folder: Path, service: Service, **changed: str) -> tuple[str, str]:
    """Verdict and words."""
    found = asked(run_of(folder, ASKED.format(url=service.url), **(RELEASE | changed)), "approvals")
    return verdict(found), said(found)


def test_who_let_the_run_go_on_has_approved(github: Service, tmp_path: Path) -> None:
    """And is named; the token goes to GitHub."""
    assert judged(tmp_path, github) == ("pass", "approved by bob")
    assert {headers["Authorization"] for _, headers, _ in github.requests} == {"Bearer a-token-of-github"}


@pytest.mark.parametrize(
    ("approvals", "changed"),
    [
        ([], {}),
        ([review("bob", "rejected")], {}),
        ([review("ann")], {}),
        ([review("bob")], {"commit": "0" * 40}),
    ],
    ids=["nobody", "rejected", "their own", "another commit"],
)
def test_what_is_no_approval_of_this_release_holds(
    github: Service, tmp_path: Path, approvals: object, changed: dict[str, str]
) -> None:
    """Whatever GitHub lets go on."""
    tell(github, approvals)
    assert "not-approved: 0 of 1" in judged(tmp_path, github, **changed)[1]


@pytest.mark.parametrize(("approvals", "code"), [([], 404), ({"message": "no"}, 200), ([{"state": "approved"}], 200)])
def test_github_not_telling_is_an_error(github: Service, tmp_path: Path, approvals: object, code: int) -> None:
    """No answer is not nobody."""
    tell(github, approvals, code)
    with pytest.raises(SourceError, match="GitHub"):
        judged(tmp_path, github)


def test_a_run_that_nobody_names_is_an_error(github: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the release says it."""
    monkeypatch.delenv("GITHUB_RUN_ID")
    with pytest.raises(SourceError, match="which run"):
        judged(tmp_path, github)
    assert judged(tmp_path, github, **{"github-run": "77"})[0] == "pass"
