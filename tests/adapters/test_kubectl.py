"""What ``kubectl`` is asked, and what of its answers is believed.

The ``kubectl`` here is no cluster: a script that keeps two deployments in a file, writes down every word, and knows
those that the adapter says. It holds the adapter to its words and to its doubts; that a cluster does what they mean is
not shown here.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from typing import TYPE_CHECKING, Any

import pytest

from relgate.adapters.kubectl import Deployments, Kubectl
from relgate.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

_KUBECTL = """\
#!{python}
import json, os, pathlib, sys
place = pathlib.Path(os.environ["RECORDED"])
state = json.loads((place / "state.json").read_text())
words = [word for word in sys.argv[1:] if not word.startswith(("--namespace", "--context"))]
with (place / "said").open("a") as file:
    file.write(" ".join(sys.argv[1:]) + chr(10))
name = next((word.partition("/")[2] for word in words if word.startswith("deployment/")), "")
if name not in state:
    sys.exit('Error from server (NotFound): deployments.apps "' + name + '" not found')
one = state[name]
if words[0] == "get":
    print(json.dumps(one))
elif words[0] == "scale":
    one["spec"]["replicas"] = int(words[2].partition("=")[2])
    one["metadata"]["generation"] += 1
elif words[:2] == ["set", "image"]:
    one["spec"]["template"]["spec"]["containers"][0]["image"] = words[3].partition("=")[2]
    one["metadata"]["generation"] += 1
elif words[:2] == ["rollout", "status"]:
    if os.environ.get("STUCK"):
        sys.exit("error: timed out waiting for the condition")
    n = one["spec"]["replicas"]
    counts = dict(replicas=n, updatedReplicas=n, readyReplicas=n) if n else {{}}
    one["status"] = dict(observedGeneration=one["metadata"]["generation"], **counts)
elif words[:2] == ["rollout", "undo"]:
    one["spec"]["template"]["spec"]["containers"][0]["image"] = "registry/shop:1"
    one["metadata"]["generation"] += 1
else:
    sys.exit("unknown words: " + " ".join(words))
(place / "state.json").write_text(json.dumps(state))
"""

AT = Deployments("shop-new", "shop-old", 10, namespace="prod", container="shop", timeout_s=60)


def deployment(replicas: int) -> dict[str, Any]:
    """A deployment as the API shows it, at rest."""
    counts = {"replicas": replicas, "updatedReplicas": replicas, "readyReplicas": replicas} if replicas else {}
    return {
        "metadata": {"generation": 3},
        "spec": {
            "replicas": replicas,
            "template": {"spec": {"containers": [{"name": "shop", "image": "registry/shop:1"}]}},
        },
        "status": {"observedGeneration": 3, **counts},
    }


class Cluster:
    """The state that the script keeps."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = {"shop-new": deployment(0), "shop-old": deployment(10)}
        self.write()

    def write(self) -> None:
        """Put the state where the script reads it."""
        (self.folder / "state.json").write_text(json.dumps(self.state))

    def said(self) -> list[str]:
        """What was asked, reading left out."""
        lines = (self.folder / "said").read_text().splitlines()
        return [line.removeprefix("--namespace=prod ") for line in lines if " get " not in line]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The script on PATH."""
    program = tmp_path / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(_KUBECTL.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("RECORDED", str(tmp_path))
    return Cluster(tmp_path)


def test_the_first_share_sets_the_image_and_pods_are_ready_before_others_go(cluster: Cluster) -> None:
    """Image, then the deployment that gains and its pods, then the one that loses."""
    router = Kubectl(AT, "registry/shop:2")
    router.set(0.3)
    assert cluster.said() == [
        "set image deployment/shop-new shop=registry/shop:2",
        "scale deployment/shop-new --replicas=3",
        "rollout status deployment/shop-new --timeout=60s",
        "scale deployment/shop-old --replicas=7",
        "rollout status deployment/shop-old --timeout=60s",
    ]
    assert router.read().candidate == pytest.approx(0.3)


def test_the_way_back_gives_the_old_pods_first_and_undoes_the_image(cluster: Cluster) -> None:
    """What was refused does not come up again with the next pod."""
    router = Kubectl(AT, "registry/shop:2")
    router.set(0.3)
    (cluster.folder / "said").unlink()
    router.set(0.0)
    assert [line.partition(" --")[0] for line in cluster.said()] == [
        "scale deployment/shop-old",
        "rollout status deployment/shop-old",
        "scale deployment/shop-new",
        "rollout status deployment/shop-new",
        "rollout undo deployment/shop-new",
        "rollout status deployment/shop-new",
    ]
    assert router.read().candidate == 0.0


@pytest.mark.parametrize(
    "change",
    [{"observedGeneration": 2}, {"readyReplicas": 9}, {"updatedReplicas": 4}, {"replicas": 12}],
)
def test_pods_that_are_on_their_way_are_no_share(cluster: Cluster, change: dict[str, int]) -> None:
    """Old generations, pods that are not ready, pods too many: none of it is what was asked for."""
    cluster.state["shop-old"]["status"] |= change
    cluster.write()
    with pytest.raises(SourceError, match="shop-old is on its way"):
        Kubectl(AT, None).read()


def test_what_the_cluster_refuses_is_an_error_with_its_words(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown deployment, pods that never get ready, a share of half a pod."""
    del cluster.state["shop-new"]
    cluster.write()
    with pytest.raises(SourceError, match="NotFound"):
        Kubectl(AT, None).read()
    cluster.state["shop-new"] = deployment(0)
    cluster.write()
    with pytest.raises(SourceError, match="no whole number"):
        Kubectl(AT, None).set(0.25)
    monkeypatch.setenv("STUCK", "1")
    with pytest.raises(SourceError, match="timed out waiting"):
        Kubectl(AT, None).set(0.5)
