"""What a MariaDB or MySQL database knows of its schema: as a catalog for comparing, as tables for seeding.

Columns come from information_schema, where every property has its value whether it was written or inherited; keys,
constraints, options and partitions from SHOW CREATE TABLE, which leaves nothing out. The database's own name is taken
out of every text, so that two databases can be compared. An AUTO_INCREMENT value is no schema, nor is the moment at
which an event was created.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from relgate.adapters.mariadb_connect import Connection, name_of
from relgate.ports.migrations import Books, Catalog, Column, ForeignKey, SqlError, Table

BASE = ("BASE TABLE", "SYSTEM VERSIONED")
"""Kinds of tables that hold rows."""

MARKER = "relgate_scratch"
"""The procedure that marks a scratch database where databases have no comments; no part of the schema."""

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")
_RESERVED = re.findall(
    r"\w+",
    """
    accessible add all alter analyze and as asc asensitive before between bigint binary blob both by call cascade case
    change char character check collate column condition constraint continue convert create cross cube cume_dist
    current_date current_role current_time current_timestamp current_user cursor database databases day_hour
    day_microsecond day_minute day_second dec decimal declare default delayed delete delete_domain_id dense_rank desc
    describe deterministic distinct distinctrow div do_domain_ids double drop dual each else elseif empty enclosed
    escaped except exists exit explain false fetch first_value float float4 float8 for force foreign from fulltext
    function general generated get grant group grouping groups having high_priority hour_microsecond hour_minute
    hour_second if ignore ignore_domain_ids ignore_server_ids in index infile inner inout insensitive insert int int1
    int2 int3 int4 int8 integer intersect interval into is iterate join json_table key keys kill lag last_value lateral
    lead leading leave left like limit linear lines load localtime localtimestamp lock long longblob longtext loop
    low_priority manual master_bind master_heartbeat_period master_ssl_verify_server_cert match maxvalue mediumblob
    mediumint mediumtext middleint minute_microsecond minute_second mod modifies natural no_write_to_binlog not
    nth_value ntile null numeric of offset on optimize optimizer_costs option optionally or order out outer outfile
    over page_checksum parse_vcol_expr parallel partition percent_rank precision primary procedure purge qualify range
    rank read read_write reads real recursive ref_system_id references regexp release rename repeat replace require
    resignal restrict return returning revoke right rlike row row_number rows schema schemas second_microsecond select
    sensitive separator set show signal slow smallint spatial specific sql sql_big_result sql_calc_found_rows
    sql_small_result sqlexception sqlstate sqlwarning ssl starting stats_auto_recalc stats_persistent
    stats_sample_pages stored straight_join system table terminated then tinyblob tinyint tinytext to trailing trigger
    true undo union unique unlock unsigned update usage use using utc_date utc_time utc_timestamp values varbinary
    varchar varcharacter varying virtual when where while window with write xor year_month zerofill
    """,
)
_LABEL = re.compile(r"'((?:[^']|'')*)'")
_KEY = re.compile(
    r"  (?:(?P<kind>PRIMARY|UNIQUE|FULLTEXT|SPATIAL|VECTOR) )?KEY (?:`(?P<name>(?:[^`]|``)*)` )?(?P<rest>.*)"
)
_CONSTRAINT = re.compile(r"  CONSTRAINT `(?P<name>(?:[^`]|``)*)` (?P<rest>.*)")
_FOREIGN_KEY = re.compile(r"FOREIGN KEY \((?P<own>.*?)\) REFERENCES (?P<table>`(?:[^`]|``)*`) \((?P<there>.*?)\)")
_NAME = re.compile(r"`((?:[^`]|``)*)`")
_SELECT = "SELECT * FROM information_schema.{} WHERE {} = DATABASE()"


@dataclass(frozen=True, slots=True)
class Created:
    """What SHOW CREATE TABLE says beside columns.

    ``keys``: (kind, name, rest). ``constraints``: (name, rest). ``others``: lines of other kinds. ``options``: behind
    the closing bracket, without AUTO_INCREMENT. ``partitions``: how it is partitioned, empty where it is not.
    """

    keys: tuple[tuple[str, str, str], ...]
    constraints: tuple[tuple[str, str], ...]
    others: tuple[str, ...]
    options: str
    partitions: str


def quoted(name: str) -> str:
    """Return a name as SQL text refers to it."""
    return name if _PLAIN.match(name) and name not in _RESERVED else name_of(name)


def created(text: str) -> Created:
    """Take the answer to SHOW CREATE TABLE apart. Its lines are the server's own, one for each part.

    Raises:
        SqlError: a foreign key cannot be read: servers up to 10.11.18 do not escape backticks in its names.

    """
    lines = text.split("\n")
    end = next((index for index, line in enumerate(lines) if line.startswith(")")), len(lines) - 1)
    keys, constraints, others = [], [], []
    for line in lines[1:end]:
        plain = line.removesuffix(",")
        if key := _KEY.match(plain):
            keys.append((key["kind"] or "", (key["name"] or "PRIMARY").replace("``", "`"), key["rest"]))
        elif constraint := _CONSTRAINT.match(plain):
            constraints.append((constraint["name"].replace("``", "`"), constraint["rest"]))
        elif " FOREIGN KEY (" in plain and not line.startswith("  `"):
            raise _unreadable(plain)
        elif not line.startswith("  `"):
            others.append(plain.strip())
    options = re.sub(r" AUTO_INCREMENT=\d+", "", lines[end].removeprefix(")").strip(), count=1)
    partitions = " ".join(line.strip() for line in lines[end + 1 :])
    return Created(tuple(keys), tuple(constraints), tuple(others), options, partitions)


class Schema:
    """The schema of the database that a connection is in, as it is now."""

    def __init__(self, connection: Connection) -> None:
        self._run = connection.run
        self._named = connection.named
        self.database = str(self._run("SELECT DATABASE()")[0][0])
        listed = sorted(self._of("tables"), key=lambda row: str(row["table_name"]))
        self.listed = [row for row in listed if row["table_name"] not in Books]
        self.base = [row["table_name"] for row in self.listed if row["table_type"] in BASE]
        self.created = {name: created(self.unqualified(self._show("TABLE", name)[1])) for name in self.base}

    def _of(self, what: str, column: str = "table_schema") -> list[dict[str, Any]]:
        return self._named(_SELECT.format(what, column))

    def _show(self, kind: str, name: str) -> tuple[Any, ...]:
        return self._run(f"SHOW CREATE {kind} {name_of(name)}")[0]

    def unqualified(self, text: str | None) -> str:
        """Take the database's own name out of a text."""
        text = text or ""
        return text.replace(f"{name_of(self.database)}.", "").replace(f"{self.database}.", "")

    def columns(self) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of information_schema.columns by table, in order."""
        found = defaultdict(list)
        for row in sorted(self._of("columns"), key=lambda row: int(row["ordinal_position"])):
            if row["column_default"] is not None:
                row["column_default"] = self.unqualified(str(row["column_default"]))
            found[row["table_name"]].append(row)
        return found

    # --- for comparing

    def catalog(self) -> Catalog:
        """Return the schema as definitions in which equal schemas are equal."""
        found: Catalog = {}
        columns = self.columns()
        for name in self.base:
            self._table(name, columns[name], found)
        for row in self.listed:
            if row["table_type"] == "SEQUENCE":
                found["sequence", quoted(row["table_name"])] = self._sequence(row["table_name"])
        for part in (self._checks, self._views, self._routines, self._triggers, self._events, self._privileges):
            part(found)
        own = self._of("schemata", "schema_name")[0]
        found["schema", "default"] = f"{own['default_character_set_name']} {own['default_collation_name']}"
        return found

    def _table(self, name: str, columns: list[dict[str, Any]], found: Catalog) -> None:
        own, text = quoted(name), self.created[name]
        found["table", own] = "; ".join([text.options, *text.others])
        found["column-order", own] = ", ".join(quoted(row["column_name"]) for row in columns)
        for row in columns:
            found["column", f"{own}.{quoted(row['column_name'])}"] = self._column(row)
        for kind, key, rest in text.keys:
            where = "constraint" if kind in ("PRIMARY", "UNIQUE") else "index"
            found[where, f"{own}.{quoted(key)}"] = f"{kind} KEY {rest}".strip()
        for constraint, rest in text.constraints:
            found["constraint", f"{own}.{quoted(constraint)} (constraint)"] = rest
        if text.partitions:
            found["partition", own] = text.partitions

    def _column(self, row: dict[str, Any]) -> str:
        parts = [str(row["column_type"])]
        if row["collation_name"]:
            parts.append(f"CHARACTER SET {row['character_set_name']} COLLATE {row['collation_name']}")
        parts.append("NULL" if row["is_nullable"] == "YES" else "NOT NULL")
        if row["column_default"] is not None:
            parts.append(f"DEFAULT {row['column_default']}")
        if row["generation_expression"]:
            parts.append(f"AS ({self.unqualified(row['generation_expression'])})")
        parts += [str(row["extra"]), f"SRID {row['srs_id']}" if row.get("srs_id") is not None else ""]
        if row["column_comment"]:
            parts.append(f"COMMENT {_literal(row['column_comment'])}")
        return " ".join(part for part in parts if part)

    def _sequence(self, name: str) -> str:
        text = self.unqualified(self._show("SEQUENCE", name)[1])
        return text.partition("` ")[2]

    def _checks(self, found: Catalog) -> None:
        """MariaDB's checks at columns: they have the column's name and are in no line of their own."""
        for row in self._of("check_constraints", "constraint_schema"):
            if str(row.get("level", "")).lower() == "column" and row["table_name"] not in Books:
                own = f"{quoted(row['table_name'])}.{quoted(row['constraint_name'])} (column's check)"
                found["constraint", own] = f"CHECK ({self.unqualified(row['check_clause'])})"

    def _views(self, found: Catalog) -> None:
        for row in self._of("views"):
            text = self.unqualified(self._show("VIEW", row["table_name"])[1])
            check = "" if row["check_option"] == "NONE" else f" WITH {row['check_option']} CHECK OPTION"
            already = check and text.upper().endswith("CHECK OPTION")
            found["view", quoted(row["table_name"])] = text + ("" if already else check)

    def _routines(self, found: Catalog) -> None:
        for row in self._of("routines", "routine_schema"):
            if row["routine_name"] != MARKER:
                shown = self._show(row["routine_type"], row["routine_name"])
                definition = f"{self.unqualified(shown[2])} -- sql_mode {shown[1]!r}"
                found["function", f"{quoted(row['routine_name'])} ({row['routine_type'].lower()})"] = definition

    def _triggers(self, found: Catalog) -> None:
        for row in self._of("triggers", "trigger_schema"):
            if row["event_object_table"] not in Books:
                head = f"{row['action_timing']} {row['event_manipulation']} {row['action_order']}"
                body = self.unqualified(row["action_statement"])
                found["trigger", f"{quoted(row['event_object_table'])}.{quoted(row['trigger_name'])}"] = (
                    f"{head} {body} -- {row['definer']}, sql_mode {row['sql_mode']!r}"
                )

    def _events(self, found: Catalog) -> None:
        for row in self._of("events", "event_schema"):
            starts = "" if implicit_start(row) else row["starts"]
            when = row["execute_at"] or f"every {row['interval_value']} {row['interval_field']}"
            parts = [when, starts, row["ends"], row["status"], row["on_completion"], row["event_comment"]]
            text = f"{' | '.join(str(part) for part in parts)} | {self.unqualified(row['event_definition'])}"
            found["trigger", f"{quoted(row['event_name'])} (event)"] = f"{text} -- sql_mode {row['sql_mode']!r}"

    def _privileges(self, found: Catalog) -> None:
        for grantee, privilege, target in self.privileges():
            found["privilege", f"{grantee} {privilege} {target or '*'}".strip()] = "granted"

    def privileges(self) -> list[tuple[str, str, str]]:
        """Return (whom, what, on which table) is granted in this database; the table is empty for the database."""
        found = []
        for what in ("schema_privileges", "table_privileges", "column_privileges"):
            for row in self._of(what):
                column = f" ({name_of(row['column_name'])})" if "column_name" in row else ""
                grant = " WITH GRANT OPTION" if row["is_grantable"] == "YES" else ""
                target = name_of(row["table_name"]) if "table_name" in row else ""
                found.append((row["grantee"], row["privilege_type"] + column, target + grant))
        return sorted(found)

    # --- for seeding

    def seedable(self) -> list[Table]:
        """Return the tables that rows can be written to, in order of their names."""
        columns = self.columns()
        checks = defaultdict(list)
        for table, clause in self._check_clauses():
            checks[table].append(self.unqualified(clause))
        triggered = {row["event_object_table"] for row in self._of("triggers", "trigger_schema")}
        keys: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
        for row in sorted(self._of("statistics"), key=lambda row: int(row["seq_in_index"])):
            keys[row["table_name"]][row["index_name"]].append(row)
        return [
            Table(
                name=quoted(name),
                columns=tuple(column_of(row) for row in columns[name]),
                primary_key=tuple(row["column_name"] for row in keys[name].get("PRIMARY", ())),
                uniques=tuple(filter(None, (_unique(rows) for key, rows in keys[name].items() if key != "PRIMARY"))),
                foreign_keys=tuple(_foreign_keys(self.created[name])),
                checks=tuple(checks[name]),
                partitioned=bool(self.created[name].partitions),
                triggers=name in triggered,
            )
            for name in self.base
        ]

    def _check_clauses(self) -> list[tuple[str, str]]:
        """MariaDB names a check's table itself, MySQL elsewhere and with quotes of its own."""
        rows = self._of("check_constraints", "constraint_schema")
        if rows and "table_name" not in rows[0]:
            named = self._of("table_constraints", "constraint_schema")
            tables = {row["constraint_name"]: row["table_name"] for row in named if row["constraint_type"] == "CHECK"}
            return [(tables[row["constraint_name"]], row["check_clause"].replace("\\'", "'")) for row in rows]
        return [(row["table_name"], row["check_clause"]) for row in rows]


def implicit_start(row: dict[str, Any]) -> bool:
    """Tell whether an event starts when it was created or changed: nobody wrote that moment."""
    moments = [row["created"], row["last_altered"]]
    return row["starts"] is None or any(abs((row["starts"] - moment).total_seconds()) <= 1 for moment in moments)


def column_of(row: dict[str, Any]) -> Column:
    """Return a row of information_schema.columns as seeding needs it."""
    kind = str(row["data_type"]).lower()
    extra = str(row["extra"]).upper()
    declared = str(row["column_type"])
    default = row["column_default"]
    labels = tuple(label.replace("''", "'") for label in _LABEL.findall(declared)) if kind in ("enum", "set") else ()
    return Column(
        name=row["column_name"],
        type=kind,
        declared=declared,
        nullable=row["is_nullable"] == "YES",
        default=None if default is None or default == "NULL" else str(default),
        length=None if labels else row["character_maximum_length"],
        precision=row["datetime_precision"] if row["numeric_precision"] is None else row["numeric_precision"],
        scale=row["numeric_scale"],
        generated=bool(row["generation_expression"]) or "STORED GENERATED" in extra or "VIRTUAL GENERATED" in extra,
        identity="default" if "AUTO_INCREMENT" in extra else "",
        enum=labels,
    )


def _unique(rows: list[dict[str, Any]]) -> tuple[str, ...]:
    """Return a unique index's columns; none where it is not unique, or of prefixes or expressions."""
    plain = all(not int(row["non_unique"]) and row["sub_part"] is None and row["column_name"] for row in rows)
    return tuple(row["column_name"] for row in rows) if plain else ()


def _foreign_keys(text: Created) -> list[ForeignKey]:
    found = []
    for name, rest in text.constraints:
        if match := _FOREIGN_KEY.match(rest):
            table = quoted(match["table"][1:-1].replace("``", "`"))
            found.append(ForeignKey(name, _names(match["own"]), table, _names(match["there"])))
        elif rest.startswith("FOREIGN KEY"):
            raise _unreadable(f"CONSTRAINT {name_of(name)} {rest}")
    return found


def _unreadable(line: str) -> SqlError:
    text = f"the server does not write this foreign key as SQL: {line.strip()}. Rename what has a backtick in its name"
    return SqlError(f"{text}, or use MariaDB 10.11.19 or newer")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.replace("``", "`") for name in _NAME.findall(text))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
