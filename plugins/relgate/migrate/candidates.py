"""Values that a column of a given type can hold: plain ones, and those at the limits of the type.

A value depends on the column's type and the number of its row, on nothing else: no clock, no randomness. ``plain``
values are distinct for distinct numbers below a thousand wherever the type has room. Numbers that are not whole, times
and everything that has no Python type that every driver sends are text, as the engine itself would read them.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from relgate.migrate import patterns

if TYPE_CHECKING:
    from collections.abc import Callable

    from relgate.ports.migrations import Column, Engine

LONGEST = 10_000
"""Characters at most of a seeded text, whatever the column allows."""

UNLIMITED = 1_000
"""Characters of the long text of a column without a limit: more than the 255 that it may be cut to."""

_DAY = date(2024, 1, 1)
AWKWARD = 'O\'Brien \\ 100% "Zoë" 中文'

_FAMILIES = {
    "smallint int2 smallserial integer int int4 serial bigint int8 bigserial tinyint mediumint year oid": "integer",
    "numeric decimal dec": "numeric",
    "real double float float4 float8": "float",
    "text character char varchar nvarchar nchar bpchar citext name tinytext mediumtext longtext clob string": "text",
    "boolean bool": "boolean",
    "bytea blob binary varbinary tinyblob mediumblob longblob": "bytes",
    "json jsonb": "json",
    "timestamptz": "timestamp with time zone",
    "datetime timestamp": "timestamp",
    "uuid guid": "uuid",
    "varbit": "bit",
}
FAMILY = {word: family for words, family in _FAMILIES.items() for word in words.split()}

_BITS = {
    "tinyint": 8,
    "smallint": 16,
    "int2": 16,
    "smallserial": 16,
    "mediumint": 24,
    "bigint": 64,
    "int8": 64,
    "bigserial": 64,
}


def family(column: Column, engine: Engine) -> str:
    """Return which values a column takes: a family that we know, else its type as it is."""
    if column.enum:
        return "enum"
    kind = column.type.lower().strip()
    for long in ("timestamp with time zone", "time with time zone"):
        if kind == long:
            return kind
    if kind.startswith("timestamp"):
        return "timestamp"
    first = kind.split("(")[0].split()[0] if kind else ""
    if first == "bit":
        return "bits" if engine == "mysql" else "bit"
    if first in FAMILY:
        return FAMILY[first]
    return _affinity(kind) if engine == "sqlite" and first not in FIXED else first if kind.startswith("time ") else kind


def _affinity(kind: str) -> str:
    """Sort a free text by SQLite's rules (datatype3, section 3.1)."""
    for part, found in (("int", "integer"), ("char", "text"), ("clob", "text"), ("text", "text"), ("blob", "bytes")):
        if part in kind:
            return found
    return "float" if any(part in kind for part in ("real", "floa", "doub")) else "numeric" if kind else "text"


def _moment(k: int) -> str:
    return str(datetime(2024, 1, 1, 12, 30) + timedelta(days=k, seconds=k))  # noqa: DTZ001  # a column without a zone


def _clock(k: int) -> str:
    return str(datetime(2024, 1, 1) + timedelta(seconds=61 * k + 1))[11:]  # noqa: DTZ001  # a column without a zone


def _address(k: int) -> str:
    return f"10.{k // 65536 % 256}.{k // 256 % 256}.{k % 256}"


FIXED: dict[str, Callable[[int], Any]] = {
    "date": lambda k: str(_DAY + timedelta(days=k)),
    "time": _clock,
    "time with time zone": lambda k: f"{_clock(k)}+02",
    "timestamp": _moment,
    "timestamp with time zone": lambda k: f"{_moment(k)}+00",
    "interval": lambda k: f"{k} days 01:02:03",
    "json": lambda k: f'{{"k": {k}}}',
    "uuid": lambda k: str(uuid.UUID(int=(k + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC834 % 2**128)),
    "inet": _address,
    "cidr": lambda k: f"10.{k // 256 % 256}.{k % 256}.0/24",
    "macaddr": lambda k: f"08:00:2b:{k // 65536 % 256:02x}:{k // 256 % 256:02x}:{k % 256:02x}",
    "macaddr8": lambda k: f"08:00:2b:01:02:{k // 65536 % 256:02x}:{k // 256 % 256:02x}:{k % 256:02x}",
    "money": lambda k: f"{k}.25",
    "int4range": lambda k: f"[{k * 10},{k * 10 + 5})",
    "int8range": lambda k: f"[{k * 10},{k * 10 + 5})",
    "numrange": lambda k: f"[{k * 10}.5,{k * 10 + 5}.5)",
    "daterange": lambda k: f"[{_DAY + timedelta(days=k * 10)},{_DAY + timedelta(days=k * 10 + 5)})",
    "tsrange": lambda k: f'["{_moment(k * 10)}","{_moment(k * 10 + 5)}")',
    "tstzrange": lambda k: f'["{_moment(k * 10)}+00","{_moment(k * 10 + 5)}+00")',
    "int4multirange": lambda k: f"{{[{k * 10},{k * 10 + 5})}}",
    "int8multirange": lambda k: f"{{[{k * 10},{k * 10 + 5})}}",
    "nummultirange": lambda k: f"{{[{k * 10},{k * 10 + 5})}}",
    "tsvector": lambda k: f"'quick':1 'word{k}':2",
    "tsquery": lambda k: f"'word{k}' & 'quick'",
    "hstore": lambda k: f'"a"=>"{k}", "b"=>NULL',
    "ltree": lambda k: f"top.n{k}",
    "point": lambda k: f"({k},{k + 1})",
    "box": lambda k: f"({k + 1},{k + 1}),({k},{k})",
    "path": lambda k: f"[({k},0),(1,1)]",
    "polygon": lambda k: f"(({k},0),(1,1),(1,0))",
    "circle": lambda k: f"<({k},0),1>",
    "lseg": lambda k: f"[({k},0),(1,1)]",
    "line": lambda k: f"{{1,2,{k}}}",
    "jsonpath": lambda k: f'$."k{k}"',
    "pg_lsn": lambda k: f"0/{k:X}",
    "set": lambda _: "",
}
"""Plain values of types without a parameter."""

_LIMITS: dict[str, tuple[Any, ...]] = {
    "date": ("2999-12-31", "1900-02-28", "2024-02-29"),
    "time": ("23:59:59.999999", "00:00:00"),
    "time with time zone": ("23:59:59.999999-11:30", "00:00:00+14"),
    "timestamp": ("2031-12-31 23:59:59.999999", "1971-02-03 00:00:00", "2024-02-29 12:00:00.000001"),
    "timestamp with time zone": (
        "2031-12-31 23:59:59.999999+05:30", "1971-02-03 00:00:00-08", "2024-03-31 02:30:00.000001+01",
    ),
    "interval": ("1 year 2 mons 3 days 04:05:06.789012", "-1 days", "00:00:00.000001"),
    "json": ('{"a": [1, 2.50, {"b": null}], "Zoë": "O\'B \\\\ 100%"}', "{}", '{"deep": {"er": [true, false]}}'),
    "float": ("1.5e-7", "-12345.678", "0"),
    "bytes": (bytes(range(256)), b"\x00\xff", b""),
    "inet": ("2001:db8::1/64", "192.168.0.1/24"),
    "cidr": ("2001:db8::/32", "0.0.0.0/0"),
    "money": ("-92233720368547.75", "0.01"),
    "int4range": ("empty", "(,5]"),
    "numrange": ("empty", "(,1.5]"),
    "tsvector": ("",),
    "hstore": ("",),
}  # fmt: skip


def plain(column: Column, engine: Engine, k: int) -> Any:
    """Return the ``k``-th plain value of a column, None where no value of its type is known."""
    kind = family(column, engine)
    value = _plain(column, engine, kind, k)
    return value if not column.array or value is None else array([value, _plain(column, engine, kind, k + 1)])


def _plain(column: Column, engine: Engine, kind: str, k: int) -> Any:
    if kind == "enum":
        return column.enum[k % len(column.enum)]
    if kind == "integer":
        low, high = whole_range(column)
        return low + (k + 1 - low) % (high - low + 1)
    if kind == "numeric":
        return str(_decimal(column, k))
    if kind == "float":
        return f"{k + 1}.5"
    if kind == "text":
        return word(column, k)
    if kind == "boolean":
        return k % 2 == 0
    if kind == "bytes":
        width = min(column.length or 4, 4)
        return ((k + 1) % 256**width).to_bytes(width, "big")
    if kind in {"bit", "bits"}:
        return _bits(column, engine, k + 1)
    if kind == "vector":
        size = int("".join(filter(str.isdigit, column.declared)) or column.length or 3)
        return "[" + ",".join(["1"] * (size - 1) + [str(k)]) + "]"
    return FIXED[kind](k) if kind in FIXED else None


def limits(column: Column, engine: Engine) -> tuple[Any, ...]:
    """Return the values at the limits of a column's type, the largest or longest first."""
    kind = family(column, engine)
    if column.array:
        inner = [value for value in _of_kind(column, engine, kind)[:2] if not isinstance(value, bytes)]
        return (array([*inner, None]), "{}") if inner else ("{}",)
    return _of_kind(column, engine, kind)


def _of_kind(column: Column, engine: Engine, kind: str) -> tuple[Any, ...]:
    if kind == "integer":
        low, high = whole_range(column)
        return tuple(dict.fromkeys((high, low, 0, high - 1)))
    if kind == "numeric":
        return _numeric_limits(column, engine)
    if kind == "text":
        return _text_limits(column)
    if kind == "boolean":
        return (False, True)
    if kind == "bytes" and column.length:
        return (b"\xff" * min(column.length, LONGEST),)
    if kind == "bits":
        return ()
    if kind == "timestamp" and engine == "mysql":
        return ("2031-12-31 23:59:59", "1971-02-03 00:00:00", "2024-02-29 12:00:00.000001")
    return _LIMITS.get(kind, ())


def whole_range(column: Column) -> tuple[int, int]:
    """Return the smallest and the largest whole number that a column takes."""
    declared = column.declared.lower()
    first = column.type.lower().split("(")[0].split()[0]
    if first == "year":
        return 1901, 2155
    if first == "oid":
        return 1, 2**31 - 1
    if declared.startswith("tinyint(1)"):
        return 0, 1
    bits = _BITS.get(first, 32)
    return (0, 2**bits - 1) if "unsigned" in declared else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _decimal(column: Column, k: int) -> Decimal:
    scale = max(column.scale or 0, 0)
    if column.precision is None:
        return Decimal(f"{k + 1}.25")
    # Where whole numbers soon run out of digits, rows are counted in units of the last place.
    if column.precision - scale >= 4:
        return Decimal(k + 1).quantize(Decimal(1).scaleb(-scale))
    return Decimal((k + 1) % 10**column.precision).scaleb(-scale)


def _numeric_limits(column: Column, engine: Engine) -> tuple[Any, ...]:
    if column.precision is None:
        exact = () if engine == "sqlite" else ("12345678901234567890.123456789",)
        return (*exact, "-0.000001", "0", "-1234567.5")
    scale = column.scale or 0
    # A float has 15 digits: SQLite keeps a decimal as one.
    digits = min(column.precision, 15) if engine == "sqlite" else column.precision
    largest = Decimal(10**digits - 1).scaleb(-scale)
    smallest = Decimal(1).scaleb(-scale)
    signed = () if "unsigned" in column.declared.lower() else (str(-largest), str(-smallest))
    return tuple(f"{value:f}" for value in map(Decimal, (str(largest), *signed, str(smallest), "0")))


def word(column: Column, k: int) -> str:
    """Return a short text of letters and digits."""
    if column.length is None or column.length >= 8:
        return f"v{patterns.base36(k, 3)}"
    return patterns.base36(k, column.length)


def _text_limits(column: Column) -> tuple[str, ...]:
    most = min(column.length or UNLIMITED, LONGEST)
    full = ("Zoë-Æther 中" * (most // 11 + 1))[:most]
    # The first three are seen in any seeding of five rows, NULL among them.
    return tuple(dict.fromkeys((full, AWKWARD[:most], "", full[: most - 1], " x "[:most])))


def padded(column: Column, engine: Engine, k: int) -> Any:
    """Return a plain value filled up to the column's length: as long as it may be, and still distinct."""
    value = plain(column, engine, k)
    if column.array or family(column, engine) != "text" or not column.length or column.length < 8:
        return value
    return value + "x" * (min(column.length, UNLIMITED) - len(value))


def _bits(column: Column, engine: Engine, k: int) -> Any:
    width = column.length or 1
    if engine == "mysql":
        return k % 2**width
    return format(k % 2**width, f"0{width}b")


def array(values: list[Any]) -> str:
    """Return an array as PostgreSQL's text."""
    return "{" + ",".join("NULL" if value is None else _quoted(value) for value in values) + "}"


def _quoted(value: Any) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    text = f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
