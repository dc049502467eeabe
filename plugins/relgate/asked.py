"""Whether a session was asked to decide, and with which options. Every pytest session imports this; it imports nothing.

A session decides when ``--gate-policy`` or another ``--gate-*`` option is on the command line, or when ``gate_policy``
is set in the configuration and ``-m`` names a family of gates.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    import pytest

FAMILIES = {
    "canary": "the new version against its limits and against the one that it replaces, in the same window",
    "migration": "what a migration does to a database, and whether it can be taken back",
    "preflight": "what must be true before a rollout begins",
    "smoke": "critical user paths",
    "load": "the release under load",
    "postdeploy": "what must stay true after a rollout",
}
OPTIONS = (
    ("policy", "FILE", "release policy; without one relgate does nothing"),
    ("env", "NAME", "environment of the policy to observe"),
    ("stage", "NAME", "stage of the policy to decide about"),
    ("candidate", "URL", "where the release under judgment answers, instead of the policy's"),
    ("baseline", "URL", "where the release that it replaces answers, instead of the policy's"),
    ("bake", "DURATION", "how long to observe (10m, 90s), instead of the policy's; recorded as an override"),
    (
        "compress",
        "N",
        "divide bakes, intervals, `for 5m` and warm-ups by N, to try a policy out; recorded as an override",
    ),
    ("reports", "DIR", "where runs leave their records (default: reports)"),
)


def selected_families(config: pytest.Config) -> tuple[str, ...]:
    """The families that ``-m`` asks for; one behind ``not`` is not asked for."""
    expression = re.sub(r"\bnot\s+\w+", "", config.option.markexpr or "")
    return tuple(family for family in FAMILIES if re.search(rf"\b{family}\b", expression))


def decides(config: pytest.Config) -> bool:
    """Whether this session is to decide; one that only lists or explains is not."""
    return asked(config) and not (config.option.collectonly or config.option.help or config.option.version)


def asked(config: pytest.Config) -> bool:
    """Whether a decision was asked for, on the command line or by a policy in the settings and a family in ``-m``."""
    return given(config.option) or bool(config.getini("gate_policy") and selected_families(config))


def given(options: argparse.Namespace) -> bool:
    """Whether an option of relgate is on the command line; an empty one too, which is said to be a mistake."""
    named = (getattr(options, f"gate_{name}", None) is not None for name, _, _ in OPTIONS)
    return any(named) or bool(getattr(options, "gate_release", None))
