"""The shop's API, explored as its policy says: nothing in the good release, and what is wrong in others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from examples.shop.run import start
from examples.shop.seed import ADMIN
from relgate.policy import load
from tests.openapi.exploring import Explored, explored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relgate.policy.api import Api

POLICY = Path(__file__).parents[2] / "examples" / "shop" / "api.yaml"


def api() -> Api:
    """What the shop's policy says, with the password where the environment would have it."""
    found = load(POLICY.read_text(encoding="utf-8")).api
    assert found is not None
    assert found.login is not None
    body = {**found.login.json_body, "password": ADMIN[1]}
    return found.model_copy(update={"login": found.login.model_copy(update={"json_body": body})})


def release(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, changes: Sequence[str] = ()) -> Explored:
    """Explore a release of the shop beside the good one."""
    monkeypatch.chdir(folder)
    with start(name, version="1.5.0", changes=changes) as candidate, start("good", version="1.4.0") as baseline:
        settings = api().model_dump() | {"login": api().login, "requests": 300}
        return explored(folder, candidate.url, baseline.url, **settings)


def test_the_good_release_has_no_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything examined, everything removed, and the token nowhere."""
    found = release("good", tmp_path, monkeypatch)

    assert found.codes == set(), found.page
    assert all(gate.checked == gate.expected and not gate.problems for gate in found.result.gates.values())
    assert found.result.made == found.result.removed > 0
    assert "eyJ" not in found.page


@pytest.mark.parametrize(
    ("name", "changes", "finding"),
    [
        # Three hundred requests ask the backend fewer than a hundred times: 1 % of those may be none.
        ("errors", ["error_share=0.1"], ("api-errors", "server-error")),
        ("no-correlation-ids-on-errors", [], ("api-correlation", "no-id")),
        ("shared-correlation-ids", [], ("api-correlation", "id-twice")),
    ],
)
def test_a_broken_release_is_found(
    name: str, changes: list[str], finding: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the gate whose business it is."""
    found = release(name, tmp_path, monkeypatch, changes)

    assert finding in found.codes, found.page
    assert found.commands(finding[1])[0].startswith(("curl ", "ID=$(curl ", "printf "))
