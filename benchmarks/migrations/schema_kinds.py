"""A second good history, synthetic: one pair of revisions for each kind of schema object that the shop has little of.

The first revision of a pair creates the objects; the second replaces or renames them, so that its downgrade has to write
each definition in full: what an operator changes there is what a person forgets there. Neither allows rows which the
other refuses, and the second breaks no query of the first: nothing blocks this history.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT = "SET LOCAL lock_timeout = '2s'"


@dataclass(frozen=True, slots=True)
class Kind:
    """``create``, ``drop``: the first revision's ways; ``change``, ``back``: the second's. ``retired``: of the first."""

    name: str
    create: tuple[str, ...]
    drop: tuple[str, ...]
    change: tuple[str, ...]
    back: tuple[str, ...]
    retired: tuple[str, ...] = ()


def _renamed(name: str, make: Sequence[str], drop: Sequence[str], rename: str, undo: str, definition: str) -> Kind:
    """One object that gets another name, and is made anew on the way back."""
    return Kind(name, (*make, definition), tuple(drop), (rename,), (undo, definition))


def _index(name: str, table: str, definition: str) -> Kind:
    make = (f"CREATE TABLE ix_{name} ({table})",)
    rename, undo = f"ALTER INDEX i_{name} RENAME TO i_{name}_next", f"DROP INDEX i_{name}_next"
    return _renamed(f"index-{name}", make, (f"DROP TABLE ix_{name}",), rename, undo, definition)


def _constraint(name: str, make: Sequence[str], drop: Sequence[str], definition: str) -> Kind:
    """A constraint ``c_NAME`` of the table ``t_NAME``."""
    rename = f"ALTER TABLE t_{name} RENAME CONSTRAINT c_{name} TO c_{name}_next"
    undo = f"ALTER TABLE t_{name} DROP CONSTRAINT c_{name}_next"
    add = f"ALTER TABLE t_{name} ADD CONSTRAINT c_{name} {definition}"
    return _renamed(f"constraint-{name}", make, drop, rename, undo, add)


_POSITIVE = "ALTER DOMAIN quantity ADD CONSTRAINT quantity_positive CHECK (VALUE >= 0)"
_POSTCODE = (
    "CREATE DOMAIN postcode AS varchar(10) COLLATE \"C\" DEFAULT 'none' CONSTRAINT not_empty CHECK (VALUE <> '')"
)
_PART = 'CREATE TYPE address_part AS (street varchar(80), city text COLLATE "C", number integer)'
_RANGE = 'CREATE TYPE name_range AS RANGE (subtype = text, collation = "C")'
_MOOD = "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')"

TYPES = (
    Kind(
        "domain",
        (
            "CREATE DOMAIN quantity AS integer DEFAULT 1",
            _POSITIVE,
            "CREATE TABLE stock (id integer PRIMARY KEY, amount quantity)",
        ),
        ("DROP TABLE stock", "DROP DOMAIN quantity"),
        (
            "ALTER DOMAIN quantity DROP CONSTRAINT quantity_positive",
            "ALTER DOMAIN quantity ADD CONSTRAINT quantity_lowest CHECK (VALUE > -1)",
            "ALTER DOMAIN quantity SET DEFAULT 2",
        ),
        (
            "ALTER DOMAIN quantity DROP CONSTRAINT quantity_lowest",
            _POSITIVE,
            "ALTER DOMAIN quantity SET DEFAULT 1",
        ),
    ),
    _renamed(
        "domain-text",
        (),
        ("DROP DOMAIN postcode",),
        "ALTER DOMAIN postcode RENAME TO postcode_next",
        "DROP DOMAIN postcode_next",
        _POSTCODE,
    ),
    _renamed(
        "composite-type",
        (),
        ("DROP TYPE address_part",),
        "ALTER TYPE address_part RENAME TO address_part_next",
        "DROP TYPE address_part_next",
        _PART,
    ),
    _renamed(
        "range-type",
        (),
        ("DROP TYPE name_range",),
        "ALTER TYPE name_range RENAME TO name_range_next",
        "DROP TYPE name_range_next",
        _RANGE,
    ),
    Kind(
        "enum-order",
        (_MOOD, "CREATE TABLE diary (id integer PRIMARY KEY, mood mood DEFAULT 'ok' NOT NULL)"),
        ("DROP TABLE diary", "DROP TYPE mood"),
        ("ALTER TYPE mood RENAME TO mood_next",),
        (
            _MOOD,
            "ALTER TABLE diary ALTER COLUMN mood DROP DEFAULT",
            "ALTER TABLE diary ALTER COLUMN mood TYPE mood USING mood::text::mood",
            "ALTER TABLE diary ALTER COLUMN mood SET DEFAULT 'ok'",
            "DROP TYPE mood_next",
        ),
    ),
)

COLUMNS = (
    Kind(
        "column-type",
        (
            (
                "CREATE TABLE rates (id integer PRIMARY KEY, rate numeric(10, 2) CHECK (rate = round(rate, 2)"
                " AND rate BETWEEN 0 AND 1000), code varchar(20) CHECK (length(code) <= 20))"
            ),
        ),
        ("DROP TABLE rates",),
        (
            "ALTER TABLE rates ALTER COLUMN rate TYPE numeric(12, 3)",
            "ALTER TABLE rates ALTER COLUMN code TYPE varchar(40)",
        ),
        (
            "ALTER TABLE rates ALTER COLUMN rate TYPE numeric(10, 2)",
            "ALTER TABLE rates ALTER COLUMN code TYPE varchar(20)",
        ),
    ),
    Kind(
        "column-default",
        (
            (
                "CREATE TABLE options (id integer PRIMARY KEY, colour text DEFAULT 'blue' NOT NULL, size integer DEFAULT 7,"
                " since timestamptz DEFAULT now())"
            ),
        ),
        ("DROP TABLE options",),
        (
            "ALTER TABLE options ALTER COLUMN colour SET DEFAULT 'red'",
            "ALTER TABLE options ALTER COLUMN size SET DEFAULT 9",
            "ALTER TABLE options ALTER COLUMN since SET DEFAULT '2026-01-01 00:00+00'",
        ),
        (
            "ALTER TABLE options ALTER COLUMN colour SET DEFAULT 'blue'",
            "ALTER TABLE options ALTER COLUMN size SET DEFAULT 7",
            "ALTER TABLE options ALTER COLUMN since SET DEFAULT now()",
        ),
    ),
    Kind(
        "identity",
        (
            (
                "CREATE TABLE tickets (id bigint GENERATED ALWAYS AS IDENTITY"
                " (START WITH 100 INCREMENT BY 10 CACHE 20), note text, PRIMARY KEY (id))"
            ),
        ),
        ("DROP TABLE tickets",),
        (
            (
                "ALTER TABLE tickets ALTER COLUMN id SET GENERATED BY DEFAULT SET INCREMENT BY 5 SET CACHE 1"
                " SET START WITH 50 SET MAXVALUE 900000"
            ),
        ),
        (
            (
                "ALTER TABLE tickets ALTER COLUMN id SET GENERATED ALWAYS SET INCREMENT BY 10 SET CACHE 20"
                " SET START WITH 100 SET NO MAXVALUE"
            ),
        ),
    ),
    Kind(
        "generated-column",
        (
            (
                "CREATE TABLE people (id integer PRIMARY KEY, first text, last text,"
                " whole text GENERATED ALWAYS AS (lower(first) || '-' || last) STORED)"
            ),
        ),
        ("DROP TABLE people",),
        (
            "ALTER TABLE people DROP COLUMN whole",
            "ALTER TABLE people ADD COLUMN name text GENERATED ALWAYS AS (lower(first) || '-' || last) STORED",
        ),
        (
            "ALTER TABLE people DROP COLUMN name",
            "ALTER TABLE people ADD COLUMN whole text GENERATED ALWAYS AS (lower(first) || '-' || last) STORED",
        ),
        retired=("people.whole",),
    ),
    Kind(
        "column-collation",
        ('CREATE TABLE towns (id integer PRIMARY KEY, name varchar(60) COLLATE "C")',),
        ("DROP TABLE towns",),
        ('ALTER TABLE towns ALTER COLUMN name TYPE varchar(60) COLLATE "POSIX"',),
        ('ALTER TABLE towns ALTER COLUMN name TYPE varchar(60) COLLATE "C"',),
    ),
    Kind(
        "storage",
        (
            "CREATE TABLE blobs (id integer PRIMARY KEY, body text, extra text)",
            "ALTER TABLE blobs ALTER COLUMN body SET STORAGE EXTERNAL",
            "ALTER TABLE blobs ALTER COLUMN extra SET COMPRESSION pglz",
            "ALTER TABLE blobs ALTER COLUMN extra SET STATISTICS 300",
            "ALTER TABLE blobs ALTER COLUMN extra SET (n_distinct = 50)",
        ),
        ("DROP TABLE blobs",),
        (
            "ALTER TABLE blobs ALTER COLUMN body SET STORAGE EXTENDED",
            "ALTER TABLE blobs ALTER COLUMN extra SET COMPRESSION default",
            "ALTER TABLE blobs ALTER COLUMN extra SET STATISTICS 100",
            "ALTER TABLE blobs ALTER COLUMN extra SET (n_distinct = 90)",
        ),
        (
            "ALTER TABLE blobs ALTER COLUMN body SET STORAGE EXTERNAL",
            "ALTER TABLE blobs ALTER COLUMN extra SET COMPRESSION pglz",
            "ALTER TABLE blobs ALTER COLUMN extra SET STATISTICS 300",
            "ALTER TABLE blobs ALTER COLUMN extra SET (n_distinct = 50)",
        ),
    ),
)

_TWO = "id integer PRIMARY KEY, a integer, b integer"
_REFERRED = ("CREATE TABLE referred (id integer PRIMARY KEY)", f"CREATE TABLE t_foreign ({_TWO})")

CONSTRAINTS = (
    _constraint(
        "check", (f"CREATE TABLE t_check ({_TWO})",), ("DROP TABLE t_check",), "CHECK (a >= 0 AND b < 100) NO INHERIT"
    ),
    _constraint(
        "unvalidated",
        (f"CREATE TABLE t_unvalidated ({_TWO})",),
        ("DROP TABLE t_unvalidated",),
        "CHECK (a >= 0) NOT VALID",
    ),
    _constraint(
        "unique",
        (f"CREATE TABLE t_unique ({_TWO})",),
        ("DROP TABLE t_unique",),
        "UNIQUE NULLS NOT DISTINCT (a, b) INCLUDE (id) WITH (fillfactor = 70) DEFERRABLE INITIALLY DEFERRED",
    ),
    _constraint(
        "primary", ("CREATE TABLE t_primary (a integer, b integer)",), ("DROP TABLE t_primary",), "PRIMARY KEY (a, b)"
    ),
    _constraint(
        "foreign",
        _REFERRED,
        ("DROP TABLE t_foreign", "DROP TABLE referred"),
        "FOREIGN KEY (a) REFERENCES referred (id) ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED",
    ),
    _constraint(
        "exclusion",
        ("CREATE TABLE t_exclusion (id integer PRIMARY KEY, during int4range, room integer)",),
        ("DROP TABLE t_exclusion",),
        "EXCLUDE USING gist (during WITH &&) WHERE (room > 0)",
    ),
)

INDEXES = (
    _index("partial", _TWO, "CREATE INDEX i_partial ON ix_partial (a) WHERE b > 10"),
    _index("expression", "id integer PRIMARY KEY, s text", "CREATE INDEX i_expression ON ix_expression (lower(s), id)"),
    _index("covering", _TWO, "CREATE UNIQUE INDEX i_covering ON ix_covering (id, a) INCLUDE (b)"),
    _index("ordered", _TWO, "CREATE INDEX i_ordered ON ix_ordered (a DESC NULLS LAST, b) WITH (fillfactor = 60)"),
    _index("gin", "id integer PRIMARY KEY, j jsonb", "CREATE INDEX i_gin ON ix_gin USING gin (j jsonb_path_ops)"),
    _index("hash", _TWO, "CREATE INDEX i_hash ON ix_hash USING hash (a)"),
    _index(
        "pattern",
        "id integer PRIMARY KEY, s varchar(40)",
        'CREATE INDEX i_pattern ON ix_pattern (s COLLATE "C" varchar_pattern_ops)',
    ),
    _index("distinct", _TWO, "CREATE UNIQUE INDEX i_distinct ON ix_distinct (a, id) NULLS NOT DISTINCT"),
)

_PART_OF = "FOR VALUES FROM (100) TO (200)"

TABLES = (
    Kind(
        "table-options",
        (
            "CREATE UNLOGGED TABLE cached (id integer PRIMARY KEY, v text)",
            "ALTER TABLE cached SET (fillfactor = 80, autovacuum_enabled = false, toast.autovacuum_enabled = false)",
            "ALTER TABLE cached REPLICA IDENTITY FULL",
            "ALTER TABLE cached FORCE ROW LEVEL SECURITY",
            "ALTER TABLE cached CLUSTER ON cached_pkey",
        ),
        ("DROP TABLE cached",),
        (
            "ALTER TABLE cached SET LOGGED",
            "ALTER TABLE cached RESET (fillfactor, autovacuum_enabled, toast.autovacuum_enabled)",
            "ALTER TABLE cached REPLICA IDENTITY DEFAULT",
            "ALTER TABLE cached NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE cached SET WITHOUT CLUSTER",
        ),
        (
            "ALTER TABLE cached SET UNLOGGED",
            "ALTER TABLE cached SET (fillfactor = 80, autovacuum_enabled = false, toast.autovacuum_enabled = false)",
            "ALTER TABLE cached REPLICA IDENTITY FULL",
            "ALTER TABLE cached FORCE ROW LEVEL SECURITY",
            "ALTER TABLE cached CLUSTER ON cached_pkey",
        ),
    ),
    Kind(
        "partition",
        (
            "CREATE TABLE events (k integer NOT NULL CHECK (k < 200), v text) PARTITION BY RANGE (k)",
            "CREATE TABLE events_0 PARTITION OF events FOR VALUES FROM (MINVALUE) TO (100)",
            f"CREATE TABLE events_1 PARTITION OF events {_PART_OF}",
        ),
        ("DROP TABLE events",),
        (
            "ALTER TABLE events DETACH PARTITION events_1",
            "ALTER TABLE events ATTACH PARTITION events_1 FOR VALUES FROM (100) TO (300)",
        ),
        (
            "ALTER TABLE events DETACH PARTITION events_1",
            f"ALTER TABLE events ATTACH PARTITION events_1 {_PART_OF}",
        ),
    ),
    Kind(
        "inheritance",
        (
            "CREATE TABLE places (id integer, name text)",
            "CREATE TABLE ports (depth integer) INHERITS (places)",
        ),
        ("DROP TABLE ports", "DROP TABLE places"),
        ("COMMENT ON TABLE ports IS 'where ships land'", "ALTER TABLE places ALTER COLUMN name SET DEFAULT 'port'"),
        ("ALTER TABLE places ALTER COLUMN name DROP DEFAULT", "COMMENT ON TABLE ports IS NULL"),
    ),
    Kind(
        "sequence",
        (
            "CREATE TABLE numbered (id integer PRIMARY KEY, n bigint)",
            (
                "CREATE SEQUENCE numbers AS integer INCREMENT BY 2 MINVALUE 1 MAXVALUE 100000 START WITH 11 CACHE 10 CYCLE"
                " OWNED BY numbered.n"
            ),
        ),
        ("DROP TABLE numbered",),
        (
            (
                "ALTER SEQUENCE numbers AS bigint INCREMENT BY 1 MINVALUE 0 MAXVALUE 900000 START WITH 1 CACHE 1 NO CYCLE"
                " OWNED BY NONE"
            ),
        ),
        (
            (
                "ALTER SEQUENCE numbers AS integer INCREMENT BY 2 MINVALUE 1 MAXVALUE 100000 START WITH 11 CACHE 10 CYCLE"
                " OWNED BY numbered.n"
            ),
        ),
    ),
    _renamed(
        "statistics",
        (f"CREATE TABLE measured ({_TWO})",),
        ("DROP TABLE measured",),
        "ALTER STATISTICS measured_ab RENAME TO measured_ab_next",
        "DROP STATISTICS measured_ab_next",
        "CREATE STATISTICS measured_ab (dependencies, ndistinct) ON a, b FROM measured",
    ),
    Kind(
        "publication",
        (
            f"CREATE TABLE published ({_TWO})",
            "CREATE PUBLICATION news FOR TABLE published WHERE (id > 10) WITH (publish = 'insert, update')",
        ),
        ("DROP PUBLICATION news", "DROP TABLE published"),
        ("DROP PUBLICATION news",),
        ("CREATE PUBLICATION news FOR TABLE published WHERE (id > 10) WITH (publish = 'insert, update')",),
    ),
)

_VIEW = (
    "CREATE VIEW cheap WITH (security_barrier = true) AS SELECT id, a FROM base WHERE a < 100 WITH LOCAL CHECK OPTION"
)
_MATERIALISED = "CREATE MATERIALIZED VIEW sums AS SELECT b, sum(a) AS total FROM facts GROUP BY b WITH NO DATA"
_UNIQUE = "CREATE UNIQUE INDEX sums_b ON sums (b)"
_RULE = "CREATE RULE kept AS ON DELETE TO notes WHERE OLD.id > 1000000 DO INSTEAD NOTHING"

VIEWS = (
    Kind(
        "view",
        (f"CREATE TABLE base ({_TWO})", _VIEW, "ALTER VIEW cheap ALTER COLUMN a SET DEFAULT 5"),
        ("DROP VIEW cheap", "DROP TABLE base"),
        ("DROP VIEW cheap", "CREATE VIEW cheap AS SELECT id, a, b FROM base"),
        ("DROP VIEW cheap", _VIEW, "ALTER VIEW cheap ALTER COLUMN a SET DEFAULT 5"),
    ),
    Kind(
        "materialised-view",
        (f"CREATE TABLE facts ({_TWO})", _MATERIALISED, _UNIQUE),
        ("DROP MATERIALIZED VIEW sums", "DROP TABLE facts"),
        (
            "DROP MATERIALIZED VIEW sums",
            "CREATE MATERIALIZED VIEW sums AS SELECT a, count(*) AS n FROM facts GROUP BY a",
        ),
        ("DROP MATERIALIZED VIEW sums", _MATERIALISED, _UNIQUE),
    ),
    Kind(
        "rule",
        (f"CREATE TABLE notes ({_TWO})", _RULE),
        ("DROP TABLE notes",),
        ("DROP RULE kept ON notes",),
        (_RULE,),
    ),
)

_PRICE = (
    "CREATE OR REPLACE FUNCTION price(net integer, rate integer DEFAULT 19) RETURNS integer LANGUAGE sql IMMUTABLE"
    " STRICT SECURITY DEFINER PARALLEL SAFE COST 50 SET search_path = pg_catalog"
    " AS 'SELECT net * (100 + rate) / 100'"
)
_PROCEDURE = "CREATE PROCEDURE tidy(days integer) LANGUAGE sql AS 'DELETE FROM rubbish WHERE id > days + 1000000'"
_ADD = "CREATE FUNCTION add_up(integer, integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2'"
_AGGREGATE = "CREATE AGGREGATE together(integer) (SFUNC = add_up, STYPE = integer, INITCOND = '0')"
_BODY = (
    "CREATE OR REPLACE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS"
    " $$BEGIN NEW.note := coalesce(NEW.note, 'none'); RETURN NEW; END$$"
)
_STAMP = (
    "CREATE TRIGGER stamped BEFORE INSERT OR UPDATE OF note ON letters FOR EACH ROW WHEN (NEW.id > 3)"
    " EXECUTE FUNCTION stamp()"
)
_LATER = (
    "CREATE CONSTRAINT TRIGGER looked AFTER INSERT ON parcels DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
    " EXECUTE FUNCTION look()"
)
_EVENT = "CREATE EVENT TRIGGER watched ON sql_drop WHEN TAG IN ('DROP SEQUENCE') EXECUTE FUNCTION watch()"

CODE = (
    Kind(
        "function",
        (_PRICE,),
        ("DROP FUNCTION price(integer, integer)",),
        (
            (
                "CREATE OR REPLACE FUNCTION price(net integer, rate integer DEFAULT 20) RETURNS integer LANGUAGE sql"
                " AS 'SELECT net + rate'"
            ),
        ),
        (_PRICE,),
    ),
    Kind(
        "procedure",
        ("CREATE TABLE rubbish (id integer PRIMARY KEY)", _PROCEDURE),
        ("DROP PROCEDURE tidy(integer)", "DROP TABLE rubbish"),
        ("DROP PROCEDURE tidy(integer)",),
        (_PROCEDURE,),
    ),
    Kind(
        "aggregate",
        (_ADD, _AGGREGATE),
        ("DROP AGGREGATE together(integer)", "DROP FUNCTION add_up(integer, integer)"),
        ("DROP AGGREGATE together(integer)",),
        (_AGGREGATE,),
    ),
    Kind(
        "trigger",
        (
            "CREATE TABLE letters (id integer PRIMARY KEY, note text)",
            _BODY,
            _STAMP,
            "ALTER TABLE letters ENABLE ALWAYS TRIGGER stamped",
        ),
        ("DROP TABLE letters", "DROP FUNCTION stamp()"),
        (
            "DROP TRIGGER stamped ON letters",
            "CREATE OR REPLACE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$",
            "CREATE TRIGGER stamped_next BEFORE INSERT ON letters FOR EACH ROW EXECUTE FUNCTION stamp()",
        ),
        (
            "DROP TRIGGER stamped_next ON letters",
            _BODY,
            _STAMP,
            "ALTER TABLE letters ENABLE ALWAYS TRIGGER stamped",
        ),
    ),
    Kind(
        "constraint-trigger",
        (
            "CREATE TABLE parcels (id integer PRIMARY KEY)",
            "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$",
            _LATER,
        ),
        ("DROP TABLE parcels", "DROP FUNCTION look()"),
        ("DROP TRIGGER looked ON parcels",),
        (_LATER,),
    ),
    Kind(
        "event-trigger",
        (
            "CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN PERFORM 1; END$$",
            _EVENT,
            "ALTER EVENT TRIGGER watched ENABLE REPLICA",
        ),
        ("DROP EVENT TRIGGER watched", "DROP FUNCTION watch()"),
        ("DROP EVENT TRIGGER watched",),
        (_EVENT, "ALTER EVENT TRIGGER watched ENABLE REPLICA"),
    ),
)

_POLICY = (
    "CREATE POLICY own ON secrets AS RESTRICTIVE FOR UPDATE TO pg_monitor USING (owner = current_user)"
    " WITH CHECK (level <= 3)"
)
_COMMENTED = {
    "SCHEMA reports": "what managers read",
    "TABLE reports.sales": "one row a day",
    "COLUMN reports.sales.total": "euro cents",
    "CONSTRAINT sales_total ON reports.sales": "never negative",
    "INDEX reports.sales_day": "for the front page",
    "SEQUENCE reports.sales_numbers": "of invoices",
    "VIEW reports.best": "ten best days",
    "FUNCTION reports.zero()": "nothing at all",
    "TRIGGER sales_zero ON reports.sales": "does nothing",
    "POLICY sales_all ON reports.sales": "everybody",
    "TYPE reports.part": "a part",
    "DOMAIN reports.cents": "small money",
    "RULE sales_rule ON reports.sales": "does nothing either",
    "STATISTICS reports.sales_stats": "days and totals",
    "COLUMN reports.part.x": "across",
}

SECURITY = (
    Kind(
        "policy",
        ("CREATE TABLE secrets (id integer PRIMARY KEY, owner text, level integer)", _POLICY),
        ("DROP TABLE secrets",),
        ("DROP POLICY own ON secrets",),
        (_POLICY,),
    ),
    Kind(
        "privilege",
        (
            "CREATE SCHEMA offices",
            f"CREATE TABLE offices.doors ({_TWO})",
            "CREATE SEQUENCE offices.bells",
            "CREATE FUNCTION offices.ring() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
            "GRANT USAGE ON SCHEMA offices TO PUBLIC",
            "GRANT SELECT, UPDATE ON offices.doors TO pg_monitor WITH GRANT OPTION",
            "GRANT SELECT (a), UPDATE (b) ON offices.doors TO PUBLIC",
            "GRANT USAGE ON SEQUENCE offices.bells TO pg_monitor",
            "REVOKE EXECUTE ON FUNCTION offices.ring() FROM PUBLIC",
        ),
        ("DROP SCHEMA offices CASCADE",),
        (
            "REVOKE USAGE ON SCHEMA offices FROM PUBLIC",
            "REVOKE SELECT, UPDATE ON offices.doors FROM pg_monitor",
            "REVOKE SELECT (a), UPDATE (b) ON offices.doors FROM PUBLIC",
            "REVOKE USAGE ON SEQUENCE offices.bells FROM pg_monitor",
            "GRANT EXECUTE ON FUNCTION offices.ring() TO PUBLIC",
        ),
        (
            "GRANT USAGE ON SCHEMA offices TO PUBLIC",
            "GRANT SELECT, UPDATE ON offices.doors TO pg_monitor WITH GRANT OPTION",
            "GRANT SELECT (a), UPDATE (b) ON offices.doors TO PUBLIC",
            "GRANT USAGE ON SEQUENCE offices.bells TO pg_monitor",
            "REVOKE EXECUTE ON FUNCTION offices.ring() FROM PUBLIC",
        ),
    ),
    Kind(
        "default-privilege",
        (
            "CREATE SCHEMA attic",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA attic GRANT SELECT, INSERT ON TABLES TO pg_monitor",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA attic GRANT USAGE ON SEQUENCES TO PUBLIC",
        ),
        ("DROP SCHEMA attic",),
        (
            "ALTER DEFAULT PRIVILEGES IN SCHEMA attic REVOKE SELECT, INSERT ON TABLES FROM pg_monitor",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA attic REVOKE USAGE ON SEQUENCES FROM PUBLIC",
        ),
        (
            "ALTER DEFAULT PRIVILEGES IN SCHEMA attic GRANT SELECT, INSERT ON TABLES TO pg_monitor",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA attic GRANT USAGE ON SEQUENCES TO PUBLIC",
        ),
    ),
    Kind(
        "ownership",
        (
            f"CREATE TABLE owned ({_TWO})",
            "CREATE FUNCTION owned_one() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
            "CREATE TYPE owned_part AS (x integer)",
            "ALTER TABLE owned OWNER TO pg_monitor",
            "ALTER FUNCTION owned_one() OWNER TO pg_monitor",
            "ALTER TYPE owned_part OWNER TO pg_monitor",
        ),
        ("DROP TYPE owned_part", "DROP FUNCTION owned_one()", "DROP TABLE owned"),
        (
            "ALTER TABLE owned OWNER TO CURRENT_USER",
            "ALTER FUNCTION owned_one() OWNER TO CURRENT_USER",
            "ALTER TYPE owned_part OWNER TO CURRENT_USER",
        ),
        (
            "ALTER TABLE owned OWNER TO pg_monitor",
            "ALTER FUNCTION owned_one() OWNER TO pg_monitor",
            "ALTER TYPE owned_part OWNER TO pg_monitor",
        ),
    ),
    Kind(
        "comment",
        (
            "CREATE SCHEMA reports",
            "CREATE DOMAIN reports.cents AS integer",
            "CREATE TYPE reports.part AS (x integer)",
            "CREATE TABLE reports.sales (day date PRIMARY KEY, total integer CONSTRAINT sales_total CHECK (total >= 0))",
            "CREATE INDEX sales_day ON reports.sales (total, day)",
            "CREATE SEQUENCE reports.sales_numbers",
            "CREATE VIEW reports.best AS SELECT day FROM reports.sales ORDER BY total DESC LIMIT 10",
            "CREATE FUNCTION reports.zero() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$",
            "CREATE TRIGGER sales_zero AFTER INSERT ON reports.sales FOR EACH ROW EXECUTE FUNCTION reports.zero()",
            "CREATE POLICY sales_all ON reports.sales USING (true)",
            "CREATE RULE sales_rule AS ON DELETE TO reports.sales WHERE OLD.total < 0 DO INSTEAD NOTHING",
            "CREATE STATISTICS reports.sales_stats ON day, total FROM reports.sales",
            *(f"COMMENT ON {what} IS '{text}'" for what, text in _COMMENTED.items()),
        ),
        ("DROP SCHEMA reports CASCADE",),
        tuple(f"COMMENT ON {what} IS 'new'" for what in _COMMENTED),
        tuple(f"COMMENT ON {what} IS '{text}'" for what, text in _COMMENTED.items()),
    ),
)

_OPERATOR = (
    "CREATE OPERATOR <<< (LEFTARG = integer, RIGHTARG = integer, FUNCTION = before, COMMUTATOR = >>>,"
    " RESTRICT = scalarltsel)"
)
_SERVER = "CREATE SERVER archive VERSION '2' FOREIGN DATA WRAPPER tape OPTIONS (host 'vault')"
_FOREIGN = (
    "CREATE FOREIGN TABLE old_orders (id integer, total integer OPTIONS (col 'sum')) SERVER archive OPTIONS (t 'o')"
)
_MAPPING = "CREATE USER MAPPING FOR CURRENT_USER SERVER archive OPTIONS (account 'reader')"
_COLLATION = "CREATE COLLATION plain (provider = libc, locale = 'C')"
_CAST = "CREATE CAST (point_text AS text) WITH FUNCTION to_words(point_text) AS ASSIGNMENT"
_SEARCH = (
    "CREATE TEXT SEARCH CONFIGURATION words (COPY = simple)",
    "ALTER TEXT SEARCH CONFIGURATION words ALTER MAPPING FOR asciiword, word WITH english_stem, simple",
)
_DICTIONARY = "CREATE TEXT SEARCH DICTIONARY short_words (TEMPLATE = simple, STOPWORDS = english, ACCEPT = false)"

RARE = (
    Kind(
        "operator",
        (
            "CREATE FUNCTION before(integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 < $2'",
            _OPERATOR,
        ),
        (
            "DROP OPERATOR <<< (integer, integer)",
            "DROP OPERATOR >>> (integer, integer)",
            "DROP FUNCTION before(integer, integer)",
        ),
        ("DROP OPERATOR <<< (integer, integer)",),
        (_OPERATOR,),
    ),
    Kind(
        "cast",
        (
            "CREATE TYPE point_text AS (x integer, y integer)",
            "CREATE FUNCTION to_words(point_text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ($1).x::text'",
            _CAST,
        ),
        ("DROP CAST (point_text AS text)", "DROP FUNCTION to_words(point_text)", "DROP TYPE point_text"),
        ("DROP CAST (point_text AS text)",),
        (_CAST,),
    ),
    Kind("collation", (_COLLATION,), ("DROP COLLATION plain",), ("DROP COLLATION plain",), (_COLLATION,)),
    Kind(
        "text-search",
        (*_SEARCH, _DICTIONARY),
        ("DROP TEXT SEARCH DICTIONARY short_words", "DROP TEXT SEARCH CONFIGURATION words"),
        ("DROP TEXT SEARCH CONFIGURATION words", "DROP TEXT SEARCH DICTIONARY short_words"),
        (*_SEARCH, _DICTIONARY),
    ),
    Kind(
        "foreign-server",
        ("CREATE FOREIGN DATA WRAPPER tape OPTIONS (kind 'lto')", _SERVER, _MAPPING, _FOREIGN),
        ("DROP FOREIGN DATA WRAPPER tape CASCADE",),
        ("DROP FOREIGN TABLE old_orders", "DROP SERVER archive CASCADE"),
        (_SERVER, _MAPPING, _FOREIGN),
    ),
)

VALUES = (
    Kind(
        "values",
        (
            "CREATE TABLE owners (id integer PRIMARY KEY, name text NOT NULL, alias text)",
            (
                "CREATE TABLE ledger (id integer PRIMARY KEY, owner_id integer NOT NULL REFERENCES owners ON DELETE CASCADE,"
                " amount numeric(12, 4) NOT NULL, at timestamptz NOT NULL, day date, duration interval, tags text[],"
                " document jsonb, file bytea, done boolean, ratio double precision, code char(8), token uuid)"
            ),
        ),
        ("DROP TABLE ledger", "DROP TABLE owners"),
        ("ALTER TABLE ledger ALTER COLUMN done SET DEFAULT false",),
        ("ALTER TABLE ledger ALTER COLUMN done DROP DEFAULT",),
    ),
)

KINDS: tuple[Kind, ...] = (
    *TYPES, *COLUMNS, *CONSTRAINTS, *INDEXES, *TABLES, *VIEWS, *CODE, *SECURITY, *RARE, *VALUES,
)  # fmt: skip
"""In the order of the history; event triggers and the like see what comes after them."""


def text_of(
    number: int, down: str | None, message: str, up: Sequence[str], back: Sequence[str], retired: tuple[str, ...]
) -> str:
    """Return the file of a revision."""
    lines = [
        f'"""{message}"""',
        "",
        "from alembic import op",
        "",
        f'revision = "{number:04}"',
        f"down_revision = {down!r}",
    ]
    lines += [f'release = "{number}"']
    lines += [f"retired = {retired!r}"] if retired else []
    for name, statements in (("upgrade", up), ("downgrade", back)):
        lines += ["", "", f"def {name}():", *(f"    op.execute({sql!r})" for sql in (TIMEOUT, *statements))]
    return "\n".join(lines) + "\n"
