"""A command of the policy: run without a shell, with a time limit, its output bounded, nothing of it left running."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
import time
from typing import IO, TYPE_CHECKING

from relgate.adapters.owned import dying_with_us
from relgate.ports.preflight import Output

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEPT_BYTES = 4 * 1024 * 1024
"""Of each of both outputs; of a longer one the beginning and the end."""
MOST_BYTES = 256 * 1024 * 1024
"""A command that prints more is killed: it would fill the disk."""
_EVERY_S = 0.05


def run(command: str, folder: Path, variables: Mapping[str, str], timeout_s: float) -> Output:
    """Run a command in ``folder`` and return what it did. Never raises for what the world does.

    It gets this process's environment without pytest's own variables, and ``variables``. Its outputs go into files, so
    that a process that it leaves behind holds nobody up; after its end its whole process group is killed, also when
    this process is interrupted or dies.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        return Output(None, fault=f"{command!r} is no command line: {error}")
    if not words:
        return Output(None, fault="the command is empty")
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    since = time.monotonic()
    try:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(
                words,
                cwd=folder,
                env=own | dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                preexec_fn=dying_with_us(signal.SIGKILL),
            )
            try:
                fault = _wait(process, (out, err), since + timeout_s)
            finally:
                _end(process)
            texts = [_read(file) for file in (out, err)]
    except FileNotFoundError as error:
        missing = f"{words[0]} is not installed" if folder.is_dir() else f"the folder {folder} does not exist"
        return Output(None, fault=f"{missing} ({error.strerror})")
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return Output(None, fault=f"{words[0]} cannot be run: {error}")
    if fault is not None:
        fault = f"{words[0]} {fault.format(timeout_s=timeout_s)}"
    return Output(
        code=None if fault is not None else process.returncode,
        out=texts[0][0],
        err=texts[1][0],
        fault=fault,
        cut=texts[0][1] or texts[1][1],
        took_s=time.monotonic() - since,
    )


def _wait(process: subprocess.Popen[bytes], files: tuple[IO[bytes], ...], until: float) -> str | None:
    """Wait for the end of a command; return why it was not left to come to one."""
    # Its end is seen and not yet taken: until it is taken, its number cannot be given to another process group.
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        time.sleep(_EVERY_S)
        if time.monotonic() > until:
            return "was not done after {timeout_s:g} s and was killed"
        if any(os.fstat(file.fileno()).st_size > MOST_BYTES for file in files):
            return f"printed more than {MOST_BYTES >> 20} MiB and was killed"
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a command and whatever it started in its process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _read(file: IO[bytes]) -> tuple[str, bool]:
    """Return what was printed, and whether its middle is left out."""
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    if size <= KEPT_BYTES:
        return file.read().decode(errors="replace"), False
    begin = file.read(KEPT_BYTES // 2)
    file.seek(size - KEPT_BYTES // 2)
    middle = f"\n[{size - KEPT_BYTES} bytes left out]\n"
    return begin.decode(errors="replace") + middle + file.read().decode(errors="replace"), True
