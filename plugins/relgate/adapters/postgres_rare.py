"""The SQL that reads what hardly a migration makes in a PostgreSQL schema: operators, casts, dictionaries.

Each is an ``object``, under the name that the server has for it, with what its own catalog says of it. Oids are turned
into names; a row of a catalog as JSON serves where it has none. Options of a user mapping may be a password: of them
only the names and a digest are read.
"""

# ruff: noqa: S608 - nothing here comes from outside

from __future__ import annotations

_RARE = {
    "pg_operator": """concat_ws(', ', 'function ' || o.oprcode, 'commutator ' || nullif(o.oprcom, 0)::regoperator,
      'negator ' || nullif(o.oprnegate, 0)::regoperator, 'restrict ' || nullif(o.oprrest::text, '-'),
      'join ' || nullif(o.oprjoin::text, '-'), CASE WHEN o.oprcanmerge THEN 'merges' END,
      CASE WHEN o.oprcanhash THEN 'hashes' END)""",
    "pg_cast": """concat_ws(', ', 'function ' || nullif(o.castfunc, 0)::regprocedure,
      'context ' || o.castcontext::text, 'method ' || o.castmethod::text)""",
    "pg_collation": """(to_jsonb(o) - ARRAY['oid', 'collname', 'collnamespace', 'collowner', 'collversion'])::text""",
    "pg_conversion": """concat_ws(' ', 'from', pg_encoding_to_char(o.conforencoding), 'to',
      pg_encoding_to_char(o.contoencoding), 'function', o.conproc, CASE WHEN o.condefault THEN 'default' END)""",
    "pg_language": """concat_ws(', ', CASE WHEN o.lanpltrusted THEN 'trusted' END,
      'handler ' || nullif(o.lanplcallfoid, 0)::regprocedure, 'inline ' || nullif(o.laninline, 0)::regprocedure,
      'validator ' || nullif(o.lanvalidator, 0)::regprocedure)""",
    "pg_am": "concat_ws(' ', 'type', o.amtype::text, 'handler', o.amhandler)",
    "pg_opclass": """concat_ws(' ', CASE WHEN o.opcdefault THEN 'default' END, 'for', format_type(o.opcintype, NULL),
      'stored as ' || format_type(nullif(o.opckeytype, 0), NULL),
      'in ' || (SELECT quote_ident(opfname) FROM pg_opfamily WHERE oid = o.opcfamily))""",
    "pg_opfamily": """concat_ws(', ', 'family',
      (SELECT string_agg(concat_ws(' ', 'operator', amopstrategy, amopopr::regoperator, amoppurpose::text), ', '
         ORDER BY amopstrategy, amopopr::regoperator::text) FROM pg_amop WHERE amopfamily = o.oid),
      (SELECT string_agg(concat_ws(' ', 'function', amprocnum, amproc), ', ' ORDER BY amprocnum, amproc::text)
         FROM pg_amproc WHERE amprocfamily = o.oid))""",
    "pg_ts_config": """concat_ws(', ',
      'parser ' || (SELECT quote_ident(prsname) FROM pg_ts_parser WHERE oid = o.cfgparser),
      (SELECT string_agg(m.maptokentype || ' with ' || m.mapdict::regdictionary, ', '
         ORDER BY m.maptokentype, m.mapseqno) FROM pg_ts_config_map m WHERE m.mapcfg = o.oid))""",
    "pg_ts_dict": """concat_ws(', ', 'template '
      || (SELECT quote_ident(tmplname) FROM pg_ts_template WHERE oid = o.dicttemplate), o.dictinitoption)""",
    "pg_ts_parser": "(to_jsonb(o) - ARRAY['oid', 'prsname', 'prsnamespace'])::text",
    "pg_ts_template": "(to_jsonb(o) - ARRAY['oid', 'tmplname', 'tmplnamespace'])::text",
    "pg_transform": """concat_ws(', ', 'from ' || nullif(o.trffromsql::text, '-'),
      'to ' || nullif(o.trftosql::text, '-'))""",
    "pg_foreign_data_wrapper": """concat_ws(', ', 'handler ' || nullif(o.fdwhandler, 0)::regprocedure,
      'validator ' || nullif(o.fdwvalidator, 0)::regprocedure,
      'options (' || array_to_string(o.fdwoptions, ', ') || ')')""",
}
"""Catalog -> the definition of its row ``o``."""

_MAPPING = """SELECT 'object', 'user mapping for ' || quote_ident(m.usename) || ' on ' || quote_ident(m.srvname),
  concat_ws(' ', 'exists', 'with ' || (SELECT string_agg(split_part(x, '=', 1), ', ') FROM unnest(m.umoptions) x),
    md5(array_to_string(m.umoptions, ', '))), 0::oid FROM pg_user_mappings m"""

RARE = "\nUNION ALL\n".join(
    [
        f"""SELECT 'object', i.type || ' ' || i.identity, coalesce(nullif({definition}, ''), 'exists'), 0::oid
FROM {table} o  CROSS JOIN LATERAL pg_identify_object('{table}'::regclass, o.oid, 0) i
WHERE o.oid >= 16384 AND o.oid NOT IN (SELECT objid FROM ext WHERE classid = '{table}'::regclass)"""
        for table, definition in _RARE.items()
    ]
    + [_MAPPING]
)
"""Branches of the statement, in which ``ext`` is what extensions brought."""
