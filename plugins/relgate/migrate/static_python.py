"""Our static rules on the Python that a revision is written in. The file is parsed and never run."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from relgate.migrate.static_rules import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from relgate.ports.migrations import Revision

_NETWORK = frozenset(
    [
        *("aiobotocore", "aiohttp", "azure", "boto3", "botocore", "ftplib", "google.cloud", "grpc", "http.client"),
        *("httpx", "kafka", "paramiko", "pika", "redis", "requests", "smtplib", "socket", "telnetlib"),
        *("urllib.request", "urllib3", "websockets", "xmlrpc.client"),
    ]
)
_LIBRARIES = frozenset(("alembic", "django", "sqlalchemy", "sqlmodel", "geoalchemy2", "sqlalchemy_utils", "pgvector"))
"""Libraries that may have a module called models."""

_RESULTS = frozenset(
    (
        "execute",
        "fetchall",
        "fetchone",
        "fetchmany",
        "scalar",
        "scalars",
        "scalar_one",
        "mappings",
        "all",
        "first",
        "one",
    )
)
"""Methods whose result holds rows of the database."""

_SENDS = frozenset(("execute", "executemany", "exec_driver_sql", "text", "RunSQL"))


def read_python(source: str, revision: Revision, application: frozenset[str]) -> list[Fault]:
    """Return what the source of a revision shows. ``application``: the project's own top-level packages."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 0
        return [Fault("unreadable-source", f"The revision's file is no Python: {error}.", line)]
    return [*_imports(tree, application), *_from_data(tree), *_empty_downgrade(tree, revision)]


# --- what it imports


def _imports(tree: ast.Module, application: frozenset[str]) -> Iterator[Fault]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _import(node, alias.name, (), 0, application)
        elif isinstance(node, ast.ImportFrom):
            yield from _import(node, node.module or "", tuple(one.name for one in node.names), node.level, application)


def _import(
    node: ast.stmt, module: str, names: tuple[str, ...], level: int, application: frozenset[str]
) -> Iterator[Fault]:
    """Judge one import: of the network, of the application's models, or of the application."""
    full = [module, *(f"{module}.{name}".strip(".") for name in names)]
    reached = [one for one in full if level == 0 and any(one == bad or one.startswith(f"{bad}.") for bad in _NETWORK)]
    if reached:
        yield Fault("network-import", f"The revision imports {reached[-1]}.", node.lineno)
        return
    top = module.partition(".")[0]
    parts = {part for one in full for part in one.split(".")}
    shown = "." * level + module
    if level == 0 and top in _LIBRARIES:
        return
    if parts & {"models", "model"}:
        yield Fault("imports-models", f"The revision imports the application's models ({shown}).", node.lineno)
    elif top in application:
        yield Fault("imports-application", f"The revision imports the application ({shown}).", node.lineno)


# --- SQL made of rows


def _from_data(tree: ast.Module) -> Iterator[Fault]:
    """Find SQL that is put together from rows which the revision has read, function by function, once per line."""
    seen: set[int] = set()
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        rows = _rows_of(function)
        for call in ast.walk(function):
            if not isinstance(call, ast.Call) or _name(call.func) not in _SENDS or not call.args:
                continue
            used = sorted(_put_in(call.args[0], function) & rows)
            if used and call.lineno not in seen:
                seen.add(call.lineno)
                what = f"SQL is put together from values of rows ({', '.join(used)})."
                yield Fault("sql-from-data", what, call.lineno)


def _rows_of(function: ast.AST) -> set[str]:
    """Return the names that hold rows or values of them: assigned from a query, looped over one, and what follows."""
    rows: set[str] = set()
    while True:
        before = len(rows)
        for node in ast.walk(function):
            for target, value in _bindings(node):
                if _reads_rows(value) or _names(value) & rows:
                    rows |= _names(target)
        if len(rows) == before:
            return rows


def _bindings(node: ast.AST) -> list[tuple[ast.AST, ast.AST]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            return [(target, value) for target in targets]
        case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
            return [(target, value)]
        case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
            return [(target, value)]
    return []


def _reads_rows(value: ast.AST) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _RESULTS
        for node in ast.walk(value)
    )


def _put_in(argument: ast.AST, function: ast.AST) -> set[str]:
    """Return the names whose values become part of the SQL text: f-string, %, +, format; by one name in between too."""
    if isinstance(argument, ast.Name):
        made = [value for node in ast.walk(function) for target, value in _bindings(node) if _is(target, argument.id)]
        return {name for value in made if not isinstance(value, ast.Name) for name in _put_in(value, function)}
    found: set[str] = set()
    for node in ast.walk(argument):
        match node:
            case ast.FormattedValue(value=value):
                found |= _names(value)
            case ast.BinOp(op=ast.Mod(), right=right):
                found |= _names(right)
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                found |= _names(left) | _names(right)
            case ast.Call(func=ast.Attribute(attr="format"), args=args, keywords=keywords):
                found |= {name for one in (*args, *keywords) for name in _names(one)}
    return found


def _is(target: ast.AST, name: str) -> bool:
    return isinstance(target, ast.Name) and target.id == name


def _names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


# --- the way back


def _empty_downgrade(tree: ast.Module, revision: Revision) -> Iterator[Fault]:
    functions = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
    up, down = functions.get("upgrade"), functions.get("downgrade")
    if up is None or down is None or _does_nothing(up) or not _does_nothing(down) or revision.declared is not None:
        return
    yield Fault("empty-downgrade", "The upgrade changes something, and the downgrade does nothing.", down.lineno)


def _does_nothing(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether the body has nothing but pass, return, constants and messages."""
    return all(_idle(statement) for statement in function.body)


def _idle(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Return(value=None) | ast.Return(value=ast.Constant()) | ast.Expr(value=ast.Constant()):
            return True
        case ast.Expr(value=ast.Call(func=ast.Name(id="print"))):
            return True
    return False
