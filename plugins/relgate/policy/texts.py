"""The texts of a policy: names, addresses, references to secrets, patterns, and the quantities of ``units``.

Messages about a place where a secret may stand never repeat what stood there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from relgate.policy import limits, units
from relgate.policy.grammar import Text, matching

if TYPE_CHECKING:
    from relgate.policy.grammar import Parse

WHOLE = "all"
"""As a quantile: all of them at once, the whole distribution."""

FOUND = "found"
"""As a warm-up: the data say how long it is."""

SHORTEST_LOOK_S = 1.0

SENSITIVE = re.compile(
    r"(?i)authorization|cookie|token|secret|passw(?:or)?d|passphrase|api[-_]?key|access[-_]?key|credential|^x-auth|^pw$"
)
REFERENCE = re.compile(r"(?:env:[A-Za-z_][A-Za-z0-9_]*|file:[^\x00-\x1f]+)\Z")


def _address(raw: object) -> str:
    """Return an http(s) URL with a host and no secret in it, or a reference; ValueError without repeating it."""
    text = str(_ADDRESS.parse(raw))
    if REFERENCE.match(text):
        return text
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
        query = [name for name, _ in parse_qsl(parts.query)]
    except ValueError:
        raise ValueError(
            "expected a URL such as https://canary.example, got one with an unreadable host or port"
        ) from None
    if parts.username is not None or any(SENSITIVE.search(name) for name in query):
        raise ValueError("expected a URL without a secret in it: use auth, or write the whole URL as env:NAME")
    if not host:
        raise ValueError(f"expected a URL with a host, such as https://canary.example, got {units.shown(raw)}")
    if parts.fragment:
        raise ValueError("expected a URL without #: what follows it is never sent")
    return text


def _pattern(raw: object) -> str:
    """Return a regular expression that Python compiles; ValueError otherwise."""
    text = str(_FREE.parse(raw))
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"expected a regular expression, got {units.shown(text)}: {error}") from None
    return text


def _statuses(raw: object) -> tuple[int, int]:
    """Return the closed range of ``200-399`` or ``404``; ValueError when it is empty or not HTTP."""
    text = f"{raw:.0f}" if isinstance(raw, int | float) and raw in range(100, 600) else raw
    if not isinstance(text, str) or not re.search(_STATUS, text):
        raise ValueError(f"expected a status such as 200 or 200-399, got {units.shown(raw)}")
    low, _, high = text.partition("-")
    if high and int(high) < int(low):
        raise ValueError(f"expected a range that goes up, got {units.shown(raw)}: write {high}-{low}")
    return int(low), int(high or low)


def _positive(parse: Parse, what: str) -> Parse:
    def parsed(raw: object) -> float:
        value = float(parse(raw))
        if value == 0:
            raise ValueError(f"expected {what}, got {units.shown(raw)}")
        return value

    return parsed


def _between(low: float, high: float) -> Parse:
    """Return the parser of a share strictly between two shares."""

    def parsed(raw: object) -> float:
        value = units.parse_share(raw)
        if not low < value < high:
            between = f"above {units.written(low, 'share')} and below {units.written(high, 'share')}"
            raise ValueError(f"expected a share {between}, got {units.shown(raw)}")
        return value

    return parsed


def _quantile(raw: object) -> float | str:
    """Return the share of a quantile, or ``WHOLE``."""
    return WHOLE if raw == WHOLE else float(_between(0.0, 1.0)(raw))


def _worse_by(raw: object) -> float:
    """Return a share of the baseline, which may be more than all of it: 3 for ``300%``."""
    return units.parse_share(raw, most=limits.MOST_TIMES - 1)


def _look(raw: object) -> float:
    value = units.parse_duration(raw)
    if value < SHORTEST_LOOK_S:
        raise ValueError(f"expected a duration of at least {SHORTEST_LOOK_S:g}s, got {units.shown(raw)}")
    return value


def _warmup(raw: object) -> float | str:
    """Return seconds, or ``FOUND``."""
    if raw == FOUND:
        return FOUND
    if isinstance(raw, str) and raw and not any(character.isdigit() for character in raw):
        raise ValueError(f"expected a duration such as 30s, or {FOUND}, got {units.shown(raw)}")
    return units.parse_duration(raw)


def _limit(raw: object) -> limits.Limit:
    return limits.parse_limit(raw)  # type: ignore[arg-type]


_DURATION = units.full(units.DURATION)
_SHARE = units.full(units.SHARE)
_STATUS = units.full(r"[1-5][0-9]{2}(?:-[1-5][0-9]{2})?")
_VISIBLE = r"[^\x00-\x20\x7f]"

# The lookahead asks for one visible character without the quadratic search that two repetitions would cost.
FREE_PATTERN = r"(?=[\s\S]*[^\x00-\x20\x7f])[^\x00-\x08\x0b-\x1f\x7f]+"
_FREE = matching("a text", FREE_PATTERN, "some words")
_ADDRESS = matching(
    "a URL",
    rf"https?://{_VISIBLE}+|{REFERENCE.pattern.removesuffix(chr(92) + 'Z')}",
    "https://canary.example",
    show=False,
)

NAME = matching("a name of letters, digits, - and _, a letter first,", r"[A-Za-z][A-Za-z0-9_-]{0,99}", "latency-p95")
LABEL = matching("a name of letters, digits, ., - and _", r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", "canary-5")
SERVICE = matching("a name of letters, digits, ., /, - and _", r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}", "aura-api")
SIGNAL = matching("a signal or signal.field", r"[A-Za-z][A-Za-z0-9_-]{0,99}(?:\.[A-Za-z_]{1,30})?", "requests.latency")
FREE = _FREE
ANY_TEXT = matching("a text", r"[\s\S]*", "some words", show=False)
FILE = matching("a path", r"[^\x00-\x1f\x7f]+", "policies/base.yaml")
WEB_PATH = matching("a path that begins with /", rf"/{_VISIBLE}*", "/api/projects")
POINTER = matching("a JSON pointer", r"(?:/(?:[^~/]|~[01])*)+", "/queue/depth")
METRIC = matching("a metric name", r"[A-Za-z_:][A-Za-z0-9_:]*", "process_resident_memory_bytes")
LABEL_NAME = matching("a label name", r"[A-Za-z_][A-Za-z0-9_]*", "severity")
HEADER = matching("a header name", r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}", "X-Env")
HEADER_VALUE = matching("a header value of one line", r"[^\x00-\x08\x0a-\x1f\x7f]*", "canary", "env:TOKEN", show=False)
HOST_PORT = matching(
    "a host and a port below 65535",
    r"[A-Za-z0-9.*:\[\]-]{1,253}:(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-4])",
    "0.0.0.0:5557",
)
SECRET = matching(
    "a reference to a secret, never the secret itself,",
    REFERENCE.pattern.removesuffix(r"\Z"),
    "env:TOKEN",
    "file:/run/secrets/token",
    show=False,
)
SCRATCH = matching(
    "embedded, system, auto, or a reference to a URL",
    rf"auto|embedded|system|{REFERENCE.pattern.removesuffix(chr(92) + 'Z')}",
    "embedded",
    "env:SCRATCH_URL",
    show=False,
)
URL = Text("a URL", _ADDRESS.pattern, _address, ("https://canary.example", "env:CANARY_URL"))
PATTERN = Text("a regular expression", _FREE.pattern, _pattern, (r"(?i)api[-_]?key=\S+",))
STATUS = Text("a status or a range of them", _STATUS, _statuses, ("200-399", "404"), whole=(100, 599))
DURATION = Text("a duration", _DURATION, units.parse_duration, ("30s", "10m", "1h30m"))
INTERVAL = Text(
    "a duration above zero", _DURATION, _positive(units.parse_duration, "a duration above zero"), ("5s", "500ms")
)
RATE = Text(
    "a rate above zero", units.full(units.RATE), _positive(units.parse_rate, "a rate above zero"), ("20/s", "10/min")
)
SHARE = Text("a share", _SHARE, units.parse_share, ("5%", "0.5%"))
QUANTILE = Text(
    "a share between 0% and 100%, or all", units.full(rf"{units.SHARE}|{WHOLE}"), _quantile, ("95%", "99.9%", WHOLE)
)
SHARE_BETWEEN = Text("a share between 0% and 100%", _SHARE, _between(0.0, 1.0), ("95%", "90%"))
CONFIDENCE = Text("a share between 50% and 100%", _SHARE, _between(0.5, 1.0), ("95%", "99%"))
RISK = Text("a share between 0% and 50%", _SHARE, _between(0.0, 0.5), ("5%", "1%"))
WORSE_BY = Text("a share of the baseline", _SHARE, _positive(_worse_by, "a share above zero"), ("20%", "300%"))
LOOK = Text("a duration of at least 1s", _DURATION, _look, ("5s", "1s"))
WARMUP = Text("a duration, or found", units.full(rf"{units.DURATION}|{FOUND}"), _warmup, ("30s", FOUND))
LIMIT = Text("a limit", units.full(limits.LIMIT), _limit, ("> 2000ms", "> 2x baseline", "> 0.5% for 5m", "down"))
