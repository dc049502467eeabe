"""Django in this process, every database alias of the project leading to one scratch database.

Django keeps its settings for the life of a process, so there is one project per process. Every backend connects through
one method; there the guard stands: a connection to anything but the scratch database is refused.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from typing import TYPE_CHECKING, Any

from relgate.adapters.inproject import explained
from relgate.adapters.sqldriver import load
from relgate.adapters.sqlguard import GuardError
from relgate.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from relgate.ports.migrations import Engine, Scratch

_SETTINGS = re.compile(r"DJANGO_SETTINGS_MODULE[\"']\s*(?:,|\]\s*=)\s*[\"']([\w.]+)[\"']")
_BACKENDS: dict[str, str] = {
    "postgresql": "django.db.backends.postgresql",
    "mysql": "django.db.backends.mysql",
    "sqlite": "django.db.backends.sqlite3",
}
# Settings of a session that a project may keep; all others say where to connect, as whom, or how to encrypt.
_KEPT = frozenset({"options", "charset", "init_command", "sql_mode", "isolation_level", "transaction_mode", "timeout"})
_PLACE = ("NAME", "USER", "PASSWORD", "HOST", "PORT")

_project: list[Path] = []
_original: dict[str, dict[str, Any]] = {}
_now: list[dict[str, Any]] = []


def set_up(manage_py: Path) -> None:
    """Load a project's settings and apps; nothing may connect while they load.

    Raises:
        SourceError: they cannot be loaded.
        UsageError: this process has loaded another project.

    """
    if _project:
        if _project[0] != manage_py:
            message = f"expected {_project[0]}, Django allows one project per process: start another for {manage_py}"
            raise UsageError(message)
        return
    module = os.environ.get("DJANGO_SETTINGS_MODULE") or _settings_module(manage_py)
    os.environ["DJANGO_SETTINGS_MODULE"] = module
    sys.path.insert(0, str(manage_py.parent))
    django, conf = load("django"), load("django.conf")
    try:
        _original.update({alias: dict(values) for alias, values in conf.settings.DATABASES.items()})
        _guard()
        django.setup()
    except (Exception, SystemExit) as error:
        message = f"the settings {module} cannot be loaded: {explained(error, manage_py.parent)}"
        raise SourceError(message) from error
    _project.append(manage_py)


def _settings_module(manage_py: Path) -> str:
    try:
        found = _SETTINGS.search(manage_py.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{manage_py}: cannot be read: {error}"
        raise SourceError(message) from error
    if found is None:
        message = f"{manage_py}: expected it to set DJANGO_SETTINGS_MODULE, found nothing: set it in the environment"
        raise SourceError(message)
    return found.group(1)


def project_engine() -> Engine | None:
    """Return the engine of the project's default database, None where Django has none of this kind."""
    name = str(_original.get("default", {}).get("ENGINE", ""))
    if not name:
        return None
    try:
        vendor = load("django.db.utils").load_backend(name).DatabaseWrapper.vendor
    except Exception:  # noqa: BLE001 - its driver is not installed; the name still says enough
        vendor = next((engine for engine, backend in _BACKENDS.items() if backend == name), "")
    engines: dict[str, Engine] = {"postgresql": "postgresql", "mysql": "mysql", "sqlite": "sqlite"}
    return engines.get(vendor)


def _guard() -> None:
    """Stand in front of every backend's way to connect."""
    wrapper = load("django.db.backends.base.base").BaseDatabaseWrapper
    connect = wrapper.connect

    def guarded(self: Any) -> Any:
        if not _now:
            message = f"the database {self.alias!r} was opened where none may be touched: move it out of module level"
            raise GuardError(message)
        if any(self.settings_dict.get(key) != _now[-1][key] for key in _PLACE):
            message = (
                f"the database {self.alias!r} leads elsewhere: refused, only databases that relgate created are touched"
            )
            raise GuardError(message)
        return connect(self)

    wrapper.connect = guarded


@contextlib.contextmanager
def pointed_at(scratch: Scratch) -> Iterator[Any]:
    """Lead every alias to a scratch database; yield the connection ``default``. All are closed at the end."""
    connections = load("django.db").connections
    target = _settings(scratch)
    aliases = set(_original) | {"default"}
    _replace(connections, {alias: dict(target) for alias in aliases})
    _now.append(target)
    try:
        yield connections["default"]
    finally:
        for alias in aliases:
            with contextlib.suppress(Exception):
                connections[alias].close()
        _now.remove(target)


def _replace(connections: Any, settings: dict[str, dict[str, Any]]) -> None:
    for alias in list(connections):
        with contextlib.suppress(AttributeError):
            delattr(connections._connections, alias)  # noqa: SLF001 - `del connections[alias]`, if there is one
    load("django.conf").settings.DATABASES = settings
    connections._settings = None  # noqa: SLF001 - what it has cached of the settings
    connections.__dict__.pop("settings", None)


def _settings(scratch: Scratch) -> dict[str, Any]:
    """Return a scratch database as Django's settings name it, with the project's backend where it is of this engine."""
    url = load("sqlalchemy").make_url(scratch.url)
    before = _original.get("default", {}) if project_engine() == scratch.engine else {}
    if scratch.engine == "mysql":
        _mysql_driver()
    options = {key: value for key, value in dict(before.get("OPTIONS") or {}).items() if key in _KEPT}
    socket = url.query.get("host") or url.query.get("unix_socket")
    return {
        "ENGINE": before.get("ENGINE") or _BACKENDS[scratch.engine],
        "NAME": url.database or "",
        "USER": url.username or "",
        "PASSWORD": url.password or "",
        "HOST": str(socket or url.host or ""),
        "PORT": str(url.query.get("port") or url.port or ""),
        "OPTIONS": options,
        "TIME_ZONE": before.get("TIME_ZONE"),
        "CONN_MAX_AGE": 0,
    }


def _mysql_driver() -> None:
    try:
        load("MySQLdb")
    except UsageError:
        load("pymysql").install_as_MySQLdb()
