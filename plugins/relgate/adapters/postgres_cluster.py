"""A private PostgreSQL: started for one run, reachable through a socket in its own folder, worthless afterwards.

Everything is in folders ``relgate-postgres-*`` of which this process holds the lock. The server dies with its owner
even when that is killed: Linux sends it a signal when the thread that started it ends, so start it in a thread that
lives as long as the server shall. ``sweep`` removes what killed owners left: folders of this user whose lock is free,
never those of the living. Durability is switched off throughout; nothing in here survives a crash, nor should it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from relgate.adapters import postgres_binaries
from relgate.adapters.owned import dying_with_us
from relgate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from relgate.adapters.postgres_binaries import Account, Binaries, Kind

PREFIX = "relgate-postgres-"
USER = "relgate"
PORT = 5432
"""Names the socket only; nothing listens on a port."""

_LOCK = "owner.lock"
_MEMORY = Path("/dev/shm")  # noqa: S108 - asked for on purpose: it is memory; folders in it are made by mkdtemp
_MEMORY_NEEDED = 1 << 30
_LONGEST_SOCKET = 90
"""A socket's path has at most 107 characters, ``/.s.PGSQL.5432`` and the folder's name included."""
_START_S = 60.0
_STOP_S = 10.0
_WITHOUT_LOCK_S = 60.0
"""A folder without a lock file is left alone for so long: its owner may be about to lock it."""

_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "jit": "off",
    "max_connections": "50",
    "shared_buffers": "64MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "1d",
    "max_locks_per_transaction": "512",  # One query may read a thousand tables.
    "timezone": "UTC",
    "log_timezone": "UTC",
    # In the data folder, not in /dev/shm: what a killed server leaves goes with the folder.
    "dynamic_shared_memory_type": "mmap",
}


class Folder:
    """A temporary folder that this process owns; ``sweep`` of another process leaves it alone while it does."""

    def __init__(self, root: Path) -> None:
        """Create and lock it.

        Raises:
            SourceError: it cannot be created.

        """
        try:
            self.path, self._lock = self._create(root)
        except OSError as error:
            raise SourceError(f"{root}: no temporary folder can be created: {error}") from None

    def _create(self, root: Path) -> tuple[Path, int]:
        while True:
            path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
            path.chmod(0o755)
            lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            if _taken(lock, path / _LOCK):
                return path, lock
            os.close(lock)  # A sweep came between: it removes this one.

    def remove(self) -> None:
        """Remove it, and give the lock back after that."""
        shutil.rmtree(self.path, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.close(self._lock)
        self._lock = -1


class Cluster:
    """A running server. ``socket``: the folder of its socket, libpq's ``host``."""

    def __init__(self, kind: Kind = "auto", major: int | None = None, more: Mapping[str, str] | None = None) -> None:
        """Create and start a server; ``more`` are settings beside the usual ones.

        Raises:
            UsageError: there is no PostgreSQL of that kind.
            SourceError: it does not start.

        """
        self.binaries = postgres_binaries.find(kind, major)
        self._folders: list[Folder] = []
        self._process: subprocess.Popen[bytes] | None = None
        who = postgres_binaries.account()
        try:
            self.binaries = self._readable(self.binaries, who)
            folder = Folder(_root())
            self._folders.append(folder)
            self._log = folder.path / "log"
            self.socket = folder.path / "socket"
            self.data = folder.path / "data"
            for path in (self.socket, self.data):
                path.mkdir(mode=0o700)
                if who.uid is not None and who.gid is not None:
                    os.chown(path, who.uid, who.gid)
            self._initialise(who)
            self._start(who, {**_SETTINGS, **(more or {})})
        except BaseException:
            self.stop()
            raise

    def _readable(self, binaries: Binaries, who: Account) -> Binaries:
        if postgres_binaries.usable_by(binaries, who):
            return binaries
        # Not in memory: containers mount /dev/shm without the right to execute.
        folder = Folder(Path(tempfile.gettempdir()))
        self._folders.append(folder)
        return postgres_binaries.copied(binaries, folder.path)

    def _initialise(self, who: Account) -> None:
        locale = "C.UTF-8" if sys.platform == "linux" else "C"
        command = [self.binaries.program("initdb"), "-D", str(self.data), "-U", USER, "-A", "trust", "-E", "UTF8"]
        command += [f"--locale={locale}", "--no-sync", "--no-instructions"]
        with self._log.open("ab") as log:
            ran = subprocess.run(
                command, user=who.uid, group=who.gid, extra_groups=None if who.uid is None else [], cwd="/",
                env=_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False,
            )  # fmt: skip
        if ran.returncode != 0:
            raise SourceError(f"{command[0]} could not create a database cluster in {self.data}: {self._tail()}")

    def _start(self, who: Account, settings: Mapping[str, str]) -> None:
        command = [self.binaries.program("postgres"), "-D", str(self.data), "-k", str(self.socket), "-p", str(PORT)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, user=who.uid, group=who.gid, extra_groups=None if who.uid is None else [], cwd="/",
                env=_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                # A session of its own: Ctrl-C is for us, who then take it down in order.
                start_new_session=True,
                preexec_fn=dying_with_us(signal.SIGQUIT),
            )  # fmt: skip
        self._await(time.monotonic() + _START_S)

    def _await(self, until: float) -> None:
        """Wait until the server says in its pid file that it takes connections."""
        assert self._process is not None  # noqa: S101 - for the type checker: only _start calls
        status = self.data / "postmaster.pid"
        while self._process.poll() is None and time.monotonic() < until:
            with contextlib.suppress(OSError, IndexError):
                if status.read_text().splitlines()[7].strip() == "ready":
                    return
            time.sleep(0.005)
        raise SourceError(f"PostgreSQL {self.binaries.version} ({self.binaries.folder}) does not start: {self._tail()}")

    def _tail(self) -> str:
        """The end of the log, on one line."""
        with contextlib.suppress(OSError):
            return " | ".join(self._log.read_text(errors="replace").splitlines()[-5:])
        return "it logged nothing"

    def stop(self) -> None:
        """Stop the server at once and remove its folders. A second time does nothing."""
        process, self._process = self._process, None
        if process is not None:
            _quit(process)
        while self._folders:
            self._folders.pop().remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def sweep() -> tuple[Path, ...]:
    """Remove the folders that dead owners left, and end servers that still run in them; return what was removed."""
    removed: list[Path] = []
    for root in dict.fromkeys((_MEMORY, Path(tempfile.gettempdir()), Path("/tmp"))):  # noqa: S108 - as _root chooses
        removed += [path for path in root.glob(f"{PREFIX}*") if _is_ours(path) and _swept(path)]
    return tuple(removed)


def _swept(path: Path) -> bool:
    """Remove one folder, unless its owner lives."""
    try:
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        if time.time() - path.stat().st_mtime < _WITHOUT_LOCK_S:
            return False
        shutil.rmtree(path, ignore_errors=True)
        return True
    except OSError:
        return False
    try:
        if not _taken(lock, path / _LOCK):
            return False
        _end_server_in(path / "data")
        shutil.rmtree(path, ignore_errors=True)
        return True
    finally:
        os.close(lock)


def _is_ours(path: Path) -> bool:
    """Whether it is a folder, no link, that this user made: others write to /tmp as well."""
    with contextlib.suppress(OSError):
        return not path.is_symlink() and path.is_dir() and path.stat().st_uid == os.geteuid()
    return False


def _taken(lock: int, path: Path) -> bool:
    """Take a lock; False where somebody holds it or has removed the file meanwhile."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(lock).st_ino == path.stat().st_ino
    except OSError:
        return False


def _end_server_in(data: Path) -> None:
    """End a server that runs on this data folder."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        for what in (signal.SIGQUIT, signal.SIGKILL):
            pid = _server_in(data)
            if pid is None:
                return
            os.kill(pid, what)
            until = time.monotonic() + _STOP_S
            while _server_in(data) == pid and time.monotonic() < until:
                time.sleep(0.01)


def _server_in(data: Path) -> int | None:
    """The process that runs on a data folder: one called postgres that was started with it, no other with its pid."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    is_server = Path(os.fsdecode(words[0])).name == "postgres" and os.fsencode(data) in words
    return pid if is_server else None


def _quit(process: subprocess.Popen[bytes]) -> None:
    """End a child of ours; SIGQUIT is PostgreSQL's immediate shutdown."""
    process.send_signal(signal.SIGQUIT)
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _root() -> Path:
    """Where a cluster's folder goes: into memory where there is plenty, and where the socket's path stays short."""
    with contextlib.suppress(OSError):
        if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _MEMORY_NEEDED:
            return _MEMORY
    folder = Path(tempfile.gettempdir())
    return folder if len(str(folder)) + len(PREFIX) + 15 < _LONGEST_SOCKET else Path("/tmp")  # noqa: S108 - mkdtemp


def _environment() -> dict[str, str]:
    """Ours without what would lead PostgreSQL's programs elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
