"""Pictures of loads: drawn from the recording, and never the end of a session."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from relgate.curves import CAPACITY, LOAD, draw
from relgate.policy import Policy, load
from tests.observe.test_loads import Told, recorded, report, usual

POLICY = """
relgate: 1
service: demo
environments:
  test: {candidate: {url: "http://127.0.0.1:9"}, baseline: {url: "http://127.0.0.1:10"}}
signals:
  traffic: {load: {users: a.py, shape: step, rate: 100/s, steps: 2, each: 1s, knee: {limit: 100ms}}}
stages: [{name: load, bake: 2s, run: load}]
"""


@pytest.fixture
def policy() -> Policy:
    """One with a load that looks for a knee."""
    return load(POLICY)


def test_both_pictures_are_drawn(policy: Policy, tmp_path: Path) -> None:
    """Whole documents, with a line for each side."""
    recorded(tmp_path, Told([report(usual(1))]), Told([report(usual(2))]))

    assert draw(tmp_path, policy, ("traffic",)) == []
    for name in (LOAD, CAPACITY):
        text = (tmp_path / name).read_text()
        ET.fromstring(text)
        assert 'class="curve candidate"' in text
        assert 'class="curve baseline"' in text
    assert 'class="curve limit"' in (tmp_path / CAPACITY).read_text()


def test_a_service_that_fails_beyond_its_knee_has_its_picture(policy: Policy, tmp_path: Path) -> None:
    """Failed requests are slower than anything: no number, and no end of the session."""
    told = usual(1)
    broken = [report({0: told[0]}), report({1: list(np.full(100, 0.1))}, flags=1)]
    recorded(tmp_path, Told(broken), Told([report(usual(2))]))

    assert draw(tmp_path, policy, ("traffic",)) == []
    ET.fromstring((tmp_path / CAPACITY).read_text())


def test_a_side_without_an_answer_has_its_picture(policy: Policy, tmp_path: Path) -> None:
    """An empty table is drawn empty."""
    recorded(tmp_path, Told([]), Told([report(usual(2))]))

    assert draw(tmp_path, policy, ("traffic",)) == []


def test_what_cannot_be_drawn_is_said(policy: Policy, tmp_path: Path) -> None:
    """There is no recording: the gates will say so too."""
    assert "were not drawn" in draw(tmp_path, policy, ("traffic",))[0]
    assert draw(tmp_path, policy, ()) == []
