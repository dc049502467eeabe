"""One history of three steps, and a fourth that fails, in the format of each migration tool.

1 creates a table with two rows, 2 adds a column and fills it, 3 adds an index, 4 creates a table and then asks for one
that does not exist.
"""

from __future__ import annotations

import multiprocessing
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.adapters.alembic import AlembicTool
from relgate.adapters.command import CommandTool
from relgate.adapters.django import DjangoTool
from relgate.adapters.sqlfolder import SqlFolderTool
from relgate.ports.migrations import Crash

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from relgate.ports.migrations import Engine, Statement, Tool

UPS = (
    "CREATE TABLE orders (id INTEGER NOT NULL PRIMARY KEY);\nINSERT INTO orders (id) VALUES (1), (2);\n",
    "ALTER TABLE orders ADD COLUMN total INTEGER;\nUPDATE orders SET total = id * 10;\n",
    "CREATE INDEX orders_total ON orders (total);\n",
    "CREATE TABLE extra (id INTEGER);\nINSERT INTO nowhere VALUES (1);\n",
)
DOWNS = (
    "DROP TABLE orders;\n",
    "ALTER TABLE orders DROP COLUMN total;\n",
    "DROP INDEX orders_total;\n",
    "DROP TABLE extra;\n",
)
MYSQL_DOWNS = (*DOWNS[:2], "DROP INDEX orders_total ON orders;\n", DOWNS[3])
NAMES = ("orders", "total", "index", "broken")


@dataclass
class History:
    """``ids``: of its four revisions. ``insert``: file and line of the first revision's INSERT.

    ``atomic``: whether the failing step leaves nothing behind.
    """

    tool: Tool
    ids: tuple[str, str, str, str]
    insert: tuple[str, int]
    atomic: bool = True


class CrashAt:
    """A watch that ends a step before a statement."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.seen: list[str] = []
        self.done: list[Statement] = []

    def before(self, number: int, sql: str, backend: int | None) -> None:  # noqa: ARG002
        """Count, and end."""
        assert number == len(self.seen)
        if number == self.number:
            raise Crash
        self.seen.append(sql)

    def after(self, number: int, statement: Statement) -> None:
        """Keep what it was told."""
        assert number == len(self.done)
        self.done.append(statement)


# --- Alembic

ENV = """
from alembic import context
from sqlalchemy import engine_from_config, pool
target_metadata = None
config = context.config
if context.is_offline_mode():
    context.configure(url=config.get_main_option("sqlalchemy.url"), literal_binds=True, target_metadata=target_metadata)
    with context.begin_transaction():
        context.run_migrations()
else:
    section = config.get_section(config.config_ini_section, {})
    with engine_from_config(section, prefix="sqlalchemy.", poolclass=pool.NullPool).connect() as connection:
        context.configure(connection=connection, target_metadata=target_metadata)
        with context.begin_transaction():
            context.run_migrations()
"""
REVISION = '''"""{name}"""
revision = "{id}"
down_revision = {down!r}
from alembic import op

def upgrade():
{up}

def downgrade():
{down_body}
'''


def alembic_project(folder: Path, env: str = ENV, url: str = "driver://user:pass@localhost/dbname") -> Path:
    """Write an Alembic project without revisions; return its alembic.ini."""
    (folder / "migrations" / "versions").mkdir(parents=True)
    (folder / "migrations" / "env.py").write_text(env, encoding="utf-8")
    ini = folder / "alembic.ini"
    options = {"script_location": "migrations", "prepend_sys_path": ".", "path_separator": "os", "sqlalchemy.url": url}
    ini.write_text("[alembic]\n" + "".join(f"{key} = {value}\n" for key, value in options.items()), encoding="utf-8")
    return ini


def _downs(engine: Engine) -> tuple[str, ...]:
    return MYSQL_DOWNS if engine == "mysql" else DOWNS


def alembic_history(folder: Path, env: str = ENV, engine: Engine = "sqlite") -> Path:
    """Write the history; return its alembic.ini."""
    ini = alembic_project(folder, env)
    for number, (name, up, down) in enumerate(zip(NAMES, UPS, _downs(engine), strict=True), start=1):
        text = REVISION.format(
            name=name, id=f"r{number}", down=f"r{number - 1}" if number > 1 else None, up=_ops(up), down_body=_ops(down)
        )
        (folder / "migrations" / "versions" / f"r{number}_{name}.py").write_text(text, encoding="utf-8")
    return ini


def _ops(sql: str) -> str:
    return "\n".join(f"    op.execute({line.rstrip(';')!r})" for line in sql.splitlines())


def _alembic(folder: Path, engine: Engine) -> History:
    tool = AlembicTool(alembic_history(folder, ENV, engine))
    # Python's sqlite3 opens no transaction for DDL: what CREATE TABLE did stays.
    return History(tool, ("r1", "r2", "r3", "r4"), ("migrations/versions/r1_orders.py", 8), engine == "postgresql")


def _neutral(folder: Path, engine: Engine) -> History:
    tool = AlembicTool(
        alembic_history(folder, "raise SystemExit('a neutral run needs no env.py')", engine), neutral=True
    )
    return History(tool, ("r1", "r2", "r3", "r4"), ("migrations/versions/r1_orders.py", 8), engine == "postgresql")


# --- SQL folders


def _dbmate(folder: Path, engine: Engine) -> History:
    for number, (name, up, down) in enumerate(zip(NAMES, UPS, _downs(engine), strict=True), start=1):
        text = f"-- migrate:up\n{up}\n-- migrate:down\n{down}"
        (folder / f"2024010{number}_{name}.sql").write_text(text, encoding="utf-8")
    ids = ("20240101", "20240102", "20240103", "20240104")
    return History(SqlFolderTool(folder, engine), ids, ("20240101_orders.sql", 3), engine != "mysql")


def _goose(folder: Path, engine: Engine) -> History:
    for number, (name, up, down) in enumerate(zip(NAMES, UPS, _downs(engine), strict=True), start=1):
        text = f"-- +goose Up\n-- +goose StatementBegin\n{up.splitlines()[0]}\n-- +goose StatementEnd\n"
        rest = "\n".join(up.splitlines()[1:])
        (folder / f"0000{number}_{name}.sql").write_text(f"{text}{rest}\n-- +goose Down\n{down}", encoding="utf-8")
    return History(
        SqlFolderTool(folder, engine), ("00001", "00002", "00003", "00004"), ("00001_orders.sql", 5), engine != "mysql"
    )


def _golang(folder: Path, engine: Engine) -> History:
    for number, (name, up, down) in enumerate(zip(NAMES, UPS, _downs(engine), strict=True), start=1):
        (folder / f"{number}_{name}.up.sql").write_text(up, encoding="utf-8")
        (folder / f"{number}_{name}.down.sql").write_text(down, encoding="utf-8")
    return History(SqlFolderTool(folder, engine), ("1", "2", "3", "4"), ("1_orders.up.sql", 2), engine != "mysql")


def _flyway(folder: Path, engine: Engine) -> History:
    for number, (name, up, down) in enumerate(zip(NAMES, UPS, _downs(engine), strict=True), start=1):
        (folder / f"V1_{number}__{name}.sql").write_text(up, encoding="utf-8")
        (folder / f"U1.{number}__{name}.sql").write_text(down, encoding="utf-8")
    return History(
        SqlFolderTool(folder, engine), ("1.1", "1.2", "1.3", "1.4"), ("V1_1__orders.sql", 2), engine != "mysql"
    )


def _sqitch(folder: Path, engine: Engine) -> History:
    plan = "%syntax-version=1.0.0\n%project=shop\n\n"
    for name, up, down in zip(NAMES, UPS, _downs(engine), strict=True):
        for way, sql in (("deploy", up), ("revert", down)):
            (folder / way).mkdir(exist_ok=True)
            (folder / way / f"{name}.sql").write_text(f"BEGIN;\n{sql}COMMIT;\n", encoding="utf-8")
        plan += f"{name} 2024-01-01T00:00:00Z A. Person <a@example.org> # why {name}\n"
    (folder / "sqitch.plan").write_text(plan, encoding="utf-8")
    return History(SqlFolderTool(folder, engine), NAMES, ("deploy/orders.sql", 3), engine != "mysql")


# --- commands

SCRIPT = """
import json, os, sys
UPS, DOWNS, NAMES = {ups!r}, {downs!r}, {names!r}
if sys.argv[1] == "list":
    for number, name in enumerate(NAMES):
        print(json.dumps({{"id": name, "down": [NAMES[number - 1]] if number else [], "path": f"{{name}}.sql"}}))
    raise SystemExit
if os.environ["DATABASE_URL"].startswith("sqlite"):
    import sqlite3
    connection = sqlite3.connect(os.environ["RELGATE_DATABASE"], isolation_level=None)
elif os.environ["DATABASE_URL"].startswith("postgresql"):
    import psycopg
    connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
else:
    from sqlalchemy import create_engine
    connection = create_engine(os.environ["RELGATE_SQLALCHEMY_URL"]).raw_connection().cursor()
assert sys.argv[2] == os.environ["RELGATE_REVISION"] and sys.argv[1] == os.environ["RELGATE_DIRECTION"]
print("moving", sys.argv[2])
connection.execute("BEGIN")
for sql in (UPS if sys.argv[1] == "up" else DOWNS)[NAMES.index(sys.argv[2])].splitlines():
    connection.execute(sql)
connection.execute("COMMIT")
"""


def command_script(folder: Path, engine: Engine = "sqlite") -> str:
    """Write a tool of the project's own; return how it is called."""
    script = folder / "migrate.py"
    script.write_text(SCRIPT.format(ups=UPS, downs=_downs(engine), names=NAMES), encoding="utf-8")
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}"


def _command(folder: Path, engine: Engine) -> History:
    call = command_script(folder, engine)
    tool = CommandTool(f"{call} up {{revision}}", f"{call} down {{revision}}", f"{call} list", cwd=folder)
    return History(tool, NAMES, ("", 0), engine != "mysql")


# --- Django

SETTINGS = """
SECRET_KEY = "x"
INSTALLED_APPS = ["shop"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
DATABASES = {{"default": {{"ENGINE": "django.db.backends.{backend}", "NAME": {name!r}, "HOST": "production.invalid"}}}}
"""
MODELS = """
from django.db import models
class Order(models.Model):
    id = models.AutoField(primary_key=True)
    total = models.IntegerField(null=True)
    class Meta:
        db_table = "orders"
        indexes = [models.Index(fields=["total"], name="orders_total")]
"""
MIGRATIONS = {
    "0001_orders": """from django.db import migrations, models; ORDERS = {"db_table": "orders"}
class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel("Order", [("id", models.AutoField(primary_key=True, serialize=False))], ORDERS),
        migrations.RunSQL("INSERT INTO orders (id) VALUES (1), (2)", migrations.RunSQL.noop),
    ]
""",
    "0002_total": """from django.db import migrations, models
def fill(apps, editor):
    for order in apps.get_model("shop", "Order").objects.order_by("id"):
        order.total = order.id * 10
        order.save()
class Migration(migrations.Migration):
    dependencies = [("shop", "0001_orders")]
    operations = [
        migrations.AddField("Order", "total", models.IntegerField(null=True)),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
""",
    "0003_index": """from django.db import migrations, models
class Migration(migrations.Migration):
    dependencies = [("shop", "0002_total")]
    operations = [migrations.AddIndex("Order", models.Index(fields=["total"], name="orders_total"))]
""",
    "0004_broken": """from django.db import migrations
class Migration(migrations.Migration):
    dependencies = [("shop", "0003_index")]
    operations = [
        migrations.RunSQL("CREATE TABLE extra (id INTEGER)", "DROP TABLE extra"),
        migrations.RunSQL("INSERT INTO nowhere VALUES (1)", ""),
    ]
""",
}


def django_project(folder: Path, engine: Engine = "sqlite", name: str = "production") -> Path:
    """Write the history; return its manage.py."""
    (folder / "shop" / "migrations").mkdir(parents=True)
    backend = {"sqlite": "sqlite3", "postgresql": "postgresql", "mysql": "mysql"}[engine]
    (folder / "settings.py").write_text(SETTINGS.format(backend=backend, name=name), encoding="utf-8")
    manage = folder / "manage.py"
    manage.write_text("import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'settings')\n", encoding="utf-8")
    for file, text in {"__init__": "", "models": MODELS, "migrations/__init__": ""}.items():
        (folder / "shop" / f"{file}.py").write_text(text, encoding="utf-8")
    for file, text in MIGRATIONS.items():
        (folder / "shop" / "migrations" / f"{file}.py").write_text(text, encoding="utf-8")
    return manage


def _django(folder: Path, engine: Engine) -> History:
    ids = ("shop.0001_orders", "shop.0002_total", "shop.0003_index", "shop.0004_broken")
    tool: Any = Remote(django_project(folder, engine))
    return History(tool, ids, ("shop/migrations/0001_orders.py", 6), engine != "mysql")


class Remote:
    """A ``DjangoTool`` in a process of its own: Django allows one project per process."""

    name = "django"
    watches = True
    has_models = True

    def __init__(self, manage: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, manage), daemon=True)
        self._process.start()
        theirs.close()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *arguments: self._call(name, arguments)

    def _call(self, name: str, arguments: tuple[Any, ...]) -> Any:
        self._pipe.send((name, arguments))
        good, result = self._pipe.recv()
        if not good:
            raise result
        return result

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join(10)


def _serve(pipe: Connection, manage: Path) -> None:
    tool = DjangoTool(manage)
    while True:
        try:
            name, arguments = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send((True, getattr(tool, name)(*arguments)))
        except Exception as error:  # noqa: BLE001 - it goes to the test
            pipe.send((False, error))


TOOLS: dict[str, Callable[[Path, Engine], History]] = {
    "alembic": _alembic,
    "alembic-neutral": _neutral,
    "django": _django,
    "dbmate": _dbmate,
    "goose": _goose,
    "golang-migrate": _golang,
    "flyway": _flyway,
    "sqitch": _sqitch,
    "command": _command,
}
