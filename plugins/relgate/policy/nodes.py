"""YAML text -> a tree of nodes that know their place. No values are judged here.

Scalars follow the YAML 1.2 core schema, not PyYAML's 1.1: ``on``, ``no`` and ``12:30`` are texts. Duplicate keys are
faults, because the first of two limits would be dropped in silence. Aliases and merge keys work; recursive ones,
alias bombs, tags, NaN and infinity do not. Text, depth and number of nodes are bounded, so that no input exhausts
the process: whatever comes in, out comes a tree or a PolicyError.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

from relgate.errors import Fault, PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_CHARACTERS = 1_000_000
MOST_DEPTH = 50
MOST_NODES = 20_000
MOST_DIGITS = 40

Scalar = str | int | float | bool | None
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a text; line and column count from 1."""

    file: str
    line: int
    column: int


NOWHERE = Mark("", 0, 0)


@dataclass(slots=True)
class Node:
    """A value with its place. ``keys``: where the keys of a mapping stand.

    ``broken``: the value could not be read and has its fault already; nothing more is to be said about it.
    """

    value: Scalar | list[Node] | dict[str, Node]
    mark: Mark
    keys: dict[str, Mark] = field(default_factory=dict)
    broken: bool = False

    def plain(self) -> object:
        """Return the value without places: what ``json.dumps`` takes."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


class Faults:
    """Collects what is wrong with a tree; every fault gets the place of its path."""

    def __init__(self, root: Node | None, found: list[Fault] | None = None) -> None:
        self.root = root
        self.found: list[Fault] = [] if found is None else found

    def add(self, path: Path, message: str, *, at_key: bool = False) -> None:
        """Note a fault at the value of ``path`` - or at its key - or at the nearest parent that exists."""
        node, key = self.root, None
        shown: list[str | int] = []
        for index, part in enumerate(path):
            if node is None:
                break
            if isinstance(node.value, dict) and isinstance(part, str) and part in node.value:
                node, key = node.value[part], node.keys.get(part)
            elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
                node, key = node.value[part], None
            elif isinstance(part, int):
                continue  # one item that stands without its list
            else:
                shown.extend(path[index:])
                at_key = True
                break
            shown.append(part)
        mark = key if at_key and key is not None else node.mark if node is not None else NOWHERE
        self.found.append(Fault(message, path_text(tuple(shown)), mark.line, mark.column, mark.file))


def path_text(path: Path) -> str:
    """Return ``gates.latency-p95.fail`` or ``stages[0].name``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def compose(text: str, name: str, faults: list[Fault]) -> Node | None:
    """Return the tree of a YAML text; None and a fault when it is not YAML.

    ``name`` is the file name that marks carry. Faults that leave the tree usable (a duplicate key) are added too.
    """
    if len(text) > MOST_CHARACTERS:
        faults.append(Fault(f"expected at most {MOST_CHARACTERS} characters, got {len(text)}", file=name))
        return None
    try:
        root = _compose(text)
        if root is None:
            faults.append(
                Fault("the policy is empty: it needs at least relgate, service, environments, stages", file=name)
            )
            return None
        return _Converter(name, faults).node(root, ())
    except _RefusedError as refused:
        mark = refused.mark
        faults.append(Fault(str(refused), path_text(refused.path), mark.line + 1, mark.column + 1, name))
    except yaml.reader.ReaderError as error:
        line, column = _place(text, error.position)
        what = f"U+{error.character:04X}" if isinstance(error.character, int) else "bytes"
        faults.append(Fault(f"the character {what} is not allowed in YAML: remove it", "", line, column, name))
    except yaml.MarkedYAMLError as error:
        where = error.problem_mark or error.context_mark
        line, column = (where.line + 1, where.column + 1) if where else (1, 1)
        faults.append(Fault(_sentence(error), "", line, column, name))
    except (ValueError, OverflowError, IndexError) as error:
        # PyYAML lets these out for escapes beyond Unicode and for directives with huge numbers.
        faults.append(Fault(f"this is not YAML: {error}", "", 1, 1, name))
    return None


class _RefusedError(Exception):
    """YAML that a policy must not use; ends reading."""

    def __init__(self, message: str, mark: yaml.Mark, path: Path = ()) -> None:
        super().__init__(message)
        self.mark = mark
        self.path = path


class _Loader(yaml.SafeLoader):
    """PyYAML's parser with bounds and without YAML 1.1 scalars."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._open: list[str | None] = []
        self._count = 0

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        mark = event.start_mark
        anchor: str | None = event.anchor
        if isinstance(event, yaml.AliasEvent):
            if anchor in self._open:
                raise _RefusedError(f"*{anchor} stands inside of &{anchor}: an alias must not contain itself", mark)
            return super().compose_node(parent, index)  # type: ignore[arg-type]
        self._count += 1
        if self._count > MOST_NODES or len(self._open) >= MOST_DEPTH:
            raise _RefusedError(f"expected at most {MOST_NODES} values, nested at most {MOST_DEPTH} deep", mark)
        self._open.append(anchor)
        node = super().compose_node(parent, index)  # type: ignore[arg-type]
        self._open.pop()
        return node

    def resolve(self, kind: type[yaml.Node], value: str, implicit: tuple[bool, bool]) -> str:  # noqa: ARG002
        if kind is yaml.ScalarNode:
            return "plain" if implicit[0] else "text"
        return "sequence" if kind is yaml.SequenceNode else "mapping"


def _compose(text: str) -> yaml.Node | None:
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


class _Converter:
    """From PyYAML's nodes to ours: aliases and merge keys are expanded, scalars get their type."""

    def __init__(self, name: str, faults: list[Fault]) -> None:
        self.name = name
        self.faults = faults
        self.count = 0

    def node(self, node: yaml.Node, path: Path) -> Node:
        self.count += 1
        if self.count > MOST_NODES:
            raise _RefusedError(f"expected at most {MOST_NODES} values, aliases expanded", node.start_mark, path)
        if node.tag not in ("plain", "text", "sequence", "mapping", "tag:yaml.org,2002:str"):
            self.fault(node, path, f"tags are not supported: remove {node.tag.replace('tag:yaml.org,2002:', '!!')}")
            return Node(None, self.mark(node), broken=True)
        if isinstance(node, yaml.ScalarNode):
            count = len(self.faults)
            value = self.scalar(node, path)
            return Node(value, self.mark(node), broken=len(self.faults) > count)
        if isinstance(node, yaml.SequenceNode):
            items = [self.node(item, (*path, index)) for index, item in enumerate(node.value)]
            return Node(items, self.mark(node))
        return self.mapping(node, path)

    def mapping(self, node: yaml.Node, path: Path) -> Node:
        result = Node({}, self.mark(node))
        values: dict[str, Node] = {}
        inherited: list[tuple[str, Node, Mark]] = []
        for key_node, value_node in node.value:
            if key_node.tag == "plain" and key_node.value == "<<":
                inherited.extend(self.merged(value_node, path))
                continue
            key = self.scalar(key_node, path) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                self.fault(key_node, path, "expected a text as key: put it in quotes")
                continue
            if key in values:
                first = result.keys[key].line
                self.fault(key_node, (*path, key), f"the key stands twice, first in line {first}: remove one")
                continue
            result.keys[key] = self.mark(key_node)
            values[key] = self.node(value_node, (*path, key))
        for key, value, mark in inherited:
            if key not in values:
                values[key], result.keys[key] = value, mark
        result.value = values
        return result

    def merged(self, node: yaml.Node, path: Path) -> Iterator[tuple[str, Node, Mark]]:
        """Yield what ``<<`` brings in; of several mappings the earlier wins."""
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                self.fault(source, (*path, "<<"), "expected a mapping, or a list of mappings, after <<")
                continue
            brought = self.mapping(source, path)
            self.count += 1
            if isinstance(brought.value, dict):
                for key, value in brought.value.items():
                    yield key, value, brought.keys[key]

    def scalar(self, node: yaml.ScalarNode, path: Path) -> Scalar:
        text = str(node.value)
        if any("\ud800" <= character <= "\udfff" for character in text):
            self.fault(node, path, "half of a surrogate pair is not a character: write the character itself")
            return None
        if node.tag != "plain":
            return text
        try:
            return core_scalar(text)
        except ValueError as error:
            self.fault(node, path, str(error))
            return None

    def mark(self, node: yaml.Node) -> Mark:
        return Mark(self.name, node.start_mark.line + 1, node.start_mark.column + 1)

    def fault(self, node: yaml.Node, path: Path, message: str) -> None:
        mark = self.mark(node)
        self.faults.append(Fault(message, path_text(path), mark.line, mark.column, mark.file))


_NULL = re.compile(r"(?:null|Null|NULL|~|)\Z")
_BOOL = re.compile(r"(?:(true|True|TRUE)|false|False|FALSE)\Z")
_INT = re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_SPECIAL = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.nan|\.NaN|\.NAN)\Z")


def core_scalar(text: str) -> Scalar:
    """Return a plain scalar as the YAML 1.2 core schema types it; ValueError for NaN, infinity and endless digits."""
    if _NULL.match(text):
        return None
    if flag := _BOOL.match(text):
        return flag[1] is not None
    if _SPECIAL.match(text):
        raise ValueError(f"expected a finite number, got {text}")
    whole, real = _INT.match(text), _FLOAT.match(text)
    if (whole or real) and len(text) > MOST_DIGITS:
        raise ValueError(f"expected a number of at most {MOST_DIGITS} digits, got {len(text)}")
    if whole:
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if real:
        number = float(text)
        if not math.isfinite(number):
            raise ValueError(f"expected a finite number, got {text}")
        return number
    return text


def _place(text: str, position: int) -> tuple[int, int]:
    before = text[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1


_SENTENCES = (
    ("'\\t'", "a tab stands where YAML wants spaces: indent with spaces"),
    ("expected a single document", "expected one document, got several: remove the line with ---"),
    (
        "mapping values are not allowed",
        "a colon stands where no key can be: put the text in quotes, or check the indent",
    ),
    ("could not find expected ':'", "expected a colon after the key"),
    ("expected <block end>", "the indent does not fit the lines above, or a bracket or quote is missing"),
    ("expected ',' or '}'", "expected a comma or } here: is a brace not closed?"),
    ("expected ',' or ']'", "expected a comma or ] here: is a bracket not closed?"),
    ("while scanning a quoted scalar", "a quote is not closed"),
    ("found undefined alias", "an alias (*name) has no anchor (&name) before it"),
    ("found duplicate anchor", "an anchor (&name) is defined twice"),
    ("cannot start any token", "a text must not begin with this character: put the text in quotes"),
)


def _sentence(error: yaml.MarkedYAMLError) -> str:
    """Return PyYAML's complaint in words that name what to do."""
    said = " ".join(str(part) for part in (error.context, error.problem) if part)
    for sign, sentence in _SENTENCES:
        if sign in said:
            return sentence
    return f"this is not YAML: {said or 'it cannot be read'}"


def refuse(faults: list[Fault], files: list[str]) -> None:
    """Raise all faults as one PolicyError, ordered by file and place, each once; nothing without faults."""
    order = {file: index for index, file in enumerate(files)}
    if faults:
        unique = dict.fromkeys(faults)
        raise PolicyError(sorted(unique, key=lambda f: (order.get(f.file, len(order)), f.line, f.column)))
