"""Folders of an owner: locked while it lives, removed by whoever comes after it."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from relgate.adapters.owned import OwnedFolder, sweep
from tests.adapters.owners import owner_of

_OWNER = """
from relgate.adapters.owned import OwnedFolder
folder = OwnedFolder("relgate-test-owned-", fast={fast})
(folder.path / "file").write_text("x")
print(folder.path, flush=True)
import time
time.sleep(600)
"""


@pytest.mark.parametrize("fast", [False, True])
def test_a_killed_owners_folder_is_swept_and_a_living_owners_is_not(fast: bool) -> None:
    """The lock tells which: it ends with its process, however that ends."""
    mine = OwnedFolder("relgate-test-owned-", fast=fast)
    with owner_of(_OWNER.format(fast=fast)) as owner:
        assert owner.stdout is not None
        theirs = Path(owner.stdout.readline().strip())
        assert theirs not in sweep("relgate-test-owned-")
        assert (theirs / "file").exists()
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()
    seen: list[Path] = []
    assert theirs in sweep("relgate-test-owned-", seen.append)
    assert seen == [theirs]
    assert not theirs.exists()
    assert mine.path.exists()
    mine.remove()
    mine.remove()
    assert not mine.path.exists()


def test_what_is_no_folder_of_ours_is_never_swept(tmp_path: Path) -> None:
    """A link may point anywhere, a file is somebody's; both stay, and what they point to."""
    (tmp_path / "precious").write_text("x")
    link = Path(tempfile.gettempdir()) / f"relgate-test-owned-link-{os.getpid()}"
    file = Path(tempfile.gettempdir()) / f"relgate-test-owned-file-{os.getpid()}"
    link.symlink_to(tmp_path)
    file.write_text("x")
    try:
        assert sweep("relgate-test-owned-") == ()
        assert link.exists()
        assert file.exists()
        assert (tmp_path / "precious").exists()
    finally:
        link.unlink()
        file.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of another user")
def test_another_users_folder_is_never_swept() -> None:
    """Even by root, who could."""
    folder = Path(tempfile.mkdtemp(prefix="relgate-test-owned-"))
    try:
        os.chown(folder, 65534, 65534)
        assert sweep("relgate-test-owned-") == ()
        assert folder.exists()
    finally:
        shutil.rmtree(folder)
