"""Lines from Loki, over HTTP: page by page, each once, and no answer is never no line."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from relgate.adapters import loki
from relgate.adapters.http import Endpoint
from relgate.adapters.loglines import Counter
from relgate.errors import SourceError
from relgate.policy.model import ERRORS
from relgate.ports.observing import Access
from tests.adapters.servers import refused_url

S = 1_000_000_000
START = 1_800_000_000 * S


class Loki(ThreadingHTTPServer):
    """Answers query_range from ``entries`` (moment, stream, line) as Loki does: forward, ``limit`` entries at most."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.entries: list[tuple[int, str, str]] = []
        self.asked: list[dict[str, str]] = []
        self.answer: tuple[int, bytes] | None = None

    @property
    def endpoint(self) -> Endpoint:
        """Where the recorder asks."""
        return Endpoint(f"http://127.0.0.1:{self.server_address[1]}{loki.PATH}", Access(), 5.0)


class _Handler(BaseHTTPRequestHandler):
    server: Loki

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        self.server.asked.append(asked)
        code, body = self.server.answer or (200, self._answer(asked))
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, asked: dict[str, str]) -> bytes:
        _, _, needle = asked["query"].partition(" |= ")
        wanted = json.loads(needle) if needle else ""
        inside = [
            one
            for one in sorted(self.server.entries)
            if int(asked["start"]) <= one[0] < int(asked["end"]) and wanted in one[2]
        ][: int(asked["limit"])]
        streams = {stream for _, stream, _ in inside}
        result = [
            {"stream": {"pod": name}, "values": [[str(t), line] for t, stream, line in inside if stream == name]}
            for name in streams
        ]
        document = {"status": "success", "data": {"resultType": "streams", "result": result, "stats": {}}}
        return json.dumps(document).encode()


@pytest.fixture
def server() -> Iterator[Loki]:
    """A Loki on loopback."""
    running = Loki()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join(5)


class Clock:
    """Unix time that a test sets."""

    def __init__(self) -> None:
        self.now_ns = START

    def __call__(self) -> int:
        """Return it."""
        return self.now_ns


def test_each_line_of_the_bake_is_counted_once(server: Loki) -> None:
    """Looks follow each other without a gap; what is too new waits for the next one."""
    clock = Clock()
    source = loki.LokiLines(server.endpoint, '{app="shop"}', Counter(ERRORS, None, str), clock)
    server.entries = [
        (START - S, "a", "ERROR old"),
        *((START + k * S, "ab"[k % 2], f"ERROR no {k}") for k in range(20)),
    ]
    looks = []
    for _ in range(25):
        looks.append(source.read())
        clock.now_ns += S
    source.close()

    assert [look["fault"] for look in looks] == [None] * 25
    assert sum(look["lines"] for look in looks) == 19  # of 20 one second each; the last look ends 5 s before its time
    assert {name for look in looks for name, _, _ in look["seen"]} == {"ERROR no <*>"}
    assert looks[0]["lines"] == 0


def test_pages_are_put_together_also_within_one_moment(server: Loki) -> None:
    """A page may end between two lines of one nanosecond."""
    server.entries = [(START + k // 3, "a", f"ERROR {k}") for k in range(2500)]

    found = loki.between(server.endpoint, "{}", START, START + S)

    assert sorted(line for _, _, line in found) == sorted(line for _, _, line in server.entries)
    assert len(server.asked) == 3


def test_lines_that_are_equal_are_two(server: Loki) -> None:
    """Only the overlap of two pages is taken for the same lines."""
    server.entries = [(START, "a", "ERROR")] * 700 + [(START + 1, "a", "ERROR")] * 700

    assert len(loki.between(server.endpoint, "{}", START, START + S)) == 1400


def test_more_lines_of_one_moment_than_a_page_are_an_error(server: Loki) -> None:
    """They could only be read in part."""
    server.entries = [(START, "a", f"ERROR {k}") for k in range(1001)]

    with pytest.raises(SourceError, match="of one moment"):
        loki.between(server.endpoint, "{}", START, START + S)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, b"too many outstanding requests"), "HTTP 500: too many outstanding requests"),
        ((200, b"<html>"), "not one of query_range"),
        ((200, b'{"status": "error"}'), "not one of query_range"),
        ((200, b'{"status": "success", "data": {"resultType": "matrix", "result": []}}'), "must not count"),
        ((200, b'{"status": "success", "warnings": ["partial"], "data": {"resultType": "streams"}}'), "partial"),
    ],
)
def test_an_answer_that_is_none_is_a_fault_for_good(server: Loki, answer: tuple[int, bytes], said: str) -> None:
    """What was in it is not asked for again by a later look."""
    clock = Clock()
    source = loki.LokiLines(server.endpoint, "{}", Counter(ERRORS, None, str), clock)
    source.read()
    clock.now_ns += 10 * S
    server.answer = answer
    fault = source.read()["fault"]
    server.answer = None

    assert said in fault
    assert source.read()["fault"] == fault


def test_nobody_there_is_a_fault() -> None:
    """Not an empty log."""
    clock = Clock()
    source = loki.LokiLines(Endpoint(refused_url(), Access(), 1.0), "{}", Counter(ERRORS, None, str), clock)
    source.read()
    clock.now_ns += 10 * S

    assert "connect" in source.read()["fault"]


def test_ids_are_looked_up(server: Loki) -> None:
    """For the gate of correlation ids."""
    log = loki.LokiLog(server.endpoint, '{app="shop"}')
    server.entries = [(1_000_000_000 * S, "a", "id-1 of another time")]
    assert log.find(["id-1"]) == frozenset()
    server.entries += [(time.time_ns(), "a", 'x "id-1" y')]
    assert log.find(["id-1", "id-2"]) == frozenset({"id-1"})
    assert server.asked[-1]["query"] == '{app="shop"} |= "id-2"'
