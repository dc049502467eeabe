"""What the recorder asks of a load engine; ``adapters/locust.py`` fills it, the recorder knows only this file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class LoadFacts:
    """What is known about one side's load at its end.

    ``doubts``: why what was measured cannot be believed (a worker lost, the generator too slow); with any, nothing
    passes. ``planned``: requests that were due by then, 0 where nobody can say (closed loops). ``begun``: how many were
    begun.
    """

    doubts: tuple[str, ...]
    planned: int
    begun: int
    workers: tuple[str, ...]
    cpu_most: float


class LoadRun(Protocol):
    """One side's load, in processes of its own.

    ``aborted``: a person put the abort file there. ``patience_s``: how long it may take until it is ready.
    """

    @property
    def aborted(self) -> bool: ...  # noqa: D102

    @property
    def patience_s(self) -> float: ...  # noqa: D102

    def start(self) -> None:
        """Start the processes and return at once. Raises SourceError when they cannot be started."""

    def ready(self) -> bool:
        """Whether all processes and users are there. Raises SourceError when they cannot come any more."""

    def begin(self, at_ns: int) -> None:
        """Begin at this moment of the monotonic clock."""

    def take(self) -> list[Mapping[str, Any]]:
        """Return the reports that came since the last time, in the order in which they came."""

    def settled_s(self) -> float:
        """Return seconds since the load began before which nothing is open any more."""

    def over(self) -> bool:
        """Whether nothing more will be reported."""

    def end(self) -> None:
        """Ask nothing more, and report what is open when it is answered."""

    def kill(self) -> None:
        """End all processes now."""

    def facts(self, observed_s: float) -> LoadFacts:
        """Return what is known once it is over, or was ended after ``observed_s`` seconds."""
