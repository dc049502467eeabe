"""Strategies other than shares of requests, and what a rollout does beside its steps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from relgate.rollout.plan import STANDBY
from tests.rollout.tiny import Tiny

if TYPE_CHECKING:
    from tests.rollout.field import Field

TWO = """\
  - {name: half, traffic: 50%, bake: BAKE}
  - {name: all, traffic: 100%, bake: BAKE}
"""


def test_blue_green_keeps_the_old_version_in_wait_and_then_takes_it_away(field: Field) -> None:
    """The last stage is judged once more while it waits; the hook comes after that."""
    field.write(stages=TWO, strategy="strategy: blue-green, standby: 1s", hooks="{retire: 'touch retired'}")
    code, said = field.roll()
    assert code == 0, said
    assert [step.name for step in field.told().plan.steps] == ["half", "all", STANDBY]
    assert field.events().count("promote") == 3
    assert (field.folder / "retired").exists()


def test_what_goes_bad_in_standby_goes_back_to_the_version_that_waits(field: Field) -> None:
    """That is what it waits for."""
    field.write(stages=TWO, strategy="strategy: blue-green, standby: 30s", hooks="{retire: 'touch retired'}")
    process = field.begin()
    field.wait(field.reached("promote", 2), process)
    field.candidate.well = False
    code, said = field.end(process)
    assert (code, field.share()) == (20, 0.0), said
    assert not (field.folder / "retired").exists()


REPLACE = """\
import os, pathlib
folder = pathlib.Path(__file__).parent
(folder / f"version-{os.environ['RELGATE_INSTANCE']}").write_text(os.environ["RELGATE_VERSION"])
"""


class Replaced(Tiny):
    """An instance whose version is what the hook has written into a file."""

    def answer(self, request: object) -> None:
        """Look it up first."""
        if self.file.exists():
            self.version = self.file.read_text()
        super().answer(request)  # type: ignore[arg-type]


@pytest.fixture
def rolling(field: Field) -> Field:
    """Two instances of one service, replaced one after the other."""
    import sys

    for name in ("candidate", "baseline"):
        server = getattr(field, name)
        server.__class__ = Replaced
        server.version = "1"
        server.file = field.folder / f"version-{name}"
    field.proxy.set_weight(50)
    (field.folder / "replace.py").write_text(REPLACE)
    field.write(
        stages=TWO,
        strategy="strategy: rolling",
        hooks=f"{{replace: '{sys.executable} {field.folder / 'replace.py'}'}}",
        instances=f'instances: {{candidate: "{field.candidate.url}", baseline: "{field.baseline.url}"}}',
    )
    return field


def test_instances_are_replaced_one_by_one(rolling: Field) -> None:
    """The first one is judged before the second one is touched."""
    code, said = rolling.roll()
    assert code == 0, said
    shares = [
        body["details"]["router"]["said"]["instances"] for body in rolling.told().bodies if body["event"] == "shifted"
    ]
    assert shares == [{"candidate": "2", "baseline": "1"}, {"candidate": "2", "baseline": "2"}]


def test_instances_go_back_to_the_old_version(rolling: Field) -> None:
    """Those that were replaced; the others are left alone."""
    rolling.write(bake="20s")
    process = rolling.begin()
    rolling.wait(rolling.reached("judge"), process)
    rolling.candidate.well = False
    rolling.wait(rolling.reached("rollback"), process)
    rolling.candidate.well = True  # The old version on it is well.
    code, said = rolling.end(process)
    assert code == 20, said
    assert (rolling.folder / "version-candidate").read_text() == "1"
    assert not (rolling.folder / "version-baseline").exists()


def test_a_release_that_goes_bad_while_it_is_held_is_taken_back(field: Field) -> None:
    """A hold waits with open eyes."""
    field.write(hold_for="1h", hooks="{notify: 'true'}")
    process = field.begin()
    field.wait(field.reached("judge"), process)
    assert field.run("pause")[0] == 0
    field.wait(field.reached("pause"), process)
    field.candidate.well = False
    code, said = field.end(process)
    assert (code, field.share()) == (20, 0.0), said
    assert "seen while it was held" in said
    assert any("watching" in note for note in field.notes())


def test_a_detached_rollout_outlives_its_terminal(field: Field) -> None:
    """It is followed by status and ended by abort."""
    field.write(bake="30s")
    code, said = field.roll("--detach")
    assert code == 0, said
    until = time.monotonic() + 60
    while "judge" not in (field.events() if (field.reports / "ledger.jsonl").exists() else []):
        assert time.monotonic() < until
        time.sleep(0.1)
    code, said = field.run("status")
    assert code == 0
    assert "state observing" in said
    assert field.run("abort")[0] == 0
    while not field.told().state.over:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert field.share() == 0.0


def test_going_back_after_what_cannot_be_taken_back_is_a_hold_that_says_why(field: Field) -> None:
    """An earlier gate of this release let an irreversible migration through: a person has to decide."""
    from relgate.adapters import ledger

    decided = {
        "run_id": "r",
        "stage": "migrate",
        "policy_sha256": "0" * 64,
        "finished": "2026-11-21T10:00:00.000Z",
        "gates": [],
        "service": "tiny",
        "environment": "here",
        "release": {"version": "2"},
        "decision": "promote",
        "irreversible": ["0007 drops orders.total"],
    }
    field.reports.mkdir()
    ledger.append(field.reports, "gate-decision", time.time(), decided)
    field.write(hooks="{page: 'touch paged'}", bake="10s")
    field.candidate.well = False
    code, said = field.roll("--exit-on-hold")
    assert (code, field.share()) == (10, 0.1), said
    assert "rollback unsafe: 0007 drops orders.total" in said
    assert (field.folder / "paged").exists()
    code, said = field.run("abort")
    assert (code, field.share()) == (10, 0.1), said
