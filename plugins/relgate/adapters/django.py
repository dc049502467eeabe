"""Django: exactly one migration at a time through Django's own executor, on a scratch database and no other.

A revision's name is ``app.0002_name``. It builds on migrations of its own app (``down``); those of other apps are what
must be applied before (``after``); its label is its app, because each app has a head of its own. Squashed migrations
stand in the place of those that they replace, as on an empty database.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.adapters import djangosetup
from relgate.adapters.inproject import declared_of, explained, failure_of, inside, relative, retired_of
from relgate.adapters.sqldriver import load
from relgate.adapters.sqlrecord import Recorder, line_in
from relgate.errors import SourceError
from relgate.ports.migrations import Failure, Ran, Revision, Scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from relgate.ports.migrations import Direction, Engine, Watch

_BOOKS = re.compile(r"\s*(?:INSERT\s+INTO|DELETE\s+FROM|CREATE\s+TABLE)\s+[\"`]?django_migrations\b", re.IGNORECASE)
_NO_SQL = "THIS OPERATION CANNOT BE WRITTEN AS SQL"


class DjangoTool:
    """A project with a ``manage.py``. Fills the port ``Tool``. One project per process, Django's own limit."""

    name = "django"
    watches = True
    has_models = True

    def __init__(self, manage_py: Path) -> None:
        self._manage = manage_py.resolve()
        self.project = self._manage.parent
        self._lines: dict[str, tuple[int, ...]] = {}
        self._last: Scratch | None = None

    def revisions(self) -> tuple[Revision, ...]:
        """Return the migrations of all apps, broken chains included.

        Raises:
            SourceError: the project cannot be read.

        """
        with self._inside():
            loader = load("django.db.migrations.loader").MigrationLoader(None, load=False)
            try:
                loader.load_disk()
            except (Exception, SystemExit) as error:
                message = f"a migration cannot be loaded: {explained(error, self.project)}"
                raise SourceError(message) from error
            parents = _parents(loader)
            return tuple(self._revision(loader.disk_migrations[key], parents[key]) for key in parents)

    def engine(self) -> Engine | None:
        """Return the engine of the project's default database."""
        with self._inside():
            return djangosetup.project_engine()

    def move(self, scratch: Scratch, revision: str, direction: Direction, watch: Watch | None = None) -> Ran:
        """Apply or take back exactly one migration. Never raises."""
        since = time.perf_counter()
        recorder, output = Recorder(scratch.engine, watch, formats=True), io.StringIO()
        failure: Failure | None = None
        try:
            with self._inside(scratch, output), djangosetup.pointed_at(scratch) as connection:
                self._step(connection, revision, direction, recorder)
            recorder.check()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a crash that the watch asked for is no Exception
            failure = failure_of(error, self.project, recorder)
        self._last = scratch
        return Ran(tuple(recorder.statements), failure, time.perf_counter() - since, output.getvalue())

    def applied(self, scratch: Scratch) -> tuple[str, ...]:
        """Return the applied migrations that no other applied one of their app builds on."""
        with self._inside(), djangosetup.pointed_at(scratch) as connection:
            loader = load("django.db.migrations.loader").MigrationLoader(connection, ignore_no_migrations=True)
            applied = {key for key in loader.applied_migrations if key in loader.graph.node_map}
            built_on = {
                key
                for key in applied
                for child in loader.graph.node_map[key].children
                if child.key in applied and child.key[0] == key[0]
            }
        return tuple(".".join(key) for key in sorted(applied - built_on))

    def offline(self, revision: str, direction: Direction, engine: Engine) -> str:
        """Return what ``sqlmigrate`` prints. It looks into a database: an empty one, or the one moved last.

        Raises:
            SourceError: an operation has no SQL, or there is no database of this engine to look into.

        """
        scratch = Scratch("sqlite", "none", "sqlite:///:memory:") if engine == "sqlite" else self._last
        if scratch is None or scratch.engine != engine:
            message = f"{revision}: sqlmigrate looks into a {engine} database, and none was moved before"
            raise SourceError(message)
        try:
            with self._inside(scratch), djangosetup.pointed_at(scratch) as connection:
                loader = load("django.db.migrations.loader").MigrationLoader(None, replace_migrations=False)
                loader.connection = connection
                lines = loader.collect_sql([(loader.graph.nodes[_key(revision)], direction == "down")])
        except (Exception, SystemExit) as error:
            message = f"{revision} {direction} has no offline SQL: {explained(error, self.project)}"
            raise SourceError(message) from error
        text = "".join(f"{line}\n" for line in lines)
        if _NO_SQL in text:
            message = f"{revision} {direction} has no offline SQL: an operation cannot be written as SQL"
            raise SourceError(message)
        return text

    def drift(self, scratch: Scratch) -> tuple[str, ...]:
        """Return what ``makemigrations`` would still write, one operation a line.

        Raises:
            SourceError: the models cannot be compared.

        """
        try:
            with self._inside(scratch), djangosetup.pointed_at(scratch):
                changes = _changes()
        except (Exception, SystemExit) as error:
            message = f"its models cannot be compared: {explained(error, self.project)}"
            raise SourceError(message) from error
        return tuple(
            f"{app}: {operation.describe()}"
            for app, migrations in sorted(changes.items())
            for migration in migrations
            for operation in migration.operations
        )

    def close(self) -> None:
        """Nothing is kept open; the settings stay for the life of the process."""

    @contextlib.contextmanager
    def _inside(self, scratch: Scratch | None = None, output: io.StringIO | None = None) -> Iterator[None]:
        variables = dict(scratch.environment) | {"DATABASE_URL": scratch.url} if scratch else {}
        with inside(self.project, variables, output):
            djangosetup.set_up(self._manage)
            yield

    def _revision(self, migration: Any, parents: set[tuple[str, str]]) -> Revision:
        file = Path(str(sys.modules[migration.__module__].__file__))
        path, line = relative(file, self.project), self._operations(str(file))[0]
        release = getattr(migration, "release", None)
        return Revision(
            id=f"{migration.app_label}.{migration.name}",
            down=tuple(".".join(key) for key in sorted(parents) if key[0] == migration.app_label),
            message=re.sub(r"^\d+_", "", migration.name).replace("_", " "),
            path=path,
            line=line,
            down_line=line,
            after=tuple(".".join(key) for key in sorted(parents) if key[0] != migration.app_label),
            labels=(migration.app_label,),
            way_back=all(operation.reversible for operation in migration.operations),
            declared=declared_of(getattr(migration, "irreversible", None), path),
            release=None if release is None else str(release),
            retired=retired_of(getattr(migration, "retired", ()), path),
        )

    def _operations(self, file: str) -> tuple[int, ...]:
        """Return the lines of a file's ``operations = [`` and of each operation in it."""
        if file not in self._lines:
            found = [
                (node.lineno, *(item.lineno for item in node.value.elts))
                for node in ast.walk(ast.parse(Path(file).read_bytes()))
                if isinstance(node, ast.Assign)
                and isinstance(node.value, ast.List)
                and any(isinstance(name, ast.Name) and name.id == "operations" for name in node.targets)
            ]
            self._lines[file] = found[0] if found else (1,)
        return self._lines[file]

    def _step(self, connection: Any, revision: str, direction: Direction, recorder: Recorder) -> None:
        executor = load("django.db.migrations.executor").MigrationExecutor(connection)
        if _key(revision) not in executor.loader.graph.nodes:
            message = f"expected a migration {revision}, the project has none of this name"
            raise SourceError(message)
        migration = executor.loader.graph.nodes[_key(revision)]
        recorder.file = str(sys.modules[migration.__module__].__file__)
        recorder.path = relative(recorder.file, self.project)
        executor.recorder.ensure_schema()
        ending = _ending(connection, recorder)
        with ending, connection.execute_wrapper(self._wrapper(connection, recorder, migration)):
            executor.migrate([], plan=[(migration, direction == "down")])

    def _wrapper(self, connection: Any, recorder: Recorder, migration: Any) -> Callable[..., Any]:
        def record(execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
            ours, line = self._place(migration, recorder.file)
            books = not ours and _BOOKS.match(str(sql)) is not None
            recorder.check()
            if recorder.busy or not (ours or books):
                return execute(sql, parameters, many, context)
            recorder.before(str(sql), connection.connection, line=line, books=books)
            try:
                result = execute(sql, parameters, many, context)
            except Exception:
                recorder.failed(connection.connection, parameters, many=many)
                raise
            rows = getattr(context["cursor"], "rowcount", None)
            recorder.after(connection.connection, parameters, many=many, rows=rows)
            return result

        return record

    def _place(self, migration: Any, file: str) -> tuple[bool, int]:
        """Return whether a migration's operation sends this, and the line of the file that does."""
        applying = {type(migration).apply.__code__, type(migration).unapply.__code__}
        leaving = load("django.db.backends.base.schema").BaseDatabaseSchemaEditor.__exit__.__code__
        frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - the only way to see which operation is at work
        while frame is not None:
            if frame.f_code in applying:
                return True, line_in(file, 3) or self._line_of(migration, frame.f_locals.get("operation"), file)
            if frame.f_code is leaving:
                return True, 0
            frame = frame.f_back
        return False, 0

    def _line_of(self, migration: Any, operation: Any, file: str) -> int:
        lines = self._operations(file)[1:]
        index = next((number for number, item in enumerate(migration.operations) if item is operation), len(lines))
        return lines[index] if index < len(lines) else 0


@contextlib.contextmanager
def _ending(connection: Any, recorder: Recorder) -> Iterator[None]:
    """See a connection's transactions end; after a crash none may commit."""
    commit, rollback = connection._commit, connection._rollback  # noqa: SLF001 - Django tells nobody else

    def committing() -> Any:
        if recorder.crashed:
            # Before Django turns autocommit on again, which commits in SQLite.
            rollback()
        recorder.check()
        recorder.ended(connection.connection)
        return commit()

    def rolling_back() -> Any:
        recorder.ended(connection.connection)
        return rollback()

    connection._commit, connection._rollback = committing, rolling_back  # noqa: SLF001
    try:
        yield
    finally:
        del connection._commit, connection._rollback  # noqa: SLF001


def _key(revision: str) -> tuple[str, str]:
    app, _, name = revision.partition(".")
    return app, name


def _parents(loader: Any) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """Return what each migration builds on: by Django's graph, by the files alone where Django refuses the graph."""
    exceptions = load("django.db.migrations.exceptions")
    try:
        loader.build_graph()
    except (exceptions.NodeNotFoundError, exceptions.CircularDependencyError):
        return _by_files(loader.disk_migrations)
    return {key: {parent.key for parent in node.parents} for key, node in loader.graph.node_map.items()}


def _by_files(migrations: dict[tuple[str, str], Any]) -> dict[tuple[str, str], set[tuple[str, str]]]:
    replaced = {tuple(key) for migration in migrations.values() for key in migration.replaces}
    parents: dict[tuple[str, str], set[tuple[str, str]]] = {
        key: {_named(tuple(dependency), migrations) for dependency in migration.dependencies}
        for key, migration in migrations.items()
        if key not in replaced
    }
    for key, migration in migrations.items():
        for follower in migration.run_before:
            if tuple(follower) in parents and key in parents:
                parents[(follower[0], follower[1])].add(key)
    return parents


def _named(key: tuple[str, ...], migrations: dict[tuple[str, str], Any]) -> tuple[str, str]:
    """Resolve ``__first__`` and ``__latest__`` by name, which is what their numbers are for."""
    names = sorted(name for app, name in migrations if app == key[0])
    if names and key[1] in {"__first__", "__latest__"}:
        return key[0], names[0 if key[1] == "__first__" else -1]
    return key[0], key[1]


def _changes() -> dict[str, list[Any]]:
    loader = load("django.db.migrations.loader").MigrationLoader(None, ignore_no_migrations=True)
    state = load("django.db.migrations.state").ProjectState.from_apps(load("django.apps").apps)
    questioner = load("django.db.migrations.questioner").NonInteractiveMigrationQuestioner
    detector = load("django.db.migrations.autodetector").MigrationAutodetector
    asked = questioner(specified_apps=set(), dry_run=True)
    found: dict[str, list[Any]] = detector(loader.project_state(), state, asked).changes(graph=loader.graph)
    return found
