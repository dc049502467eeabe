"""What a rollout asks of whatever divides the traffic: set a share, say what is in force.

Adapters fill it (``adapters/haproxy.py``, ``nginx.py``, ``kubectl.py``, ``router_command.py``). ``set`` returning is no
proof of anything: ``read`` asks the running router, not the file or the command that was meant to change it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Split:
    """What a router says is in force. ``candidate``: share of new requests. ``said``: its own words, as JSON.

    ``told``: the share that it was told, servers that are down included; None where that is the same.
    """

    candidate: float
    said: Mapping[str, Any] = field(default_factory=dict)
    told: float | None = None

    @property
    def wanted(self) -> float:
        """The share that it was told."""
        return self.candidate if self.told is None else self.told


@dataclass(frozen=True, slots=True)
class Moved:
    """The release whose traffic is set. ``image``: of its containers, None where nobody said."""

    rollout: str
    service: str
    environment: str
    version: str
    previous: str
    image: str | None = None


class Traffic(Protocol):
    """Divides requests between the old version and the new one."""

    name: str

    def set(self, share: float) -> None:
        """Give the candidate this share of new requests, the baseline the rest; on the way never more than both ends.

        Raises:
            SourceError: it was refused, or nobody answered; what is in force then is unknown.

        """

    def read(self) -> Split:
        """Return what is in force now.

        Raises:
            SourceError: nobody can say.

        """


class Instances(Protocol):
    """Takes single instances out of the traffic and puts them back: for a rolling strategy."""

    def take_out(self, name: str) -> None:
        """Send no new requests to an instance, and wait until it has none left.

        Raises:
            SourceError: it was refused, or some were left after a while.

        """

    def put_back(self, name: str) -> None:
        """Send requests to an instance again.

        Raises:
            SourceError: it was refused.

        """

    def serving(self) -> frozenset[str]:
        """Return the names of the instances that get requests.

        Raises:
            SourceError: nobody can say.

        """
