"""``python -m relgate.sinks``: the process that takes mails and webhooks of the service under judgment.

It reads its plan, one JSON line, from its standard input, prints ``{"listening": true}`` when all its servers listen,
and ends with its input: whoever started it is gone then. What came is removed at the end: mails hold secret links.

Exit code: 0 after its input ended, 1 a server cannot listen, 3 the plan cannot be used.
"""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from relgate.errors import RelgateError
from relgate.smoke.inbox import PLACES


def main() -> int:
    """Listen; see the module for input, output and exit codes."""
    try:
        plan = json.loads(sys.stdin.readline())
        folder = Path(plan["folder"])
        wanted = {name: (str(one["host"]), int(one["port"]), one["url"]) for name, one in plan["servers"].items()}
    except (ValueError, KeyError, TypeError) as error:
        _show({"listening": False, "error": f"the plan cannot be read: {error}"})
        return 3
    try:
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            places = {name: _serve(stack, folder, name, *one) for name, one in wanted.items()}
            draft = folder / f".{PLACES}"
            draft.write_text(json.dumps(places), encoding="utf-8")
            draft.replace(folder / PLACES)
            _show({"listening": True})
            while sys.stdin.read(1):
                pass
    except (RelgateError, OSError) as error:
        _show({"listening": False, "error": str(error)})
        return 1
    return 0


def _serve(stack: ExitStack, folder: Path, name: str, host: str, port: int, url: str | None) -> str:
    """Start one server and return how it is reached."""
    from relgate.adapters.sinks import HookSink, MailSink

    sink = MailSink(host, port, folder) if name == "mail" else HookSink(host, port, folder)
    stack.callback(sink.close)
    return url or (f"{host}:{sink.port}" if name == "mail" else f"http://{host}:{sink.port}")


def _show(document: dict[str, Any]) -> None:
    print(json.dumps(document), flush=True)


if __name__ == "__main__":
    sys.exit(main())
