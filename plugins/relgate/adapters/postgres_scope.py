"""Which objects a reading of a PostgreSQL catalog is about: all of them, or those of a few relations.

The beginnings of the statements in ``postgres_catalog``. Both leave out what extensions brought, system schemas and the
books of migration tools.
"""

# ruff: noqa: S608 - nothing here comes from outside

from __future__ import annotations

from relgate.ports.migrations import Books

_BOOKS = ", ".join(f"'{name}'" for name in sorted(Books))

EVERYTHING = f"""
WITH ext AS MATERIALIZED (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e' OR (deptype = 'i' AND refclassid = 'pg_type'::regclass
    AND classid IN ('pg_proc'::regclass, 'pg_cast'::regclass))  -- A range type brings constructors and casts.
), strange AS MATERIALIZED (
  SELECT oid FROM pg_class WHERE relname IN ({_BOOKS}) AND relkind IN ('r', 'p') AND oid >= 16384
  UNION ALL SELECT objid FROM ext WHERE classid = 'pg_class'::regclass
), hidden AS MATERIALIZED (
  SELECT oid FROM strange
  UNION ALL SELECT indexrelid FROM pg_index WHERE indrelid IN (SELECT oid FROM strange)
  UNION ALL SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass
    AND deptype IN ('a', 'i') AND refobjid IN (SELECT oid FROM strange)
)"""
# The same for relations whose oids are given: what their names say of them, and of their tables and parents.
GIVEN = f"""
WITH given AS MATERIALIZED (
  SELECT unnest(%s::oid[]) AS oid
), wanted AS MATERIALIZED (
  SELECT oid FROM given UNION SELECT x.indexrelid FROM given JOIN pg_index x ON x.indrelid = given.oid
), owners AS MATERIALIZED (
  SELECT w.oid, d.refobjid FROM wanted w JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = w.oid
  WHERE d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
), around AS MATERIALIZED (
  SELECT oid FROM wanted UNION SELECT refobjid FROM owners
  UNION SELECT i.inhparent FROM wanted w JOIN pg_inherits i ON i.inhrelid = w.oid
), strange AS MATERIALIZED (
  SELECT c.oid FROM around JOIN pg_class c ON c.oid = around.oid
  WHERE c.relname IN ({_BOOKS}) AND c.relkind IN ('r', 'p')
  UNION ALL
  SELECT d.objid FROM around JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = around.oid
  WHERE d.deptype = 'e'
), hidden AS MATERIALIZED (
  SELECT oid FROM strange
  UNION ALL SELECT x.indexrelid FROM strange JOIN pg_index x ON x.indrelid = strange.oid
  UNION ALL SELECT oid FROM owners WHERE refobjid IN (SELECT oid FROM strange)
)"""
# 16384 is FirstNormalObjectId: below are the objects that initdb made. 2200 is the schema public.
COMMON = """, ns AS MATERIALIZED (
  SELECT oid, quote_ident(nspname) AS ident, nspacl, nspowner FROM pg_namespace
  WHERE (oid >= 16384 OR oid = 2200) AND nspname !~ '^pg_' AND nspname <> 'information_schema'
), db AS MATERIALIZED (
  SELECT oid, datdba FROM pg_database WHERE datname = current_database()
), named AS MATERIALIZED (
  SELECT c.oid, c.relkind, ns.ident || '.' || quote_ident(c.relname) AS ident, c.relpersistence, c.relam,
    c.reltoastrelid, c.reloptions, c.relrowsecurity, c.relforcerowsecurity, c.relreplident, c.reloftype,
    c.relispopulated, c.relispartition, c.relpartbound, c.relacl, c.relowner, c.reltablespace
  FROM {relations} JOIN ns ON ns.oid = c.relnamespace
  WHERE c.oid >= 16384 AND c.oid NOT IN (SELECT oid FROM hidden)
), rel AS {rel}, att AS MATERIALIZED (
  SELECT a.attrelid, a.attnum, r.relkind, r.ident AS owner, quote_ident(a.attname) AS short, a.atttypid, a.atttypmod,
    a.attnotnull, a.atthasdef, a.attgenerated, a.attidentity, a.attcollation, a.attstorage, a.attcompression,
    a.attstattarget, a.attoptions, a.attfdwoptions, a.attislocal, a.attacl
  FROM pg_attribute a JOIN rel r ON r.oid = a.attrelid WHERE a.attnum > 0 AND NOT a.attisdropped
    AND (r.relkind IN ('r', 'p', 'f') OR (r.relkind IN ('v', 'm') AND a.atthasdef) OR a.attacl IS NOT NULL)
), objects AS MATERIALIZED (
{objects}
), inherits AS MATERIALIZED (
  SELECT i.inhrelid, string_agg(p.ident, ', ' ORDER BY i.inhseqno) AS parents
  FROM pg_inherits i JOIN named p ON p.oid = i.inhparent GROUP BY i.inhrelid
)"""
# What belongs to no relation.
STANDALONE = """, proc AS MATERIALIZED (
  SELECT p.oid, p.prokind, p.proacl, p.proowner,
    ns.ident || '.' || quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS ident
  FROM pg_proc p JOIN ns ON ns.oid = p.pronamespace
  WHERE p.oid >= 16384 AND p.oid NOT IN (SELECT objid FROM ext WHERE classid = 'pg_proc'::regclass)
), typ AS MATERIALIZED (
  SELECT t.*, ns.ident || '.' || quote_ident(t.typname) AS ident
  FROM pg_type t JOIN ns ON ns.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE t.oid >= 16384 AND t.typtype IN ('b', 'c', 'd', 'e', 'r', 'p') AND t.typcategory <> 'A'
    AND (c.oid IS NULL OR c.relkind = 'c') AND t.oid NOT IN (SELECT objid FROM ext WHERE classid = 'pg_type'::regclass)
)
"""
