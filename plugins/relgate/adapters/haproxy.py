"""HAProxy over its runtime API: weights of servers, or single servers out and in.

The server that gains is told first. The other way round, HAProxy 2.6 loses count: after 100 : 0 -> 25 : 75 the
candidate got none of the next 400 requests. Weights that are set here are gone after a reload of HAProxy, which then
has those of its file: what is in force is read before anything is believed.
"""

from __future__ import annotations

import csv
import io
import socket
import time
from typing import TYPE_CHECKING

from relgate.errors import SourceError
from relgate.ports.traffic import Split

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAVIEST = 256
_TIMEOUT_S = 5.0
_DRAIN_S = 30.0
_TOTALS = (100, 200, 250)


class Runtime:
    """The runtime API. ``place``: the path of a socket, or ``host:port``."""

    def __init__(self, place: str, backend: str) -> None:
        self._place = place
        self.backend = backend

    def command(self, text: str) -> str:
        """Send a command and return the answer.

        Raises:
            SourceError: nobody answers.

        """
        try:
            with self._connect() as runtime:
                runtime.settimeout(_TIMEOUT_S)
                runtime.sendall(text.encode() + b"\n")
                return b"".join(iter(lambda: runtime.recv(65536), b"")).decode(errors="replace")
        except OSError as error:
            raise SourceError(f"HAProxy at {self._place}: {text!r}: {error}") from error

    def order(self, text: str) -> None:
        """Send a command that is answered with nothing when it was done.

        Raises:
            SourceError: nobody answers, or the answer says no.

        """
        said = self.command(text).strip()
        if said:
            raise SourceError(f"HAProxy at {self._place}: {text!r}: {said}")

    def servers(self) -> dict[str, dict[str, str]]:
        """Return the statistics of the backend's servers by name.

        Raises:
            SourceError: nobody answers, or there is no such backend.

        """
        rows = csv.DictReader(io.StringIO(self.command("show stat").removeprefix("# ")))
        found = {row["svname"]: row for row in rows if row.get("pxname") == self.backend}
        servers = {name: row for name, row in found.items() if name not in ("BACKEND", "FRONTEND")}
        if not servers:
            raise SourceError(f"HAProxy at {self._place} has no backend {self.backend} with servers")
        return servers

    def weights(self) -> dict[str, int]:
        """Return the weights that the backend's servers were given, by name.

        ``show stat`` has those in force, which a server that is down does not take over before it is up again.

        Raises:
            SourceError: nobody answers, or the answer is no table.

        """
        said = self.command(f"show servers state {self.backend}")
        rows = [line.lstrip("# ").split() for line in said.splitlines()[1:] if line.strip()]
        try:
            name, weight = rows[0].index("srv_name"), rows[0].index("srv_uweight")
            return {row[name]: int(row[weight]) for row in rows[1:]}
        except (IndexError, ValueError) as error:
            raise SourceError(f"HAProxy at {self._place}: no table of {self.backend}: {said[:200]!r}") from error

    def _connect(self) -> socket.socket:
        host, separator, port = self._place.rpartition(":")
        if separator and port.isdigit() and "/" not in self._place:
            return socket.create_connection((host, int(port)), timeout=_TIMEOUT_S)
        opened = socket.socket(socket.AF_UNIX)
        try:
            opened.settimeout(_TIMEOUT_S)
            opened.connect(self._place)
        except OSError:
            opened.close()
            raise
        return opened


class HAProxy:
    """Weights of the servers of two sides. Fills the port ``Traffic``."""

    name = "haproxy"

    def __init__(self, runtime: Runtime, candidate: Sequence[str], baseline: Sequence[str]) -> None:
        self._runtime = runtime
        self._candidate = tuple(candidate)
        self._baseline = tuple(baseline)

    def set(self, share: float) -> None:
        """Set all weights: first those that grow, the baseline's before the candidate's."""
        own, other = weights(share, len(self._candidate), len(self._baseline))
        wanted = dict.fromkeys(self._baseline, other) | dict.fromkeys(self._candidate, own)
        now = self._weights()
        for server in sorted(wanted, key=lambda name: wanted[name] < now[name]):
            self._runtime.order(f"set weight {self._runtime.backend}/{server} {wanted[server]}")

    def read(self) -> Split:
        """Return the candidate's part of all weights of servers that are up."""
        servers, now = self._runtime.servers(), self._weights()
        able = {name: weight for name, weight in now.items() if is_up(servers[name])}
        total = sum(able.values())
        said = {name: {"weight": now[name], "status": servers[name]["status"]} for name in now}
        if not total:
            raise SourceError(f"HAProxy: no server of {self._runtime.backend} is up with a weight: {said}")
        own = sum(able.get(name, 0) for name in self._candidate)
        return Split(own / total, said, sum(now[name] for name in self._candidate) / sum(now.values()))

    def _weights(self) -> dict[str, int]:
        found = self._runtime.weights()
        missing = [name for name in (*self._baseline, *self._candidate) if name not in found]
        if missing:
            known = ", ".join(found)
            raise SourceError(f"HAProxy: {self._runtime.backend} has no server {missing[0]}: it has {known}")
        return {name: found[name] for name in (*self._baseline, *self._candidate)}


class HAProxyServers:
    """Servers one by one. Fills the port ``Instances``."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def take_out(self, name: str) -> None:
        """Drain a server: no new requests, and wait for those that it has."""
        self._runtime.order(f"set server {self._runtime.backend}/{name} state drain")
        until = time.monotonic() + _DRAIN_S
        while int(self._runtime.servers()[name]["scur"]):
            if time.monotonic() > until:
                raise SourceError(f"HAProxy: {name} still has requests {_DRAIN_S:g} s after it was to get no more")
            time.sleep(0.05)

    def put_back(self, name: str) -> None:
        """Make a server ready, and wait until its checks say that it is up."""
        self._runtime.order(f"set server {self._runtime.backend}/{name} state ready")
        until = time.monotonic() + _DRAIN_S
        while name not in self.serving():
            if time.monotonic() > until:
                raise SourceError(f"HAProxy: {name} is not up {_DRAIN_S:g} s after it was put back")
            time.sleep(0.05)

    def serving(self) -> frozenset[str]:
        """Return the servers that are up and have a weight."""
        found = self._runtime.servers().items()
        return frozenset(name for name, row in found if is_up(row) and int(row["weight"]))


def is_up(row: dict[str, str]) -> bool:
    """Whether a server of the statistics gets requests."""
    return row["status"].startswith("UP") or row["status"] == "no check"


def weights(share: float, candidates: int, baselines: int) -> tuple[int, int]:
    """Return the weight of each candidate and each baseline server that gives the candidates this share together.

    Raises:
        SourceError: whole weights up to 256 come no nearer than a tenth of the smaller side.

    """
    if share in (0.0, 1.0):
        return round(share * _TOTALS[0]), round((1 - share) * _TOTALS[0])
    for total in _TOTALS:
        own, other = share * total / candidates, (1 - share) * total / baselines
        if max(own, other) <= HEAVIEST and abs(own - round(own)) < 1e-9 and abs(other - round(other)) < 1e-9:
            return round(own), round(other)
    found = min(_pairs(share, candidates, baselines), key=lambda pair: abs(_share(pair, candidates, baselines) - share))
    error = abs(_share(found, candidates, baselines) - share)
    if error > min(share, 1 - share) / 10:
        raise SourceError(f"HAProxy: weights of 0 to {HEAVIEST} cannot give {share:.4%} to {candidates} servers")
    return found


def _pairs(share: float, candidates: int, baselines: int) -> list[tuple[int, int]]:
    pairs = []
    for own in range(1, HEAVIEST + 1):
        other = round(own * candidates * (1 - share) / (share * baselines))
        pairs.append((own, min(HEAVIEST, max(1, other))))
    return pairs


def _share(pair: tuple[int, int], candidates: int, baselines: int) -> float:
    own, other = pair[0] * candidates, pair[1] * baselines
    return own / (own + other)
