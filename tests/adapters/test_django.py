"""Django: its own executor, one migration at a time; each project in a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from relgate.adapters.postgres import PostgresServer
from relgate.adapters.sqlite import SqliteServer
from relgate.errors import SourceError
from tests.adapters.histories import MIGRATIONS, MODELS, CrashAt, Remote, django_project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from relgate.ports.migrations import Tool

BASE = "from django.db import migrations, models\n{more}\nclass Migration(migrations.Migration):\n{body}\n"


@pytest.fixture
def server() -> Iterator[SqliteServer]:
    """Scratch databases on SQLite."""
    with SqliteServer() as made:
        yield made


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server."""
    with PostgresServer.private("auto") as made:
        yield made


@pytest.fixture
def start() -> Iterator[Callable[[Path], Tool]]:
    """Load a project in a process of its own."""
    tools: list[Remote] = []

    def load(manage: Path) -> Any:
        tools.append(Remote(manage))
        return tools[-1]

    yield load
    for tool in tools:
        tool.close()


def add(folder: Path, name: str, body: str, *, more: str = "", app: str = "shop") -> None:
    """Write a migration."""
    migrations = folder / app / "migrations"
    migrations.mkdir(parents=True, exist_ok=True)
    for file in (folder / app / "__init__.py", migrations / "__init__.py"):
        file.touch()
    text = BASE.format(more=more, body="".join(f"    {line}\n" for line in body.splitlines()))
    (migrations / f"{name}.py").write_text(text, encoding="utf-8")


def test_another_database_is_never_touched(start: Callable[[Path], Tool], tmp_path: Path, server: SqliteServer) -> None:
    """Neither by a second alias, which leads to the scratch database, nor by a connection of the migration's own."""
    production = tmp_path / "production.db"
    manage = django_project(tmp_path, "sqlite", str(production))
    settings = tmp_path / "settings.py"
    settings.write_text(f"{settings.read_text()}DATABASES['other'] = DATABASES['default']\n")
    own = f"""
def second(apps, editor):
    from django.db import connections
    connections["other"].cursor().execute("CREATE TABLE second (a INTEGER)")
def own(apps, editor):
    from django.db import connections
    from django.db.backends.sqlite3.base import DatabaseWrapper
    settings = dict(connections["default"].settings_dict, NAME={str(production)!r})
    DatabaseWrapper(settings).cursor()
"""
    body = 'atomic = False\ndependencies = [("shop", "{}")]\noperations = [migrations.RunPython({})]'
    add(tmp_path, "0005_second", body.format("0003_index", "second"), more=own)
    add(tmp_path, "0006_own", body.format("0005_second", "own"), more=own)
    tool, scratch = start(manage), server.create()
    for name in ("0001_orders", "0002_total", "0003_index", "0005_second"):
        assert tool.move(scratch, f"shop.{name}", "up").failure is None
    failure = tool.move(scratch, "shop.0006_own", "up").failure
    assert failure is not None
    assert "leads elsewhere: refused" in failure.text
    assert failure.line == 10
    assert not production.exists()
    with server.open(scratch) as session:
        assert session.counts()["second"] == 0


def test_a_project_of_another_engine_moves_the_scratch_database(
    start: Callable[[Path], Tool], tmp_path: Path, server: SqliteServer
) -> None:
    """Its settings name PostgreSQL, with a host that does not exist; the database decides."""
    tool = start(django_project(tmp_path, "postgresql"))
    assert tool.engine() == "postgresql"
    assert tool.move(server.create(), "shop.0001_orders", "up").failure is None


def test_nothing_may_connect_while_the_project_loads(start: Callable[[Path], Tool], tmp_path: Path) -> None:
    """An app that queries at import is an error that says so, with its line."""
    manage = django_project(tmp_path, "sqlite", str(tmp_path / "production.db"))
    models = "from django.db import connection\nconnection.cursor()\n"
    (tmp_path / "shop" / "models.py").write_text(models, encoding="utf-8")
    with pytest.raises(SourceError, match=r"shop/models\.py:2: the database 'default' was opened"):
        start(manage).revisions()
    assert not (tmp_path / "production.db").exists()


def test_graphs_of_every_shape_are_read(start: Callable[[Path], Tool], tmp_path: Path) -> None:
    """Squashed migrations stand for those they replace; other apps come before; ``run_before`` turns it around."""
    manage = django_project(tmp_path)
    settings = tmp_path / "settings.py"
    settings.write_text(settings.read_text().replace('["shop"]', '["shop", "stock"]'))
    add(tmp_path, "0001_a", 'run_before = [("shop", "0003_index")]', app="stock")
    add(tmp_path, "0002_b", 'dependencies = [("stock", "0001_a"), ("shop", "__first__")]', app="stock")
    squashed = 'replaces = [("shop", "0001_orders"), ("shop", "0002_total")]\noperations = []'
    add(tmp_path, "0001_squashed", squashed)
    found = {item.id: item for item in start(manage).revisions()}
    assert set(found) == {"shop.0001_squashed", "shop.0003_index", "shop.0004_broken", "stock.0001_a", "stock.0002_b"}
    assert found["shop.0003_index"].down == ("shop.0001_squashed",)
    assert found["shop.0003_index"].after == ("stock.0001_a",)
    assert (found["stock.0002_b"].down, found["stock.0002_b"].after) == (("stock.0001_a",), ("shop.0001_squashed",))
    assert found["stock.0002_b"].labels == ("stock",)


def test_broken_chains_are_read(start: Callable[[Path], Tool], tmp_path: Path, server: SqliteServer) -> None:
    """A missing parent and a cycle: what the files say; moving on them is a failure."""
    manage = django_project(tmp_path)
    add(tmp_path, "0001_orders", 'dependencies = [("shop", "0003_index"), ("gone", "0001_x")]')
    tool = start(manage)
    found = {item.id: item for item in tool.revisions()}
    assert (found["shop.0001_orders"].down, found["shop.0001_orders"].after) == (("shop.0003_index",), ("gone.0001_x",))
    assert found["shop.0002_total"].down == ("shop.0001_orders",)
    failure = tool.move(server.create(), "shop.0001_orders", "up").failure
    assert failure is not None
    assert "gone" in failure.text


def test_what_a_migration_says_of_itself(start: Callable[[Path], Tool], tmp_path: Path, server: SqliteServer) -> None:
    """A way back needs every operation's; what is declared is told."""
    manage = django_project(tmp_path)
    body = (
        'dependencies = [("shop", "0003_index")]\nirreversible = {"reason": "drops", "backup": "s3"}\nrelease = "1.4"\n'
        'operations = [\n    migrations.RunSQL("SELECT 1"),\n]'
    )
    add(tmp_path, "0005_one_way", body)
    tool, scratch = start(manage), server.create()
    found = {item.id: item for item in tool.revisions()}
    one_way, first = found["shop.0005_one_way"], found["shop.0001_orders"]
    assert (one_way.way_back, first.way_back) == (False, True)
    assert one_way.declared is not None
    assert (one_way.declared.reason, one_way.release) == ("drops", "1.4")
    assert (one_way.line, first.line, one_way.message) == (7, 4, "one way")
    for id_ in ("shop.0001_orders", "shop.0002_total", "shop.0003_index", "shop.0005_one_way"):
        assert tool.move(scratch, id_, "up").failure is None
    failure = tool.move(scratch, "shop.0005_one_way", "down").failure
    assert failure is not None
    assert "not reversible" in failure.text


def test_statements_of_python_and_of_operations(
    start: Callable[[Path], Tool], tmp_path: Path, postgres: PostgresServer
) -> None:
    """Python's statements have their own line, an operation's the line that it is declared in; values are filled in."""
    tool, scratch = start(django_project(tmp_path, "postgresql")), postgres.create()
    assert tool.move(scratch, "shop.0001_orders", "up").failure is None
    ran = tool.move(scratch, "shop.0002_total", "up")
    by_line = {statement.line: statement for statement in ran.statements if not statement.books}
    assert "ADD COLUMN" in by_line[9].sql
    update = by_line[5]
    assert update.sql.startswith("UPDATE")
    assert update.parameters
    assert "%s" not in update.literal
    assert "20" in update.literal
    assert update.rows == 1


def test_transactions_of_a_migration_that_is_not_atomic(
    start: Callable[[Path], Tool], tmp_path: Path, postgres: PostgresServer
) -> None:
    """Outside of a transaction, and two of its own."""
    more = """
def fill(apps, editor):
    from django.db import transaction
    for number in (1, 2):
        with transaction.atomic():
            editor.connection.cursor().execute("INSERT INTO a VALUES (%s)", [number])
"""
    body = (
        'atomic = False\ndependencies = [("shop", "0003_index")]\noperations = [\n'
        '    migrations.RunSQL(["CREATE TABLE a (b INTEGER)", "CREATE INDEX CONCURRENTLY c ON a (b)"], ""),\n'
        "    migrations.RunPython(fill, atomic=False),\n]"
    )
    manage = django_project(tmp_path, "postgresql")
    add(tmp_path, "0005_a", body, more=more)
    tool, scratch = start(manage), postgres.create()
    for id_ in ("shop.0001_orders", "shop.0002_total", "shop.0003_index"):
        assert tool.move(scratch, id_, "up").failure is None
    ran = tool.move(scratch, "shop.0005_a", "up")
    assert ran.failure is None
    numbers = {statement.literal: statement.transaction for statement in ran.statements if not statement.books}
    inserts = [numbers[f"INSERT INTO a VALUES ({number})"] for number in (1, 2)]  # noqa: S608
    assert numbers["CREATE INDEX CONCURRENTLY c ON a (b)"] == 0
    assert 0 < inserts[0] < inserts[1]


def test_a_crash_cannot_be_swallowed(start: Callable[[Path], Tool], tmp_path: Path, server: SqliteServer) -> None:
    """Python that catches everything still ends, and commits nothing."""
    more = """
def fill(apps, editor):
    for name in "ab":
        try:
            editor.execute(f"CREATE TABLE {name} (c INTEGER)")
        except BaseException:
            pass
"""
    manage = django_project(tmp_path)
    add(tmp_path, "0001_orders", "operations = [migrations.RunPython(fill)]", more=more)
    tool, scratch = start(manage), server.create()
    failure = tool.move(scratch, "shop.0001_orders", "up", CrashAt(1)).failure
    assert failure is not None
    assert failure.text == "crashed before statement 1"
    with server.open(scratch) as session:
        assert session.counts() == {}


def test_a_transaction_of_pythons_own_is_not_committed_after_a_crash(
    start: Callable[[Path], Tool], tmp_path: Path, server: SqliteServer
) -> None:
    """Code that swallows the crash within its own transaction is refused the commit."""
    more = """
def fill(apps, editor):
    from django.db import connection, transaction
    with transaction.atomic():
        connection.cursor().execute("CREATE TABLE a (c INTEGER)")
        try:
            connection.cursor().execute("CREATE TABLE b (c INTEGER)")
        except BaseException:
            pass
"""
    manage = django_project(tmp_path)
    add(tmp_path, "0001_orders", "atomic = False\noperations = [migrations.RunPython(fill, atomic=False)]", more=more)
    tool, scratch = start(manage), server.create()
    ran = tool.move(scratch, "shop.0001_orders", "up", CrashAt(2))
    assert ran.failure is not None
    assert [statement.sql.split()[0] for statement in ran.statements] == ["BEGIN", "CREATE"]
    with server.open(scratch) as session:
        assert session.counts() == {}


def test_offline_sql(start: Callable[[Path], Tool], tmp_path: Path, postgres: PostgresServer) -> None:
    """As sqlmigrate prints it, both ways; Python has none; PostgreSQL's needs a database to look into."""
    tool = start(django_project(tmp_path))
    assert 'CREATE TABLE "orders"' in tool.offline("shop.0001_orders", "up", "sqlite")
    assert 'DROP TABLE "orders"' in tool.offline("shop.0001_orders", "down", "sqlite")
    with pytest.raises(SourceError, match="cannot be written as SQL"):
        tool.offline("shop.0002_total", "up", "sqlite")
    with pytest.raises(SourceError, match="none was moved before"):
        tool.offline("shop.0003_index", "up", "postgresql")
    tool.move(postgres.create(), "shop.0001_orders", "up")
    assert 'CREATE INDEX "orders_total"' in tool.offline("shop.0003_index", "up", "postgresql")


def test_drift_is_told(start: Callable[[Path], Tool], tmp_path: Path, server: SqliteServer) -> None:
    """What makemigrations would write; nothing for the history as it is."""
    assert start(django_project(tmp_path / "a")).drift(server.create()) == ()
    manage = django_project(tmp_path / "b")
    more = MODELS.replace("    class Meta", "    note = models.TextField(null=True)\n    class Meta")
    (tmp_path / "b" / "shop" / "models.py").write_text(more, encoding="utf-8")
    assert start(manage).drift(server.create()) == ("shop: Add field note to order",)


@pytest.mark.parametrize(
    ("manage", "settings", "text"),
    [
        ("import os", "", "expected it to set DJANGO_SETTINGS_MODULE"),
        ('os.environ["DJANGO_SETTINGS_MODULE"] = "settings"', "import nowhere", r"settings\.py:1: ModuleNotFoundError"),
    ],
)
def test_settings_that_cannot_be_loaded(
    manage: str, settings: str, text: str, start: Callable[[Path], Tool], tmp_path: Path
) -> None:
    """What is wrong, and where."""
    (tmp_path / "manage.py").write_text(manage, encoding="utf-8")
    (tmp_path / "settings.py").write_text(settings, encoding="utf-8")
    with pytest.raises(SourceError, match=text):
        start(tmp_path / "manage.py").revisions()


def test_the_history_is_as_written() -> None:
    """The lines that other tests name are those of the files."""
    assert MIGRATIONS["0001_orders"].splitlines()[5].strip().startswith("migrations.RunSQL")
