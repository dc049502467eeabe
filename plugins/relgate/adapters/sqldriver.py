"""What a driver's own connection tells: its transaction, its server process; and statements with their values in them.

Asked of the driver, not of the library above it: whether SQLite or MySQL is in a transaction after DDL is something
that only they know. Nothing here connects or sends anything.
"""

from __future__ import annotations

import datetime as dt
import importlib
import json
import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from relgate.adapters.sqlsplit import tokens
from relgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from relgate.ports.migrations import Engine

_IN_TRANSACTION = 1  # SERVER_STATUS_IN_TRANS of MySQL's protocol
_PLACEHOLDER = re.compile(r"\$(\d+)\Z")


def load(module: str) -> Any:
    """Import a library of the extra ``migrations``.

    Raises:
        UsageError: it is not installed.

    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        message = f"{module} is not installed ({error}): pip install 'relgate[migrations]'"
        raise UsageError(message) from error


def in_transaction(raw: Any) -> bool:
    """Return whether a driver's connection has an open transaction; a driver that cannot say has one."""
    status = getattr(getattr(raw, "info", None), "transaction_status", None)
    if status is not None:
        return int(status) != 0
    if hasattr(raw, "is_in_transaction"):
        return bool(raw.is_in_transaction())
    if hasattr(raw, "server_status"):
        return bool(raw.server_status & _IN_TRANSACTION)
    if hasattr(raw, "_transaction_status"):
        return bool(raw._transaction_status != b"I")  # noqa: SLF001 - pg8000 keeps the protocol's letter here
    return bool(getattr(raw, "in_transaction", True))


def backend(raw: Any) -> int | None:
    """Return the number of the server's process or connection, None where there is none (SQLite)."""
    for owner, name in ((getattr(raw, "info", None), "backend_pid"), (raw, "get_server_pid"), (raw, "thread_id")):
        value = getattr(owner, name, None)
        if value is not None:
            return int(value() if callable(value) else value)
    return None


def state_of(error: BaseException) -> str:
    """Return an error's SQLSTATE, empty where there is none."""
    for name in ("sqlstate", "pgcode"):
        value = getattr(error, name, None)
        if isinstance(value, str):
            return value
    detail = error.args[0] if error.args else None
    return str(detail.get("C", "")) if isinstance(detail, dict) else ""


def literal(raw: Any, sql: str, parameters: Any, engine: Engine, *, many: bool = False) -> str:
    """Return a statement with its parameters in it. ``sql`` and ``parameters``: as the driver's cursor gets them."""
    if many:
        return ";\n".join(literal(raw, sql, row, engine) for row in parameters)
    if parameters is None:
        return sql
    module = type(raw).__module__.partition(".")[0]
    if module == "psycopg":
        psycopg = load("psycopg")
        cursor = psycopg.AsyncClientCursor if isinstance(raw, psycopg.AsyncConnection) else psycopg.ClientCursor
        return str(cursor(raw).mogrify(sql, parameters))
    if module in {"sqlite3", "aiosqlite"}:
        return _filled(sql, parameters, engine)
    if module == "asyncpg":
        return _numbered(sql, parameters, engine)
    return formatted(sql, parameters, engine)


def formatted(sql: str, parameters: Any, engine: Engine) -> str:
    """Fill ``%s`` or ``%(name)s``, everywhere, as drivers of that style do."""
    if isinstance(parameters, dict):
        return sql % {name: quote(value, engine) for name, value in parameters.items()}
    return sql % tuple(quote(value, engine) for value in parameters)


def _filled(sql: str, parameters: Sequence[Any] | Mapping[str, Any], engine: Engine) -> str:
    """Fill ``?``, or ``:name``, outside of quotes."""
    if isinstance(parameters, dict):
        return _named(sql, parameters, engine)
    values = iter(parameters)
    return "".join(
        quote(next(values), engine) if token.kind == "other" and token.text == "?" else token.text
        for token in tokens(sql, engine)
    )


def _named(sql: str, parameters: Mapping[str, Any], engine: Engine) -> str:
    texts: list[str] = []
    for token in tokens(sql, engine):
        if token.kind == "word" and texts and texts[-1] == ":" and token.text in parameters:
            texts[-1] = quote(parameters[token.text], engine)
        else:
            texts.append(token.text)
    return "".join(texts)


def _numbered(sql: str, parameters: Sequence[Any], engine: Engine) -> str:
    """Fill ``$1`` outside of quotes."""
    texts: list[str] = []
    for token in tokens(sql, engine):
        match = _PLACEHOLDER.match((texts[-1] if texts else "") + token.text)
        if match and token.kind == "word":
            texts[-1] = quote(parameters[int(match.group(1)) - 1], engine)
        else:
            texts.append(token.text)
    return "".join(texts)


def quote(value: Any, engine: Engine) -> str:
    """Return a Python value as SQL writes it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).upper() if engine == "postgresql" else str(int(value))
    if isinstance(value, int | float | Decimal):
        return _number(value, engine)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"'\\x{bytes(value).hex()}'::bytea" if engine == "postgresql" else f"X'{bytes(value).hex()}'"
    if isinstance(value, list | tuple) and engine == "postgresql":
        return "ARRAY[" + ", ".join(quote(item, engine) for item in value) + "]" if value else "'{}'"
    return _text(_as_text(value), engine)


def _as_text(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return value.isoformat(" ")
    if isinstance(value, dt.timedelta):
        return f"{value.total_seconds()} seconds"
    if isinstance(value, dict | list):
        return json.dumps(value, default=str)
    return str(value)


def _number(value: float | Decimal, engine: Engine) -> str:
    if math.isfinite(value):
        # In brackets: `1-?` with -1 would begin a comment.
        return f"({value!s})" if value < 0 else str(value)
    if engine == "postgresql":
        return f"'{value!s}'::float8"
    return "NULL" if math.isnan(value) else ("9e999" if value > 0 else "(-9e999)")


def _text(value: str, engine: Engine) -> str:
    if engine == "sqlite" and "\0" in value:
        return f"CAST(X'{value.encode().hex()}' AS TEXT)"
    if engine == "mysql":
        value = value.replace("\\", "\\\\")
    return "'" + value.replace("'", "''") + "'"
