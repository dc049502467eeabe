"""The servers for mails and webhooks as the controller sees them: started before the tests, ended after them."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from relgate.child import Child
from relgate.errors import SourceError, UsageError
from relgate.references import resolve
from relgate.smoke.inbox import FOLDER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from relgate.policy.smoke import Sink
    from relgate.settings import Run

_READY_S = 30.0


@contextmanager
def listening(run: Run, gates: Collection[str]) -> Iterator[None]:
    """Have the servers of the policy listen while the tests run; nothing where no smoke path runs or it has none.

    Raises:
        SourceError: they cannot be started.
        UsageError: an address is none.

    """
    smoke = run.policy.smoke
    sinks = {"mail": smoke.mail, "webhooks": smoke.webhooks} if smoke is not None else {}
    servers = {name: _server(name, sink) for name, sink in sinks.items() if sink is not None}
    if not servers or smoke is None or not set(smoke.gates) & set(gates):
        yield
        return
    folder = run.path / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    plan = {"folder": str(folder), "servers": servers}
    with Child("relgate.sinks", json.dumps(plan), "the process for mails and webhooks") as child:
        _wait(child)
        yield


def _server(name: str, sink: Sink) -> dict[str, Any]:
    host, _, port = resolve(sink.listen).rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise UsageError(f"smoke.{name}.listen: expected HOST:PORT like 127.0.0.1:2525, got {resolve(sink.listen)!r}")
    return {"host": host, "port": int(port), "url": None if sink.url is None else resolve(sink.url).rstrip("/")}


def _wait(child: Child) -> None:
    until = time.monotonic() + _READY_S
    while time.monotonic() < until:
        line = child.progress(timeout_s=0.5)
        if line is not None and line.get("listening"):
            return
        if line is not None:
            raise SourceError(str(line.get("error")))
        if not child.alive():
            raise SourceError(f"the process for mails and webhooks has ended: {child.last_words()}")
    raise SourceError(f"the process for mails and webhooks did not listen within {_READY_S:g} s")
