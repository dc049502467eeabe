"""Bad releases of the shop's history: one for each fault that a migration gate must find.

``write`` makes an Alembic project of one: the 30 good revisions, its own on top (0031 and on), and an ``alembic.ini``.
Production runs 0030 then. A fault shows what it is for as purely as it can, but some cannot be alone: who drops a
column loses its values too.

    python -m examples.shop.migration_faults two-heads /tmp/two-heads
"""

from __future__ import annotations

import shutil
from pathlib import Path

from . import chain, data, paper, rollout, round_trip
from .parts import Fault

__all__ = ["FAULTS", "PRODUCTION", "Fault", "write"]

SHOP = Path(__file__).parent.parent
PRODUCTION = "0030"
"""The head of the good history."""

FAULTS: dict[str, Fault] = chain.FAULTS | round_trip.FAULTS | data.FAULTS | rollout.FAULTS | paper.FAULTS
"""Name -> what is wrong, and what must find it."""

_MODELS = """target_metadata = MetaData()
for known in metadata.tables.values():
    known.to_metadata(target_metadata)
tables = target_metadata.tables
"""


def write(folder: Path, name: str) -> Path:
    """Write the Alembic project of a fault into a folder that is not there yet; return its ``alembic.ini``.

    Raises:
        KeyError: there is no such fault.

    """
    fault = FAULTS[name]
    migrations = folder / "migrations"
    shutil.copytree(SHOP / "migrations", migrations, ignore=shutil.ignore_patterns("__pycache__", "__init__.py"))
    for file, text in fault.files.items():
        (migrations / "versions" / file).write_text(text, encoding="utf-8")
    if fault.models:
        environment = migrations / "env.py"
        text = environment.read_text(encoding="utf-8")
        known = "target_metadata = metadata\n"
        if known not in text:
            raise ValueError(f"{environment}: expected the line {known.strip()!r}, which a fault's models replace")
        text = text.replace("import Connection,", "import Connection, MetaData,").replace(known, _MODELS + fault.models)
        environment.write_text(text.replace("\nfrom alembic", "\nimport sqlalchemy as sa\nfrom alembic", 1))
    ini = folder / "alembic.ini"
    # The folder above the shop, where env.py finds it, is not above this project.
    above = str(SHOP.parent).replace("%", "%%")
    ini.write_text((SHOP / "alembic.ini").read_text(encoding="utf-8").replace("%(here)s/..", above), encoding="utf-8")
    return ini
