"""The stop-watch: requests through libcurl's multi interface, many at a time, from one thread.

libcurl says which sockets it watches (``M_SOCKETFUNCTION``) and when it wants to be called (``M_TIMERFUNCTION``); an
epoll set does the watching, so a step costs as much as there are events, not as there are open connections. Sleeping is
``select`` on the epoll set itself: epoll's own timeout counts milliseconds, which at 20 ms of latency is 5 %. The
other way, ``perform`` with ``select``, ends at descriptor 1023: one second of stall at 1000 requests per second.

Connections are kept and reused, easy handles as well: options are set once for each route. Never through a proxy
of the environment, and redirects are answers: what is measured is the service at this URL.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import ssl
import time
from io import BytesIO
from typing import TYPE_CHECKING, Any

import certifi
import pycurl

from relgate.ports.observing import Hit

if TYPE_CHECKING:
    from relgate.ports.observing import Access, Route, Shot

_HTTP = {
    "1.1": pycurl.CURL_HTTP_VERSION_1_1,
    "2": pycurl.CURL_HTTP_VERSION_2TLS,
    "2-prior-knowledge": pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE,
}
_EVENTS = {
    pycurl.POLL_IN: select.EPOLLIN,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
}
_FAULTS = {
    pycurl.E_OPERATION_TIMEDOUT: "timeout",
    pycurl.E_COULDNT_RESOLVE_HOST: "connect",
    pycurl.E_COULDNT_RESOLVE_PROXY: "connect",
    pycurl.E_COULDNT_CONNECT: "connect",
    pycurl.E_SSL_CONNECT_ERROR: "tls",
    pycurl.E_PEER_FAILED_VERIFICATION: "tls",
    pycurl.E_SSL_CACERT_BADFILE: "tls",
    pycurl.E_SSL_CERTPROBLEM: "tls",
    pycurl.E_SSL_CIPHER: "tls",
    pycurl.E_SSL_ISSUER_ERROR: "tls",
    pycurl.E_OUT_OF_MEMORY: "recorder",
    pycurl.E_FAILED_INIT: "recorder",
}
# Out of memory or ports: the machine of the recorder, not the service.
_OWN_ERRNO = frozenset({errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL})


class CurlTransport:
    """Sends requests of a fixed set of routes. Fills the port ``Transport``.

    Args:
        routes: what can be sent; a shot names one by its index.
        connections: how many idle connections are kept, for all routes together.

    """

    def __init__(self, routes: tuple[Route, ...], connections: int = 256) -> None:
        self._routes = routes
        self._epoll = select.epoll()
        self._watched: dict[int, int] = {}
        self._ready: list[tuple[int, int]] = []
        self._timer_ns: int | None = None
        self._idle: tuple[list[_Request], ...] = tuple([] for _ in routes)
        self._busy: dict[Any, _Request] = {}
        self._running = 0
        self._hits: list[Hit] = []
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self._multi.setopt(pycurl.M_MAXCONNECTS, connections)
        self._multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_MULTIPLEX)
        _make_room(self._epoll.fileno(), connections)

    def send(self, shot: Shot) -> None:
        """Send one request now, over a warm connection if one is free."""
        pool = self._idle[shot.route]
        request = pool.pop() if pool else _Request(self._routes[shot.route], shot.route)
        request.prepare(shot)
        self._busy[request.easy] = request
        try:
            self._multi.add_handle(request.easy)
        except pycurl.error:
            del self._busy[request.easy]
            self._hits.append(Hit(shot.key, time.monotonic_ns(), 0, "recorder"))
            return
        self._running += 1
        self._timer_ns = None
        self._step(pycurl.SOCKET_TIMEOUT, 0)

    def wait(self, until_ns: int) -> list[Hit]:
        """Work until ``until_ns`` or until something ended, whichever is first; see ``Transport``."""
        while True:
            now = time.monotonic_ns()
            if self._timer_ns is not None and self._timer_ns <= now:
                self._timer_ns = None
                self._step(pycurl.SOCKET_TIMEOUT, 0)
            if not self._ready:
                self._sleep(until_ns if not self._hits else now)
            while self._ready:
                descriptor, events = self._ready.pop()
                self._step(descriptor, _action(events))
                if time.monotonic_ns() >= until_ns:
                    break
            if self._hits or time.monotonic_ns() >= until_ns:
                hits, self._hits = self._hits, []
                return hits

    def close(self) -> None:
        """Give up open requests and close all connections."""
        for request in self._busy.values():
            self._multi.remove_handle(request.easy)
        self._busy.clear()
        for pool in self._idle:
            pool.clear()
        self._multi.close()
        self._epoll.close()

    def _sleep(self, until_ns: int) -> None:
        wake_ns = until_ns if self._timer_ns is None else min(until_ns, self._timer_ns)
        pause_ns = wake_ns - time.monotonic_ns()
        if pause_ns > 0:
            select.select((self._epoll,), (), (), pause_ns / 1e9)
        self._ready = self._epoll.poll(0)
        self._ready.reverse()

    def _step(self, descriptor: int, action: int) -> None:
        _, running = self._multi.socket_action(descriptor, action)
        if running < self._running:
            self._collect(time.monotonic_ns())

    def _collect(self, now_ns: int) -> None:
        waiting = 1
        while waiting:
            waiting, good, bad = self._multi.info_read()
            for easy in good:
                self._finish(easy, now_ns, "none")
            for easy, code, _ in bad:
                fault = _FAULTS.get(code, "protocol")
                if fault == "connect" and (easy.getinfo(pycurl.OS_ERRNO) in _OWN_ERRNO or not self._can_open()):
                    fault = "recorder"
                self._finish(easy, now_ns, fault)

    def _can_open(self) -> bool:
        # libcurl keeps the error of connect(), but not that of socket(): so try whether one more can be had.
        try:
            os.close(os.dup(self._epoll.fileno()))
        except OSError:
            return False
        return True

    def _finish(self, easy: Any, now_ns: int, fault: str) -> None:
        request = self._busy.pop(easy)
        self._running -= 1
        self._multi.remove_handle(easy)
        self._hits.append(request.hit(now_ns, fault))
        self._idle[request.index].append(request)

    def _on_socket(self, event: int, descriptor: int, _multi: object, _data: object) -> None:
        known = self._watched.pop(descriptor, None)
        if event == pycurl.POLL_REMOVE:
            if known is not None:
                self._epoll.unregister(descriptor)
            return
        events = _EVENTS[event]
        self._watched[descriptor] = events
        if known is None:
            self._epoll.register(descriptor, events)
        elif known != events:
            self._epoll.modify(descriptor, events)

    def _on_timer(self, timeout_ms: int) -> None:
        self._timer_ns = None if timeout_ms < 0 else time.monotonic_ns() + timeout_ms * 1_000_000


def _make_room(descriptor: int, count: int) -> None:
    """Let the kernel's table of descriptors grow now: with several threads each doubling stops one for 10 ms."""
    try:
        os.close(fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, count + 64))
    except OSError:
        # The process may not have that many. It goes on with what it has; running out is noted at the request.
        return


def _action(events: int) -> int:
    action = 0
    if events & select.EPOLLIN:
        action |= pycurl.CSELECT_IN
    if events & select.EPOLLOUT:
        action |= pycurl.CSELECT_OUT
    if events & (select.EPOLLERR | select.EPOLLHUP):
        action |= pycurl.CSELECT_ERR
    return action


class _Request:
    """One easy handle of one route, used again and again."""

    def __init__(self, route: Route, index: int) -> None:
        self.index = index
        self.easy = pycurl.Curl()
        self._route = route
        self._key: Any = None
        self._body = BytesIO()
        self._got: str | None = None
        self._headers = [f"{name}: {value}" for name, value in route.access.headers]
        # libcurl would wait a second for "100 Continue" before it sends a large body.
        self._headers.append("Expect:")
        self._wanted = f"{route.id_header}:".lower().encode() if route.id_header else b""
        self._set_route(route)
        _set_tls(self.easy, route.access)

    def _set_route(self, route: Route) -> None:
        set_option = self.easy.setopt
        set_option(pycurl.URL, route.url)
        set_option(pycurl.HTTP_VERSION, _HTTP[route.http])
        set_option(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        set_option(pycurl.NOPROXY, "*")
        set_option(pycurl.NOSIGNAL, 1)
        set_option(pycurl.TCP_NODELAY, 1)
        set_option(pycurl.FOLLOWLOCATION, 0)
        set_option(pycurl.USERAGENT, "relgate")
        set_option(pycurl.TIMEOUT_MS, max(1, round(route.timeout_s * 1000)))
        set_option(pycurl.CONNECTTIMEOUT_MS, max(1, round(route.timeout_s * 1000)))
        set_option(pycurl.WRITEFUNCTION, self._on_body if route.keep_bytes else _discard)
        if route.body is not None:
            set_option(pycurl.POSTFIELDSIZE, len(route.body))
            set_option(pycurl.COPYPOSTFIELDS, route.body)
        if route.method == "HEAD":
            set_option(pycurl.NOBODY, 1)
        elif route.method != "GET" or route.body is not None:
            set_option(pycurl.CUSTOMREQUEST, route.method)
        set_option(pycurl.HTTPHEADER, self._headers)
        if self._wanted:
            set_option(pycurl.HEADERFUNCTION, self._on_header)

    def prepare(self, shot: Shot) -> None:
        self._key = shot.key
        if self._got is not None:
            self._got = None
        if self._route.keep_bytes:
            self._body = BytesIO()
        if shot.extra is not None:
            self.easy.setopt(pycurl.HTTPHEADER, [*self._headers, shot.extra])

    def hit(self, now_ns: int, fault: str) -> Hit:
        easy = self.easy
        # A status line that came before a reset or a timeout is not an answer.
        status = easy.getinfo(pycurl.RESPONSE_CODE) if fault == "none" else 0
        return Hit(
            self._key,
            now_ns,
            status,
            fault,
            int(easy.getinfo(pycurl.SIZE_DOWNLOAD_T)),
            easy.getinfo(pycurl.CONTENT_TYPE),
            self._body.getvalue() if self._route.keep_bytes else b"",
            self._got,
        )

    def _on_body(self, data: bytes) -> None:
        room = self._route.keep_bytes - self._body.tell()
        if room > 0:
            self._body.write(data[:room])

    def _on_header(self, line: bytes) -> None:
        if line[: len(self._wanted)].lower() == self._wanted:
            self._got = line[len(self._wanted) :].strip().decode("latin-1")


def _set_tls(easy: Any, access: Access) -> None:
    if not access.verify:
        easy.setopt(pycurl.SSL_VERIFYPEER, 0)
        easy.setopt(pycurl.SSL_VERIFYHOST, 0)
    # The wheel brings its own libcurl, which does not know where this system keeps its certificates.
    system = ssl.get_default_verify_paths()
    easy.setopt(pycurl.CAINFO, access.ca or system.cafile or certifi.where())
    if system.capath is not None:
        easy.setopt(pycurl.CAPATH, system.capath)


def _discard(_: bytes) -> None:
    """Take a piece of a body that nobody asked for: without a taker libcurl prints it."""
