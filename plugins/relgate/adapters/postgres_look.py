"""Reads a PostgreSQL catalog again and again: as a whole while it is small, what has changed once it is large."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from relgate.adapters.postgres_catalog import catalog_sql, relations_sql
from relgate.adapters.postgres_changes import DEPENDENTS, OLDEST, signatures_sql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from relgate.ports.migrations import Catalog

    Ask = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]

LARGE = 2_000
"""Entries from which it is cheaper to find out what has changed than to read everything."""
_MOST = 100
"""Relations up to which what has changed is read alone."""


class Look:
    """The catalog of one connection's database.

    Args:
        version: of the server, ``server_version_num``.
        large: entries from which only changes are read.

    """

    def __init__(self, version: int, large: int = LARGE) -> None:
        self._whole = catalog_sql(version)
        self._some = relations_sql(version)
        self._signatures = signatures_sql(version) if version >= OLDEST else None
        self._large = large
        self._n = 0
        self._seen: dict[int, int] = {}
        self._catalog: Catalog = {}
        self._keys: dict[int, list[tuple[str, str]]] = {}

    def whole(self, ask: Ask) -> Catalog:
        """Read everything; nothing is kept. For a transaction that may be undone."""
        self._seen = {}
        return {(kind, identity): definition for kind, identity, definition, _ in ask(self._whole, ())}

    def read(self, ask: Ask) -> Catalog:
        """Return the catalog as it is now; not within a transaction that has changed something."""
        if self._signatures is None or self._n < self._large:
            found = self.whole(ask)
            self._n = len(found)
            return found
        seen = {int(relation): int(signature) for relation, signature in ask(self._signatures, ())}
        relations = self._affected(ask, seen)
        if relations is None:
            self._keep(ask(self._whole, ()), None)
        elif relations:
            gone = relations | {relation for relation in self._seen if relation not in seen}
            self._keep(ask(self._some, (sorted(relations), sorted(relations))), gone)
        self._seen = seen
        self._n = len(self._catalog)
        return dict(self._catalog)

    def _affected(self, ask: Ask, seen: dict[int, int]) -> set[int] | None:
        """Return the relations to be read again, None for everything."""
        before = self._seen
        if not before or before.get(0) != seen.get(0):
            return None
        changed = {relation for relation in before.keys() | seen.keys() if before.get(relation) != seen.get(relation)}
        if not changed:
            return set()
        listed = sorted(changed)
        users = {int(relation) for (relation,) in ask(DEPENDENTS, (listed, listed))} if len(changed) <= _MOST else {0}
        if 0 in users or len(changed | users) > _MOST:
            return None
        return changed | (users - {-1})

    def _keep(self, rows: Iterable[tuple[Any, ...]], relations: set[int] | None) -> None:
        """Put what was read in the place of what these relations had, None: of everything."""
        if relations is None:
            self._catalog, self._keys = {}, {}
        else:
            for relation in relations:
                for key in self._keys.pop(relation, ()):
                    del self._catalog[key]
        for kind, identity, definition, relation in rows:
            self._catalog[kind, identity] = definition
            self._keys.setdefault(int(relation), []).append((kind, identity))
