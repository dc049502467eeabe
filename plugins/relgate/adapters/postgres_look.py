"""Reads a PostgreSQL catalog again and again: as a whole at first, then what has changed since the last look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from relgate.adapters.postgres_catalog import catalog_sql, relations_sql
from relgate.adapters.postgres_changes import CONCERNED, OLDEST, Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from relgate.ports.migrations import Catalog

    Ask = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]

_MOST = 100
"""Relations up to which what has changed is read alone."""
_MOST_ROWS = 10 * _MOST
"""The same, with the indexes and toast tables that they have."""


class Look:
    """The catalog of one connection's database.

    Args:
        version: of the server, ``server_version_num``.

    """

    def __init__(self, version: int) -> None:
        self._whole = catalog_sql(version)
        self._some = relations_sql(version)
        self._rows = Rows(version) if version >= OLDEST else None
        self._again = False
        self._catalog: Catalog = {}
        self._keys: dict[int, list[tuple[str, str]]] = {}

    def whole(self, ask: Ask) -> Catalog:
        """Read everything; nothing is kept. For a transaction that may be undone."""
        return {(kind, identity): definition for kind, identity, definition, _ in ask(self._whole, ())}

    def read(self, ask: Ask) -> Catalog:
        """Return the catalog as it is now; not within a transaction that has changed something.

        All that is asked must come from one snapshot.
        """
        if self._rows is None or not self._again:  # Many look only once: what they will not need is not read.
            self._again = True
            return self.whole(ask)
        try:
            changed = self._rows.changed(ask)
            concerned = self._concerned(ask, changed)
            if changed is None or concerned is None:
                self._keep(ask(self._whole, ()), None)
            else:
                self._keep(ask(self._some, (sorted(concerned),)) if concerned else (), changed | concerned)
        except BaseException:
            self._rows.forget()
            raise
        return dict(self._catalog)

    def _concerned(self, ask: Ask, changed: set[int] | None) -> set[int] | None:
        """Return the relations to be read again, None for everything."""
        if not changed:
            return changed
        if 0 in changed or len(changed) > _MOST_ROWS:
            return None
        concerned = {int(relation) for (relation,) in ask(CONCERNED, (sorted(changed),))}
        return None if 0 in concerned or len(concerned) > _MOST else concerned

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
