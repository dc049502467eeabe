"""The stop-watch against real servers: every way in which a request can end."""

from __future__ import annotations

import resource
import time
from typing import TYPE_CHECKING

import pytest

from relgate.adapters.curl import CurlTransport
from relgate.ports.observing import Access, Hit, Route, Shot
from tests.adapters.servers import certificate, refused_url, serving, serving_h2

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.adapters.servers import Service


@pytest.fixture
def service() -> Iterator[Service]:
    """Run a service for one test."""
    with serving() as running:
        yield running


def get(url: str, *, access: Access | None = None, **more: object) -> Route:
    """Return a GET."""
    return Route("GET", url, access or Access(), **more)  # type: ignore[arg-type]


def fire(routes: tuple[Route, ...], count: int = 1, extra: str | None = None) -> list[Hit]:
    """Send each route ``count`` times, all at once, and return how they ended."""
    transport = CurlTransport(routes)
    hits: list[Hit] = []
    try:
        for number in range(count):
            for index in range(len(routes)):
                transport.send(Shot(index, (index, number), extra))
        deadline = time.monotonic() + 10
        while len(hits) < count * len(routes) and time.monotonic() < deadline:
            hits += transport.wait(time.monotonic_ns() + 50_000_000)
    finally:
        transport.close()
    assert count * len(routes) == len(hits)
    return sorted(hits)


def test_an_answer_has_status_size_and_content_type(service: Service) -> None:
    """A complete answer is no fault and says what came."""
    (hit,) = fire((get(f"{service.url}/ok"),))

    assert (hit.fault, hit.status, hit.size, hit.content_type, hit.body) == ("none", 200, 21, "application/json", b"")


def test_a_server_error_is_an_answer(service: Service) -> None:
    """What 503 means is for the expectation to say, not for the transport."""
    service.pages["/down"] = (503, "text/plain", b"down")

    (hit,) = fire((get(f"{service.url}/down"),))

    assert (hit.fault, hit.status) == ("none", 503)


@pytest.mark.parametrize(
    ("path", "fault"),
    [("/reset", "protocol"), ("/truncated", "protocol"), ("/garbage", "protocol"), ("/hang", "timeout")],
)
def test_no_complete_answer_is_a_fault_without_a_status(service: Service, path: str, fault: str) -> None:
    """Reset, cut short, not HTTP, and never answered each have a fault, even after a status line."""
    (hit,) = fire((get(service.url + path, timeout_s=0.3),))

    assert (fault, 0) == (hit.fault, hit.status)


def test_a_refused_connection_is_a_connect_fault() -> None:
    """Nobody listening is the service's fault."""
    (hit,) = fire((get(refused_url()),))

    assert (hit.fault, hit.status) == ("connect", 0)


def test_an_unknown_name_is_a_connect_fault() -> None:
    """A host that has no address cannot be reached."""
    (hit,) = fire((get("http://no-such-host.invalid/"),))

    assert hit.fault == "connect"


def test_a_self_signed_certificate_is_refused_unless_it_is_trusted(tmp_path: Path) -> None:
    """TLS is verified; an own authority or an explicit ``verify: false`` make it pass."""
    ca, context = certificate(tmp_path)
    with serving(context) as service:
        url = service.url.replace("http:", "https:") + "/ok"
        routes = (
            get(url),
            get(url, access=Access(ca=str(ca))),
            get(url, access=Access(verify=False)),
            get(url, access=Access(ca=str(tmp_path / "missing.pem"))),
        )
        hits = fire(routes)

    assert [hit.fault for hit in hits] == ["tls", "none", "none", "tls"]
    assert [hit.status for hit in hits] == [0, 200, 200, 0]


def test_connections_are_reused(service: Service) -> None:
    """A second request over an idle connection opens no new one."""
    transport = CurlTransport((get(f"{service.url}/echo", keep_bytes=1000),))
    accepted: list[object] = []
    accept = service.get_request

    def count() -> object:
        pair = accept()
        accepted.append(pair)
        return pair

    service.get_request = count  # type: ignore[method-assign, assignment]
    try:
        for number in range(5):
            transport.send(Shot(0, number))
            while not transport.wait(time.monotonic_ns() + 50_000_000):
                pass
    finally:
        transport.close()

    assert len(accepted) == 1


def test_many_requests_at_once_all_come_back_with_their_own_key(service: Service) -> None:
    """Answers are told apart by key, whatever order they come in."""
    hits = fire((get(f"{service.url}/ok"),), count=100)

    assert [(0, number) for number in range(100)] == [hit.key for hit in hits]
    assert {"none"} == {hit.fault for hit in hits}


def test_methods_bodies_and_headers_are_sent(service: Service) -> None:
    """A POST carries its body and the route's headers, plus the shot's own."""
    access = Access((("X-Env", "canary"), ("Authorization", "Bearer abc")))
    route = Route("POST", f"{service.url}/ok", access, body=b'{"a": 1}')

    fire((route,), extra="X-Correlation-ID: one")

    ((path, headers, body),) = service.requests
    assert (path, body) == ("/ok", b'{"a": 1}')
    assert (
        headers["X-Env"],
        headers["Authorization"],
        headers["X-Correlation-ID"],
    ) == ("canary", "Bearer abc", "one")


def test_the_id_header_of_the_answer_comes_back(service: Service) -> None:
    """A service that echoes the id is heard, whatever the case of the name; one that does not gives None."""
    routes = (get(f"{service.url}/echo", id_header="x-correlation-id"), get(f"{service.url}/ok", id_header="x-any"))

    echo, silent = fire(routes, extra="X-Correlation-ID: abc")

    assert (echo.got, silent.got) == ("abc", None)


def test_no_answer_is_told_with_the_header_of_an_earlier_one(service: Service) -> None:
    """A handle that is used again forgets what the last answer said."""
    transport = CurlTransport((get(f"{service.url}/echo", id_header="X-Correlation-ID", timeout_s=0.2),))
    got: list[str | None] = []
    try:
        for _ in range(2):
            transport.send(Shot(0, 0, "X-Correlation-ID: once"))
            while not (hits := transport.wait(time.monotonic_ns() + 50_000_000)):
                pass
            got.append(hits[0].got)
            service.echoes = False
    finally:
        transport.close()

    assert got == ["once", None]


def test_a_body_is_kept_as_far_as_it_is_wanted(service: Service) -> None:
    """Only so many bytes are kept, while the size is the whole body's."""
    service.pages["/long"] = (200, "text/plain", b"0123456789")

    (hit,) = fire((get(f"{service.url}/long", keep_bytes=4),))

    assert (hit.body, hit.size) == (b"0123", 10)


def test_redirects_are_answers(service: Service) -> None:
    """A redirect is what this URL answers; what lies behind it is another service's latency."""
    service.pages["/moved"] = (302, "text/plain", b"")

    (hit,) = fire((get(f"{service.url}/moved"),))

    assert hit.status == 302


def test_http2_is_spoken_with_prior_knowledge() -> None:
    """A server that speaks only HTTP/2 without TLS is measured."""
    with serving_h2() as place:
        hits = fire((get(f"http://{place}/", http="2-prior-knowledge"),), count=20)

    assert {("none", 200, 2)} == {(hit.fault, hit.status, hit.size) for hit in hits}


def test_http2_is_negotiated_over_tls(tmp_path: Path) -> None:
    """With ALPN a server that speaks only HTTP/2 is measured; HTTP/1.1 fails on it, so it really was version 2."""
    ca, context = certificate(tmp_path)
    access = Access(ca=str(ca))
    with serving_h2(context) as place:
        routes = (
            get(f"https://{place}/", access=access, http="2"),
            get(f"https://{place}/", access=access, timeout_s=1),
        )
        two, one = fire(routes)

    assert (two.fault, two.status) == ("none", 200)
    assert one.fault != "none"


def test_running_out_of_descriptors_is_the_recorders_fault(service: Service) -> None:
    """When this process may open no more sockets, the sample says nothing about the service."""
    transport = CurlTransport((get(f"{service.url}/ok"),))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        transport.send(Shot(0, 0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        while not (hits := transport.wait(time.monotonic_ns() + 50_000_000)):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        transport.close()

    assert hits[0].fault == "recorder"


def test_wait_returns_when_its_time_is_over(service: Service) -> None:
    """An open request does not hold up the one that is due next."""
    transport = CurlTransport((get(f"{service.url}/hang"),))
    try:
        transport.send(Shot(0, 0))
        assert transport.wait(time.monotonic_ns() + 20_000_000) == []
    finally:
        transport.close()


def test_routes_do_not_show_their_secrets() -> None:
    """A route in a traceback or a log has neither header values nor its URL."""
    route = get("http://user:hunter22@127.0.0.1/", access=Access((("Authorization", "Bearer hunter22"),)))

    assert "hunter22" not in repr(route)
