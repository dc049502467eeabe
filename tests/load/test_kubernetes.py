"""The example for Kubernetes: every object against the published schemas, the policy in it against the loader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from relgate.policy import load

PLACE = Path(__file__).parents[2] / "examples" / "load" / "kubernetes"
OBJECTS: list[dict[str, Any]] = [
    each for path in sorted(PLACE.glob("*.yaml")) for each in yaml.safe_load_all(path.read_text())
]


def named(kind: str, name: str) -> dict[str, Any]:
    """One object."""
    (found,) = (each for each in OBJECTS if (each["kind"], each["metadata"]["name"]) == (kind, name))
    return found


@pytest.mark.parametrize("each", OBJECTS, ids=lambda each: f"{each['kind']}-{each['metadata']['name']}")
def test_each_object_is_what_kubernetes_accepts(each: dict[str, Any]) -> None:
    """Strictly: an unknown key is a fault."""
    kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)


def test_a_misspelt_object_would_be_seen() -> None:
    """The check checks."""
    broken = named("Job", "relgate-load") | {"spce": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, kubernetes_validate.latest_version(), strict=True)


def test_workers_fit_the_policy() -> None:
    """As many as the masters wait for, at the ports at which they listen."""
    policy = load(named("ConfigMap", "relgate-load")["data"]["relgate.yaml"])
    traffic = policy.signals["traffic"].load
    assert traffic is not None
    ports = {port["name"]: port["port"] for port in named("Service", "relgate-load")["spec"]["ports"]}
    assert ports == {"candidate": traffic.port, "baseline": traffic.port + 1}
    for side, port in ports.items():
        job = named("Job", f"relgate-load-{side}")["spec"]
        assert job["parallelism"] == job["completions"] == traffic.workers
        assert job["template"]["spec"]["containers"][0]["command"][-1] == f"relgate-load:{port}"
    labels = named("Job", "relgate-load")["spec"]["template"]["metadata"]["labels"]
    assert named("Service", "relgate-load")["spec"]["selector"].items() <= labels.items()
