"""Kubernetes by ``kubectl``: two deployments behind one service, the share is their part of the pods.

Pods are ready before others are taken away. What is in force is read from the status that the cluster keeps
(observed generation, ready and updated replicas), never from what was asked of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from relgate.adapters import programs
from relgate.errors import SourceError
from relgate.ports.traffic import Split

_ASK_S = 30.0


@dataclass(frozen=True, slots=True)
class Deployments:
    """Which deployments. ``replicas``: pods of both together. ``container``: whose image is set, None for none."""

    candidate: str
    baseline: str
    replicas: int
    namespace: str | None = None
    context: str | None = None
    container: str | None = None
    timeout_s: float = 300.0


class Kubectl:
    """Fills the port ``Traffic``. ``image``: of the candidate's container; None: it is not touched."""

    name = "kubectl"

    def __init__(self, deployments: Deployments, image: str | None) -> None:
        self._at = deployments
        self._image = image

    def set(self, share: float) -> None:
        """Scale: first the deployment that gains, and when its pods are ready the other.

        The first share above 0 sets the image before; a way back to 0 takes it back (``rollout undo``), so that the
        candidate's deployment does not come up again with what was refused.
        """
        own = round(share * self._at.replicas)
        if abs(own - share * self._at.replicas) > 1e-9:
            raise SourceError(
                f"kubectl: {share:.4%} of {self._at.replicas} pods is no whole number: change one of both"
            )
        wanted = {self._at.candidate: own, self._at.baseline: self._at.replicas - own}
        now = {name: int(self._get(name)["spec"].get("replicas", 1)) for name in wanted}
        if own:
            self._set_image()
        for name in sorted(wanted, key=lambda name: now[name] - wanted[name]):
            self._kubectl("scale", f"deployment/{name}", f"--replicas={wanted[name]}")
            self._wait_for(name)
        if not own and self._image is not None and self._container()["image"] == self._image:
            self._kubectl("rollout", "undo", f"deployment/{self._at.candidate}")
            self._wait_for(self._at.candidate)

    def read(self) -> Split:
        """Return the candidate's part of the pods that are ready; neither deployment may be on its way."""
        ready, said = {}, {}
        for name in (self._at.candidate, self._at.baseline):
            found = self._get(name)
            ready[name], said[name] = (
                _settled(name, found),
                found.get("status", {}) | {"spec": found["spec"]["replicas"]},
            )
        total = sum(ready.values())
        if not total:
            raise SourceError(f"kubectl: no pod of {' and '.join(ready)} is ready")
        return Split(ready[self._at.candidate] / total, said)

    def _set_image(self) -> None:
        container = self._at.container
        if container is None or self._image is None or self._container()["image"] == self._image:
            return
        self._kubectl("set", "image", f"deployment/{self._at.candidate}", f"{container}={self._image}")

    def _container(self) -> dict[str, Any]:
        containers = self._get(self._at.candidate)["spec"]["template"]["spec"]["containers"]
        found = [one for one in containers if self._at.container in (None, one["name"])]
        if not found:
            raise SourceError(f"kubectl: {self._at.candidate} has no container {self._at.container}")
        return dict(found[0])

    def _wait_for(self, name: str) -> None:
        wait = f"--timeout={self._at.timeout_s:.0f}s"
        self._kubectl("rollout", "status", f"deployment/{name}", wait, timeout_s=self._at.timeout_s + _ASK_S)

    def _get(self, name: str) -> dict[str, Any]:
        printed = self._kubectl("get", f"deployment/{name}", "-o", "json")
        try:
            found = json.loads(printed)
            found["spec"]["replicas"] = int(found["spec"].get("replicas", 1))
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(
                f"kubectl get deployment/{name}: expected a deployment, found {printed[:200]!r}"
            ) from error
        return dict(found)

    def _kubectl(self, *words: str, timeout_s: float = _ASK_S) -> str:
        place = [f"--namespace={self._at.namespace}"] if self._at.namespace else []
        place += [f"--context={self._at.context}"] if self._at.context else []
        return programs.run(["kubectl", *place, *words], {}, timeout_s)


def _settled(name: str, deployment: dict[str, Any]) -> int:
    """Return how many pods are ready; SourceError while what runs is not what was asked for."""
    status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
    seen = status.get("observedGeneration"), deployment["metadata"]["generation"]
    counts = {key: int(status.get(key, 0)) for key in ("replicas", "updatedReplicas", "readyReplicas")}
    if seen[0] != seen[1] or set(counts.values()) != {wanted}:
        raise SourceError(
            f"kubectl: {name} is on its way: {wanted} pods wanted, {counts}, generation {seen[0]} of {seen[1]}"
        )
    return counts["readyReplicas"]
