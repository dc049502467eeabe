"""Sessions of smoke paths in a real Chromium: what a page may not do, and what a failure leaves."""

from __future__ import annotations

import json
import os
import signal
import time
import zipfile
from pathlib import Path

from tests.smoke.conftest import Paths
from tests.smoke.test_paths import messages

SHOWS = """
def test_smoke_%s(path, page):
    with path.step("open"):
        page.goto("/page/%s")
        assert page.get_by_role("heading").is_visible()
"""


def shows(*names: str) -> list[str]:
    """Paths that open a page each."""
    return [SHOWS % (name, name) for name in names]


def test_pages_are_watched_for_what_users_meet(alone: Paths) -> None:
    """Each page has one fault, and the gate of each says which; the good one passes and tells its Web Vitals."""
    names = ["good", "console", "throws", "asset", "fetches", "shift", "unlabelled", "hero"]
    alone.policy(*names)
    alone.paths(*shows(*names))
    ended = alone.walk()

    said = messages(ended)
    assert ended.verdicts["smoke-good"] == "pass", said["smoke-good"]
    assert "LCP 0." in said["smoke-good"]
    codes = {
        "console": "console-error: /page/console: the basket is broken",
        "throws": "exception: /page/throws: no such element",
        "asset": "request-failed: /page/asset: GET ",
        "fetches": "request-failed: /page/fetches: GET ",
        "shift": "cls-high: /page/shift: CLS 0.",
        "unlabelled": "accessibility: /page/unlabelled: ",
        "hero": "lcp-slow: /page/hero: LCP 5.",
    }
    for name, text in codes.items():
        assert ended.verdicts[f"smoke-{name}"] == "fail", said[f"smoke-{name}"]
        assert text in said[f"smoke-{name}"], said[f"smoke-{name}"]
        assert (ended.runs[-1] / "evidence" / "smoke" / f"smoke-{name}" / "screenshot-1.png").exists()


def test_a_late_answer_to_a_click_is_measured(alone: Paths) -> None:
    """A handler of 2 s breaks a limit of 200 ms."""
    alone.policy("busy", smoke="")
    text = (alone.folder / "relgate.yaml").read_text().replace("inp: 5s", "inp: 200ms")
    alone.write("relgate.yaml", text)
    alone.paths(
        SHOWS % ("busy", "busy") + "        page.get_by_role('button').click()\n        page.wait_for_function("
        "\"() => document.title === 'done'\")\n"
    )
    ended = alone.walk()

    assert "inp-slow: /page/busy: INP " in messages(ended)["smoke-busy"], ended.out


def test_headers_that_are_gone_fail(alone: Paths) -> None:
    """Every page must have those of the policy; `allow` takes what is known out."""
    alone.service.bare = True
    alone.policy("good")
    alone.paths(*shows("good"))
    ended = alone.walk()
    assert "header-missing: /page/good has no Content-Security-Policy" in messages(ended)["smoke-good"], ended.out

    alone.policy("good", smoke="  allow: [{code: header-missing, contains: /page/good, reason: behind a proxy}]")
    assert alone.walk().verdicts == {"smoke-good": "pass"}


def test_a_failed_path_leaves_what_a_person_needs(alone: Paths) -> None:
    """Screenshot, trace, HAR, console and video, each listed by its hash; and in Allure."""
    alone.policy("dead", smoke="  step: 1s\n  video: true")
    alone.paths(
        SHOWS % ("dead", "dead") + "    with path.step('order'):\n        page.get_by_role('button').click()\n"
        "        page.get_by_text('Thank you').wait_for()\n"
    )
    ended = alone.walk("--alluredir", str(alone.folder / "allure"))

    said = messages(ended)["smoke-dead"]
    assert "step 'order': TimeoutError" in said, ended.out
    folder = ended.runs[-1] / "evidence" / "smoke" / "smoke-dead"
    kept = {one.name for one in folder.iterdir()}
    assert {"path.json", "screenshot-1.png", "trace.zip", "network.har", "console.txt", "video.webm"} <= kept
    assert len(ended.document["gates"][0]["evidence"]) == len(kept)
    entries = json.loads((folder / "network.har").read_text())["log"]["entries"]
    asked = {one["request"]["url"].removeprefix(alone.service.url): one["response"]["status"] for one in entries}
    assert asked["/page/dead"] == 200
    with zipfile.ZipFile(folder / "trace.zip") as trace:
        assert "trace.trace" in trace.namelist()
    results = [json.loads(one.read_text()) for one in (alone.folder / "allure").glob("*-result.json")]
    assert "screenshot-1.png" in {one["name"] for result in results for one in result["attachments"]}


def test_no_secret_is_in_what_a_failed_path_leaves(alone: Paths) -> None:
    """Typed into a form, sent as a header, made up by the path, set as a cookie: not in texts, not inside of zips."""
    secret, made_up, header = 'pa"ss/wörd+4711', "made-up-by-the-path-0815", "header-token-0042"
    alone.environment |= {"SMOKE_SECRET": secret, "SMOKE_HEADER": header}
    alone.policy(
        "form",
        environment="    auth: {header: {X-Api-Key: env:SMOKE_HEADER}}",
        smoke="  accounts: {visitor: {user: v@x.example, password: env:SMOKE_SECRET}}\n  step: 1s",
    )
    alone.paths(
        SHOWS % ("form", "form") + "    with path.step('log in'):\n"
        "        page.get_by_label('User').fill(path.secret('MADE-UP'))\n"
        "        page.get_by_label('Password').fill(accounts['visitor'].password)\n"
        "        http.get('/health', auth=('v', accounts['visitor'].password))\n"
        "        page.get_by_role('button').click()\n"
        "        page.get_by_text('no such text').wait_for()\n"
    )
    text = (
        (alone.folder / "test_smoke.py")
        .read_text()
        .replace("(path, page)", "(path, page, http, accounts)")
        .replace("MADE-UP", made_up)
    )
    alone.write("test_smoke.py", text.replace("MADE-UP", made_up))
    ended = alone.walk("--alluredir", str(alone.folder / "allure"))

    assert "TimeoutError" in messages(ended)["smoke-form"], ended.out
    folder = ended.runs[-1] / "evidence" / "smoke" / "smoke-form"
    assert {"trace.zip", "network.har", "http.json"} <= {one.name for one in folder.iterdir()}
    texts = dict(everything(ended.runs[-1])) | dict(everything(alone.folder / "allure"))
    import base64
    from urllib.parse import quote, quote_plus

    forms = [secret, quote(secret), quote_plus(secret), json.dumps(secret)[1:-1], made_up, header]
    forms += [base64.b64encode(f"v:{secret}".encode()).decode()[4:-4], "cookie-value-of-the-session"]
    found = [(name, form) for name, content in texts.items() for form in forms if form.encode() in content]
    assert found == []
    assert secret not in ended.out
    assert made_up not in ended.out
    notes = json.loads((folder / "path.json").read_text())["notes"]
    assert "no pictures on the way and no video: a page showed a secret" in notes


def everything(folder: Path) -> list[tuple[str, bytes]]:
    """Return the content of every file, those inside of zips too."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                found += [(f"{path.name}:{name}", archive.read(name)) for name in archive.namelist()]
        elif path.is_file():
            found.append((path.name, path.read_bytes()))
    return found


def test_a_page_is_compared_with_the_baseline(alone: Paths) -> None:
    """A difference is a warning that promotes, with three pictures; none leaves no picture."""
    from tests.smoke.service import running

    with running() as other:
        alone.policy("painted", environment=f'    baseline: {{url: "{other.url}"}}')
        alone.paths(
            "def test_smoke_painted(path, page):\n    with path.step('look'):\n        page.goto('/painted')\n"
            "        path.looks_like_baseline(page)\n"
        )
        same = alone.walk()
        assert same.verdicts == {"smoke-painted": "pass"}, same.out
        other.colour = "crimson"
        differs = alone.walk()

    assert differs.verdicts == {"smoke-painted": "warn"}, differs.out
    assert differs.decision == "promote"
    assert "looks-different: /painted: " in messages(differs)["smoke-painted"]
    kept = {one.name for one in (differs.runs[-1] / "evidence" / "smoke" / "smoke-painted").iterdir()}
    assert kept == {"path.json", "painted-candidate.png", "painted-baseline.png", "painted-difference.png"}
    assert [p.name for p in (same.runs[-2] / "evidence" / "smoke" / "smoke-painted").iterdir()] == ["path.json"]


def test_a_page_goes_to_no_other_host(alone: Paths) -> None:
    """A link that leads away is not followed: an error, with one clear line."""
    alone.policy("leaves")
    alone.paths(
        SHOWS % ("leaves", "leaves") + "        page.get_by_role('link').click()\n        page.wait_for_timeout(300)\n"
    )
    ended = alone.walk()

    assert ended.verdicts == {"smoke-leaves": "error"}, ended.out
    assert "refused: http://127.0.0.1:9 is not the candidate of test" in messages(ended)["smoke-leaves"]


def test_a_page_may_listen_and_not_talk_where_it_is_read_only(alone: Paths) -> None:
    """What the server says over a WebSocket arrives; what the page says is not sent, and the path is an error."""
    talks = (
        "def test_smoke_talks(path, page):\n    with path.step('listen'):\n        page.goto('/page/talks')\n"
        "        page.get_by_text('welcome').wait_for()\n"
    )
    alone.policy("talks", environment="    read_only: true")
    alone.paths(talks)
    ended = alone.walk()
    assert ended.verdicts["smoke-talks"] == "error", ended.out
    assert "test is read-only, and a message to the WebSocket /ws may change" in messages(ended)["smoke-talks"]
    assert alone.service.heard == []

    known = "  allow: [{code: write-refused, contains: /ws, reason: tells that one is here}]"
    alone.policy("talks", environment="    read_only: true", smoke=known)
    assert alone.walk().verdicts["smoke-talks"] == "pass"
    assert alone.service.heard == ["buy"]


def test_a_read_only_environment_is_not_written_to(alone: Paths) -> None:
    """Neither by http, nor by a form, nor by what a path would create: error, and the service was never asked."""
    alone.policy("form", "post", "make", environment="    read_only: true")
    alone.paths(
        SHOWS % ("form", "form") + "        page.get_by_role('button').click()\n        page.wait_for_timeout(300)\n",
        "def test_smoke_post(path, http):\n    with path.step('a'):\n        http.post('/api/accounts', json={})\n",
        "def test_smoke_make(path, created):\n    with path.step('a'):\n        created.undo('DELETE', '/x')\n",
    )
    ended = alone.walk()

    assert set(ended.verdicts.values()) == {"error"}, ended.out
    for gate, said in messages(ended).items():
        assert "refused: test is read-only, and " in said, gate
    assert not [one for one in alone.service.asked if not one.startswith("GET")]


def test_a_browser_that_is_not_there_is_one_clear_line(alone: Paths) -> None:
    """What to run stands in the gate's message, and the release is held."""
    alone.policy("good")
    alone.paths(*shows("good"))
    alone.environment |= {"PATH": "/nonexistent", "CHROME_BIN": "", "PLAYWRIGHT_BROWSERS_PATH": str(alone.folder)}
    ended = alone.walk()

    assert ended.verdicts == {"smoke-good": "error"}, ended.out
    assert "no Chromium here: run `playwright install chromium`" in messages(ended)["smoke-good"]


def test_a_session_that_is_killed_leaves_no_browser(alone: Paths) -> None:
    """Chromium and its driver end with pytest; the next start removes their files."""
    alone.policy("good")
    alone.paths(SHOWS % ("good", "good") + "        open('open', 'w').close()\n        time.sleep(60)\n")
    process = alone.start("--gate-policy", "relgate.yaml", "-m", "smoke")
    alone.wait_for("open")
    mine = descendants(process.pid)
    assert any("chrom" in name for name in mine.values()), mine
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    for _ in range(300):
        left = {pid: name for pid, name in mine.items() if Path(f"/proc/{pid}").exists() and not _zombie(pid)}
        if not left:
            break
        time.sleep(0.1)

    assert left == {}
    alone.paths(*shows("good"))
    assert alone.walk().decision == "promote"
    assert not list(Path(alone.environment["TMPDIR"]).glob("relgate-browser-*"))


def descendants(pid: int) -> dict[int, str]:
    """Return the processes that a process started, and those that they started, by name."""
    parents: dict[int, tuple[int, str]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, tail = path.read_text().rpartition(")")
        except OSError:
            continue
        parents[int(path.parent.name)] = (int(tail.split()[1]), head.partition("(")[2])
    found: dict[int, str] = {}
    waiting = [pid]
    while waiting:
        above = waiting.pop()
        children = {one: name for one, (parent, name) in parents.items() if parent == above}
        found |= children
        waiting += children
    return found


def _zombie(pid: int) -> bool:
    try:
        return ") Z" in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
