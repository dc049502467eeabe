"""A whole rollout of the shop, as somebody tries it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from examples.shop.rollout import POLICY
from examples.shop.users import Users
from relgate.rollout.plan import plan_of
from relgate.settings import read_policy
from tests.rollout.tiny import Tiny

if TYPE_CHECKING:
    from pathlib import Path


def test_the_policy_goes_from_a_twentieth_over_half_to_all() -> None:
    """With health and errors watched in each stage."""
    policy, _ = read_policy(POLICY)
    plan = plan_of(policy)
    assert [step.share for step in plan.steps] == [0.05, 0.5, 1.0]
    assert all({"health", "error-rate"} <= set(policy.required_ids(stage)) for stage in policy.stages)


def test_a_release_that_is_down_is_taken_back_and_its_users_are_counted(tmp_path: Path) -> None:
    """Its pages work, so nobody has to suffer; health says that it must not stay."""
    words = ["-m", "examples.shop.rollout", "--release", "down", "--reports", str(tmp_path / "reports")]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False, timeout=300, env=environment
    )
    assert done.returncode == 20, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["weights"] == {"baseline": 100, "candidate": 0}
    assert told["sent"] > 20
    assert told["failed"] == 0
    assert "health: " in done.stdout


def test_users_count_what_fails() -> None:
    """No answer is a failure too."""
    with Tiny("1") as shop, Users(shop.url, per_s=100) as users:
        while users.sent < 20:
            time.sleep(0.01)
    assert users.failed == 0
    with Users(shop.url, per_s=100) as users:
        while users.sent < 8:
            time.sleep(0.01)
    assert users.failed == users.sent
