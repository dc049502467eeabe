"""Programs that somebody else wrote, run to their end: hooks of a rollout, commands of a router.

No shell: pipes and variables belong into a script. Each runs in a session of its own, is killed with all that it
started when it takes too long, and ends when we end. What it leaves running must not keep its output open.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
from typing import TYPE_CHECKING

from relgate.adapters.owned import dying_with_us
from relgate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def run(command: str | Sequence[str], variables: Mapping[str, str], timeout_s: float, text: str | None = None) -> str:
    """Run a command to its end and return what it printed. ``text``: its input, none without.

    Raises:
        SourceError: it cannot be started, ends with another code than 0, or not in time.

    """
    words = shlex.split(command) if isinstance(command, str) else list(command)
    if not words:
        raise SourceError("expected a command, got an empty text")
    try:
        process = subprocess.Popen(
            words,
            env=os.environ | dict(variables),
            stdin=subprocess.DEVNULL if text is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=dying_with_us(signal.SIGKILL),
        )
    except OSError as error:
        raise SourceError(f"{words[0]} cannot be started: {error}") from error
    try:
        output, errors = process.communicate(text, timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"{words[0]} was not done after {timeout_s:g} s and was killed") from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    if process.returncode != 0:
        said = [line.strip() for line in (errors or output).splitlines() if re.search(r"\w", line)]
        raise SourceError(f"{words[0]} ended with {process.returncode}: {said[-1] if said else 'it said nothing'}")
    return output
