"""A MariaDB (or MySQL) server of relgate's own, from the system's binaries: started for one run, worthless afterwards.

It listens on a socket in a temporary folder and nowhere else, reads no configuration of the machine's, writes no binary
log and never waits for a disk. Linux kills it when the thread that started it ends, however it ends, so start it in a
thread that lives as long as the server shall. ``sweep_dead`` removes what killed owners left.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from relgate.adapters.owned import OwnedFolder, dying_with_us, sweep
from relgate.errors import SourceError, UsageError

_PREFIX = "relgate-mariadb-"
_PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec")
"""Where servers are that are not on a user's PATH."""

_START_S = 120.0
_LONGEST_SOCKET = 107
_SETTINGS = (
    "--skip-networking",
    "--skip-log-bin",
    "--skip-name-resolve",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=0",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=32M",
    "--key-buffer-size=1M",
    "--performance-schema=0",
    "--character-set-server=utf8mb4",
    "--loose-mysqlx=0",
    "--loose-sync-frm=0",
    "--loose-aria-pagecache-buffer-size=8M",
)
_WAYS_OUT = (
    "Install it (apt-get install mariadb-server-core mariadb-client-core, or mariadb-server; no service has to run), "
    "or name a server for scratch databases by its URL (mysql+pymysql://user:password@host/)."
)


class MariadbProcess:
    """A running server; ``socket`` is its socket, ``user`` the name of its administrator, who has no password.

    Raises:
        UsageError: there is no server on this machine.
        SourceError: it does not start.

    """

    user = "root"

    def __init__(self) -> None:
        sweep_dead()
        self._server = _binary("mariadbd", "mysqld")
        self._folder = OwnedFolder(_PREFIX, fast=True)
        self._data = self._folder.path / "data"
        # Its own: two servers that are made at the same moment take each other's temporary tables for theirs.
        self._temporary = self._folder.path / "tmp"
        self.socket = self._data / "sock"
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Kill the server and remove its folder: nothing in it is worth an orderly end."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._folder.remove()

    def _start(self) -> None:
        if len(str(self.socket)) > _LONGEST_SOCKET:
            raise UsageError(
                f"MariaDB's socket {self.socket}: expected at most {_LONGEST_SOCKET} characters; "
                "set TMPDIR to a shorter path"
            )
        account = _account()
        for folder in (self._data, self._temporary):
            folder.mkdir(mode=0o700)
            if account is not None:
                os.chown(folder, account.pw_uid, account.pw_gid)
        if account is not None:
            self._folder.path.chmod(0o711)  # Passed through, not read.
        self._install(account)
        log = self._folder.path / "server.log"
        command = [self._server, *self._options(), f"--socket={self.socket}"]
        with log.open("wb") as output:
            self._process = _run_as(account, command, output.fileno())
        self._await(log)

    def _options(self) -> tuple[str, ...]:
        places = (f"--datadir={self._data}", f"--tmpdir={self._temporary}", f"--pid-file={self._data / 'pid'}")
        return ("--no-defaults", *places, *_SETTINGS)

    def _install(self, account: pwd.struct_passwd | None) -> None:
        """Make the system tables. MariaDB has a program for that, MySQL an option of the server."""
        installer = _found("mariadb-install-db", "mysql_install_db")
        if installer is not None:
            own = ("--auth-root-authentication-method=normal", "--skip-test-db", "--force")
            command = [installer, *self._options(), *own]
        else:
            command = [self._server, *self._options(), "--initialize-insecure"]
        log = self._folder.path / "install.log"
        with log.open("wb") as output:
            code = _run_as(account, command, output.fileno()).wait()
        if code != 0:
            raise SourceError(f"{command[0]} ended with {code} in {self._folder.path}: {_tail(log)}")

    def _await(self, log: Path) -> None:
        assert self._process is not None  # noqa: S101  _start has just set it
        end = time.monotonic() + _START_S
        while not _answers(self.socket):
            if self._process.poll() is not None:
                raise SourceError(f"{self._server} ended with {self._process.returncode} at its start: {_tail(log)}")
            if time.monotonic() > end:
                raise SourceError(f"{self._server} did not answer within {_START_S:.0f} s: {_tail(log)}")
            time.sleep(0.01)


def _answers(path: Path) -> bool:
    """Tell whether a server greets whoever connects to its socket."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_START_S)
        probe.connect(str(path))
        return bool(probe.recv(1))
    return False


def sweep_dead() -> None:
    """Remove the folders of owners that are dead, and end servers that still run in them."""
    sweep(_PREFIX, _end)


def _end(folder: Path) -> None:
    """End a server whose owner is dead, should it live still. Only a process that names this folder is touched."""
    with suppress(OSError, ValueError):
        number = int((folder / "data" / "pid").read_text().strip())
        if f"--datadir={folder / 'data'}".encode() in Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0"):
            os.kill(number, signal.SIGKILL)
            _await_end(number)


def _await_end(number: int) -> None:
    with suppress(ProcessLookupError):
        for _ in range(500):
            os.kill(number, 0)
            time.sleep(0.01)


def _found(*names: str) -> str | None:
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_PLACES])
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def _binary(*names: str) -> str:
    found = _found(*names)
    if found is None:
        raise UsageError(f"MariaDB: none of {', '.join(names)} is on PATH or in /usr/sbin. {_WAYS_OUT}")
    return found


def _account() -> pwd.struct_passwd | None:
    """Return whom the server runs as where this process is root, which a server refuses to be; else None."""
    if os.geteuid() != 0:
        return None
    for name in ("mysql", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise UsageError(
        "MariaDB does not run as root: expected a user mysql or nobody on this machine; run as another user"
    )


def _run_as(account: pwd.struct_passwd | None, command: list[str], output: int) -> subprocess.Popen[bytes]:
    """Start a program that Linux kills when this thread ends."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        cwd="/",
        start_new_session=True,  # A Ctrl-C in the terminal is for its owner, who stops it.
        preexec_fn=dying_with_us(signal.SIGKILL),
    )


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    errors = [line for line in lines if "ERROR" in line]
    return " | ".join(errors[:5] or lines[-5:]) or "it printed nothing"
