"""The shop's own smoke suite in a real Chromium: `good` walks all paths, each broken release fails one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from examples.shop.releases import RELEASES
from examples.shop.run import start
from tests.plugin.conftest import LIGHT, Ended

ROOT = Path(__file__).parents[2]
BROKEN = (
    "dead-button",
    "console-error",
    "broken-export",
    "no-websocket",
    "no-security-headers",
    "login-loops",
    "slow-hero",
    "unlabelled-form",
    "no-mail",
    "stale-asset",
)

BEFORE = {"smoke-checkout": "smoke-register"}
WITHOUT_PAGES = {"smoke-presence", "smoke-export"}


PATIENT = """\
extends: {base}
relgate: 1
smoke:
  limits: {{lcp: 3s, inp: 5s}}  # a machine that tests many things at once answers no click in time
"""


def walk(release: str, folder: Path, *arguments: str) -> Ended:
    """Run the suite against a release of the shop."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        mail = f"127.0.0.1:{probe.getsockname()[1]}"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    environment |= {"SHOP_SMTP": mail, "SHOP_ADMIN_PASSWORD": "admin-demo-password"}
    folder.mkdir(exist_ok=True)
    policy = folder / "patient.yaml"
    policy.write_text(PATIENT.format(base=ROOT / "examples/shop/smoke.yaml"), encoding="utf-8")
    with start(release, smtp=mail) as shop:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", *LIGHT, "smoke", "-m", "smoke", "-q"),
                *("-p", "no:cacheprovider"),
                *("--gate-policy", str(policy), "--gate-candidate", shop.url),
                *("--gate-reports", str(folder / "reports"), *arguments),
            ],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    return Ended(done.returncode, done.stdout + done.stderr, folder)


def test_the_good_shop_walks_every_path(tmp_path: Path) -> None:
    """All gates pass, and nothing is left behind."""
    ended = walk("good", tmp_path, "-n", "2")

    assert ended.decision == "promote", ended.out
    assert set(ended.verdicts.values()) == {"pass"}
    assert len(ended.verdicts) == 13
    assert not list(ended.runs[-1].glob("smoke/created/*"))


@pytest.mark.parametrize("release", BROKEN)
def test_a_broken_shop_fails_the_right_path(release: str, tmp_path: Path) -> None:
    """Its gate is red; a page that failed left a screenshot, what has no page a picture of its steps."""
    gates = RELEASES[release].caught_by
    walked = [*gates, *(BEFORE[gate] for gate in gates if gate in BEFORE)]
    ended = walk(release, tmp_path, "-k", " or ".join(f"test_{gate.replace('-', '_')}" for gate in walked))

    assert ended.decision == "rollback", ended.out
    for gate in gates:
        assert ended.verdicts[gate] == "fail", ended.out
        folder = ended.runs[-1] / "evidence" / "smoke" / gate
        assert (folder / ("path.png" if gate in WITHOUT_PAGES else "screenshot-1.png")).exists()


def test_the_shop_looks_like_its_baseline_or_warns(tmp_path: Path) -> None:
    """Beside an equal shop nothing differs; beside one without its style the home page does, on three pictures."""
    with start("good") as equal:
        ended = walk("good", tmp_path / "equal", "-k", "test_smoke_home", "--gate-baseline", equal.url)
    assert ended.verdicts["smoke-home"] == "pass", ended.out
    told = json.loads((ended.runs[-1] / "evidence" / "smoke" / "smoke-home" / "path.json").read_text())
    (difference,) = told["pages"]["differences"]
    assert difference["share"] <= 0.01
    with start("stale-asset") as other:
        ended = walk("good", tmp_path / "other", "-k", "test_smoke_home", "--gate-baseline", other.url)
    assert ended.verdicts["smoke-home"] == "warn", ended.out
    assert "looks-different" in ended.out
    kept = {one.name for one in (ended.runs[-1] / "evidence" / "smoke" / "smoke-home").iterdir()}
    assert {"home-candidate.png", "home-baseline.png", "home-difference.png"} <= kept
