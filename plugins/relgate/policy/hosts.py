"""What must be true of machines before a rollout, in a policy: certificates, free space, headers of answers."""

import re
from typing import Any

from relgate.policy import texts, units
from relgate.policy.base import Frozen
from relgate.policy.grammar import Key, ListOf, MapOf, Record, Text, matching

TLS_PORT = 443
VALID_FOR_S = 14 * 86400.0


class Certificates(Frozen):
    """Hosts whose certificates must be good. ``hosts``: name and port. ``ca``: a file with further authorities."""

    hosts: tuple[tuple[str, int], ...]
    valid_for_s: float = VALID_FOR_S
    ca: str | None = None


class Cors(Frozen):
    """Origins whose pages may read the candidate's answers, and origins whose pages must not.

    ``methods``: what allowed origins may send after asking first (OPTIONS).
    """

    allow: tuple[str, ...] = ()
    refuse: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()


class Headers(Frozen):
    """What answers of the candidate must say. ``paths``: what is asked. ``require``: names of headers."""

    paths: tuple[str, ...] = ("/",)
    require: tuple[str, ...] = ()
    cors: Cors | None = None


_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
_PORT = r"[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
_HOST = rf"({_NAME}|\[[0-9A-Fa-f:.]{{2,45}}\])(?::({_PORT}))?"


def _host(raw: object) -> tuple[str, int]:
    """Return the name and port of ``shop.example`` or ``[::1]:8443``."""
    found = re.search(units.full(_HOST), raw) if isinstance(raw, str) else None
    if found is None:
        raise ValueError(
            f"expected a host, perhaps with a port, such as shop.example or 10.0.0.1:8443, got {units.shown(raw)}"
        )
    return found[1].strip("[]"), int(found[2] or TLS_PORT)


HOST = Text("a host, perhaps with a port", units.full(_HOST), _host, ("shop.example", "10.0.0.1:8443"))
ORIGIN = matching("an origin", r"https?://[^\x00-\x20\x7f/?#@]+|null", "https://app.example", "null")
METHOD = matching("a method", r"[A-Z]{3,10}", "POST", "DELETE")

CERTIFICATES = Record(
    "certificates",
    (
        Key("hosts", ListOf(HOST), "hosts, perhaps with ports, whose certificates must be good", required=True),
        Key("valid_for", texts.DURATION, "how long they must be valid from now on", "14d"),
        Key("ca", texts.FILE, "a file with further authorities", "that of the environment"),
    ),
)

DISK = MapOf(texts.FILE, texts.SHARE_BETWEEN, least=1)

HEADERS = Record(
    "headers",
    (
        Key("get", ListOf(texts.WEB_PATH), "paths of the candidate", "/"),
        Key("require", ListOf(texts.HEADER), "headers that each answer must have, and mean"),
        Key(
            "cors",
            Record(
                "cors",
                (
                    Key("allow", ListOf(ORIGIN), "origins whose pages must be able to read the answers"),
                    Key("refuse", ListOf(ORIGIN), "origins whose pages must not: another site, and null"),
                    Key("methods", ListOf(METHOD), "what allowed origins may send after asking", "GET"),
                ),
                needs={"methods": "allow"},
            ),
            "whose pages may read the answers",
        ),
    ),
)


def check_headers(raw: Any) -> list[tuple[tuple[str | int, ...], str]]:
    """Return what the keys of parsed headers mean together, and do not: path below ``headers``, and the fault."""
    if not isinstance(raw, dict):
        return []
    cors = raw.get("cors")
    found: list[tuple[tuple[str | int, ...], str]] = []
    if "require" not in raw and "cors" not in raw:
        found.append(((), "headers needs require or cors: what must the answers say?"))
    if isinstance(cors, dict):
        allow, refuse = (cors.get(key, ()) for key in ("allow", "refuse"))
        if not {"allow", "refuse"} & set(cors):
            found.append((("cors",), "cors needs allow or refuse: whose pages may read the answers?"))
        if isinstance(allow, tuple) and isinstance(refuse, tuple):
            both = [one for one in refuse if isinstance(one, str) and one in allow]
            found += [(("cors", "refuse"), f"{one} is allowed above") for one in both]
    return found


def build_certificates(raw: dict[str, Any]) -> Certificates:
    """Return the value of parsed certificates without faults."""
    names = {"valid_for": "valid_for_s"}
    return Certificates(**{names.get(key, key): value for key, value in raw.items()})


def build_headers(raw: dict[str, Any]) -> Headers:
    """Return the value of parsed headers without faults."""
    cors = Cors(**raw["cors"]) if "cors" in raw else None
    return Headers(paths=raw.get("get", ("/",)), require=raw.get("require", ()), cors=cors)
