"""What the controller asks of the recorder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relgate.bake import make_plan
from relgate.settings import Options, make_run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

POLICY = """
relgate: 1
service: shop
environments:
  here:
    candidate: {url: "https://new.example", instances: ["https://pod-1.example", "env:POD_2"], headers: {X-Env: new}}
    baseline: {url: "https://old.example"}
    prometheus: {url: "https://prometheus.example"}
signals:
  requests: {probe: {rate: 20/s, get: /}}
  memory: {promql: {query: 'memory{side="$side"}', instance_label: pod}}
gates:
  errors: {signal: requests.errors, fail: "> 1%"}
  memory: {signal: memory, fail: "> 1"}
stages: [{name: canary}]
"""


def test_a_plan_asks_the_instances_of_each_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instances go along with their side's URL and headers; a label for them goes along with its query."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POD_2", "https://pod-2.example")
    (tmp_path / "relgate.yaml").write_text(POLICY)
    plan = make_plan(make_run(Options("relgate.yaml")), {"errors", "memory"})

    assert plan.sides.candidate.probed == ("https://pod-1.example", "https://pod-2.example")
    assert (plan.sides.candidate.url, plan.sides.candidate.headers[0].value) == ("https://new.example", "new")
    assert plan.sides.baseline is not None
    assert plan.sides.baseline.probed == ("https://old.example",)
    assert [getattr(stream, "instance_label", None) for stream in plan.streams] == [None, "pod"]

    other = make_plan(make_run(Options("relgate.yaml", candidate="https://other.example")), {"errors"})
    assert other.sides.candidate.probed == ("https://other.example",)
