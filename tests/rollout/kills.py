"""Rollouts that are killed at random moments and gone on with, and what must hold whatever the moment was."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING

from relgate.adapters import ledger
from relgate.deploy.lock import Lock
from relgate.rollout.machine import Phase

if TYPE_CHECKING:
    import subprocess

    from tests.rollout.field import Field

STAGES = """\
  - {name: tenth, traffic: 10%, bake: BAKE}
  - {name: all, traffic: 100%, bake: BAKE}
"""
MOST_KILLS = 3


def span_s(field: Field) -> float:
    """Roll out once without a kill; how long it took from its first record on."""
    field.name = "unkilled"
    process = field.begin()
    field.wait(field.reached("begun"), process)
    began = time.monotonic()
    code, said = field.end(process)
    assert code == 0, said
    return time.monotonic() - began


def trial(field: Field, number: int, within_s: float, seed: int) -> Counter[str]:
    """Kill a rollout at a random moment, go on, maybe kill that too, up to the end; what happened.

    Every fourth release is bad from some moment on. Raises AssertionError for whatever must never be.
    """
    draw = random.Random(f"{seed}-{number}")
    field.name = f"trial-{number}"
    field.proxy.set_weight(0)
    field.candidate.well = True
    bad = number % 4 == 3
    seen: Counter[str] = Counter()
    process = field.begin()
    field.wait(field.reached("begun"), process)
    for kill in range(MOST_KILLS):
        if kill and draw.random() < 0.6:
            break
        _await_moment(field, process, draw, within_s)
        if bad:
            field.candidate.well = False
        if process.poll() is not None:
            break
        seen["kills"] += 1
        _kill(field, process)
        seen[f"killed while {field.told().state.phase.value}"] += 1
        process = field.start("--resume")
    code, said = field.end(process)
    _check_end(field, code, said)
    seen[field.told().state.phase.value] += 1
    return seen


def _await_moment(field: Field, process: subprocess.Popen[str], draw: random.Random, within_s: float) -> None:
    """Wait for a random moment: of the clock, or shortly after a random record, where much happens."""
    if draw.random() < 0.5:
        time.sleep(draw.uniform(0.0, within_s))
        return
    records = len(field.told().bodies) + draw.randrange(8)
    until = time.monotonic() + within_s
    while process.poll() is None and time.monotonic() < until and len(field.told().bodies) < records:
        time.sleep(0.005)
    time.sleep(draw.uniform(0.0, 0.2))


def _kill(field: Field, process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()
    chain = ledger.read(field.reports)
    assert chain.fault is None, chain.fault
    assert not Lock(field.reports, "tiny", "here").taken(), "the lock has outlived its owner"
    told = field.told()
    assert field.share() <= told.plan.share_at(told.state.at), "more traffic than was promoted"


def _check_end(field: Field, code: int, said: str) -> None:
    """At its end a rollout is whole, or back; a journal is whole; every promotion has its gates."""
    chain = ledger.read(field.reports)
    assert chain.fault is None, chain.fault
    assert not chain.torn
    told = field.told()
    assert told.state.over, said
    complete = told.state.phase is Phase.COMPLETE
    assert code == (0 if complete else 20), said
    assert field.share() == (1.0 if complete else 0.0), said
    assert field.events().count("promote") == (len(told.plan.steps) if complete else told.state.at)
    field.check_promotions()
