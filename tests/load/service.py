"""A small HTTP service in a process of its own, and locustfiles that ask it: what loads are tried on.

    with running() as url: ...

Paths: ``/`` answers after 5 ms, ``/fail`` with 500, ``/away`` redirects to another host, ``/count`` says how often it
was asked. It ends with the process that started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

from relgate.adapters.locust import LocustLoad
from relgate.load.job import Caps, Job
from relgate.load.shape import Shape

AWAY = "elsewhere.invalid:80"

USERS = """
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.05)

    @task
    def look(self):
        self.client.get("{path}")
"""


@contextlib.contextmanager
def running() -> Iterator[str]:
    """Run the service; its URL."""
    process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.communicate()


def users(folder: Path, path: str = "/", more: str = "") -> tuple[str, ...]:
    """Write a locustfile."""
    file = folder / "users.py"
    file.write_text(USERS.format(path=path) + textwrap.dedent(more))
    return (str(file),)


def job(url: str, files: tuple[str, ...], seconds: float = 3.0, rate: float = 40.0, **more: object) -> Job:
    """A job of an open loop, or whatever ``more`` makes of it."""
    usual = {
        "host": url,
        "shape": Shape("constant", rate, seconds),
        "open_loop": True,
        "connections": 20,
        "caps": Caps(200, 500.0, 60.0, 10_000),
        "users": files,
        "timeout_s": 2.0,
        # Tests share their processors with others: whether this machine is quick enough is not what they are about.
        "late_s": 10.0,
    }
    return Job(**{**usual, **more})  # type: ignore[arg-type]


def prepared(load: LocustLoad) -> None:
    """Start a load and wait until it is ready."""
    load.start()
    until = time.monotonic() + 60
    while not load.ready():
        assert time.monotonic() < until
        time.sleep(0.02)


def ended(load: LocustLoad) -> list[dict[str, object]]:
    """Run a load to its end; all reports."""
    prepared(load)
    load.begin(time.monotonic_ns() + 50_000_000)
    return rest(load)


def rest(load: LocustLoad) -> list[dict[str, object]]:
    """Wait for the end of a load; the reports that are still to come."""
    found: list[dict[str, object]] = []
    until = time.monotonic() + 60
    while not load.over():
        assert time.monotonic() < until
        found += [dict(report) for report in load.take()]
        time.sleep(0.02)
    return found + [dict(report) for report in load.take()]


async def _serve() -> None:
    asked = {"n": 0}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                path = head.split(" ")[1]
                await asyncio.sleep(0.005)
                asked["n"] += path != "/count"
                status, more = {"/fail": ("500 No", ""), "/away": ("302 Go", f"Location: http://{AWAY}/\r\n")}.get(
                    path, ("200 OK", "")
                )
                body = str(asked["n"])
                writer.write(f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(body)}\r\n\r\n{body}".encode())
                await writer.drain()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
