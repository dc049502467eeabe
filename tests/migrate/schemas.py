"""Random schemas as DDL that SQLite and PostgreSQL take, and real sessions on them."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

COMMON = (
    "integer", "smallint", "bigint", "numeric(5,2)", "numeric", "varchar(12)", "varchar(3)", "text", "boolean", "date",
    "timestamp", "real",
)  # fmt: skip
POSTGRES = (
    *COMMON, "timestamptz", "jsonb", "json", "uuid", "bytea", "inet", "cidr", "macaddr", "interval", "int4range",
    "daterange", "text[]", "integer[]", "char(5)", "bit(4)", "bit varying(6)", "time", "timetz", "money",
    "tsvector",
    "numeric(4,4)", "double precision", "mood", "mood[]", "positive", "tstzrange",
     "point", "varchar(300)", "name", "oid",
)  # fmt: skip
PRELUDE = (
    "CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'happy')",
    "CREATE DOMAIN positive AS integer CHECK (VALUE > 0) CHECK (VALUE < 1000)",
)

_CHECKS = {
    "integer": ("{c} > 0", "{c} IN (7, 8, 9)", "{c} BETWEEN 10 AND 2000", "{c} <> 0", "{c} % 2 = 0", "NOT ({c} < 5)"),
    "numeric(5,2)": ("{c} >= 0.5", "{c} < 100", "{c} > 0 AND {c} <= 1"),
    "varchar(12)": (
        "length({c}) = 6", "{c} LIKE 'a%z'", "lower({c}) = {c}", "{c} IN ('new', 'done')", "{c} <> ''",
        "{c} LIKE '%_@_%'", "length({c}) >= 2 AND upper({c}) = {c}", "{c} = trim({c})",
    ),
    "text": ("length({c}) < 20", "{c} NOT LIKE 'v%'", "{c} = 'only'"),
    "date": ("{c} >= '2030-05-01'", "{c} BETWEEN '2020-01-01' AND '2020-12-31'"),
}  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """A schema: its statements, and how many columns of it may be NULL without a check."""

    ddl: tuple[str, ...]


@st.composite
def schemas(draw: st.DrawFn, types: tuple[str, ...] = COMMON) -> Drawn:
    """Draw one to four tables with keys, uniques, foreign keys, checks and requirements of every kind."""
    ddl = []
    names: list[str] = []
    for place in range(draw(st.integers(1, 4))):
        name = f"t{place}"
        columns = _key(draw, names)
        columns += [_column(draw, f"c{at}", types) for at in range(draw(st.integers(0, 6)))]
        columns += [_parent(draw, f"p{at}", parent) for at, parent in enumerate(draw(_some([*names, name])))]
        if draw(st.booleans()):
            columns += ["low integer NOT NULL", "high integer NOT NULL", "CHECK (low < high)"]
        if draw(st.booleans()):
            columns += ["one text", "two text", "UNIQUE (one, two)", "CHECK (one IS NOT NULL OR two IS NOT NULL)"]
        # Constraints come behind all columns.
        columns.sort(key=lambda text: text.startswith(("CHECK", "UNIQUE", "PRIMARY")))
        ddl.append(f"CREATE TABLE {name} ({', '.join(columns)})")
        names.append(name)
    return Drawn(tuple(ddl))


def _some(names: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), max_size=2)


def _key(draw: st.DrawFn, parents: list[str]) -> list[str]:
    if len(parents) >= 2 and draw(st.booleans()):
        return [
            f"id integer NOT NULL UNIQUE REFERENCES {parents[0]}(id)",
            f"other integer NOT NULL REFERENCES {parents[1]}(id)",
            "PRIMARY KEY (other, id)",
        ]
    return ["id integer PRIMARY KEY"]


def _column(draw: st.DrawFn, name: str, types: tuple[str, ...]) -> str:
    kind = draw(st.sampled_from(types))
    text = f"{name} {kind}"
    if draw(st.booleans()):
        text += " NOT NULL"
    if kind in {"integer", "varchar(12)", "date", "numeric(5,2)"} and draw(st.booleans()):
        text += " UNIQUE"
    if kind in _CHECKS and draw(st.booleans()):
        text += f" CHECK ({draw(st.sampled_from(_CHECKS[kind])).format(c=name)})"
    return text


def _parent(draw: st.DrawFn, name: str, parent: str) -> str:
    flags = draw(st.sampled_from(["", " NOT NULL", " UNIQUE", " NOT NULL UNIQUE"]))
    return f"{name} integer{flags} REFERENCES {parent}(id)"
