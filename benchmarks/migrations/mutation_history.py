"""The good histories of the mutation run: the shop's, and the synthetic one of ``schema_kinds.py``.

A history writes projects of some of its revisions, of which one may be changed.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from chain import INI as SYNTHETIC_INI
from schema_kinds import KINDS, text_of

from relgate.adapters.alembic import AlembicTool

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "examples" / "shop"

ENV = """from alembic import context
from sqlalchemy import engine_from_config, pool

config = context.config
connectable = engine_from_config(config.get_section("alembic"), prefix="sqlalchemy.", poolclass=pool.NullPool)
if context.is_offline_mode():
    context.configure(url=config.get_main_option("sqlalchemy.url"), literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    with connectable.connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
"""


@dataclass
class History:
    """A good history. ``files``: id -> (file name, source); ``down``: id -> ids. ``large``: whether its tables are."""

    name: str
    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    down: dict[str, tuple[str, ...]] = field(default_factory=dict)
    large: bool = False

    def before(self, revision: str) -> set[str]:
        """Return what a revision builds on."""
        found: set[str] = set()
        waiting = list(self.down[revision])
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += self.down[one]
        return found

    def write(self, folder: Path, ids: set[str], changed: dict[str, str]) -> Path:
        """Write a project of these revisions; return its ``alembic.ini``."""
        versions = folder / "migrations" / "versions"
        versions.mkdir(parents=True)
        ini, env = SYNTHETIC_INI, ENV
        if self.name == "shop":
            above = str(SHOP.parent).replace("%", "%%")
            ini = (SHOP / "alembic.ini").read_text(encoding="utf-8").replace("%(here)s/..", above)
            env = (SHOP / "migrations" / "env.py").read_text(encoding="utf-8")
        (folder / "alembic.ini").write_text(ini, encoding="utf-8")
        (folder / "migrations" / "env.py").write_text(env, encoding="utf-8")
        for id_ in ids:
            file, source = self.files[id_]
            (versions / file).write_text(changed.get(id_, source), encoding="utf-8")
        return folder / "alembic.ini"


def shop() -> History:
    """Return the shop's history."""
    history = History("shop", large=True)
    with closing(AlembicTool(SHOP / "alembic.ini")) as tool:
        for one in tool.revisions():
            path = SHOP / one.path
            history.files[one.id] = path.name, path.read_text(encoding="utf-8")
            history.down[one.id] = one.down
    return history


def synthetic() -> tuple[History, dict[str, History]]:
    """Return the synthetic history as one chain, and as a chain of two for each kind."""
    whole, parts = History("synthetic"), {}
    number = 0
    for kind in KINDS:
        part = parts[kind.name] = History(kind.name)
        for history, first, on in ((whole, number + 1, f"{number:04}" if number else None), (part, 1, None)):
            ways = ((kind.create, kind.drop, kind.retired), (kind.change, kind.back, ()))
            for k, (up, back, retired) in enumerate(ways):
                id_, below = f"{first + k:04}", on if k == 0 else f"{first:04}"
                source = text_of(first + k, below, kind.name, up, back, retired)
                history.files[id_] = f"{id_}_{kind.name.replace('-', '_')}.py", source
                history.down[id_] = (below,) if below else ()
        number += 2
    return whole, parts
