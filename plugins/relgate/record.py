"""``python -m relgate.record``: the recorder's process.

It reads the plan, one JSON line, from its standard input: the plan holds secrets, which a pipe keeps off the disk.
Later lines are commands; there is one, ``stop <reason>``. The end of the input means that whoever started it is
gone: it ends at once and leaves the recording unfinished. Each second it prints a JSON line of progress, and last
``{"finished": true, "manifest": PATH}`` or ``{"finished": false, "error": TEXT}``.

Exit code: 0 finished, 1 not finished, 3 the plan cannot be used.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from relgate.adapters import loki, statements
from relgate.adapters.curl import CurlTransport
from relgate.adapters.http import Endpoint, JsonSource, PollSource
from relgate.adapters.locust import LocustLoad
from relgate.adapters.log import EndpointLog, FileLog
from relgate.adapters.loglines import CommandLines, Counter, FileLines
from relgate.adapters.prometheus import ACCEPT, AlertSource, QuerySource, ScrapeSource
from relgate.errors import SourceError
from relgate.load.job import Caps, Job
from relgate.load.shape import Shape
from relgate.observe.lanes import join_url
from relgate.observe.plan import Plan
from relgate.observe.recorder import Control, Recorder, Wiring
from relgate.observe.streams import (
    Alerts,
    JsonValue,
    Load,
    LogLines,
    LogPlace,
    Poll,
    Promql,
    Sampled,
    Scrape,
    Statements,
)
from relgate.ports.observing import Access
from relgate.report.redact import Redactor

if TYPE_CHECKING:
    from relgate.observe.streams import Target
    from relgate.ports.observing import Log, Source

# A reader that is gone or asleep must not stop a recorder: within this time it takes a line, or the line is left out.
_PATIENCE_S = 5.0


def main() -> int:
    """Record until the bake is over; see the module for input, output and exit codes."""
    _protect()
    try:
        plan = Plan.from_json(_first_line())
        control = Control()
        recorder = Recorder(plan, Wiring(CurlTransport, _source, _log, _load), control, _show_if_read)
    except (SourceError, ValueError) as error:
        _show({"finished": False, "error": str(error)})
        return 3
    _listen(control)
    try:
        manifest = recorder.run()
        last = {"finished": manifest is not None, "manifest": str(manifest) if manifest is not None else None}
        if manifest is None:
            last["error"] = control.reason
    except Exception as error:  # noqa: BLE001 - a traceback could show secrets; the message is redacted
        last = {"finished": False, "error": recorder.redactor.text(f"{type(error).__name__}: {error}")}
    _show(last)
    return 0 if last["finished"] else 1


def _protect() -> None:
    # A core file would write the plan's secrets to disk; a traceback of a thread would print them.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    sys.excepthook = lambda kind, _error, _trace: _say(f"recorder: {kind.__name__}")
    threading.excepthook = lambda args: _say(f"recorder: {args.exc_type.__name__} in a thread")
    # One connection for each open request: a stalled service soon needs more than the usual 1024.
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))


def _say(text: str) -> None:
    os.write(2, f"{text}\n".encode())


def _first_line() -> str:
    line = sys.stdin.readline()
    if not line.endswith("\n"):
        raise SourceError("recorder: expected a plan, one line of JSON, on the standard input; it ended before")
    return line


def _listen(control: Control) -> None:
    def commands() -> None:
        for line in sys.stdin:
            word, _, reason = line.strip().partition(" ")
            if word == "stop":
                control.end("stopped", reason)
        control.end("abandoned", "the process that asked for the recording is gone")

    def interrupted(number: int, _frame: object) -> None:
        control.end("interrupted", signal.Signals(number).name)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, interrupted)
    threading.Thread(target=commands, name="commands", daemon=True).start()


def _show_if_read(document: dict[str, Any]) -> None:
    _show(document, patience_s=0.0)


def _show(document: dict[str, Any], patience_s: float = _PATIENCE_S) -> None:
    try:
        if select.select((), (sys.stdout.fileno(),), (), patience_s)[1]:
            sys.stdout.write(f"{json.dumps(document)}\n")
            sys.stdout.flush()
    except OSError:
        # Nobody reads any more. The input ends as well then, and that decides.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - lives as long as the process


def _access(target: Target) -> Access:
    return Access(tuple((header.name, header.value) for header in target.headers), target.verify, target.ca)


def _source(plan: Plan, stream: Sampled, side: str) -> Source:
    """Return what asks one stream for one side."""
    target = dict(plan.sides.present())[side]
    label = plan.labels[side]
    if isinstance(stream, LogLines | Statements):
        return (
            _lines(plan, stream, target, label) if isinstance(stream, LogLines) else _statements(stream, target, side)
        )
    if isinstance(stream, Poll):
        return PollSource(_endpoint(target, stream.path, stream.timeout_s))
    if isinstance(stream, Scrape):
        page = _endpoint(target, stream.path, stream.timeout_s, ACCEPT)
        return ScrapeSource(page, stream.metric, stream.labels, stream.instance_label)
    if isinstance(stream, JsonValue):
        return JsonSource(_endpoint(target, stream.path, stream.timeout_s), stream.pointer)
    if isinstance(stream, Promql):
        server = _endpoint(plan.prometheus, "/api/v1/query", stream.timeout_s)
        return QuerySource(server, stream.query.replace("$side", label), stream.instance_label)
    return _alerts(plan, stream, label)


def _lines(plan: Plan, stream: LogLines, target: Target, label: str) -> Source:
    place = target.log or LogPlace()
    # Lines are cleaned before patterns are made of them; the writer cleans again what it stores.
    counter = Counter(stream.match, stream.requests, Redactor(plan.secret_values(), plan.redact).text)
    if place.file is not None:
        return FileLines(place.file, counter)
    if place.command is not None:
        return CommandLines(place.command, counter)
    if place.query is None:
        raise SourceError(f"recorder: stream {stream.name} needs a log with a file, a command or loki")
    server = _endpoint(plan.loki, loki.PATH, stream.timeout_s)
    return loki.LokiLines(server, place.query.replace("$side", label), counter)


def _statements(stream: Statements, target: Target, side: str) -> Source:
    if stream.command is not None:
        variables = {"RELGATE_SIDE": side, "RELGATE_URL": target.url}
        return statements.of_command(stream.command, variables, stream.timeout_s)
    if target.database is None:
        raise SourceError(f"recorder: stream {stream.name} needs `database` of the {side}")
    return statements.of_database(target.database, stream.timeout_s)


def _load(plan: Plan, stream: Load, side: str) -> LocustLoad:
    """Return what loads one side; both get the same plan."""
    target = dict(plan.sides.present())[side]
    job = Job(
        host=target.url,
        shape=Shape(
            stream.shape,
            stream.rate_per_s or float(stream.clients or 0),
            plan.bake_s,
            stream.ramp_s,
            stream.steps,
            stream.each_s,
        ),
        open_loop=stream.rate_per_s is not None,
        connections=stream.connections,
        caps=Caps(stream.most_users, stream.most_rate_per_s, stream.most_s, stream.most_requests),
        users=stream.users,
        replay=stream.replay,
        headers=_access(target).headers,
        verify=target.verify,
        ca=target.ca,
        timeout_s=stream.timeout_s,
        late_s=stream.late_s,
        seed=stream.seed,
        abort_file=stream.abort_file,
        only_safe=stream.only_safe,
    )
    # Each side has a master of its own: workers of other hosts find the baseline's one port further.
    port = stream.port + (1 if side == "baseline" and stream.port else 0)
    return LocustLoad(
        side,
        job,
        processes=stream.processes,
        expect=stream.expect,
        bind=(stream.bind, port),
        cpu_most=stream.cpu_most,
        say=lambda text: _show_if_read({"said": text}),
    )


def _alerts(plan: Plan, stream: Alerts, label: str) -> Source:
    match = {name: value.replace("$side", label) for name, value in stream.match.items()}
    if stream.source == "alertmanager":
        endpoint = _endpoint(plan.alertmanager, "/api/v2/alerts", stream.timeout_s)
        return AlertSource(endpoint, match, alertmanager=True)
    return AlertSource(_endpoint(plan.prometheus, "/api/v1/alerts", stream.timeout_s), match, alertmanager=False)


def _endpoint(target: Target | None, path: str, timeout_s: float, accept: str | None = None) -> Endpoint:
    if target is None:
        raise SourceError(f"recorder: {path}: the environment names no such server")
    return Endpoint(join_url(target.url, path), _access(target), timeout_s, accept)


def _log(plan: Plan, side: str) -> Log | None:
    target = dict(plan.sides.present())[side]
    if target.log is None:
        return None
    if target.log.query is not None:
        query = target.log.query.replace("$side", plan.labels[side])
        return loki.LokiLog(_endpoint(plan.loki, loki.PATH, 10.0), query)
    if target.log.file is not None:
        return FileLog(target.log.file)
    if target.log.url is not None:
        # The service's own credentials stay with the service: a log may be anybody's server.
        return EndpointLog(Endpoint(target.log.url, Access((), target.verify, target.ca), 10.0), target.log.url)
    return None


if __name__ == "__main__":
    sys.exit(main())
