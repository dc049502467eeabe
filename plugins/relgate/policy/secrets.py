"""Finds secrets in clear text, wherever in a policy they stand, and never repeats them.

A policy lies in a repository and its text goes into records. Values of headers and bodies whose name says that they
are secret must be references, and nothing anywhere may look like a well-known token.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from relgate.policy.nodes import path_text
from relgate.policy.texts import REFERENCE, SENSITIVE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from relgate.policy.nodes import Faults, Node, Path

_WHAT_TO_DO = "a secret stands here in clear text: write env:NAME or file:PATH, and change the secret"

# Published prefixes of tokens; private keys; JSON web tokens; credentials in URLs and in header values.
_TOKEN = re.compile(
    r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,}|glpat-[A-Za-z0-9_-]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}\b|sk_live_[A-Za-z0-9]{16,}|AIza[A-Za-z0-9_-]{35}|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,})"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY|://[^/\s:@]{1,200}:[^/\s@]{1,200}@"
)
_CREDENTIALS = re.compile(r"(?i)\s*(?:bearer|basic|token|digest|negotiate)\s+\S")
_FORM = re.compile(r"(?i)(?:^|[&?;\s\"'{,])([A-Za-z0-9_.-]{1,60})[\"']?\s{0,5}[=:]\s{0,5}[\"']?([^&\s\"']+)")

# Where names of keys are the author's own: what stands under them is a header's or a body's value.
_HEADERS, _BODIES = frozenset({"headers", "header"}), frozenset({"json"})


def check_secrets(root: Node, faults: Faults) -> None:
    """Note every secret in clear text in the tree; each value at most once."""
    said = {fault.path for fault in faults.found}
    for path, text in _texts(root, ()):
        if _reveals(text, path) and path_text(path) not in said:
            faults.add(path, _WHAT_TO_DO)


def _texts(node: Node, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(node.value, dict):
        for key, value in node.value.items():
            yield from _texts(value, (*path, key))
    elif isinstance(node.value, list):
        for index, value in enumerate(node.value):
            yield from _texts(value, (*path, index))
    elif isinstance(node.value, str):
        yield path, node.value


def _reveals(text: str, path: Path) -> bool:
    if REFERENCE.match(text):
        return False
    if _TOKEN.search(text):
        return True
    names = [part for part in path if isinstance(part, str)]
    if path[:1] not in (("environments",), ("signals",), ("api",)) and path[:2] != ("preflight", "flags"):
        return False
    if len(names) > 1 and names[-2] in _HEADERS and "auth" not in names:
        return bool(SENSITIVE.search(names[-1]) or _CREDENTIALS.match(text))
    if _BODIES.intersection(names[1:-1]):
        return bool(SENSITIVE.search(names[-1])) and text != ""
    if names[-1:] == ["body"]:
        return any(SENSITIVE.search(name) and not REFERENCE.match(value) for name, value in _FORM.findall(text))
    return False
