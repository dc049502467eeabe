"""The shop's own policy, asked about real releases of the shop."""

from __future__ import annotations

from pathlib import Path

import pytest

import examples.shop
from examples.shop.run import start
from relgate.settings import Options, make_run
from tests.questions.runs import asked, said, verdict

POLICY = Path(examples.shop.__file__).with_name("preflight.yaml")


@pytest.mark.parametrize(
    ("release", "bad", "says"),
    [
        ("good", None, ""),
        ("no-security-headers", "headers", "GET /login has no Content-Security-Policy"),
        ("wrong-version", "versions", "page says 1.4.0, the release is 1.5.0"),
    ],
)
def test_what_the_shop_serves_is_what_its_policy_asks(tmp_path: Path, release: str, bad: str | None, says: str) -> None:
    """Headers on two pages, foreign origins, the version at three places."""
    with start(release) as shop:
        options = Options(str(POLICY), candidate=shop.url, release=("version=1.5.0",), reports=str(tmp_path))
        found = {gate: asked(make_run(options), gate) for gate in ("headers", "versions")}
    assert {gate: verdict(one) for gate, one in found.items()} == {
        gate: "fail" if gate == bad else "pass" for gate in found
    }
    assert bad is None or says in said(found[bad])


def test_the_shop_holds_no_secret(tmp_path: Path) -> None:
    """But for its demo passwords, which the policy leaves out."""
    run = make_run(Options(str(POLICY), reports=str(tmp_path)))
    found = asked(run, "secrets")
    assert verdict(found) == "pass", said(found)
    assert found.checked > 50
