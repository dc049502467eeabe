"""What has changed in a large PostgreSQL schema since the last look, so that only that is read again.

Every row of a catalog carries the transaction that wrote it. A signature is the exclusive or of the hashes of (row, its
transaction): one for each relation over all rows that belong to it, its indexes' and its row type's among them, and one
(relation 0) over everything else. A row that was added, changed or removed changes its signature. What an entry says
beyond its own rows are names of things that it refers to: ``pg_depend`` knows who refers to a relation that changed.

- Relation 0 differs, or somebody refers to what changed that is no part of a relation: all is read again.
- Otherwise those relations are read again that changed or that refer to one that did; all else is as it was.

A signature is read before what it stands for: what changes in between shows at the next look once more. Rows of a
transaction that is open are not seen; in a transaction of one's own nothing here may be used (``xmin`` is not final).
"""

# ruff: noqa: S608 - nothing here comes from outside

from __future__ import annotations

OLDEST = 140000
"""``server_version_num`` from which there is the aggregate ``bit_xor``."""

_NOW = "(SELECT age FROM now_)"
_AGE = f"hashint8extended(({_NOW} - age({{t}}.xmin))::int8, {{key}})"
# age() has one value for all rows that initdb wrote and froze.
_OLD_AGE = f"hashint8extended(coalesce({_NOW} - nullif(age({{t}}.xmin), 2147483647), -1)::int8, {{key}})"


def _hash(table: str, key: str, age: str = _AGE) -> str:
    """Return the hash of a row and its transaction; ``key``: what tells it from all others, as int8."""
    return age.format(t=table, key=key)


# (catalog, its relation, its key): each row belongs to the table, view or sequence that the column names.
_OF_RELATION = (
    ("pg_class", "oid", "t.oid::int8 + (1::int8 << 40)"),
    ("pg_attribute", "attrelid", "t.attrelid::int8 + (t.attnum::int8 << 33) + (2::int8 << 50)"),
    ("pg_attrdef", "adrelid", "t.oid::int8 + (3::int8 << 40)"),
    ("pg_constraint", "conrelid", "t.oid::int8 + (4::int8 << 40)"),
    ("pg_index", "indrelid", "t.indexrelid::int8 + (5::int8 << 40)"),
    ("pg_trigger", "tgrelid", "t.oid::int8 + (6::int8 << 40)"),
    ("pg_rewrite", "ev_class", "t.oid::int8 + (7::int8 << 40)"),
    ("pg_policy", "polrelid", "t.oid::int8 + (8::int8 << 40)"),
    ("pg_inherits", "inhrelid", "t.inhrelid::int8 + (t.inhparent::int8 << 24) + (9::int8 << 56)"),
    ("pg_sequence", "seqrelid", "t.seqrelid::int8 + (10::int8 << 40)"),
    ("pg_partitioned_table", "partrelid", "t.partrelid::int8 + (11::int8 << 40)"),
    ("pg_foreign_table", "ftrelid", "t.ftrelid::int8 + (12::int8 << 40)"),
)
_ALONE = (
    "pg_namespace", "pg_proc", "pg_enum", "pg_extension", "pg_operator", "pg_cast", "pg_collation", "pg_conversion",
    "pg_language", "pg_am", "pg_opclass", "pg_opfamily", "pg_amop", "pg_amproc", "pg_ts_config", "pg_ts_dict",
    "pg_ts_parser", "pg_ts_template", "pg_transform", "pg_foreign_data_wrapper", "pg_foreign_server", "pg_default_acl",
    "pg_publication", "pg_publication_rel", "pg_statistic_ext", "pg_event_trigger",
)  # fmt: skip
"""Catalogs whose rows belong to no relation."""


def signatures_sql(version: int) -> str:
    """Return the statement that reads (relation, signature), 0 for what belongs to none."""
    alone = (*_ALONE, *(("pg_publication_namespace",) if version >= 150000 else ()))
    parts = [
        f"SELECT r.root, {_hash('t', key)} FROM {table} t JOIN root r ON r.oid = t.{column}"
        + (" WHERE t.attnum > 0 AND r.root IN (r.oid, 0)" if table == "pg_attribute" else "")
        for table, column, key in _OF_RELATION
    ]
    parts += [
        f"SELECT 0::oid, {_hash('t', f't.oid::int8 + ({100 + n}::int8 << 40)', _OLD_AGE)} FROM {table} t "
        f"WHERE t.oid >= 16384 OR t.oid = 2200"
        for n, table in enumerate(alone)
    ]
    return _SIGNATURES + "\nUNION ALL ".join(parts) + ") SELECT root, bit_xor(h) FROM v GROUP BY root"


_DEPENDS = (
    "hashint8extended(d.objid::int8 + (d.refobjid::int8 << 32), "
    "ascii(d.deptype::text) + (d.refobjsubid::int8 << 8) + (d.classid::int8 << 40))"
)
_MAPPED = "t.mapcfg::int8 + (t.maptokentype::int8 << 32) + (t.mapseqno::int8 << 40) + (25::int8 << 56)"
_COMMENTED = "d.objoid::int8 + (d.objsubid::int8 << 33) + (d.classoid::int8 << 50)"
# A toast table has options of its table; a composite type is a relation that its type's entry is made of.
_SIGNATURES = f"""
WITH now_ AS MATERIALIZED (SELECT age('3'::xid) AS age
), root AS MATERIALIZED (
  SELECT c.oid, CASE WHEN c.relkind = 'c' THEN 0 ELSE coalesce(x.indrelid, o.oid, c.oid) END AS root,
    c.relkind AS kind
  FROM pg_class c LEFT JOIN pg_index x ON x.indexrelid = c.oid
  LEFT JOIN pg_class o ON o.reltoastrelid = c.oid AND c.relkind = 't'
  WHERE c.oid >= 16384 AND (c.relkind <> 'i' OR c.relnamespace <> 'pg_toast'::regnamespace)
), v (root, h) AS (
SELECT coalesce(r.root, 0::oid), {_hash("t", "t.oid::int8 + (20::int8 << 40)")}
FROM pg_type t LEFT JOIN root r ON r.oid = t.typrelid WHERE t.oid >= 16384 AND t.typcategory <> 'A'
UNION ALL
SELECT r.root, {_hash("d", _DEPENDS)} FROM pg_depend d JOIN root r ON r.oid = d.objid
WHERE d.classid = 'pg_class'::regclass AND r.kind = 'S' AND d.deptype IN ('a', 'i')
UNION ALL
SELECT 0::oid, {_hash("d", _DEPENDS)} FROM pg_depend d WHERE d.objid >= 16384 AND d.deptype IN ('e', 'x')
UNION ALL
SELECT coalesce(r.root, 0::oid), {_hash("d", _COMMENTED, _OLD_AGE)}
FROM pg_description d LEFT JOIN root r ON r.oid = d.objoid AND d.classoid = 'pg_class'::regclass
WHERE d.objoid >= 16384 OR d.objoid = 2200
UNION ALL
SELECT 0::oid, {_hash("t", "t.oid::int8 + (21::int8 << 40)")} FROM pg_constraint t
WHERE t.conrelid = 0 AND t.oid >= 16384
UNION ALL
SELECT 0::oid, {_hash("t", _MAPPED)}
FROM pg_ts_config_map t WHERE t.mapcfg >= 16384
UNION ALL
SELECT 0::oid, hashint8extended(oid::int8, hashtextextended(rolname, 22)) FROM pg_roles
UNION ALL
SELECT 0::oid, hashint8extended(oid::int8, datdba::int8) FROM pg_database WHERE datname = current_database()
UNION ALL
SELECT 0::oid, hashint8extended(oid::int8, hashtextextended(spcname, 23)) FROM pg_tablespace
UNION ALL
SELECT 0::oid, hashtextextended(concat_ws(',', umid, srvname, usename, umoptions), 24) FROM pg_user_mappings
UNION ALL
"""

DEPENDENTS = """
WITH changed AS MATERIALIZED (
  SELECT c.oid, c.reltype FROM pg_class c WHERE c.oid = ANY(%s::oid[])
  UNION SELECT i.indexrelid, 0 FROM pg_index i WHERE i.indrelid = ANY(%s::oid[])
), types AS MATERIALIZED (
  SELECT t.oid FROM pg_type t WHERE t.oid IN (SELECT reltype FROM changed WHERE reltype <> 0)
  UNION SELECT t.typarray FROM pg_type t
  WHERE t.oid IN (SELECT reltype FROM changed WHERE reltype <> 0) AND t.typarray <> 0
), users AS (
  SELECT DISTINCT d.classid, d.objid FROM pg_depend d
  WHERE (d.refclassid = 'pg_class'::regclass AND d.refobjid IN (SELECT oid FROM changed))
     OR (d.refclassid = 'pg_type'::regclass AND d.refobjid IN (SELECT oid FROM types))
)
SELECT CASE WHEN u.classid = 'pg_type'::regclass AND u.objid IN (SELECT oid FROM types) THEN -1::int8
    WHEN c.relkind = 'c' THEN 0
    ELSE coalesce(x.indrelid, c.oid, k.conrelid, f.adrelid, g.tgrelid, w.ev_class, p.polrelid, 0)::int8 END
FROM users u
LEFT JOIN pg_class c ON u.classid = 'pg_class'::regclass AND c.oid = u.objid
LEFT JOIN pg_index x ON x.indexrelid = c.oid
LEFT JOIN pg_constraint k ON u.classid = 'pg_constraint'::regclass AND k.oid = u.objid
LEFT JOIN pg_attrdef f ON u.classid = 'pg_attrdef'::regclass AND f.oid = u.objid
LEFT JOIN pg_trigger g ON u.classid = 'pg_trigger'::regclass AND g.oid = u.objid
LEFT JOIN pg_rewrite w ON u.classid = 'pg_rewrite'::regclass AND w.oid = u.objid
LEFT JOIN pg_policy p ON u.classid = 'pg_policy'::regclass AND p.oid = u.objid
UNION
SELECT d.refobjid::int8 FROM pg_depend d JOIN changed s ON s.oid = d.objid AND d.classid = 'pg_class'::regclass
WHERE d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
"""
"""Relations that refer to some that changed, and the tables of sequences that did; 0: something else refers to them,
-1: nobody new. It takes the oids of those that changed as an array, twice."""
