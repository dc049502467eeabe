"""The reference of the policy language as Markdown, drawn from what the loader checks with: it cannot drift."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from relgate.policy import limits, risk, units
from relgate.policy.document import POLICY
from relgate.policy.fields import FIELDS, dimension_of
from relgate.policy.grammar import (
    AnyJson,
    Either,
    Flag,
    Key,
    ListOf,
    MapOf,
    Nullable,
    Number,
    Record,
    Shape,
    Text,
    Whole,
    Words,
)
from relgate.policy.model import Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

_RULES = {
    "quantile": "the `quantile` of a time",
    "share": "the share of requests that failed",
    "throughput": "answers per second that did not fail",
    "capacity": "the rate up to which the load's quantile keeps its `knee`",
    "ids": "the share of answers that break the rule of correlation ids",
    "health": "states, answer by answer",
    "version": "the version that answers, against `expect`",
    "gauge": "a number, at every observation or as `over` says",
    "growth": "how much the number has grown over the window",
    "trend": "the slope of the number over the window, per second",
    "counter": "how fast a counter increases, per second",
    "patterns": "how often each pattern of lines comes, per second; a burst counts once",
    "statements": "the mean time of each statement",
    "value": "what a test of yours measures (`signal: null`)",
}

_WITHOUT_UNIT = ("probe", "load", "poll", "alerts", "log", "statements")

_UNITS = (
    ("duration", units.parse_duration, ("500ms", "30s", "10m", "1h30m", "24h", "7d"), "s"),
    ("share", units.parse_share, ("95%", "0.5%"), ""),
    ("size", units.parse_size, ("500MB", "500MiB", "1GB"), "B"),
    ("rate", units.parse_rate, ("20/s", "10/min", "5/h", "20 rps"), "1/s"),
    ("byte rate", units.parse_byte_rate, ("10MB/min",), "B/s"),
    ("number", units.parse_number, ("1000",), ""),
)


def reference() -> str:
    """Return the reference of all keys, signal fields, rule kinds, units and limit forms, as Markdown."""
    lines = [
        "# Policy reference",
        "",
        "A policy is one YAML file (YAML 1.2: `on` and `no` are texts). Every duration, share, size and rate has its",
        "unit. `relgate check` names every fault with its line; `relgate schema` prints the JSON Schema for editors.",
        *_records(),
        *_fields(),
        *_units(),
        *_limits(),
        *_risk(),
    ]
    return "\n".join(lines) + "\n"


def _records() -> Iterator[str]:
    """Yield a section for each record, in the order in which a policy refers to them, each once."""
    waiting: list[tuple[str, Record]] = [("The policy", POLICY)]
    done: set[int] = set()
    while waiting:
        title, record = waiting.pop(0)
        if id(record) in done:
            continue
        done.add(id(record))
        yield from ("", f"## {title}", "", "| key | value | default | what it does |", "|---|---|---|---|")
        for key in record.keys:
            yield _row(key)
            waiting += [(inner.title[0].upper() + inner.title[1:], inner) for inner in _inner(key.shape)]
        yield from _conditions(record)


def _row(key: Key) -> str:
    default = "**required**" if key.required else f"`{key.default}`" if key.default.endswith("%") else key.default
    return f"| `{key.name}` | {_cell(_value(key.shape))} | {_cell(default)} | {_cell(key.text)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _conditions(record: Record) -> Iterator[str]:
    if record.exactly_one:
        yield from ("", f"Exactly one of {_codes(record.exactly_one)}.")
    if record.at_most_one:
        yield from ("", f"At most one of {_codes(record.at_most_one)}.")
    for name, other in record.needs.items():
        yield from ("", f"`{name}` stands here only beside `{other}` as a text.")


def _codes(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _value(shape: Shape) -> str:
    """Return what may stand as a value, for a table's cell."""
    if isinstance(shape, Text):
        return f"{shape.what.strip(',')}: {_codes(shape.examples)}"
    if isinstance(shape, Words):
        return _codes(shape.words)
    if isinstance(shape, Whole):
        return f"`{shape.low}`" if shape.low == shape.high else f"a whole number from {shape.low} to {shape.high}"
    if isinstance(shape, Number):
        return f"a number above 0, at most {shape.most:g}"
    if isinstance(shape, Flag):
        return "`true`, `false`"
    if isinstance(shape, AnyJson):
        return "any JSON value"
    if isinstance(shape, Nullable):
        return f"{_value(shape.shape)}, or `null`"
    if isinstance(shape, Either):
        return f"{_value(shape.short)}, or {_value(shape.long)}"
    if isinstance(shape, ListOf):
        return f"{_value(shape.item)}; or a list" if shape.single else f"a list of: {_value(shape.item)}"
    if isinstance(shape, MapOf):
        return f"{shape.name.what.strip(',')} to: {_value(shape.item)}"
    return f"[{shape.title}](#{shape.title.replace(' ', '-')})"


def _inner(shape: Shape) -> list[Record]:
    if isinstance(shape, Record):
        return [shape]
    if isinstance(shape, Either):
        return [shape.long]
    return _inner(shape.item) if isinstance(shape, ListOf | MapOf) else []


def _fields() -> Iterator[str]:
    yield from ("", "## Signal fields and rule kinds", "")
    yield from ("A gate names `signal` or `signal.field`; the first field is the default.", "")
    yield from ("| signal | field | rule kind | limits are | judged |", "|---|---|---|---|---|")
    for kind, fields in FIELDS.items():
        units_of: tuple[Unit, ...] = ("count",) if kind in _WITHOUT_UNIT else get_args(Unit)
        for field, rule in fields.items():
            found = dict.fromkeys(dimension_of(rule, unit) for unit in units_of)
            dimensions = ", ".join(dimension for dimension in found if dimension)
            yield f"| {kind} | `{field}` | {rule} | {dimensions} | {_RULES[rule]} |"
    yield f"| none | | value | any | {_RULES['value']} |"


def _units() -> Iterator[str]:
    yield from ("", "## Units", "", "| quantity | written | is |", "|---|---|---|")
    for name, parse, examples, unit in _UNITS:
        for example in examples:
            yield f"| {name} | `{example}` | {f'{parse(example):.10g} {unit}'.strip()} |"


def _limits() -> Iterator[str]:
    """Yield the table of ``limits``, which its docstring holds, with its marks turned into Markdown's."""
    yield from ("", "## Limits", "", "A limit names what is bad. `fail` and `warn` take one or a list of them.", "")
    text = limits.__doc__ or ""
    for line in text.splitlines()[2:]:
        yield line.replace("``", "`")


def _risk() -> Iterator[str]:
    """Yield what the docstring of ``risk`` says."""
    yield from ("", "## How often a decision may be wrong", "")
    for line in (risk.__doc__ or "").splitlines()[2:]:
        yield line.replace("``", "`")
