"""Alembic's version files, read one by one: a chain that Alembic itself refuses to load is read as well.

A missing parent, a cycle or an id that is there twice make Alembic's own map fail with an exception. Here each file
gives one ``Revision``, and what the chain looks like is for the checks to say.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.adapters.inproject import declared_of, explained, relative, retired_of
from relgate.errors import SourceError
from relgate.ports.migrations import Revision

if TYPE_CHECKING:
    from collections.abc import Iterable


def revisions_of(script: Any, project: Path) -> tuple[Revision, ...]:
    """Return a script directory's revisions, whatever their chain looks like.

    Raises:
        SourceError: a file cannot be loaded.

    """
    try:
        # The only way to Alembic's idea of which files count that does not build the map, which broken chains refuse.
        scripts = list(script._load_revisions())  # noqa: SLF001
    except (Exception, SystemExit) as error:
        message = f"a revision cannot be loaded: {explained(error, project)}"
        raise SourceError(message) from error
    labels = {label: item.revision for item in scripts for label in _names(item.module, "branch_labels")}
    return tuple(_revision(item, labels, project) for item in scripts)


def _revision(item: Any, labels: dict[str, str], project: Path) -> Revision:
    path = relative(item.path, project)
    up, down, way_back = ways(Path(item.path))
    release = getattr(item.module, "release", None)
    return Revision(
        id=str(item.revision),
        down=tuple(labels.get(name, name) for name in _names(item.module, "down_revision")),
        message=next(iter(item.doc.splitlines()), ""),
        path=path,
        line=up,
        down_line=down,
        after=tuple(labels.get(name, name) for name in _names(item.module, "depends_on")),
        labels=_names(item.module, "branch_labels"),
        way_back=way_back and hasattr(item.module, "downgrade"),
        declared=declared_of(getattr(item.module, "irreversible", None), path),
        release=None if release is None else str(release),
        retired=retired_of(getattr(item.module, "retired", ()), path),
    )


def _names(module: Any, variable: str) -> tuple[str, ...]:
    value = getattr(module, variable, None)
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(str(name) for name in value)


def ways(file: Path) -> tuple[int, int, bool]:
    """Return the lines of ``upgrade`` and ``downgrade``, 1 where not known, and whether ``downgrade`` may lead back.

    It may not when all that it does is to raise; one that does nothing may, and will be found to do nothing.
    """
    if file.suffix != ".py" or not file.exists():
        return 1, 1, True
    body = ast.parse(file.read_bytes()).body
    defined = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
    up, down = defined.get("upgrade"), defined.get("downgrade")
    return (
        up.lineno if up else 1,
        down.lineno if down else 1,
        down is None or not _only_raises(down.body),
    )


def _only_raises(body: Iterable[ast.stmt]) -> bool:
    for statement in body:
        says_nothing = isinstance(statement, ast.Pass) or (
            isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        )
        if not says_nothing:
            return isinstance(statement, ast.Raise)
    return False


def told(diff: Any) -> str:
    """Return one of autogenerate's operations as a line: ``add column orders.total NUMERIC``."""
    if isinstance(diff, list):
        return "; ".join(told(part) for part in diff)
    kind, *rest = diff
    if kind.startswith("modify_"):
        schema, table, column, _, before, after = rest[:6]
        name = ".".join(str(part) for part in (schema, table, column) if part)
        return f"change {kind.removeprefix('modify_')} of {name}: {_shown(before)} to {_shown(after)}"
    words = kind.replace("_", " ")
    if kind in {"add_column", "remove_column"}:
        schema, table, column = rest[:3]
        name = ".".join(str(part) for part in (schema, table, column.name) if part)
        return f"{words} {name} {column.type!r}"
    return f"{words} {' '.join(_object(part) for part in rest if part is not None)}".rstrip()


def _object(item: Any) -> str:
    table = getattr(item, "table", None)
    name = getattr(item, "fullname", None) or getattr(item, "name", None)
    if isinstance(item, str):
        return item
    if table is None:
        return str(name or item)
    columns = ", ".join(column.name for column in getattr(item, "columns", ()))
    return f"{name or 'without a name'} on {table.fullname}" + (f" ({columns})" if columns else "")


def _shown(value: Any) -> str:
    argument = getattr(value, "arg", value)
    return str(getattr(argument, "text", None) or (argument if isinstance(argument, str) else repr(argument)))
