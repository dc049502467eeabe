"""What has changed in a PostgreSQL schema since the last look, so that only that is read again.

Every row of a catalog carries the transaction that wrote it, and no transaction comes back. So a look asks each catalog
for two things: how many rows there are, and those that were written since the last look (``news_sql``). Who remembers
which rows there were then knows which of the written ones are new and which were changed. If the count says that rows
are gone, the keys of that catalog are asked for (``keys_sql``), and what is remembered and not there any more has gone.
Nothing is hashed and nothing is guessed: a row that was added, changed or removed is found, and whose it is.

``Rows`` remembers. What an entry says beyond its own rows are names of things that it refers to: ``pg_depend`` knows
who refers to a relation that changed (``CONCERNED``).

- Something changed that belongs to no relation, or somebody refers to what changed that is no part of a relation: all
  is read again.
- Otherwise those relations are read again that changed or that refer to one that did; all else is as it was.

A transaction that was open at the last look counts as later than it: its rows were not seen then. In a transaction that
has changed something itself nothing here may be used (its rows may go again).
"""

# ruff: noqa: S608 - nothing here comes from outside

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Ask = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]

OLDEST = 140000
"""``server_version_num`` of the oldest version that this was tried on."""

_HEAD, _SHARED, _NONE = -1, -2, -3
_EVER = "0"
"""As the oldest transaction of interest: age() has its largest value for it, so that all rows are written since."""

_DEPENDS = (
    "hashint8extended(t.objid::int8 + (t.refobjid::int8 << 32), "
    "ascii(t.deptype::text) + (t.refobjsubid::int8 << 8) + (t.classid::int8 << 40))"
)
# OFFSET 0: each by the index; the planner has no statistics of these catalogs and would scan the larger one.
_OWNERS = (
    "pg_sequence s CROSS JOIN LATERAL (SELECT d.*, d.xmin FROM pg_depend d "
    "WHERE d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid OFFSET 0) t"
)
# (catalog, its relation, its key as int8, of which rows): each row belongs to the relation that the column names.
# An index belongs to its table, a toast table to its owner: CONCERNED finds that out where something has changed.
_OF_RELATION = (
    ("pg_class", "CASE t.relkind WHEN 'c' THEN 0::oid ELSE t.oid END", "t.oid::int8", "t.oid >= 16384"),
    ("pg_attribute", "t.attrelid", "t.attrelid::int8 + (t.attnum::int8 << 33)", "t.attrelid >= 16384 AND t.attnum > 0"),
    ("pg_attrdef", "t.adrelid", "t.oid::int8", "t.oid >= 16384"),
    ("pg_constraint", "t.conrelid", "t.oid::int8", "t.oid >= 16384"),
    ("pg_index", "t.indrelid", "t.indexrelid::int8", "t.indexrelid >= 16384"),
    ("pg_trigger", "t.tgrelid", "t.oid::int8", "t.oid >= 16384"),
    ("pg_rewrite", "t.ev_class", "t.oid::int8", "t.oid >= 16384"),
    ("pg_policy", "t.polrelid", "t.oid::int8", "t.oid >= 16384"),
    ("pg_inherits", "t.inhrelid", "t.inhrelid::int8 + (t.inhparent::int8 << 32)", "t.inhrelid >= 16384"),
    ("pg_sequence", "t.seqrelid", "t.seqrelid::int8", "t.seqrelid >= 16384"),
    ("pg_partitioned_table", "t.partrelid", "t.partrelid::int8", "t.partrelid >= 16384"),
    ("pg_foreign_table", "t.ftrelid", "t.ftrelid::int8", "t.ftrelid >= 16384"),
    # A row type belongs to its table; one that stands alone to a relation of the kind that stands for none.
    ("pg_type", "t.typrelid", "t.oid::int8", "t.oid >= 16384 AND t.typcategory <> 'A'"),
    (
        "pg_description",
        "CASE WHEN t.classoid = 'pg_class'::regclass THEN t.objoid ELSE 0::oid END",
        "t.objoid::int8 + (t.objsubid::int8 << 33) + (t.classoid::int8 << 50)",
        "t.objoid >= 16384 OR t.objoid = 2200",
    ),
    # Which column owns a sequence: the only rows that may be there twice.
    (_OWNERS, "t.objid", _DEPENDS, "t.refobjsubid > 0 AND (t.deptype = 'a' OR t.deptype = 'i')"),
)  # fmt: skip
_TWICE = len(_OF_RELATION) - 1
_ALONE = (
    "pg_namespace", "pg_proc", "pg_enum", "pg_extension", "pg_operator", "pg_cast", "pg_collation", "pg_conversion",
    "pg_language", "pg_am", "pg_opclass", "pg_opfamily", "pg_amop", "pg_amproc", "pg_ts_config", "pg_ts_dict",
    "pg_ts_parser", "pg_ts_template", "pg_transform", "pg_foreign_data_wrapper", "pg_foreign_server", "pg_default_acl",
    "pg_publication", "pg_publication_rel", "pg_statistic_ext", "pg_event_trigger",
)  # fmt: skip
"""Catalogs whose rows belong to no relation: whichever changes, all is read again."""
_WITHOUT_OID = (
    ("pg_ts_config_map", "t.mapcfg >= 16384"),
    ("pg_depend", "t.refclassid = 'pg_extension'::regclass"),
)
"""Such ones too, and of which rows: what belongs to an extension is not shown."""


def _alone(version: int) -> tuple[str, ...]:
    return (*_ALONE, *(("pg_publication_namespace",) if version >= 150000 else ()))


def _from(catalog: str) -> str:
    return catalog if " JOIN " in catalog else f"{catalog} t"


def news_sql(version: int) -> str:
    """Return the statement that reads (catalog, how many rows, [[key, relation], ...] of those written since, None).

    It takes the oldest transaction whose rows may not have been seen. The next such one is in the row of catalog -1;
    what is shared by all databases, and has no rows of its own in this one, in that of -2, both as text. The row of -3
    has the number of rows that belong to no relation, and as text that of those written since.
    """
    written = "age(t.xmin) <= (SELECT age FROM since)"
    alone = [f"SELECT t.xmin FROM {name} t WHERE t.oid >= 16384 OR t.oid = 2200" for name in _alone(version)]
    alone += [f"SELECT t.xmin FROM {name} t WHERE {which}" for name, which in _WITHOUT_OID]
    parts = [
        f"SELECT {n}, count(*), array_agg(ARRAY[{key}, ({relation})::int8]) "
        f"FILTER (WHERE {written}), NULL FROM {_from(catalog)} WHERE {which}"
        for n, (catalog, relation, key, which) in enumerate(_OF_RELATION)
    ]
    counted = f"SELECT {_NONE}, count(*), NULL::int8[], (count(*) FILTER (WHERE {written}))::text"
    parts.append(f"{counted} FROM ({' UNION ALL '.join(alone)}) t")
    return _NEWS + "\nUNION ALL ".join(parts)


def keys_sql() -> str:
    """Return the statement that reads (catalog, [key, ...]); it takes the numbers of the catalogs to be read.

    All others are there too, without keys.
    """
    parts = [
        f"SELECT {n}, array_agg({key}) FROM {_from(catalog)} "
        f"WHERE ({which}) AND {n} = ANY((SELECT numbers FROM asked)::int[])"
        for n, (catalog, _relation, key, which) in enumerate(_OF_RELATION)
    ]
    return "WITH asked AS MATERIALIZED (SELECT %s::int[] AS numbers)\n" + "\nUNION ALL ".join(parts)


_NEWS = f"""
WITH since AS MATERIALIZED (SELECT age(%s::xid) AS age)
SELECT {_HEAD}, 0::int8, NULL::int8[], pg_snapshot_xmin(pg_current_snapshot())::xid::text
UNION ALL
SELECT {_SHARED}, 0, NULL, concat_ws(E'\\n',
  (SELECT string_agg(concat_ws(' ', oid, rolname), ',' ORDER BY oid) FROM pg_roles),
  (SELECT datdba FROM pg_database WHERE datname = current_database()),
  (SELECT string_agg(concat_ws(' ', oid, spcname), ',' ORDER BY oid) FROM pg_tablespace),
  (SELECT string_agg(concat_ws(' ', umid, srvname, usename, umoptions), ',' ORDER BY umid) FROM pg_user_mappings))
UNION ALL
"""

CONCERNED = """
WITH given AS MATERIALIZED (SELECT unnest(%s::oid[]) AS oid
), roots AS MATERIALIZED (
  SELECT DISTINCT CASE WHEN c.relkind = 'c' THEN 0::oid ELSE coalesce(x.indrelid, o.refobjid, c.oid) END AS oid
  FROM given JOIN pg_class c ON c.oid = given.oid
  LEFT JOIN pg_index x ON x.indexrelid = c.oid
  LEFT JOIN pg_depend o ON c.relkind = 't' AND o.classid = 'pg_class'::regclass AND o.objid = c.oid AND o.deptype = 'i'
), row_types AS MATERIALIZED (
  SELECT t.oid, t.typarray FROM roots JOIN pg_class c ON c.oid = roots.oid JOIN pg_type t ON t.oid = c.reltype
), types AS MATERIALIZED (
  SELECT oid FROM row_types UNION ALL SELECT typarray FROM row_types WHERE typarray <> 0
), users AS MATERIALIZED (
  SELECT d.classid, d.objid FROM roots
  JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = roots.oid
  UNION
  SELECT d.classid, d.objid FROM roots JOIN pg_index x ON x.indrelid = roots.oid
  JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = x.indexrelid
  UNION
  SELECT d.classid, d.objid FROM types
  JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid = types.oid
)
SELECT oid::int8 FROM roots
UNION
SELECT CASE WHEN c.relkind = 'c' THEN 0
    ELSE coalesce(x.indrelid, c.oid, k.conrelid, f.adrelid, g.tgrelid, w.ev_class, p.polrelid, 0) END
FROM users u
LEFT JOIN pg_class c ON u.classid = 'pg_class'::regclass AND c.oid = u.objid
LEFT JOIN pg_index x ON x.indexrelid = c.oid
LEFT JOIN pg_constraint k ON u.classid = 'pg_constraint'::regclass AND k.oid = u.objid
LEFT JOIN pg_attrdef f ON u.classid = 'pg_attrdef'::regclass AND f.oid = u.objid
LEFT JOIN pg_trigger g ON u.classid = 'pg_trigger'::regclass AND g.oid = u.objid
LEFT JOIN pg_rewrite w ON u.classid = 'pg_rewrite'::regclass AND w.oid = u.objid
LEFT JOIN pg_policy p ON u.classid = 'pg_policy'::regclass AND p.oid = u.objid
WHERE NOT (u.classid = 'pg_type'::regclass AND u.objid IN (SELECT oid FROM types))
UNION
SELECT d.refobjid FROM roots JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = roots.oid
WHERE d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
"""
"""Relations to be read again, of changed ones given as an array of oids: themselves (the table of an index, the owner
of a toast table), who refers to them, the tables of sequences. 0: something refers to them that is no part of a
relation. Those that are gone are not among them."""


class Rows:
    """Which rows the catalogs of a database have, and whose they are."""

    def __init__(self, version: int) -> None:
        self._news = news_sql(version)
        self._keys = keys_sql()
        self.forget()

    def forget(self) -> None:
        """Begin anew: what was found last could not be used."""
        self._since = _EVER
        self._shared: tuple[str, int] = ("", 0)
        self._counts: dict[int, int] = {}
        self._known: dict[int, dict[int, int]] = {}

    def changed(self, ask: Ask) -> set[int] | None:
        """Return the relations whose rows have changed since the last call, also such as are gone; None: all may have.

        An index and a toast table count as relations here. 0: something changed that belongs to none.
        """
        news = {n: (count, rows or [], text) for n, count, rows, text in ask(self._news, (self._since,))}
        (_, _, head), (_, _, text), (alone, _, written) = news.pop(_HEAD), news.pop(_SHARED), news.pop(_NONE)
        shared = (text, alone)
        if self._since == _EVER:
            self._known = {n: dict(all_) for n, (_, all_, _) in news.items()}
            found = None
        else:
            found = {0} if shared != self._shared or int(written) else set()
            fewer = [n for n, (count, some, _) in news.items() if self._written(n, count, some, found)]
            keys: dict[int, list[int] | None] = dict(ask(self._keys, (fewer,))) if fewer else {}
            for n in fewer:
                self._gone(n, keys[n] or (), found)
        self._counts = {n: count for n, (count, _, _) in news.items()}
        self._since, self._shared = head, shared
        return found

    def _written(self, n: int, count: int, written: Iterable[tuple[int, int]], found: set[int]) -> bool:
        """Remember the rows that were written, put theirs into ``found``, and say whether others may be gone."""
        known = self._known[n]
        new, again = 0, False
        for key, relation in written:
            was = known.get(key)
            if was is None:
                new += 1
            else:
                again = True
                found.add(was)
            found.add(relation)
            known[key] = relation
        return self._counts[n] + new != count or (again and n == _TWICE)

    def _gone(self, n: int, there: Iterable[int], found: set[int]) -> None:
        """Forget the rows that are not there any more, and put theirs into ``found``."""
        known = self._known[n]
        for key in known.keys() - set(there):
            found.add(known.pop(key))
