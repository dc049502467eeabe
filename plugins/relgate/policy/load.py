"""Policy text -> Policy, or one PolicyError with every fault, each at its line and column.

The way: text -> tree with places (``nodes``) -> merged with what it extends -> parsed against the shape of a policy
(``document``, ``grammar``) -> checked between its parts (``checks``, ``secrets``) -> built (``build``). No file is
opened here: whoever calls gives ``read``.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from typing import TYPE_CHECKING

from relgate.errors import Fault, RelgateError
from relgate.policy import texts
from relgate.policy.build import build
from relgate.policy.checks import check_policy
from relgate.policy.document import POLICY
from relgate.policy.grammar import check
from relgate.policy.nodes import Faults, Node, compose, path_text, refuse
from relgate.policy.secrets import check_secrets
from relgate.policy.units import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from relgate.policy.model import Policy

MOST_FILES = 32


def load(text: str, *, name: str = "relgate.yaml", read: Callable[[str], str] | None = None) -> Policy:
    """Return the policy that a YAML text says.

    ``name`` is the file name in messages and what ``extends`` is relative to; ``read`` returns the text of another
    file by its joined path and may raise OSError or ValueError. Raises PolicyError with all faults, ordered by file
    and place. ``sha256`` of the result is that of the merged document as canonical JSON (sorted keys, no spaces).
    """
    files = _Files(read)
    root = files.merged(text, name, (name,))
    found = files.faults
    if root is None:
        refuse(found, files.names)
        raise AssertionError("a text without a tree has a fault")
    faults = Faults(root, found)
    doc = check(root, POLICY, (), faults)
    if isinstance(doc, dict):
        plan = check_policy(doc, faults)
        check_secrets(root, faults)
        refuse(found, files.names)
        return build(doc, plan, _sha256(root))
    refuse(found, files.names)
    raise AssertionError("a document that is no mapping has a fault")


def _sha256(root: Node) -> str:
    canonical = json.dumps(root.plain(), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


class _Files:
    """Reads a policy and what it extends; ``names`` in the order in which they were met."""

    def __init__(self, read: Callable[[str], str] | None) -> None:
        self.read = read
        self.names: list[str] = []
        self.faults: list[Fault] = []

    def merged(self, text: str, name: str, chain: tuple[str, ...]) -> Node | None:
        """Return the tree of a text over the trees that it extends; None when its own text has no tree."""
        self.names.append(name)
        own = compose(text, name, self.faults)
        if own is None or not isinstance(own.value, dict) or "extends" not in own.value:
            return own
        local = Faults(own, self.faults)
        extends = own.value["extends"]
        bases: list[Node] = []
        for index, reference in enumerate(extends.value if isinstance(extends.value, list) else [extends]):
            base = self.base(reference, ("extends", index), local, chain)
            if base is not None:
                bases.append(base)
        merged = Node({}, own.mark)
        for tree in (*bases, own):
            merged = _merge(merged, tree)
        if isinstance(merged.value, dict):
            merged.value.pop("extends")
        return merged

    def base(self, reference: Node, path: tuple[str | int, ...], faults: Faults, chain: tuple[str, ...]) -> Node | None:
        if reference.broken:
            return None
        try:
            relative = str(texts.FILE.parse(reference.plain()))
        except ValueError as fault:
            faults.add(path, str(fault))
            return None
        target = posixpath.normpath(posixpath.join(posixpath.dirname(chain[-1]), relative))
        if target in chain:
            faults.add(path, f"policies extend each other in a circle: {' -> '.join((*chain, target))}")
            return None
        if len(self.names) >= MOST_FILES:
            faults.add(path, f"expected at most {MOST_FILES} files")
            return None
        if self.read is None:
            faults.add(path, f"{shown(relative)} cannot be read here: this policy was given as a text without a place")
            return None
        try:
            text = self.read(target)
        except (OSError, ValueError, LookupError, RelgateError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            faults.add(path, f"{shown(target)} cannot be read: {reason}")
            return None
        tree = self.merged(text, target, (*chain, target))
        if tree is not None and not isinstance(tree.value, dict):
            self.faults.append(
                Fault(
                    f"expected a mapping, got {shown(tree.plain())}",
                    path_text(()),
                    tree.mark.line,
                    tree.mark.column,
                    target,
                )
            )
            return None
        return tree


def _merge(base: Node, own: Node) -> Node:
    """Return a mapping with the keys of both, own ones first in force; lists and scalars are replaced."""
    if not isinstance(base.value, dict) or not isinstance(own.value, dict):
        return own
    result = Node(dict(base.value), own.mark, {**base.keys, **own.keys})
    for key, value in own.value.items():
        result.value[key] = _merge(base.value[key], value) if key in base.value else value  # type: ignore[index,call-overload]
    return result
