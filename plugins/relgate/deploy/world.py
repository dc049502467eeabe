"""The world as a rollout sees it: the router's word, and where requests really land. Neither is believed alone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relgate.errors import SourceError
from relgate.measure.landed import Landed, doubt

if TYPE_CHECKING:
    from relgate.adapters.entrance import Entrance
    from relgate.ports.traffic import Moved, Split, Traffic

_SETTLE_S = 5.0
_AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen: the router's word and where requests landed."""

    split: Split
    landed: Landed

    def to_json(self) -> dict[str, Any]:
        """Return it for a record."""
        landed = self.landed
        return {
            "router": {"candidate": self.split.candidate, "said": dict(self.split.said)},
            "landed": {
                "n": landed.n,
                "candidate": landed.candidate,
                "baseline": landed.baseline,
                "silent": landed.silent,
            },
        }


class World:
    """A router and the entrance that users take."""

    def __init__(self, traffic: Traffic, entrance: Entrance, moved: Moved) -> None:
        self.traffic = traffic
        self.entrance = entrance
        self.moved = moved

    def move(self, share: float) -> Seen:
        """Give the candidate a share and prove it.

        It is set whatever the router says: a server that is down has no share now, and its weight when it is back.

        Raises:
            SourceError: it was refused, is not in force, or requests land otherwise.

        """
        self.traffic.set(share)
        return self.prove(share)

    def prove(self, share: float, n: int | None = None) -> Seen:
        """Return what is seen, when the router and ``n`` requests agree with a share.

        Requests that were on their way when the weights changed may land as before: one more look, a little later.

        Raises:
            SourceError: they do not.

        """
        split = self.look(share)
        if not _same(split.candidate, share):
            raise SourceError(f"the router was told {share:.4g} and gives {split.candidate:.4g}: {dict(split.said)}")
        until = time.monotonic() + _SETTLE_S
        while True:
            landed = self.entrance.landed(self.moved.version, self.moved.previous, n)
            why = doubt(landed, share)
            if why is None:
                return Seen(split, landed)
            if time.monotonic() > until or landed.others:
                raise SourceError(f"the router says {split.candidate:.4g} for the candidate, but {why}")
            until = min(until, time.monotonic() + _AGAIN_S)
            time.sleep(_AGAIN_S)

    def look(self, share: float) -> Split:
        """Return what the router says, when it was told a share; one that does not answer is asked once more.

        That it gives the candidate less, since that is down, is for the gates to judge.

        Raises:
            SourceError: it was told something else, or says nothing.

        """
        try:
            split = self.traffic.read()
        except SourceError:
            time.sleep(_AGAIN_S)
            split = self.traffic.read()
        if not _same(split.wanted, share):
            raise SourceError(f"the router gives {split.wanted:.4g} to the candidate instead of {share:.4g}")
        return split


def _same(found: float, share: float) -> bool:
    """Whether a router's share is the one that was asked for: nothing and all exactly, others as weights round."""
    return abs(found - share) <= max(min(share, 1 - share) / 10, 1e-9)
