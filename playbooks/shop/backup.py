"""Takes a backup of the shop's running database, restores it into another file and compares: 0 when it is good.

    SHOP_DATABASE=/var/lib/shop.db python backup.py

Rows that are written meanwhile are in the database and not in its backup: it may have fewer rows, not more, and no less
than there were before it was taken.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
from pathlib import Path


def rows(database: sqlite3.Connection) -> dict[str, int]:
    """Return how many rows each table has."""
    names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    # Names come from the catalog of the database itself.
    return {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in names.fetchall()}  # noqa: S608


def main() -> int:
    """Back up, restore, compare."""
    live = sqlite3.connect(f"file:{os.environ['SHOP_DATABASE']}?mode=ro", uri=True, timeout=10)
    before = rows(live)
    with tempfile.TemporaryDirectory() as folder:
        backup = sqlite3.connect(Path(folder) / "backup.db")
        live.backup(backup)
        backup.close()
        restored = sqlite3.connect(Path(folder) / "restored.db")
        sqlite3.connect(Path(folder) / "backup.db").backup(restored)
        (sound,) = restored.execute("PRAGMA integrity_check").fetchone()
        orphans = restored.execute("PRAGMA foreign_key_check").fetchall()
        found, after = rows(restored), rows(live)
    wrong = [name for name, n in before.items() if not n <= found.get(name, -1) <= after[name]]
    print(f"integrity: {sound}; orphans: {len(orphans)}; tables: {len(found)}; wrong: {', '.join(wrong) or 'none'}")
    return int(sound != "ok" or bool(orphans) or bool(wrong) or not found)


if __name__ == "__main__":
    sys.exit(main())
