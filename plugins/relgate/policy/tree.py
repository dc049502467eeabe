"""Secrets in the tree that is released, and what earlier runs must have recorded, in a policy."""

from typing import Any

from relgate.policy import texts
from relgate.policy.base import Frozen
from relgate.policy.grammar import Either, Key, ListOf, Record, matching

MAX_AGE_S = 30 * 86400.0
TIMEOUT_S = 600.0


class Tree(Frozen):
    """Files that must hold no secret. ``exclude``: patterns of paths. ``without``: detectors that are left out.

    ``known``: a baseline of detect-secrets; what somebody has marked there as no secret is excused.
    """

    tree: str = "."
    exclude: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    known: str | None = None
    timeout_s: float = TIMEOUT_S


class Recorded(Frozen):
    """Runs that must be in the ledger. ``stages`` empty: all that observe. ``environment`` None: that of the run."""

    stages: tuple[str, ...] = ()
    environment: str | None = None
    max_age_s: float = MAX_AGE_S


DETECTOR = matching("a name of a detector", r"[A-Z][A-Za-z0-9]{1,60}", "KeywordDetector")

TREE = Record(
    "secrets",
    (
        Key("tree", texts.FILE, "the folder that is looked through", "that of the policy"),
        Key("exclude", ListOf(texts.FILE), "patterns of paths that are left out, such as tests/*"),
        Key("without", ListOf(DETECTOR), "detectors of detect-secrets that are left out"),
        Key("known", texts.FILE, "a baseline of detect-secrets; what is marked there as no secret is excused"),
        Key("timeout", texts.INTERVAL, "how long it may take", "10m"),
    ),
)

BASELINE = Either(
    matching("recorded, or a mapping", r"recorded", "recorded"),
    Record(
        "baseline",
        (
            Key(
                "stages",
                ListOf(texts.LABEL),
                "stages that must have been promoted, with all their gates",
                "all that observe",
            ),
            Key("environment", texts.LABEL, "where", "the environment of the run"),
            Key("max_age", texts.INTERVAL, "how long ago at most", "30d"),
        ),
    ),
)


def check_baseline(raw: Any, stages: Any) -> list[tuple[tuple[str | int, ...], str]]:
    """Return which stages of a parsed ``baseline`` the policy does not have. ``stages``: the policy's, parsed."""
    wanted = raw.get("stages") if isinstance(raw, dict) else None
    if not isinstance(wanted, tuple) or not isinstance(stages, tuple):
        return []
    known = [str(one.get("name")) for one in stages if isinstance(one, dict)]
    unknown = [name for name in wanted if isinstance(name, str) and name not in known]
    return [(("stages",), f"unknown stage {name}: the policy has {', '.join(known)}") for name in unknown]


def build_tree(raw: dict[str, Any]) -> Tree:
    """Return the value of a parsed ``secrets`` without faults."""
    return Tree(**{{"timeout": "timeout_s"}.get(key, key): value for key, value in raw.items()})


def build_baseline(raw: Any) -> Recorded:
    """Return the value of a parsed ``baseline`` without faults."""
    keys: dict[str, Any] = raw if isinstance(raw, dict) else {}
    return Recorded(**{{"max_age": "max_age_s"}.get(key, key): value for key, value in keys.items()})
