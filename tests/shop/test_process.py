"""Tests of starting and stopping: options, signals, and running from where a wheel would put it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from examples import shop as shop_package
from examples.shop.releases import RELEASES
from examples.shop.run import ShopError, start
from relgate.policy.load import load
from tests.shop.traffic import ORDER, get, log_lines

if TYPE_CHECKING:
    from examples.shop.run import ShopProcess

SHOP = Path(shop_package.__file__).parent


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    root = SHOP.parents[1]
    command = [sys.executable, "-m", "examples.shop", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(sent: signal.Signals, tmp_path: Path) -> None:
    """Code 0, nothing on standard error, and no files left behind, even with a connection open."""
    with start("good", log=tmp_path / "shop.jsonl") as shop, httpx.Client(base_url=shop.url) as client:
        client.get("/api/products")
        os.kill(shop.pid, sent)
        until = time.monotonic() + 20
        while shop.returncode is None and time.monotonic() < until:
            time.sleep(0.02)
        assert shop.returncode == 0
        assert shop.said() == ""
        assert {line["level"] for line in log_lines(shop)} == {"info"}


def test_list_releases_names_all() -> None:
    """One line each."""
    shown = _run("--list-releases")
    assert [line.split()[0] for line in shown.stdout.splitlines()] == list(RELEASES)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--release", "golden"], "shop: no release 'golden'; there are good, slow,"),
        (["--set", "speed=9"], "shop: expected NAME=VALUE with a name out of"),
        (["--host", "192.0.2.1"], "shop: [Errno 99]"),
        (["--database", "nonsense"], "shop: Could not parse SQLAlchemy URL"),
        (["--database", "sqlite:////no/such/folder/shop.db"], "shop: (sqlite3.OperationalError) unable to open"),
    ],
)
def test_wrong_options_are_one_line(arguments: list[str], said: str) -> None:
    """Code 2 and a line that says what was expected, no traceback."""
    ended = _run(*arguments, "--port", "0")
    assert ended.returncode == 2
    assert ended.stderr.startswith(said)
    assert ended.stderr.count("\n") == 1


def test_start_says_why_it_failed() -> None:
    """The error has what the process said."""
    with pytest.raises(ShopError, match="no release 'golden'"):
        start("golden")


def test_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    """A killed test run leaves no shop behind."""
    script = f"""
        import os, signal
        from examples.shop.run import start
        shop = start("good", log=__import__("pathlib").Path({str(tmp_path / "log")!r}))
        print(shop.url, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    environment = os.environ | {"TMPDIR": str(tmp_path)}  # who is killed cannot tidy up
    ended = subprocess.run(
        command, cwd=SHOP.parents[1], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    until = time.monotonic() + 10
    while _listens(ended.stdout.strip()):
        assert time.monotonic() < until, "still there 10 s later"
        time.sleep(0.05)


def _listens(url: str) -> bool:
    try:
        httpx.get(url + "/health/live", timeout=2)
    except httpx.TransportError:
        return False
    return True


def test_runs_as_the_package_of_a_wheel(tmp_path: Path) -> None:
    """Copied to ``relgate_suites/shop`` and started as a module from there, pages and styles are found."""
    target = tmp_path / "site" / "relgate_suites" / "shop"
    shutil.copytree(SHOP, target, ignore=shutil.ignore_patterns("__pycache__"))
    (target.parent / "__init__.py").write_text("", encoding="utf-8")
    script = """
        import urllib.request
        from relgate_suites.shop.run import start
        with start("good", version="2.0.0") as shop:
            for path in ("/", "/static/shop.css"):
                print(urllib.request.urlopen(shop.url + path).read().decode()[:15].strip())
    """
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    command = [sys.executable, "-c", textwrap.dedent(script)]
    ended = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.stderr == ""
    assert ended.stdout.split("\n")[:2] == ["<!doctype html>", "/* One accent,"]


def test_a_database_outlives_the_process(tmp_path: Path) -> None:
    """Orders are there after a restart, and what was still queued is packed then."""
    database = f"sqlite:///{tmp_path}/shop.db"
    with start("backlog", database=database) as shop:
        ref = httpx.post(shop.url + "/api/orders", json=ORDER).json()["ref"]
    with start("good", database=database) as shop:
        until = time.monotonic() + 10
        while get(shop, f"/api/orders/{ref}").json()["status"] != "packed":
            assert time.monotonic() < until, "not packed within 10 s"
            time.sleep(0.02)


def test_two_instances_may_share_a_new_database(tmp_path: Path) -> None:
    """Started at the same time, they agree on who seeds it."""
    database = f"sqlite:///{tmp_path}/shop.db"
    with start("good", database=database) as one, start("good", database=database) as two:
        assert [_total(shop) for shop in (one, two)] == [64, 64]


def _total(shop: ShopProcess) -> int:
    return int(get(shop, "/api/products").json()["total"])


def test_the_shops_policy_is_a_policy() -> None:
    """It loads, its one stage requires gates that exist, and every gate that the releases name is among them."""
    policy = load((SHOP / "relgate.yaml").read_text(encoding="utf-8"), name="relgate.yaml")
    (stage,) = policy.stages
    assert stage.name == "canary-5"
    named = {gate for release in RELEASES.values() if not release.for_smoke for gate in release.caught_by}
    assert named <= set(stage.require)
