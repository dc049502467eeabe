"""Quantities as people write them - ``1h30m``, ``95%``, ``500MB``, ``20/s`` - and what they are in SI.

A quantity always carries its unit: a bare 0.95 could be a share or a percentage, a bare 2000 seconds or
milliseconds, and the wrong guess passes everything. Decimal prefixes are decimal (``500MB`` = 500e6 bytes),
``MiB`` is binary. Conversion is exact until the last step, so ``0.1%`` is the float nearest to 0.001. Texts are
matched against the same patterns that the JSON Schema shows to editors. Nothing negative, infinite or absurd is
accepted; every ValueError says what was expected, what came, and gives an example.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relgate.values import Dimension

NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,9})?"
_TIME_UNIT = (
    r"(?:milliseconds?|microseconds?|seconds?|minutes?|hours?|days?|weeks?|msec|secs?|mins?|hrs?|ms|us|µs|s|m|h|d|w)"
)
_SIZE_UNIT = r"(?:[kKMGT]?B|[KMGT]iB)"
_PER = r"(?: ?/ ?| per )(?:s|sec|second|m|min|minute|h|hour|d|day)"

DURATION = rf"{NUMBER} ?{_TIME_UNIT}(?: ?{NUMBER} ?{_TIME_UNIT}){{0,4}}"
SHARE = rf"{NUMBER} ?%"
SIZE = rf"{NUMBER} ?{_SIZE_UNIT}"
RATE = rf"{NUMBER} ?(?:(?:req|requests)?{_PER}|rps)"
BYTE_RATE = rf"{SIZE}{_PER}"
QUANTITY = rf"(?:{DURATION}|{SHARE}|{BYTE_RATE}|{SIZE}|{RATE}|{NUMBER})"

Parser = Callable[[object], float]

_SECONDS = {
    "u": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
    "d": Fraction(86400),
    "w": Fraction(604800),
}
_BYTES = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}

# Beyond these a typing error is more likely than a wish: SI units of each dimension.
MOST: dict[Dimension, float] = {
    "time": 366 * 86400.0,
    "share": 1.0,
    "bytes": 1e16,
    "rate": 1e9,
    "byterate": 1e16,
    "count": 1e15,
}

_EXAMPLE: dict[Dimension, tuple[str, str]] = {
    "time": ("a duration", "30s, 10m, 1h30m or 500ms"),
    "share": ("a share", "95% or 0.5%"),
    "bytes": ("a size", "500MB or 512MiB"),
    "rate": ("a rate", "20/s, 10/min or 5/h"),
    "byterate": ("a byte rate", "10MB/min"),
    "count": ("a number", "1000"),
}


def full(pattern: str) -> str:
    r"""Anchor a pattern so that Python and ECMAScript agree: Python's ``$`` alone would let a final \n pass."""
    return rf"^(?:{pattern})$(?!\n)"


_WHOLE: dict[Dimension, re.Pattern[str]] = {
    "time": re.compile(full(DURATION)),
    "share": re.compile(full(SHARE)),
    "bytes": re.compile(full(SIZE)),
    "rate": re.compile(full(RATE)),
    "byterate": re.compile(full(BYTE_RATE)),
    "count": re.compile(full(NUMBER)),
}
_PART = re.compile(rf"({NUMBER}) ?([A-Za-zµ%]*)")
_SUFFIX_PER = re.compile(rf"{_PER}$")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in SI with what it measures."""

    value: float
    dimension: Dimension


def shown(raw: object, most: int = 60) -> str:
    """Return what came, as it may stand in a message: short, on one line, texts in quotes."""
    if raw is None:
        return "nothing"
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, dict):
        return "a mapping"
    if isinstance(raw, list | tuple):
        return "a list"
    text = raw if isinstance(raw, str) else _digits(raw)
    text = text.encode("unicode_escape").decode() if not text.isprintable() else text
    text = text if len(text) <= most else text[: most - 3] + "..."
    return f'"{text}"' if isinstance(raw, str) else text


def _digits(raw: object) -> str:
    """Return a number's digits; an int of thousands of digits must not raise (Python limits the conversion)."""
    if isinstance(raw, int) and raw.bit_length() > 200:
        return "a number of more than 60 digits"
    return str(raw)


def parse_duration(raw: object) -> float:
    """Return the seconds of ``30s``, ``10m``, ``1h30m``, ``500ms``, ``7d``; ValueError otherwise."""
    return _parse(raw, "time")


def parse_share(raw: object, most: float = MOST["share"]) -> float:
    """Return the share (0 to 1, or to ``most``) of ``95%``; ValueError otherwise, with a hint for a bare 0.95."""
    return _parse(raw, "share", most)


def parse_size(raw: object) -> float:
    """Return the bytes of ``500MB`` (500e6) or ``500MiB``; ValueError otherwise."""
    return _parse(raw, "bytes")


def parse_rate(raw: object) -> float:
    """Return the events per second of ``20/s``, ``10/min``, ``5/h`` or ``20 rps``; ValueError otherwise."""
    return _parse(raw, "rate")


def parse_byte_rate(raw: object) -> float:
    """Return the bytes per second of ``10MB/min``; ValueError otherwise."""
    return _parse(raw, "byterate")


def parse_number(raw: object) -> float:
    """Return a plain number that is not negative, from text; ValueError otherwise."""
    return _parse(raw, "count")


def parse_quantity(text: str) -> Quantity:
    """Return a quantity of whatever dimension its unit says; no unit means a plain number; ValueError otherwise."""
    for dimension, pattern in _WHOLE.items():
        if pattern.search(text):
            return Quantity(_parse(text, dimension), dimension)
    raise ValueError(
        f"expected a quantity such as 2000ms, 5%, 500MB, 10/min or 1000, got {shown(text)}{_unit_hint(text)}"
    )


def written(value: float, dimension: Dimension) -> str:
    """Return a number of SI with a unit that ``parse_quantity`` reads: the hint beside a fault."""
    if dimension == "share":
        return f"{_decimal(value * 100)}%"
    if dimension == "time":
        if value >= 86400 and value % 86400 == 0:
            return f"{value / 86400:.0f}d"
        return f"{_decimal(value * 1000)}ms" if 0 < value < 1 else f"{_decimal(value)}s"
    return _decimal(value) + {"bytes": "B", "rate": "/s", "byterate": "B/s"}.get(dimension, "")


def _decimal(value: float) -> str:
    """Return digits without an exponent, at most nine of them after the point."""
    return f"{value:.9f}".rstrip("0").rstrip(".")


def _parse(raw: object, dimension: Dimension, most: float | None = None) -> float:
    what, example = _EXAMPLE[dimension]
    if not isinstance(raw, str) or not _WHOLE[dimension].search(raw):
        raise ValueError(f"expected {what} such as {example}, got {shown(raw)}{_hint(raw, dimension)}")
    value = float(_exact(raw, dimension))
    limit = MOST[dimension] if most is None else most
    if value > limit:
        raise ValueError(f"expected {what} of at most {written(limit, dimension)}, got {shown(raw)}")
    return value


def _exact(text: str, dimension: Dimension) -> Fraction:
    per = Fraction(1)
    if dimension in ("rate", "byterate") and (found := _SUFFIX_PER.search(text)):
        per = _seconds(re.sub(r"^ ?/ ?| per ", "", found.group()))
        text = text[: found.start()]
    parts = _PART.findall(text)
    if dimension == "time":
        return sum((Fraction(number) * _seconds(unit) for number, unit in parts), Fraction(0))
    number, unit = parts[0]
    if dimension == "share":
        return Fraction(number) / 100
    return Fraction(number) * (_BYTES[unit] if dimension in ("bytes", "byterate") else 1) / per


def _seconds(unit: str) -> Fraction:
    """Return the seconds of a unit word: its first letter tells, but for milli-, micro- and minutes."""
    if unit.startswith(("us", "µ", "micro")):
        return _SECONDS["u"]
    if unit.startswith(("ms", "milli")):
        return _SECONDS["ms"]
    return _SECONDS[unit[0]]


def _hint(raw: object, dimension: Dimension) -> str:
    """Return what the author probably meant, as an ending of the message."""
    number = _plain(raw)
    if number is None:
        return _unit_hint(raw)
    if dimension == "share":
        return f": write {written(number if number < 1 else number / 100, 'share')}"
    if dimension == "count":
        return ""
    unit = {"time": "s", "bytes": "MB", "rate": "/s", "byterate": "MB/min"}[dimension]
    return f": say the unit, for example {number:.10g}{unit}"


def _plain(raw: object) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    try:
        number = float(raw)
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number <= MOST["count"] else None


def _unit_hint(raw: object) -> str:
    if not isinstance(raw, str):
        return ""
    if re.search(r"[0-9] ?[kMGT]?b(?:it|ps|$|/)", raw):
        return ": sizes are in bytes, B and not b"
    if re.search(r"[0-9][,_ '][0-9]{3}", raw):
        return ": write the number without separators"
    if raw.lstrip().startswith("-"):
        return ": it must not be negative"
    return ""
