"""Two databases walk through a history: one takes every step forth and back, the other only straight upgrades.

The shadow is the ground truth: whatever a bad revision leaves behind in the working database, a copy of the shadow is
where a straight upgrade would be. It moves lazily, only when a copy is needed, so that a clean revision costs no copy
and the whole history never more than one upgrade per revision beside the proof itself.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from relgate.ports.migrations import Direction, Failure, Ran, Revision, Scratch, Server, Session, Tool, Watch


class Stuck(Exception):  # noqa: N818  # what it is
    """A straight upgrade of an empty database fails: nothing after this revision can be proven."""

    def __init__(self, revision: Revision, failure: Failure) -> None:
        self.revision = revision
        self.failure = failure
        super().__init__(f"{revision.id}: {failure.text}")


class Shadow:
    """The working database, its session, and the shadow behind it.

    Args:
        server: where both are made.
        tool: what moves them.
        revisions: the whole history in the order in which it is applied.

    """

    def __init__(self, server: Server, tool: Tool, revisions: Sequence[Revision]) -> None:
        self.server = server
        self.tool = tool
        self.revisions = revisions
        self._straight = server.create()
        self._moved = 0
        self.work = server.create()
        self.session: Session = server.open(self.work)
        self.copies = 0

    def move(self, index: int, direction: Direction, watch: Watch | None = None) -> Ran:
        """Move the working database by one revision."""
        return self.tool.move(self.work, self.revisions[index].id, direction, watch)

    def restart(self, applied: int) -> None:
        """Make the working database anew, with exactly the first ``applied`` revisions and no rows.

        Raises:
            Stuck: a straight upgrade fails on the way.

        """
        self._advance(applied)
        self.tool.close()  # It may keep a connection, and nobody may be connected to what is copied.
        self.session.close()
        self.server.drop(self.work)
        self.work = self.server.create(self._straight)
        self.copies += 1
        self.session = self.server.open(self.work)

    @contextmanager
    def copy(self, applied: int) -> Iterator[Scratch]:
        """Lend a database with exactly the first ``applied`` revisions and no rows; it is dropped afterwards.

        Raises:
            Stuck: a straight upgrade fails on the way.

        """
        self._advance(applied)
        self.tool.close()
        scratch = self.server.create(self._straight)
        self.copies += 1
        try:
            yield scratch
        finally:
            self.server.drop(scratch)

    @contextmanager
    def copy_of_work(self) -> Iterator[Scratch]:
        """Lend a copy of the working database, rows and all."""
        self.tool.close()
        self.session.close()
        scratch = self.server.create(self.work)
        self.copies += 1
        self.session = self.server.open(self.work)
        try:
            yield scratch
        finally:
            self.server.drop(scratch)

    def _advance(self, applied: int) -> None:
        if applied < self._moved:
            raise ValueError(f"the shadow has {self._moved} revisions and cannot go back to {applied}")
        while self._moved < applied:
            revision = self.revisions[self._moved]
            ran = self.tool.move(self._straight, revision.id, "up")
            if ran.failure is not None:
                raise Stuck(revision, ran.failure)
            self._moved += 1

    def close(self) -> None:
        """Drop both databases."""
        self.session.close()
        self.server.drop(self.work)
        self.server.drop(self._straight)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
