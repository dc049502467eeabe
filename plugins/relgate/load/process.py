"""``python -m relgate.load.process``: a process of Locust - all of a load, its master, or one of its workers.

It reads its task, one JSON line, from its standard input, and then commands: ``go <monotonic ns>``. The end of the
input means that whoever started it is gone: it ends at once. It prints JSON lines: ``{"address": [host, port]}`` (a
master that waits for workers), ``{"ready": true}``, each second the reports of its workers, and last ``{"over":
true}``.

Locust patches sockets as soon as it is imported: nothing else of relgate runs in this process.

Exit code: 0 the load is over, 1 it could not be made, 3 its task cannot be used.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from typing import TYPE_CHECKING, Any

from relgate.load.job import Task

if TYPE_CHECKING:
    from collections.abc import Callable


_PATIENCE_S = 0.2
_JOIN_S = 60.0


def main() -> int:
    """Run the load; see the module for input, output and exit codes."""
    _protect()
    try:
        task = Task.from_json(_first_line().decode())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        say({"error": f"not a task: {type(error).__name__}"})
        return 3
    try:
        return run(task)
    except Exception as error:  # noqa: BLE001 - a locustfile may raise anything; a traceback could show secrets
        say({"error": f"{type(error).__name__}: {error}"})
        return 1


def run(task: Task) -> int:
    """Import Locust, load the users, and play the task's role until the load is over."""
    import locust  # noqa: F401 - patches everything: before anything else opens a socket or a thread

    from relgate.load import roles

    play: Callable[[Task], int] = {"alone": roles.alone, "master": roles.master, "worker": roles.worker}[task.role]
    return play(task)


def say(document: dict[str, Any]) -> None:
    """Print one line. Whoever reads may be gone: then this process ends as well."""
    try:
        os.write(1, f"{json.dumps(document)}\n".encode())
    except OSError:
        os._exit(1)


def _first_line() -> bytes:
    """Read one line and nothing beyond it: later ones are read elsewhere, and no buffer may hold them."""
    line = b""
    while not line.endswith(b"\n"):
        one = os.read(0, 1)
        if not one:
            break
        line += one
    return line


def _protect() -> None:
    # A core file would write headers to disk. One connection for each user: more than the usual 1024.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    # Ctrl-C is for whoever started this: it ends its children in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
