"""What the recorder counts while it runs: progress for the person who waits, and its own part in what was measured."""

from __future__ import annotations

import math
import random
import time
from array import array
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from relgate.observe.prober import Outcome

# Progress shows the lag of about the last so many requests: trouble that passed must not hide trouble now.
_RECENT = 2000


class Lags:
    """How late requests were started, in seconds."""

    def __init__(self) -> None:
        self._lags_ns = array("q")

    def add(self, lag_ns: int) -> None:
        """Note one start."""
        self._lags_ns.append(lag_ns)

    def recent_p95_s(self) -> float | None:
        """Return the 95th percentile of the newest starts, None without any."""
        return _quantile(self._lags_ns[-_RECENT:], 0.95)

    def summary(self) -> dict[str, float | None]:
        """Return the quantiles over the whole recording."""
        named = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))
        return {f"lag_{name}_s": _quantile(self._lags_ns, share) for name, share in named}


def _quantile(lags_ns: array[int], share: float) -> float | None:
    if not lags_ns:
        return None
    # Nearest rank, and no numpy: loading what its quantile needs stops the prober for 9 ms in the middle of a bake.
    ranked = sorted(lags_ns)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)] / 1e9


class Tally:
    """Counts of one stream and side. ``failures`` are the service's, ``dropped`` the recorder's."""

    def __init__(self) -> None:
        self.n = 0
        self.failures = 0
        self.dropped = 0
        self.last: object = None

    def request(self, outcome: Outcome, fault: str) -> None:
        """Count one probe request."""
        self.n += 1
        self.dropped += fault == "recorder"
        self.failures += fault not in ("none", "recorder")
        self.last = round((outcome.hit.finished_ns - outcome.key.intended_ns) / 1e9, 6)

    def observation(self, facts: dict[str, Any]) -> None:
        """Count one answer of a source."""
        self.n += 1
        fault = facts.get("error") or facts.get("fault")
        self.failures += fault is not None
        self.last = facts.get("code", facts.get("value")) if fault is None else fault

    def progress(self) -> dict[str, Any]:
        """Return the counts as they are shown."""
        return {"n": self.n, "failures": self.failures, "dropped": self.dropped, "last": self.last}


class Reservoir:
    """A uniform sample of fixed size from a stream of unknown length (Vitter's algorithm R)."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._seen = 0
        self.kept: list[str] = []

    def add(self, text: str) -> None:
        """Offer one more."""
        self._seen += 1
        if len(self.kept) < self._size:
            self.kept.append(text)
        elif (place := random.randrange(self._seen)) < self._size:
            self.kept[place] = text


class Clocks:
    """The two clocks at one moment: the wall clock says when, the monotonic one orders and gives durations."""

    def __init__(self, ahead_ns: int = 0) -> None:
        self.monotonic_ns = time.monotonic_ns() + ahead_ns
        self.wall_ns = time.time_ns() + ahead_ns

    def json(self) -> dict[str, str]:
        """Both as texts: nanoseconds do not fit into JSON's numbers."""
        return {"wall_ns": str(self.wall_ns), "monotonic_ns": str(self.monotonic_ns)}

    def step_s(self, later: Clocks) -> float:
        """Return by how much the wall clock was set between the two moments, or the machine slept, in seconds."""
        return ((later.wall_ns - self.wall_ns) - (later.monotonic_ns - self.monotonic_ns)) / 1e9
