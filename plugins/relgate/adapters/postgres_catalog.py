"""The SQL that reads a PostgreSQL schema: one statement, one round trip, every kind of object.

Each branch returns (kind, identity, definition) as text: an identity of type ``name`` would be cut at 63 characters,
and two objects would become one. Identities are quoted where SQL would, so a dot inside a name is not a separator. The
fourth column is the oid of the relation that an entry belongs to, 0 where it belongs to none: what
``postgres_changes`` finds changed can be read alone.

Definitions come from the server's own ``pg_get_*def`` functions, to be read with an empty ``search_path``: every name
in them is then qualified, and what a session is set to does not show. Not in it: what extensions brought, system and
temporary schemas, the books of migration tools with everything on them, owners that are the database's, names of NOT
NULL constraints (PostgreSQL 18 generates some), grants that equal the default (a grant taken back leaves them).

Works on PostgreSQL 13 to 18. A branch may join, but has no subquery that runs once per row, except under a CASE or
JOIN that few objects reach.
"""

# ruff: noqa: S608 - nothing here comes from outside

from __future__ import annotations

from typing import TYPE_CHECKING

from relgate.adapters.postgres_rare import RARE
from relgate.ports.migrations import Books

if TYPE_CHECKING:
    from collections.abc import Sequence

_BOOKS = ", ".join(f"'{name}'" for name in sorted(Books))

# 16384 is FirstNormalObjectId: below are the objects that initdb made. 2200 is the schema public.
_COMMON = f"""
WITH ext AS MATERIALIZED (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e' OR (deptype = 'i' AND refclassid = 'pg_type'::regclass
    AND classid IN ('pg_proc'::regclass, 'pg_cast'::regclass))  -- A range type brings constructors and casts.
), ns AS MATERIALIZED (
  SELECT oid, quote_ident(nspname) AS ident, nspacl, nspowner FROM pg_namespace
  WHERE (oid >= 16384 OR oid = 2200) AND nspname !~ '^pg_' AND nspname <> 'information_schema'
), db AS MATERIALIZED (
  SELECT oid, datdba FROM pg_database WHERE datname = current_database()
), strange AS MATERIALIZED (
  SELECT oid FROM pg_class WHERE relname IN ({_BOOKS}) AND relkind IN ('r', 'p') AND oid >= 16384
  UNION ALL SELECT objid FROM ext WHERE classid = 'pg_class'::regclass
), hidden AS MATERIALIZED (
  SELECT oid FROM strange
  UNION ALL SELECT indexrelid FROM pg_index WHERE indrelid IN (SELECT oid FROM strange)
  UNION ALL SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass
    AND deptype IN ('a', 'i') AND refobjid IN (SELECT oid FROM strange)
), named AS MATERIALIZED (
  SELECT c.oid, c.relkind, ns.ident || '.' || quote_ident(c.relname) AS ident, c.relpersistence, c.relam,
    c.reltoastrelid, c.reloptions, c.relrowsecurity, c.relforcerowsecurity, c.relreplident, c.reloftype,
    c.relispopulated, c.relispartition, c.relpartbound, c.relacl, c.relowner, c.reltablespace
  FROM pg_class c JOIN ns ON ns.oid = c.relnamespace
  WHERE c.oid >= 16384 AND c.oid NOT IN (SELECT oid FROM hidden)
), rel AS {{rel}}, att AS MATERIALIZED (
  SELECT a.attrelid, a.attnum, r.relkind, r.ident AS owner, quote_ident(a.attname) AS short, a.atttypid, a.atttypmod,
    a.attnotnull, a.atthasdef, a.attgenerated, a.attidentity, a.attcollation, a.attstorage, a.attcompression,
    a.attstattarget, a.attoptions, a.attfdwoptions, a.attislocal, a.attacl
  FROM pg_attribute a JOIN rel r ON r.oid = a.attrelid WHERE a.attnum > 0 AND NOT a.attisdropped
    AND (r.relkind IN ('r', 'p', 'f') OR (r.relkind IN ('v', 'm') AND a.atthasdef) OR a.attacl IS NOT NULL)
), objects AS MATERIALIZED (
{{objects}}
), inherits AS MATERIALIZED (
  SELECT i.inhrelid, string_agg(p.ident, ', ' ORDER BY i.inhseqno) AS parents
  FROM pg_inherits i JOIN named p ON p.oid = i.inhparent GROUP BY i.inhrelid
), proc AS MATERIALIZED (
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

_SCHEMA = """
SELECT 'schema'::text, ident::text, 'schema'::text, 0::oid FROM ns
WHERE oid NOT IN (SELECT objid FROM ext WHERE classid = 'pg_namespace'::regclass)
"""

_TABLE = """
SELECT 'table', r.ident, concat_ws(' ',
  CASE r.relpersistence WHEN 'u' THEN 'unlogged' END,
  CASE r.relkind WHEN 'p' THEN 'partitioned table' WHEN 'f' THEN 'foreign table' ELSE 'table' END,
  CASE WHEN r.reloftype <> 0 THEN 'of ' || format_type(r.reloftype, NULL) END,
  CASE WHEN NOT r.relispartition THEN 'inherits (' || i.parents || ')' END,
  CASE WHEN am.amname <> 'heap' THEN 'using ' || am.amname END,
  CASE WHEN r.reloptions IS NOT NULL OR t.reloptions IS NOT NULL THEN 'with ('
    || (SELECT string_agg(o, ', ' ORDER BY o)
        FROM unnest(r.reloptions || (SELECT array_agg('toast.' || x) FROM unnest(t.reloptions) x)) o) || ')' END,
  CASE WHEN r.reltablespace <> 0
    THEN 'tablespace ' || (SELECT spcname FROM pg_tablespace WHERE oid = r.reltablespace) END,
  CASE WHEN r.relrowsecurity THEN 'row level security enabled' END,
  CASE WHEN r.relforcerowsecurity THEN 'row level security forced' END,
  CASE WHEN r.relkind = 'f' THEN NULL WHEN r.relreplident = 'n' THEN 'replica identity nothing'
    WHEN r.relreplident = 'f' THEN 'replica identity full' END,
  CASE WHEN s.oid IS NOT NULL THEN 'server ' || quote_ident(s.srvname) END,
  CASE WHEN ft.ftoptions IS NOT NULL THEN 'options (' || array_to_string(ft.ftoptions, ', ') || ')' END,
  silent.note), r.oid
FROM rel r
LEFT JOIN inherits i ON i.inhrelid = r.oid
LEFT JOIN pg_am am ON am.oid = r.relam
LEFT JOIN pg_class t ON t.oid = r.reltoastrelid AND t.reloptions IS NOT NULL
LEFT JOIN pg_foreign_table ft ON ft.ftrelid = r.oid
LEFT JOIN pg_foreign_server s ON s.oid = ft.ftserver
LEFT JOIN (SELECT tgrelid, count(*) || ' triggers of foreign keys switched off' AS note FROM pg_trigger
  WHERE tgisinternal AND tgenabled <> 'O' GROUP BY tgrelid) silent ON silent.tgrelid = r.oid
WHERE r.relkind IN ('r', 'p', 'f')
"""

# Of views only columns with a default: all else about them is in the view's own definition.
_COLUMN = """
SELECT 'column', a.owner || '.' || a.short, concat_ws(' ',
  format_type(a.atttypid, a.atttypmod),
  CASE WHEN a.attcollation <> t.typcollation
    THEN 'collate ' || quote_ident(cn.nspname) || '.' || quote_ident(co.collname) END,
  CASE WHEN a.attnotnull THEN 'not null' END,
  CASE WHEN a.attnotnull THEN nn.note END,
  CASE a.attgenerated WHEN '' THEN 'default ' || pg_get_expr(d.adbin, d.adrelid)
    ELSE 'generated always as (' || pg_get_expr(d.adbin, d.adrelid)
      || CASE a.attgenerated WHEN 's' THEN ') stored' ELSE ') virtual' END END,
  CASE a.attidentity WHEN 'a' THEN 'generated always as identity' WHEN 'd' THEN 'generated by default as identity' END,
  CASE WHEN a.attstorage <> t.typstorage THEN 'storage ' || a.attstorage::text END,
  CASE WHEN a.attcompression <> '' THEN 'compression ' || a.attcompression::text END,
  CASE WHEN a.attstattarget >= 0 THEN 'statistics ' || a.attstattarget END,
  CASE WHEN a.attoptions IS NOT NULL THEN 'with (' || array_to_string(a.attoptions, ', ') || ')' END,
  CASE WHEN a.attfdwoptions IS NOT NULL THEN 'options (' || array_to_string(a.attfdwoptions, ', ') || ')' END,
  CASE WHEN NOT a.attislocal THEN 'inherited' END), a.attrelid
FROM att a
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef
LEFT JOIN pg_collation co ON co.oid = a.attcollation AND a.attcollation <> t.typcollation
LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
LEFT JOIN (SELECT conrelid, conkey[1] AS attnum, concat_ws(' ', CASE WHEN NOT convalidated THEN 'not valid' END,
    CASE WHEN connoinherit THEN 'no inherit' END) AS note
  FROM pg_constraint WHERE contype = 'n' AND (NOT convalidated OR connoinherit)) nn
  ON nn.conrelid = a.attrelid AND nn.attnum = a.attnum
WHERE a.relkind IN ('r', 'p', 'f') OR (a.relkind IN ('v', 'm') AND a.atthasdef)
"""

_COLUMN_ORDER = """
SELECT 'column-order', owner, string_agg(short, ', ' ORDER BY attrelid, attnum), attrelid
FROM att WHERE relkind IN ('r', 'p', 'f') GROUP BY attrelid, owner
"""

# A foreign key's rows for partitions follow from its own row; triggers of constraints are triggers.
_CONSTRAINT = """
SELECT 'constraint', r.ident || '.' || quote_ident(c.conname), concat_ws(' ', pg_get_constraintdef(c.oid),
  CASE WHEN x.indisclustered THEN 'clustered' END, CASE WHEN x.indisreplident THEN 'replica identity' END,
  CASE WHEN NOT x.indisvalid THEN 'invalid' END), r.oid
FROM rel r JOIN pg_constraint c ON c.conrelid = r.oid
LEFT JOIN pg_index x ON x.indexrelid = c.conindid AND c.contype IN ('p', 'u', 'x')
WHERE c.contype IN ('c', 'f', 'p', 'u', 'x') AND (c.contype <> 'f' OR c.conparentid = 0)
"""

_INDEX = """
SELECT 'index', r.ident, concat_ws(' ', pg_get_indexdef(x.indexrelid),
  CASE WHEN NOT (x.indisvalid AND x.indisready) THEN 'invalid' END,
  CASE WHEN x.indisclustered THEN 'clustered' END, CASE WHEN x.indisreplident THEN 'replica identity' END),
  x.indrelid
FROM rel r JOIN pg_index x ON x.indexrelid = r.oid
LEFT JOIN pg_constraint c ON c.conindid = x.indexrelid AND c.contype IN ('p', 'u', 'x')
WHERE c.oid IS NULL
"""

_SEQUENCE = """
SELECT 'sequence', r.ident, concat_ws(' ', CASE r.relpersistence WHEN 'u' THEN 'unlogged' END,
  format_type(s.seqtypid, NULL), 'start', s.seqstart, 'increment', s.seqincrement, 'from', s.seqmin, 'to', s.seqmax,
  'cache', s.seqcache, CASE WHEN s.seqcycle THEN 'cycle' END,
  'owned by ' || a.owner || '.' || a.short), r.oid
FROM rel r JOIN pg_sequence s ON s.seqrelid = r.oid
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
  AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
LEFT JOIN att a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
"""

_ENUM = """
SELECT 'enum', t.ident, coalesce(string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder), 'no labels'),
  0::oid
FROM typ t LEFT JOIN pg_enum e ON e.enumtypid = t.oid WHERE t.typtype = 'e' GROUP BY t.ident
"""

_DOMAIN = """
SELECT 'domain', t.ident, concat_ws(' ', format_type(t.typbasetype, t.typtypmod),
  CASE WHEN t.typcollation <> b.typcollation THEN 'collate ' || t.typcollation::regcollation END,
  CASE WHEN t.typnotnull THEN 'not null' END, 'default ' || t.typdefault, c.checks), 0::oid
FROM typ t JOIN pg_type b ON b.oid = t.typbasetype
LEFT JOIN (SELECT contypid, string_agg('constraint ' || quote_ident(conname) || ' ' || pg_get_constraintdef(oid), ' '
    ORDER BY conname) AS checks FROM pg_constraint WHERE contypid <> 0 AND contype = 'c' AND oid >= 16384
    GROUP BY contypid) c ON c.contypid = t.oid
WHERE t.typtype = 'd'
"""

_TYPE = """
SELECT 'type', t.ident, CASE t.typtype WHEN 'c' THEN 'composite (' || coalesce(f.fields, '') || ')'
  WHEN 'r' THEN concat_ws(', ', 'range of ' || format_type(g.rngsubtype, NULL), 'opclass ' || quote_ident(oc.opcname),
    CASE WHEN g.rngcollation <> 0 THEN 'collation ' || g.rngcollation::regcollation END,
    CASE WHEN g.rngcanonical <> 0 THEN 'canonical ' || g.rngcanonical END,
    CASE WHEN g.rngsubdiff <> 0 THEN 'difference ' || g.rngsubdiff END)
  WHEN 'b' THEN concat_ws(', ', 'base', 'input ' || t.typinput, 'output ' || t.typoutput, 'length ' || t.typlen)
  ELSE 'shell' END, 0::oid
FROM typ t
LEFT JOIN pg_range g ON g.rngtypid = t.oid
LEFT JOIN pg_opclass oc ON oc.oid = g.rngsubopc
LEFT JOIN (SELECT a.attrelid, string_agg(concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
    CASE WHEN a.attcollation NOT IN (0, 100) THEN 'collate ' || a.attcollation::regcollation END), ', '
    ORDER BY a.attnum) AS fields FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'c'
  WHERE a.attnum > 0 AND NOT a.attisdropped GROUP BY a.attrelid) f ON f.attrelid = t.typrelid
WHERE t.typtype IN ('c', 'r', 'b', 'p')
"""

_VIEW = """
SELECT CASE r.relkind WHEN 'v' THEN 'view' ELSE 'materialised-view' END, r.ident, concat_ws(' ',
  CASE WHEN r.reloptions IS NOT NULL THEN 'with (' || array_to_string(r.reloptions, ', ') || ')' END,
  CASE WHEN am.amname <> 'heap' THEN 'using ' || am.amname END,
  'as' || pg_get_viewdef(r.oid),
  CASE WHEN NOT r.relispopulated THEN 'with no data' END), r.oid
FROM rel r LEFT JOIN pg_am am ON am.oid = r.relam WHERE r.relkind IN ('v', 'm')
"""

_FUNCTION = """
SELECT 'function', p.ident, pg_get_functiondef(p.oid), 0::oid FROM proc p WHERE p.prokind <> 'a'
UNION ALL
SELECT 'function', p.ident, concat_ws(', ', 'aggregate', 'transition ' || a.aggtransfn,
  'state ' || format_type(a.aggtranstype, NULL), 'final ' || nullif(a.aggfinalfn::text, '-'),
  'combine ' || nullif(a.aggcombinefn::text, '-'), 'serial ' || nullif(a.aggserialfn::text, '-'),
  'moving ' || nullif(a.aggmtransfn::text, '-'), 'initial ' || quote_literal(a.agginitval),
  'sort ' || nullif(a.aggsortop, 0)::regoperator, 'kind ' || a.aggkind::text), 0::oid
FROM proc p JOIN pg_aggregate a ON a.aggfnoid = p.oid
"""

_TRIGGER = """
SELECT 'trigger', r.ident || '.' || quote_ident(t.tgname), pg_get_triggerdef(t.oid)
  || CASE t.tgenabled WHEN 'D' THEN ' disabled' WHEN 'R' THEN ' on replica' WHEN 'A' THEN ' always' ELSE '' END, r.oid
FROM rel r JOIN pg_trigger t ON t.tgrelid = r.oid WHERE NOT t.tgisinternal
UNION ALL
SELECT 'rule', r.ident || '.' || quote_ident(w.rulename), pg_get_ruledef(w.oid)
  || CASE w.ev_enabled WHEN 'D' THEN ' disabled' WHEN 'R' THEN ' on replica' WHEN 'A' THEN ' always' ELSE '' END, r.oid
FROM rel r JOIN pg_rewrite w ON w.ev_class = r.oid WHERE w.rulename <> '_RETURN'
UNION ALL
SELECT 'policy', r.ident || '.' || quote_ident(p.polname), concat_ws(' ',
  CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END, 'for',
  CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' WHEN 'd' THEN 'delete'
    ELSE 'all' END,
  'to', (SELECT string_agg(CASE x WHEN 0 THEN 'public' ELSE pg_get_userbyid(x)::text END, ', '
         ORDER BY pg_get_userbyid(x)::text) FROM unnest(p.polroles) x),
  'using (' || pg_get_expr(p.polqual, p.polrelid) || ')',
  'with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'), r.oid
FROM rel r JOIN pg_policy p ON p.polrelid = r.oid
"""

_PARTITION = """
SELECT 'partition', r.ident, concat_ws(' ',
  CASE WHEN r.relispartition THEN 'of ' || i.parents || ' ' || pg_get_expr(r.relpartbound, r.oid) END,
  CASE WHEN r.relkind = 'p' THEN 'partitioned by ' || pg_get_partkeydef(r.oid) END), r.oid
FROM rel r LEFT JOIN inherits i ON i.inhrelid = r.oid
WHERE r.relkind IN ('r', 'p', 'f') AND (r.relispartition OR r.relkind = 'p')
"""

_OTHERS = """
SELECT 'extension', quote_ident(e.extname), 'version ' || e.extversion || ' in ' || quote_ident(n.nspname), 0::oid
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
UNION ALL
SELECT 'statistics', ns.ident || '.' || quote_ident(s.stxname), pg_get_statisticsobjdef(s.oid)
  || CASE WHEN s.stxstattarget >= 0 THEN ' target ' || s.stxstattarget ELSE '' END, 0::oid
FROM pg_statistic_ext s JOIN ns ON ns.oid = s.stxnamespace
UNION ALL
SELECT 'event-trigger', quote_ident(evtname), concat_ws(' ', 'on', evtevent,
  'when tag in (' || array_to_string(evttags, ', ') || ')', 'execute ' || evtfoid::regprocedure,
  CASE evtenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'on replica' WHEN 'A' THEN 'always' END), 0::oid
FROM pg_event_trigger WHERE oid NOT IN (SELECT objid FROM ext WHERE classid = 'pg_event_trigger'::regclass)
UNION ALL
SELECT 'foreign-server', quote_ident(s.srvname), concat_ws(' ', 'wrapper', quote_ident(f.fdwname), 'type ' || s.srvtype,
  'version ' || s.srvversion, 'options (' || array_to_string(s.srvoptions, ', ') || ')'), 0::oid
FROM pg_foreign_server s JOIN pg_foreign_data_wrapper f ON f.oid = s.srvfdw
UNION ALL
SELECT 'publication', quote_ident(p.pubname), concat_ws(' ', CASE WHEN p.puballtables THEN 'all tables' END,
  CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
  CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END,
  CASE WHEN p.pubviaroot THEN 'via root' END, 'tables ' || t.tables{schemas}), 0::oid
FROM pg_publication p LEFT JOIN (SELECT x.prpubid, string_agg(r.ident{filter}, ', ' ORDER BY r.ident) AS tables
  FROM pg_publication_rel x JOIN rel r ON r.oid = x.prrelid GROUP BY x.prpubid) t ON t.prpubid = p.oid
"""

_COMMENT = """
SELECT 'comment', i.type || ' ' || i.identity, d.description, coalesce(o.relation, 0::oid)
FROM pg_description d {left} JOIN objects o ON o.objid = d.objoid AND o.classid = d.classoid
CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) i
WHERE (d.objoid >= 16384 OR (d.objoid = 2200 AND d.classoid = 'pg_namespace'::regclass)) AND i.identity IS NOT NULL
  AND NOT EXISTS (SELECT FROM ext WHERE ext.classid = d.classoid AND ext.objid = d.objoid)
  AND NOT (d.classoid = 'pg_class'::regclass AND d.objoid IN (SELECT oid FROM hidden))
  AND NOT (d.classoid = 'pg_constraint'::regclass
    AND d.objoid IN (SELECT oid FROM pg_constraint WHERE conrelid IN (SELECT oid FROM strange)))
"""

_MORE = """
  UNION ALL SELECT 'schema ' || ident, nspacl, acldefault('n', nspowner), 0::oid FROM ns WHERE nspacl IS NOT NULL
  UNION ALL SELECT 'function ' || ident, proacl, acldefault('f', proowner), 0::oid FROM proc WHERE proacl IS NOT NULL
  UNION ALL SELECT 'type ' || ident, typacl, acldefault('T', typowner), 0::oid FROM typ WHERE typacl IS NOT NULL
  UNION ALL
  SELECT concat_ws(' ', 'default on', CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences'
      WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE d.defaclobjtype::text END,
      'of', quote_ident(pg_get_userbyid(d.defaclrole)), 'in ' || quote_ident(n.nspname)), d.defaclacl,
    CASE WHEN d.defaclnamespace <> 0 THEN NULL::aclitem[]
      ELSE acldefault(CASE d.defaclobjtype WHEN 'S' THEN 's'::"char" ELSE d.defaclobjtype END, d.defaclrole) END, 0::oid
  FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
"""
_OWNERS = """
  UNION ALL SELECT 'function ' || ident, proowner, 0::oid FROM proc
  UNION ALL SELECT 'type ' || ident, typowner, 0::oid FROM typ
  UNION ALL
  SELECT 'schema ' || ident, nspowner, 0::oid FROM ns
  WHERE oid <> 2200 OR pg_get_userbyid(nspowner) <> 'pg_database_owner'
"""

# What an explicit list grants beyond the default, and what it takes from it. Lists that say the default are silent.
_PRIVILEGE = """
SELECT 'privilege',
  a.what || ' to ' || CASE x.grantee WHEN 0 THEN 'public' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
  string_agg(x.sign || lower(x.privilege_type) || CASE WHEN x.is_grantable THEN ' with grant option' ELSE '' END, ', '
    ORDER BY x.sign, x.privilege_type, x.is_grantable), a.relation
FROM (
  SELECT CASE relkind WHEN 'S' THEN 'sequence ' ELSE 'table ' END || ident AS what, relacl AS acl,
    acldefault(CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, relowner) AS usual, oid AS relation
  FROM rel WHERE relacl IS NOT NULL
  UNION ALL
  SELECT 'column ' || owner || '.' || short, attacl, NULL::aclitem[], attrelid FROM att WHERE attacl IS NOT NULL
{more}) a CROSS JOIN LATERAL (
  (SELECT '+' AS sign, grantee, privilege_type, is_grantable FROM aclexplode(a.acl)
   EXCEPT SELECT '+', grantee, privilege_type, is_grantable FROM aclexplode(a.usual))
  UNION ALL
  (SELECT '-', grantee, privilege_type, is_grantable FROM aclexplode(a.usual)
   EXCEPT SELECT '-', grantee, privilege_type, is_grantable FROM aclexplode(a.acl))
) x GROUP BY 1, 2, a.what, x.grantee, a.relation
UNION ALL
SELECT 'privilege', 'owner of ' || o.what, pg_get_userbyid(o.owner)::text, o.relation FROM (
  SELECT 'table ' || ident AS what, relowner AS owner, oid AS relation FROM rel
  WHERE relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
{owners}) o, db WHERE o.owner <> db.datdba
"""


# What belongs to a relation and may have a comment.
_OBJECTS = """
  SELECT 'pg_class'::regclass AS classid, r.oid AS objid, coalesce(x.indrelid, r.oid) AS relation
  FROM rel r LEFT JOIN pg_index x ON x.indexrelid = r.oid
  UNION ALL SELECT 'pg_constraint'::regclass, c.oid, c.conrelid FROM rel r JOIN pg_constraint c ON c.conrelid = r.oid
  UNION ALL SELECT 'pg_trigger'::regclass, t.oid, t.tgrelid FROM rel r JOIN pg_trigger t ON t.tgrelid = r.oid
  UNION ALL SELECT 'pg_rewrite'::regclass, w.oid, w.ev_class FROM rel r JOIN pg_rewrite w ON w.ev_class = r.oid
  UNION ALL SELECT 'pg_policy'::regclass, p.oid, p.polrelid FROM rel r JOIN pg_policy p ON p.polrelid = r.oid
"""
_ALL = "NOT MATERIALIZED (SELECT * FROM named)"
_SOME = """MATERIALIZED (
  SELECT * FROM named
  WHERE oid = ANY(%s::oid[]) OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = ANY(%s::oid[])))"""
_OF_RELATIONS = (
    _TABLE, _COLUMN, _COLUMN_ORDER, _CONSTRAINT, _INDEX, _SEQUENCE, _VIEW, _TRIGGER, _PARTITION,
)  # fmt: skip


def catalog_sql(version: int) -> str:
    """Return the statement for a server of this version (``server_version_num``, 180004)."""
    filter_, schemas = "", ""
    if version >= 150000:
        filter_ = (
            " || coalesce(' (' || x.prattrs::text || ')', '')"
            " || coalesce(' where ' || pg_get_expr(x.prqual, x.prrelid), '')"
        )
        schemas = (
            ", 'schemas ' || (SELECT string_agg(ns.ident, ', ' ORDER BY ns.ident) FROM pg_publication_namespace pn"
            " JOIN ns ON ns.oid = pn.pnnspid WHERE pn.pnpubid = p.oid)"
        )
    branches = (
        _SCHEMA, *_OF_RELATIONS, _ENUM, _DOMAIN, _TYPE, _FUNCTION, _OTHERS.format(filter=filter_, schemas=schemas),
        RARE, _COMMENT.format(left="LEFT"), _PRIVILEGE.format(more=_MORE, owners=_OWNERS),
    )  # fmt: skip
    return _whole(version, _ALL, branches)


def relations_sql(version: int) -> str:
    """Return the statement for the entries of some relations alone; it takes their oids as an array, twice."""
    branches = (*_OF_RELATIONS, _COMMENT.format(left=""), _PRIVILEGE.format(more="", owners=""))
    return _whole(version, _SOME, branches)


def _whole(version: int, rel: str, branches: Sequence[str]) -> str:
    common = _COMMON.replace("{rel}", rel).replace("{objects}", _OBJECTS.strip("\n"))
    if version < 140000:
        common = common.replace("a.attcompression", "''::\"char\" AS attcompression")
    return common + "\nUNION ALL\n".join(branch.strip() for branch in branches)
