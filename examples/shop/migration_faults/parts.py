"""What a fault is made of: revisions on top of the good history, and what its models know of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import dedent, indent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Steps = str | tuple[str, ...]
"""The body of ``upgrade`` or ``downgrade``: Python, or SQL statements."""

TIMEOUT = "SET LOCAL lock_timeout = '2s'"


@dataclass(frozen=True, slots=True)
class Fault:
    """A bad release of the history.

    ``caught_by``: the gate that must stop it, and the code of its finding. ``files``: name in ``versions/`` -> text.
    ``models``: Python that brings ``tables`` (name -> table) of the models to what the release has. ``stops``: part of
    what Alembic says when it goes up an empty database, empty where it gets to the heads.
    """

    description: str
    caught_by: tuple[str, str]
    files: Mapping[str, str] = field(repr=False)
    models: str = ""
    stops: str = ""


def revision(  # a revision has that many parts
    up: Steps,
    down: Steps | None = (),
    *,
    number: str = "0031",
    on: str | None = "0030",
    name: str = "release",
    timeout: bool = True,
    declared: str = "",
    head: str = "",
) -> dict[str, str]:
    """Return one revision of release 2.0 as file name -> text.

    ``down`` None: it has no downgrade at all. ``timeout``: whether it limits how long it waits for locks. ``declared``:
    the value of ``irreversible``. ``head``: what comes before everything else in the file.
    """
    parts = [
        f'{head}"""Release 2.0."""\n\nimport sqlalchemy as sa\nfrom alembic import op\n',
        f'revision = "{number}"\ndown_revision = {on!r}\nrelease = "2.0"',
        f"irreversible = {declared}" if declared else "",
        f"\n\ndef upgrade():\n{_body(up, timeout=timeout)}",
        f"\n\ndef downgrade():\n{_body(down, timeout=timeout)}" if down is not None else "",
    ]
    return {f"{number}_{name}.py": "\n".join(part for part in parts if part) + "\n"}


def _body(steps: Steps, *, timeout: bool) -> str:
    if isinstance(steps, str):
        return indent(dedent(steps).strip(), "    ")
    sent = ((TIMEOUT, *steps) if timeout else steps) if steps else ()
    return "\n".join(f"    op.execute({sql!r})" for sql in sent) or "    pass"


def column(table: str, definition: str) -> str:
    """Return how the models get one more column."""
    return f"tables[{table!r}].append_column(sa.Column({definition}))\n"


def without(table: str, name: str) -> str:
    """Return how the models lose a column."""
    return f"tables[{table!r}]._columns.remove(tables[{table!r}].c[{name!r}])\n"


def without_index(table: str, name: str) -> str:
    """Return how the models lose an index."""
    return f"tables[{table!r}].indexes -= {{one for one in tables[{table!r}].indexes if one.name == {name!r}}}\n"
