"""``relgate serve``, asked over HTTP as other rollout controllers ask: real sessions, real records."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from relgate.deploy.serving import Wanted, question, run
from relgate.errors import UsageError
from tests.plugin.conftest import HEAD, POLICY

if TYPE_CHECKING:
    from collections.abc import Iterator

# Version 2 is good, version 3 is bad, version 4 never ends.
GATES = """
@pytest.mark.canary
def test_alpha(gate):
    version = gate._run.version
    if version == "4":
        open("begun", "w").close()
        time.sleep(600)
    gate.judge("alpha", value(11.0 if version == "3" else 1.0))

@pytest.mark.canary
def test_beta(gate):
    gate.judge("beta", value(2.0))
"""
TOKEN = "let-me-ask"


class Served:
    """A server in ``folder``."""

    def __init__(self, folder: Path, *words: str) -> None:
        (folder / "relgate.yaml").write_text(POLICY)
        (folder / "test_gates.py").write_text(HEAD + GATES)
        (folder / "token").write_text(TOKEN + "\n")
        self.folder = folder
        command = [sys.executable, "-m", "relgate.cli", "serve", "--listen", "127.0.0.1:0", *words]
        self.process = subprocess.Popen(
            [*command, "--token", f"file:{folder / 'token'}", "--pytest=-p no:schemathesis -p no:locust"],
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        found = re.search(r"http://\S+", self.process.stdout.readline())
        assert found is not None
        self.http = httpx.Client(base_url=found[0], headers={"Authorization": f"Bearer {TOKEN}"}, timeout=100)

    def decided(self, **words: str) -> dict[str, Any]:
        """Ask until it is decided."""
        until = time.monotonic() + 120
        while time.monotonic() < until:
            told: dict[str, Any] = self.http.get("/v1/decision", params=words).json()
            if told["state"] != "judging":
                return told
            assert told["value"] == 0
            time.sleep(0.2)
        raise TimeoutError(f"not decided within two minutes: {words}")

    def close(self) -> None:
        """End it in order."""
        self.http.close()
        self.process.terminate()
        self.process.communicate(timeout=60)


def sessions_run(server: int) -> bool:
    """Whether a child of the server has not ended: one that has, and that nobody has asked about, is a zombie."""
    children = " ".join(one.read_text() for one in Path(f"/proc/{server}/task").glob("*/children")).split()
    return any(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] != "Z" for child in children)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A server."""
    with closing(Served(tmp_path)) as one:
        yield one


def test_others_are_told_what_was_recorded(served: Served) -> None:
    """A good version and a bad one, in the words of each controller; nobody is let on before there is a record."""
    flagger = {"name": "shop", "namespace": "prod", "phase": "Progressing", "metadata": {"stage": "stage"}}
    assert served.http.post("/flagger/rollback", json=flagger, params={"version": "2"}).status_code == 412
    assert served.http.post("/flagger/confirm", json=flagger, params={"version": "2"}).status_code == 425
    good = served.decided(stage="stage", version="2")
    assert (good["decision"], good["value"], good["gates"]) == ("promote", 1, {"alpha": "pass", "beta": "pass"})
    assert served.http.post("/flagger/confirm", json=flagger, params={"version": "2"}).status_code == 200
    record = json.loads((served.folder / "reports" / good["run"] / "decision.json").read_text())
    assert (record["decision"], record["release"]["version"]) == ("promote", "2")

    kayenta = served.http.post("/kayenta/judge", params={"stage": "stage", "version": "3"}, json={"canaryConfig": {}})
    assert kayenta.json()["score"]["classification"] == "Fail"
    bad = served.decided(stage="stage", version="3")
    assert (bad["decision"], bad["value"]) == ("rollback", -1)
    assert served.http.post("/flagger/rollback", json=flagger, params={"version": "3"}).status_code == 200
    assert served.http.post("/flagger/confirm", json=flagger, params={"version": "3"}).status_code == 409


def test_whoever_watches_is_told_how_releases_stand(served: Served) -> None:
    """From the ledger: also when this server is a new one; nobody can tell from a ledger that is broken."""
    assert served.http.get("/health").json() == {"status": "ok", "releases": {}}
    served.decided(stage="stage", version="2")
    served.decided(stage="stage", version="3")

    found = served.http.get("/v1/releases").json()["releases"]
    assert [(one["version"], one["state"]) for one in found] == [("3", "rolled_back"), ("2", "promoted")]
    one = served.http.get("/v1/releases", params={"version": "2", "env": "test"}).json()["releases"]
    assert [(row["environment"], row["state"], row["stage"]) for row in one] == [("test", "promoted", "stage")]
    health = served.http.get("/health").json()
    assert (health["status"], health["releases"]["test"]["version"]) == ("ok", "3")

    ledger = served.folder / "reports" / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b"payload", b"pAyload", 1))
    broken = served.http.get("/health")
    assert (broken.status_code, broken.json()["status"]) == (503, "down")
    assert served.http.get("/v1/releases").status_code == 503
    assert served.http.get("/health", headers={"Authorization": ""}).status_code == 401


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[Served]:
    """A server whose answers are good for two seconds."""
    with closing(Served(tmp_path, "--fresh", "2s")) as one:
        yield one


def test_an_answer_is_forgotten_when_it_is_no_longer_true(forgetful: Served) -> None:
    """A rollback of yesterday takes nothing back today, though nobody looked at it in between."""
    words = {"stage": "stage", "version": "3"}
    first = forgetful.http.get("/v1/decision", params=words).json()
    until = time.monotonic() + 120
    while sessions_run(forgetful.process.pid):
        assert time.monotonic() < until
        time.sleep(0.1)
    time.sleep(3)

    taken_back = forgetful.http.post("/flagger/rollback", params=words, json={})
    assert (taken_back.status_code, taken_back.json()["state"]) == (412, "refused")
    assert "older than 2 s" in taken_back.json()["reasons"][0]
    again = forgetful.http.get("/v1/decision", params=words).json()
    assert (again["state"], again["run"] == first["run"]) == ("judging", False)


def test_what_cannot_be_judged_is_a_hold_that_says_why(served: Served) -> None:
    """A stage that the policy has not, no version, a second question while the first is judged."""
    assert "no-such" in served.decided(stage="no-such", version="2")["reasons"][0]
    assert "which version" in served.decided(stage="stage")["reasons"][0]
    assert served.http.get("/v1/decision", params={"stage": "stage", "version": "4"}).json()["state"] == "judging"
    other = served.decided(stage="stage", version="2")
    assert (other["state"], other["value"]) == ("refused", 0)
    assert "is being judged: stage stage" in other["reasons"][0]


def test_who_has_no_token_starts_nothing(served: Served) -> None:
    """Nor does who sends no JSON."""
    for wrong in ({"Authorization": "Bearer wrong"}, {"Authorization": ""}):
        assert (
            served.http.get("/v1/decision", params={"stage": "stage", "version": "2"}, headers=wrong).status_code == 401
        )
    assert served.http.post("/v1/decision", content=b"[1").status_code == 400
    assert served.http.post("/v1/decision", content=b"[" * 100_000).status_code == 400
    assert served.http.get("/healthz", headers={"Authorization": ""}).status_code == 200
    assert not (served.folder / "reports").exists()


def test_a_server_that_ends_leaves_a_recorded_hold(tmp_path: Path) -> None:
    """Its session ends in order."""
    with closing(Served(tmp_path)) as served:
        run_id = served.http.get("/v1/decision", params={"stage": "stage", "version": "4"}).json()["run"]
        until = time.monotonic() + 120
        while not (tmp_path / "begun").exists():
            assert time.monotonic() < until
            time.sleep(0.1)

    record = json.loads((tmp_path / "reports" / run_id / "decision.json").read_text())
    assert record["decision"] == "hold"


@pytest.mark.parametrize(
    ("listen", "token", "said"),
    [
        ("0.0.0.0:0", None, "name a token"),
        ("127.0.0.1", None, "expected HOST:PORT"),
        ("127.0.0.1:x", None, "expected HOST:PORT"),
        ("127.0.0.1:0", "plain-secret", "expected env:NAME or file:PATH"),
    ],
)
def test_options_that_do_not_fit_are_one_line(tmp_path: Path, listen: str, token: str | None, said: str) -> None:
    """Before anything listens."""
    (tmp_path / "relgate.yaml").write_text(POLICY)
    with pytest.raises(UsageError, match=said):
        run(Wanted(str(tmp_path / "relgate.yaml"), tmp_path / "reports", listen, token), print)


def test_a_question_is_the_same_while_its_words_are() -> None:
    """What is no word of ours is a fact of the release."""
    asked = question({"stage": "a", "version": "2", "commit": "abc", "not a name": "x"}, "prod")

    assert (asked.environment, asked.stage, asked.version, asked.facts) == ("prod", "a", "2", (("commit", "abc"),))
