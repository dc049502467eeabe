"""What feature flags must be before a rollout, in a policy: asked by a command, or as OpenFeature's OFREP says."""

from collections.abc import Mapping
from typing import Any

from relgate.policy import texts
from relgate.policy.base import Frozen
from relgate.policy.grammar import AnyJson, Key, ListOf, MapOf, Record, Words, matching

REASONS = ("STATIC", "TARGETING_MATCH", "DISABLED", "SPLIT", "CACHED", "UNKNOWN")
"""Reasons of OpenFeature that a policy may accept; never DEFAULT, ERROR, STALE."""
USUAL = ("STATIC", "TARGETING_MATCH", "DISABLED")
TIMEOUT_S = 10.0


class Flags(Frozen):
    """What flags must be. ``wanted``: flag -> value, off is false and on is true.

    ``ofrep``: base URL of a service that speaks the OpenFeature Remote Evaluation Protocol. ``run``: a command with
    ``{flag}``. ``reasons``: those of an evaluation that can be believed. ``context``: for whom flags are evaluated.
    """

    wanted: Mapping[str, Any]
    ofrep: str | None = None
    run: str | None = None
    context: Mapping[str, Any] = {}
    headers: Mapping[str, str] = {}
    reasons: tuple[str, ...] = USUAL
    timeout_s: float = TIMEOUT_S


FLAG = matching("a name of a flag", r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}", "new-checkout")
COMMAND = matching(
    "a command with {flag}", r"[^\x00-\x08\x0b-\x1f\x7f]*\{flag\}[^\x00-\x08\x0b-\x1f\x7f]*", "./flag {flag}"
)
ATTRIBUTE = matching("a name", r"[^\x00-\x20\x7f]{1,100}", "targetingKey")

SHAPE = Record(
    "flags",
    (
        Key("ofrep", texts.URL, "base URL of a service that evaluates flags (OpenFeature's OFREP)"),
        Key("run", COMMAND, "a command that prints the evaluation of {flag}: JSON with value and reason"),
        Key("off", ListOf(FLAG), "flags that must be false"),
        Key("on", ListOf(FLAG), "flags that must be true"),
        Key("is", MapOf(FLAG, AnyJson(), least=1), "flag to the value that it must have"),
        Key("context", MapOf(ATTRIBUTE, AnyJson()), "for whom they are evaluated", "nobody in particular"),
        Key("headers", MapOf(texts.HEADER, texts.HEADER_VALUE), "what the service is asked with"),
        Key("reasons", ListOf(Words(REASONS)), "reasons that can be believed", ", ".join(USUAL)),
        Key("timeout", texts.INTERVAL, "how long one answer may take", "10s"),
    ),
    exactly_one=("ofrep", "run"),
    needs={"context": "ofrep", "headers": "ofrep"},
)


def check(raw: Any) -> list[tuple[tuple[str | int, ...], str]]:
    """Return what the keys of parsed flags mean together, and do not: path below ``flags``, and the fault."""
    if not isinstance(raw, dict):
        return []
    found: list[tuple[tuple[str | int, ...], str]] = []
    if not {"off", "on", "is"} & set(raw):
        found.append(((), "flags needs off, on or is: what must which flag be?"))
    owner: dict[str, str] = {}
    for key in ("off", "on", "is"):
        names = raw.get(key, ())
        texts_of = [name for name in names if isinstance(name, str)] if isinstance(names, tuple | dict) else []
        twice = [name for name in texts_of if owner.setdefault(name, key) != key]
        found += [((key,), f"{name} stands under {owner[name]} too") for name in twice]
    return found


def build(raw: dict[str, Any]) -> Flags:
    """Return the value of parsed flags without faults."""
    wanted: dict[str, Any] = dict.fromkeys(raw.get("off", ()), False) | dict.fromkeys(raw.get("on", ()), True)
    given = {name: raw[name] for name in ("ofrep", "run", "context", "headers", "reasons") if name in raw}
    return Flags(wanted=wanted | raw.get("is", {}), timeout_s=raw.get("timeout", TIMEOUT_S), **given)
