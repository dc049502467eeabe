"""What paths create goes away: at their end, after a failure, after a kill; and what the service sends is received."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from relgate.smoke import journal
from tests.smoke.conftest import Paths
from tests.smoke.test_paths import messages

ACCOUNTS = """
  accounts:
    admin: {user: admin@x.example, password: env:SMALL_ADMIN, login: {post: /api/login}}
"""
MAKES = """
def test_smoke_register(path, http, created):
    with path.step("register"):
        email = f"{created.tag}@x.example"
        created.undo("DELETE", f"/api/accounts/{email}", account="admin")
        assert http.post("/api/accounts", json={"email": email}).status_code == 201
"""


def sweep(paths: Paths, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``relgate sweep`` in a project."""
    return subprocess.run(
        [sys.executable, "-m", "relgate.cli", "sweep", *arguments],
        cwd=paths.folder,
        env=os.environ | paths.environment,
        capture_output=True,
        text=True,
        check=False,
    )


def with_accounts(paths: Paths) -> None:
    """Write a policy with an account that logs in."""
    paths.environment["SMALL_ADMIN"] = "pass-word-4711"
    paths.policy("register", smoke=ACCOUNTS)


def test_what_a_path_creates_is_gone_at_its_end(paths: Paths) -> None:
    """Removed by the account that the policy names, which logs in by itself; nothing is left to sweep."""
    with_accounts(paths)
    paths.paths(MAKES)
    ended = paths.walk()

    assert ended.decision == "promote", ended.out
    assert paths.service.accounts == set()
    assert paths.service.signed == ["Bearer letmein-token"]
    assert not list(ended.runs[-1].glob("smoke/created/*"))


def test_what_a_failed_path_created_is_gone_too(paths: Paths) -> None:
    """Also what a path wrote down and never made: 404 is fine."""
    with_accounts(paths)
    paths.paths(
        MAKES + "        created.undo('DELETE', '/api/accounts/never-made', account='admin')\n        assert 0\n"
    )
    ended = paths.walk()

    assert ended.verdicts == {"smoke-register": "fail"}, ended.out
    assert "not-undone" not in ended.out
    assert paths.service.accounts == set()


def test_what_cannot_be_removed_warns_and_waits_for_the_sweep(paths: Paths) -> None:
    """A warning names it; the sweep removes it once the service answers, and then there is nothing more to do."""
    with_accounts(paths)
    paths.service.down = True
    paths.paths(MAKES)
    ended = paths.walk()

    assert ended.verdicts == {"smoke-register": "warn"}, ended.out
    assert "not-undone: DELETE /api/accounts/rg-" in messages(ended)["smoke-register"]
    still = sweep(paths)
    assert still.returncode == 10, still.stdout
    assert "answered 500" in still.stdout
    paths.service.down = False
    swept = sweep(paths)
    assert (swept.returncode, swept.stdout) == (0, "1 removed, 0 left\n"), swept.stderr
    assert paths.service.accounts == set()
    assert sweep(paths).stdout == "0 removed, 0 left\n"


def test_a_path_that_is_killed_is_swept(paths: Paths) -> None:
    """SIGKILL in mid-path: the account is there, the sweep leaves living runs alone and removes what the dead left."""
    with_accounts(paths)
    paths.paths(MAKES + "        open('made', 'w').write(str(os.getpid()))\n        time.sleep(60)\n")
    process = paths.start("--gate-policy", "relgate.yaml", "-m", "smoke")
    paths.wait_for("made")
    assert len(paths.service.accounts) == 1
    during = sweep(paths)
    assert during.stdout.startswith("in use  "), during.stdout + during.stderr
    assert len(paths.service.accounts) == 1

    os.kill(int((paths.folder / "made").read_text()), signal.SIGKILL)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    swept = sweep(paths)

    assert (swept.returncode, swept.stdout) == (0, "1 removed, 0 left\n"), swept.stderr
    assert paths.service.accounts == set()


def test_a_sweep_asks_only_services_that_the_policy_names(paths: Paths) -> None:
    """A journal alone does not get an account's password sent anywhere."""
    with_accounts(paths)
    paths.service.down = True
    paths.paths(MAKES)
    paths.walk()
    paths.service.down = False
    kept = next((paths.folder / "reports").glob("2*/smoke/created/*.jsonl"))
    kept.write_text(kept.read_text().replace(paths.service.url, "http://127.0.0.1:9"))
    swept = sweep(paths)

    assert swept.returncode == 10
    assert "which the policy does not name: pass --candidate http://127.0.0.1:9" in swept.stdout


def test_mails_and_calls_of_the_service_are_received(paths: Paths) -> None:
    """A real SMTP server and a real HTTP one, whichever worker asks; what came is gone at the end."""
    paths.policy("mail", "hook", smoke="  mail: {}\n  webhooks: {listen: '127.0.0.1:0'}")
    paths.paths(
        "def test_smoke_mail(path, http, created, mailbox):\n    with path.step('ask'):\n"
        "        email = f'{created.tag}@x.example'\n        created.undo('DELETE', f'/api/accounts/{email}')\n"
        "        http.post('/api/accounts', json={'email': email, 'mail': mailbox.address})\n"
        "    with path.step('read'):\n        letter = mailbox.wait(to=email)\n"
        "        assert letter.subject == 'Reset'\n"
        "        assert letter.links == ('http://shop.example/reset?token=abc',)\n",
        "def test_smoke_hook(path, http, created, webhook):\n    with path.step('ask'):\n"
        "        created.undo('DELETE', '/api/accounts/h@x.example')\n"
        "        http.post('/api/accounts', json={'email': 'h@x.example', 'hook': webhook.url})\n"
        "    with path.step('read'):\n        call = webhook.wait()\n"
        "        assert call.json == {'made': 'h@x.example'}\n        assert call.headers['x-signature']\n",
    )
    ended = paths.walk()

    assert ended.decision == "promote", ended.out
    assert not (ended.runs[-1] / "smoke" / "inbox").exists()


def test_a_mail_that_does_not_come_fails_its_step(paths: Paths) -> None:
    """After the time that the path gives it."""
    paths.policy("mail", smoke="  mail: {}")
    paths.paths(
        "def test_smoke_mail(path, mailbox):\n    with path.step('read'):\n"
        "        mailbox.wait(to='nobody@x.example', timeout_s=0.3)\n"
    )
    ended = paths.walk()

    said = messages(ended)["smoke-mail"]
    assert "step 'read': TimeoutError: no mail to nobody@x.example came within 0.3 s" in said, ended.out


def test_an_address_that_is_taken_holds(paths: Paths) -> None:
    """Nobody listens, so nothing can be observed."""
    port = paths.service.url.rpartition(":")[2]
    paths.policy("mail", smoke=f"  mail: {{listen: '127.0.0.1:{port}'}}")
    paths.paths("def test_smoke_mail(path, mailbox):\n    with path.step('a'):\n        pass\n")
    ended = paths.walk()

    assert ended.decision == "hold", ended.out
    assert "smoke.mail cannot listen on 127.0.0.1" in ended.reasons


def test_a_mailbox_needs_its_key_in_the_policy(paths: Paths) -> None:
    """One clear line."""
    paths.policy("mail")
    paths.paths("def test_smoke_mail(path, mailbox):\n    with path.step('a'):\n        pass\n")
    ended = paths.walk()

    assert ended.verdicts == {"smoke-mail": "error"}, ended.out
    assert "mailbox: nothing listens; the policy needs smoke.mail" in messages(ended)["smoke-mail"]


def test_a_journal_survives_a_line_that_was_cut_short(tmp_path: Path) -> None:
    """The last line belongs to what was never created; what a sweep writes behind it stands by itself."""
    written = journal.Journal(tmp_path / "run", journal.Owner("r-1", "smoke-a", "test", "http://127.0.0.1:1"))
    written.add("DELETE", "/a")
    written.add("DELETE", "/b")
    written.close()
    path = next(tmp_path.glob("run/smoke/created/*.jsonl"))
    path.write_bytes(path.read_bytes() + b'{"undo": {"num')

    assert [one.path for one in journal.read(path).undos] == ["/b", "/a"]
    journal.sweep(tmp_path, lambda left: (left.undos[0].number,))
    assert [one.path for one in journal.read(path).undos] == ["/a"]
    journal.sweep(tmp_path, lambda left: tuple(one.number for one in left.undos))
    assert not path.exists()


def test_a_journal_is_on_the_disk_before_the_path_goes_on(tmp_path: Path) -> None:
    """And names its owner first."""
    written = journal.Journal(tmp_path, journal.Owner("r-1", "smoke-a", "test", "http://127.0.0.1:1"))
    assert not (tmp_path / "smoke").exists()
    undo = written.add("DELETE", "/a", account="admin")
    path = next(tmp_path.glob("smoke/created/*.jsonl"))
    lines = [json.loads(line) for line in path.read_text().splitlines()]

    assert lines[0]["owner"]["gate"] == "smoke-a"
    assert lines[1]["undo"] == {"number": 1, "method": "DELETE", "path": "/a", "account": "admin", "json": None}
    written.done(undo)
    written.close()
    assert not path.exists()
