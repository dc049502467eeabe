"""The SQL of a way back, recorded while it ran, is stored as evidence and proven: sent as it is, it leads back.

Recording works wherever the downgrade works; rendering offline fails for every revision that reads the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from relgate.errors import SourceError
from relgate.migrate.faults import ROLLBACK_SQL
from relgate.migrate.schema import ddl, differences
from relgate.migrate.state import State, look
from relgate.ports.migrations import SqlError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relgate.migrate.notebook import Notebook
    from relgate.migrate.shadow import Shadow
    from relgate.ports.migrations import Catalog, Ran, Session, Statement


def prove(shadow: Shadow, index: int, book: Notebook, down: Ran, expected: Catalog, end: State) -> State:
    """Send the recorded way back by hand, compare, and go up again with the tool. Return the state at the end."""
    revision = shadow.revisions[index]
    book.examined(ROLLBACK_SQL, revision)
    offline(shadow, index, book, down)
    if not down.statements:
        return end
    fault = replay(shadow.session, down.statements)
    line = revision.down_line
    if fault is not None:
        statement, reason = fault
        book.add(ROLLBACK_SQL, "rollback-sql-fails", reason, revision, sql=statement.literal, line=line)
        shadow.restart(index + 1)
        return look(shadow.session, rows=bool(end.rows))
    for one in differences(expected, shadow.session.catalog()):
        book.add(
            ROLLBACK_SQL, "rollback-sql-fails", f"{one.text}, after the stored SQL", revision, sql=ddl(one), line=line
        )
    if shadow.move(index, "up").failure is not None:
        text = "the tool does not go up again after the stored SQL"
        book.add(ROLLBACK_SQL, "rollback-sql-fails", text, revision, line=line)
        shadow.restart(index + 1)
        return look(shadow.session, rows=bool(end.rows))
    return look(shadow.session, rows=True, like=(end,)) if end.rows else end


def offline(shadow: Shadow, index: int, book: Notebook, down: Ran | None) -> None:
    """Ask the tool for the SQL without a database: what people review before it runs."""
    revision, engine = shadow.revisions[index], shadow.server.engine
    try:
        shadow.tool.offline(revision.id, "up", engine)
    except SourceError as error:
        book.add(ROLLBACK_SQL, "offline-fails", str(error), revision)
    if down is None:
        return
    try:
        shadow.tool.offline(revision.id, "down", engine)
    except SourceError:
        for statement in down.statements:
            if statement.parameters and not statement.books:
                text = f"the stored SQL of the way back has values of a scratch database: {statement.literal[:200]}"
                line = statement.line or revision.down_line
                book.add(ROLLBACK_SQL, "data-dependent", text, revision, sql=statement.literal, line=line)


def replay(session: Session, statements: Sequence[Statement]) -> tuple[Statement, str] | None:
    """Send recorded statements in the transactions in which they ran; the first that is refused, and why."""
    current = 0
    for statement in statements:
        if statement.transaction != current:
            if current:
                session.commit()
            current = statement.transaction
            if current:
                session.begin()
        try:
            session.run(statement.literal)
        except SqlError as error:
            session.rollback()
            return statement, str(error)
    if current:
        session.commit()
    return None


def script(statements: Sequence[Statement]) -> str:
    """Return statements as a file that a person can read and run."""
    lines: list[str] = []
    current = 0
    for statement in statements:
        if statement.transaction != current:
            lines += ["COMMIT;", ""] if current else []
            current = statement.transaction
            lines += ["BEGIN;"] if current else []
        if statement.path and statement.line:
            lines.append(f"-- {statement.path}:{statement.line}")
        if statement.parameters and not statement.books:
            lines.append("-- found in the rows of a scratch database: check it against production's")
        lines.append(statement.literal.strip().rstrip(";") + ";")
    lines += ["COMMIT;"] if current else []
    return "\n".join(lines) + "\n"
