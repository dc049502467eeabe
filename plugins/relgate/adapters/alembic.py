"""Alembic: revisions through the project's real ``env.py``, one step at a time, on a scratch database and no other.

A step is given to Alembic as such, not as a target to find a way to: merges, branches, several bases and dependencies
need nothing of their own. Where ``env.py`` connects to is decided by ``sqlguard``, what is sent is seen by
``sqlrecord``. ``neutral`` runs the revisions without ``env.py``, on one connection that is kept until ``close``:
faster, and never the verdict.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.adapters import sqlguard
from relgate.adapters.alembicread import revisions_of, told
from relgate.adapters.alembicwait import Waiting, leaves_nothing, may_wait
from relgate.adapters.inproject import explained, failure_of, inside, relative
from relgate.adapters.sqldriver import load
from relgate.adapters.sqlrecord import Recorder, listening
from relgate.errors import SourceError, UsageError
from relgate.ports.migrations import Failure, Ran

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from relgate.ports.migrations import Direction, Engine, Revision, Scratch, Watch

_ASYNC = re.compile(r"async_engine_from_config|create_async_engine|AsyncEngine")
_VERSION_TABLE = re.compile(r"version_table\s*=\s*[\"'](\w+)[\"']")
_NO_MODELS = re.compile(r"^target_metadata\s*(?::[^=]+)?=\s*None\b", re.MULTILINE)
_ENGINES: dict[str, Engine] = {"postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql", "sqlite": "sqlite"}
_ASYNC_DRIVERS = {"sqlite": ("aiosqlite",), "mysql": ("aiomysql", "asyncmy"), "postgresql": ()}
_URLS = ("DATABASE_URL", "SQLALCHEMY_DATABASE_URI")


class AlembicTool:
    """A project with an ``alembic.ini`` or a ``[tool.alembic]`` in its pyproject.toml. Fills the port ``Tool``.

    ``ini``: either file; its folder is the project. ``neutral``: run the revisions without the project's ``env.py``.
    ``waits``: let ``env.py`` wait after a step that nobody watches for the next one (``alembicwait``). With either,
    ``close`` before a scratch database is copied: a connection to it is kept.
    """

    name = "alembic"
    watches = True

    def __init__(self, ini: Path, *, neutral: bool = False, waits: bool = False) -> None:
        load("alembic")
        self._ini = ini.resolve()
        self.project = self._ini.parent
        self.neutral = neutral
        self._directory: Any = None
        self._paths: list[str] = []
        self._import_paths: list[str] = []
        self._configured: tuple[Any, str | None] | None = None
        self._kept: tuple[Scratch, Any] | None = None
        self._waits = waits and not neutral
        self._waiting: Waiting | None = None
        self._plain: bool | None = None
        self._env: str | None = None
        self._chosen: dict[tuple[str | None, ...], tuple[str, ...]] = {}
        self._nodes: dict[str, tuple[Any, str]] = {}
        self._urls: dict[tuple[str | None, ...], str] = {}

    # --- the history

    def revisions(self) -> tuple[Revision, ...]:
        """Return all revisions, in any order, broken chains included.

        Raises:
            SourceError: the project cannot be read.

        """
        with inside(self.project, {}), sqlguard.only(None):
            return revisions_of(self._script(), self.project)

    def engine(self) -> Engine | None:
        """Return the engine of ``sqlalchemy.url``, else the one that ``env.py`` configures, None where neither says."""
        url = self._config("").get_alembic_option("sqlalchemy.url") or ""
        named = _ENGINES.get(url.partition(":")[0].partition("+")[0])
        return named or _ENGINES.get(self._look()[1] or "")

    @property
    def has_models(self) -> bool:
        """Whether ``env.py`` names a ``target_metadata``."""
        metadata, dialect = self._look()
        if dialect is not None:
            return metadata is not None
        # Its offline half cannot be run: what the file says has to do.
        return not _NO_MODELS.search(self._env_text()) and "target_metadata" in self._env_text()

    # --- the steps

    def move(self, scratch: Scratch, revision: str, direction: Direction, watch: Watch | None = None) -> Ran:
        """Apply or take back exactly one revision through ``env.py``. Never raises."""
        since = time.perf_counter()
        recorder, output = Recorder(scratch.engine, watch), io.StringIO()
        failure: Failure | None = None
        try:
            node, recorder.path = self._node(revision)
            recorder.file = node.path
            self._step(scratch, node, direction, recorder, output)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a crash that the watch asked for, an env.py that exits
            failure = failure_of(error, self.project, recorder)
        if failure is not None:
            self.close()
        return Ran(tuple(recorder.statements), failure, time.perf_counter() - since, output.getvalue())

    def applied(self, scratch: Scratch) -> tuple[str, ...]:
        """Return the revisions that Alembic's own table names."""
        found: list[str] = []

        def look(heads: tuple[str, ...], _context: Any) -> list[Any]:
            found.extend(heads)
            return []

        self._run_or_raise(scratch, look, "its applied revisions", dont_mutate=True)
        return tuple(found)

    def drift(self, scratch: Scratch) -> tuple[str, ...]:
        """Return what ``alembic check`` would still change, one line each; the project's ``env.py`` is always used.

        Raises:
            SourceError: the models cannot be loaded or compared.

        """
        if not self.has_models:
            message = f"{self._env_path()}: expected a target_metadata to compare with, it has none"
            raise SourceError(message)
        autogenerate = load("alembic.autogenerate.api")
        names = ("message", "branch_label", "version_path", "rev_id", "depends_on")
        asked = dict.fromkeys(names) | {"autogenerate": True, "sql": False, "head": "head", "splice": False}
        with inside(self.project, {}):
            compared = autogenerate.RevisionContext(self._config(""), self._script(), asked)

        def compare(heads: tuple[str, ...], context: Any) -> list[Any]:
            compared.run_autogenerate(heads, context)
            return []

        self._run_or_raise(scratch, compare, "its models", real=True, template_args=compared.template_args)
        operations = compared.generated_revisions[-1].upgrade_ops_list
        return tuple(told(diff) for part in operations for diff in part.as_diffs())

    def offline(self, revision: str, direction: Direction, engine: Engine) -> str:
        """Return a step as Alembic's ``--sql`` writes it.

        Raises:
            SourceError: the revision needs a database, or ``env.py`` has no offline half.

        """
        buffer = io.StringIO()
        try:
            node, _ = self._node(revision)
            start = node._normalized_down_revisions if direction == "up" else (node.revision,)  # noqa: SLF001
            with inside(self.project, dict.fromkeys(_URLS, f"{engine}://")), sqlguard.only(None):
                config = self._config(f"{engine}://")
                options = {"as_sql": True, "starting_rev": start or None, "destination_rev": revision}
                steps = [self._revision_step(node, direction)]
                with self._environment(config, lambda *_: steps, **options) as environment:
                    environment.context_opts["output_buffer"] = buffer
                    self._render(environment, engine)
        except (Exception, SystemExit) as error:
            message = f"{revision} {direction} has no offline SQL: {explained(error, self.project)}"
            raise SourceError(message) from error
        return buffer.getvalue()

    def close(self) -> None:
        """Give back the kept connection and the import path; the tool may be used again."""
        self._end()
        if self._kept is not None:
            connection = self._kept[1]
            self._kept = None
            with contextlib.suppress(Exception):
                connection.close()
        for path in self._paths:
            with contextlib.suppress(ValueError):
                sys.path.remove(path)
        self._paths = []

    # --- Alembic's objects

    def _config(self, url: str) -> Any:
        """Read the configuration anew: an ``env.py`` may change it."""
        config_class = load("alembic.config").Config
        pyproject = self.project / "pyproject.toml"
        toml = pyproject if pyproject.exists() and _has_alembic(pyproject) else None
        if self._ini.suffix == ".toml" and toml is None:
            message = f"{self._ini}: expected a table [tool.alembic], found none"
            raise UsageError(message)
        options = {"toml_file": str(toml)} if toml else {}
        ini = None if self._ini.suffix == ".toml" else str(self._ini)
        config = config_class(ini, **options)
        if not hasattr(config, "get_alembic_option"):
            config.get_alembic_option = config.get_main_option  # before Alembic 1.16
        if url:
            config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
        return config

    def _script(self) -> Any:
        """Return the script directory, loaded once: reading 300 files for each step would cost more than the step."""
        before = list(sys.path)
        if self._directory is None:
            try:
                self._directory = load("alembic.script").ScriptDirectory.from_config(self._config(""))
            except Exception as error:
                message = f"{self._ini}: {explained(error, self.project)}"
                raise SourceError(message) from error
            self._paths = [path for path in sys.path if path not in before]
            self._import_paths = list(self._paths)
        elif not self._paths:
            self._paths = [path for path in self._import_paths if path not in sys.path]
            sys.path[:0] = self._paths
        return self._directory

    def _node(self, revision: str) -> tuple[Any, str]:
        """Return a revision of the script directory, and its file as findings name it; found once, as that is."""
        if revision in self._nodes:
            return self._nodes[revision]
        with inside(self.project, {}), sqlguard.only(None):
            node = self._script().get_revision(revision)
        if node is None or node.revision != revision:
            message = f"expected a revision {revision}, the project has none of this name"
            raise SourceError(message)
        self._nodes[revision] = node, relative(node.path, self.project)
        return self._nodes[revision]

    def _environment(self, config: Any, work: Callable[..., Any], **options: Any) -> Any:
        self._end()  # Two at once would share Alembic's global names.
        environment = load("alembic.runtime.environment").EnvironmentContext
        return environment(config, self._script(), fn=work, **options)

    def _revision_step(self, node: Any, direction: Direction) -> Any:
        return load("alembic.runtime.migration").RevisionStep(self._script().revision_map, node, direction == "up")

    # --- running

    def _step(self, scratch: Scratch, node: Any, direction: Direction, recorder: Recorder, output: io.StringIO) -> None:
        step = self._revision_step(node, direction)
        with listening(recorder, self._books()):
            if self._waits and self._plain and recorder.watch is None and scratch.engine == "postgresql":
                called = self._wait(scratch, step, recorder, output)
            else:
                called = self._start(scratch, step, output)
        recorder.check()
        if not called:
            message = f"{self._env_path()}: expected it to call context.run_migrations(), it did not"
            raise SourceError(message)
        if self._waits and self._plain is None:
            self._plain = may_wait(self._env_text())
        # What belongs to no revision is env.py's: it would be left out if that waited. So would a second run.
        self._plain = self._plain and called == 1 and all(one.line or one.books for one in recorder.statements)

    def _start(self, scratch: Scratch, step: Any, output: io.StringIO) -> int:
        """Take a step with a start of its own; how often ``env.py`` called ``run_migrations``."""
        called: list[Any] = []

        def work(_heads: tuple[str, ...], context: Any) -> list[Any]:
            called.append(context)
            return [step]

        self._run(scratch, work, output)
        return len(called)

    def _wait(self, scratch: Scratch, step: Any, recorder: Recorder, output: io.StringIO) -> int:
        """Take a step with the ``env.py`` that waits for one, or with one that will then."""
        with inside(self.project, self._variables(scratch), output):
            waiting = self._waiting
            if waiting is None or waiting.scratch != scratch or not waiting.ready:
                self._end()
                waiting = Waiting(scratch, sqlguard.Guard(scratch), lambda work: self._env_py(scratch, work))
            try:
                with waiting.guard.standing():
                    waiting.step(step, lambda: leaves_nothing(recorder.statements))
            finally:
                self._waiting = waiting
        if not waiting.waits:
            self._end()
        return waiting.called

    def _env_py(self, scratch: Scratch, work: Callable[..., Any]) -> None:
        with self._environment(self._config(self._url(scratch)), work):
            self._script().run_env()

    def _end(self) -> None:
        """Let an ``env.py`` that waits come to its end."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            with inside(self.project, {}):
                waiting.end()

    def _run(
        self,
        scratch: Scratch,
        work: Callable[..., Any],
        output: io.StringIO,
        *,
        real: bool = False,
        **options: Any,
    ) -> None:
        """Let ``env.py``, or what stands for it, call ``work`` with a connection to the scratch database."""
        with inside(self.project, self._variables(scratch), output), sqlguard.only(scratch) as guard:
            config = self._config(self._url(scratch))
            with self._environment(config, work, **options) as environment:
                if real or not self.neutral:
                    self._script().run_env()
                else:
                    self._run_neutral(environment, self._connection(scratch, guard))

    def _run_or_raise(self, scratch: Scratch, work: Callable[..., Any], what: str, **options: Any) -> None:
        try:
            self._run(scratch, work, io.StringIO(), **options)
        except (Exception, SystemExit) as error:
            self.close()
            message = f"{what} cannot be read: {explained(error, self.project)}"
            raise SourceError(message) from error

    def _run_neutral(self, environment: Any, connection: Any) -> None:
        environment.configure(connection=connection, version_table=self._books())
        try:
            with environment.begin_transaction():
                environment.run_migrations()
        finally:
            connection.rollback()

    def _render(self, environment: Any, engine: Engine) -> None:
        if not self.neutral:
            self._script().run_env()
            return
        environment.configure(dialect_name=engine, literal_binds=True, version_table=self._books())
        with environment.begin_transaction():
            environment.run_migrations()

    def _connection(self, scratch: Scratch, guard: Any) -> Any:
        """Return the kept connection to this database, or a new one in its place."""
        if self._kept is not None and self._kept[0] == scratch and not self._kept[1].invalidated:
            return self._kept[1]
        self.close()
        self._script()
        engine = load("sqlalchemy").create_engine(scratch.url, poolclass=load("sqlalchemy.pool").NullPool)
        connection = engine.connect()
        guard.opened.clear()
        self._kept = (scratch, connection)
        return connection

    def _look(self) -> tuple[Any, str | None]:
        """Return ``target_metadata`` and the dialect that ``env.py`` configures, by its offline half; (None, None)."""
        if self._configured is None:
            self._configured = (None, None)
            seen: list[Any] = []

            def work(_heads: Any, context: Any) -> list[Any]:
                seen.append(context)
                return []

            with contextlib.suppress(Exception, SystemExit), inside(self.project, {}), sqlguard.only(None):
                with self._environment(self._config(""), work, as_sql=True) as environment:
                    environment.context_opts["output_buffer"] = io.StringIO()
                    self._script().run_env()
                self._configured = (seen[-1].opts.get("target_metadata"), str(seen[-1].dialect.name))
        return self._configured

    # --- what env.py wants

    def _variables(self, scratch: Scratch) -> dict[str, str]:
        return dict(scratch.environment) | dict.fromkeys(_URLS, self._url(scratch))

    def _env_path(self) -> str:
        return relative(Path(self._script().dir) / "env.py", self.project)

    def _env_text(self) -> str:
        if self._env is None:
            with inside(self.project, {}):
                file = Path(self._script().dir).resolve() / "env.py"
            self._env = file.read_text(encoding="utf-8") if file.exists() else ""
        return self._env

    def _books(self) -> str:
        named = _VERSION_TABLE.search(self._env_text())
        return named.group(1) if named else "alembic_version"

    def _url(self, scratch: Scratch) -> str:
        """Return the scratch database's URL with the driver that the project uses, as far as it says."""
        named = tuple(os.environ.get(name) for name in _URLS)
        asked = (scratch.engine, *named)
        if asked not in self._chosen:
            self._chosen[asked] = tuple(self._drivers(scratch))
        place = (scratch.url, *named)
        if place not in self._urls:
            self._urls[place] = _with_driver(scratch.url, self._chosen[asked])
        return self._urls[place]

    def _drivers(self, scratch: Scratch) -> Iterator[str]:
        named = [os.environ.get(name) for name in _URLS] + [self._config("").get_alembic_option("sqlalchemy.url")]
        for text in filter(None, named):
            engine, _, driver = text.partition(":")[0].partition("+")
            if driver and _ENGINES.get(engine) == scratch.engine:
                yield driver
        if _ASYNC.search(self._env_text()):
            yield from _ASYNC_DRIVERS[scratch.engine]


def _with_driver(text: str, drivers: tuple[str, ...]) -> str:
    """Return a URL with the first of these drivers that is installed."""
    url = load("sqlalchemy").make_url(text)
    for driver in drivers:
        candidate = url.set(drivername=f"{url.get_backend_name()}+{driver}")
        with contextlib.suppress(Exception):
            candidate.get_dialect().import_dbapi()
            return str(candidate.render_as_string(hide_password=False))
    return text


def _has_alembic(pyproject: Path) -> bool:
    with contextlib.suppress(tomllib.TOMLDecodeError):
        return "alembic" in tomllib.loads(pyproject.read_text(encoding="utf-8")).get("tool", {})
    return False
