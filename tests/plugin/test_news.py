"""People are told: who asked for it, once for a state, and whatever happens to the telling the decision stands."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.plugin.conftest import GATES, POLICY, Project

NOTIFY = """  - {name: another, run: postdeploy}
notify:
  team: {to: env:CHAT_OF_TEAM, on: [before, after, trouble]}
  boss: {to: [env:CHAT_OF_BOSS], on: trouble}
  elsewhere: {to: env:CHAT_OF_TEAM, on: [before, after, trouble], stages: another}
"""
FAILS = GATES["beta"].replace("2.0", "20.0")


class Chat(HTTPServer):
    """A webhook that keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.sent: list[tuple[str, str, str]] = []


class Handler(BaseHTTPRequestHandler):
    """Takes Apprise's JSON."""

    server: Chat

    def do_POST(self) -> None:
        """Keep room, title and message."""
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.sent.append((self.path, message["title"], message["message"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def chat() -> Iterator[Chat]:
    """A chat on this machine."""
    server = Chat()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def told(project: Project, chat: Chat) -> Project:
    """A project whose team and boss are told."""
    address = f"json://relgate:sesame-open@127.0.0.1:{chat.server_port}"
    project.write("relgate.yaml", POLICY + NOTIFY)
    project.environment = {"CHAT_OF_TEAM": f"{address}/team", "CHAT_OF_BOSS": f"{address}/boss"}
    return project


def test_each_audience_is_told_what_it_asked_for(told: Project, chat: Chat) -> None:
    """The team everything, the boss trouble only, and nobody twice."""
    told.run("--gate-release", "version=1.5.0")
    assert [(room, title) for room, title, _ in chat.sent] == [
        ("/team", "demo 1.5.0 stage: begins"),
        ("/team", "demo 1.5.0 stage: promote"),
    ]

    chat.sent.clear()
    told.gates(beta=FAILS)
    told.run("--gate-release", "version=1.6.0")
    assert [(room, title) for room, title, _ in chat.sent[1:]] == [
        ("/team", "demo 1.6.0 stage: rollback"),
        ("/boss", "demo 1.6.0 stage: rollback"),
    ]
    assert chat.sent[-1][2].startswith("beta: ")


def test_the_same_state_is_no_news(told: Project, chat: Chat) -> None:
    """A hold that is judged again and held again; another state is one."""
    told.gates(beta='@pytest.mark.canary\ndef test_beta(gate):\n    pytest.skip("not today")\n')
    for _ in range(2):
        told.run("--gate-release", "version=1.5.0")
    assert [title for room, title, _ in chat.sent if room == "/boss"] == ["demo 1.5.0 stage: hold"]

    told.gates()
    told.run("--gate-release", "version=1.5.0")
    assert chat.sent[-1][1] == "demo 1.5.0 stage: promote"


def test_what_cannot_be_sent_changes_no_decision_and_names_no_address(told: Project) -> None:
    """Nobody there, a variable that is not set, an address that is none: one line each."""
    told.environment = {"CHAT_OF_TEAM": "json://relgate:sesame-open@127.0.0.1:9/team"}
    ended = told.run()
    assert (ended.code, ended.decision) == (0, "promote")
    assert "not told: notify team: the message was not delivered" in ended.out

    told.gates(beta=FAILS)
    ended = told.run()
    assert (ended.code, ended.decision) == (20, "rollback")
    assert "not told: notify boss: env:CHAT_OF_BOSS" in ended.out
    everything = [ended.out, *(path.read_text(errors="replace") for path in told.folder.rglob("*") if path.is_file())]
    assert not any("sesame-open" in text for text in everything)


def test_an_address_in_clear_text_is_refused(project: Project) -> None:
    """It holds a password more often than not."""
    project.write("relgate.yaml", POLICY + 'notify: {team: {to: "json://127.0.0.1/x"}}\n')
    ended = project.run()

    assert ended.code == 4
    assert "notify.team.to" in ended.out


MATRIX = """
matrix:
  - {severity: critical, users: "> 50%", action: roll back at once, within: 5m, who: on call}
  - {severity: critical, users: "<= 50%", action: assess, within: 15m}
"""


def test_the_matrix_says_what_is_done_by_when(told: Project, chat: Chat) -> None:
    """On the terminal, in the summary, on the page and to those who are told: all users get this stage."""
    told.write("relgate.yaml", POLICY + NOTIFY + MATRIX)
    told.gates(beta=FAILS)
    ended = told.run("--gate-release", "version=1.5.0")

    said = "decision matrix: roll back at once, within 5 min, on call (critical, 100 % of users)"
    assert ended.decision == "rollback"
    assert f"next: {said}" in ended.out
    for name in ("decision.md", "report.html", "decision.json"):
        assert said in (ended.runs[-1] / name).read_text(), name
    (message,) = [text for room, _, text in chat.sent if room == "/boss"]
    assert message.startswith(f"beta: {said}")
