"""Traffic written down by hand, and deciders whose answer is known."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from relgate.backtest.protocol import Side, Tick, Verdicts


def side(latency_s: list[list[float]], failed: int = 0) -> Side:
    """One second of one side: a row of response times for each run, of which the first ``failed`` have failed."""
    values = np.array(latency_s, dtype=np.float32)
    flags = np.zeros(values.shape, dtype=np.bool_)
    flags[:, :failed] = True
    return Side(values, flags, np.zeros(values.shape[1], dtype=np.intp))


def steady(
    t_s: int, candidate_s: float, baseline_s: float = 0.1, *, failed: int = 0, n: int = 10, runs: int = 1
) -> Tick:
    """A second in which all requests of a side take equally long."""
    return Tick(t_s, side([[candidate_s] * n] * runs, failed), side([[baseline_s] * n] * runs))


@dataclass(frozen=True)
class Scripted:
    """Rolls run number i back at look ``rollback_at[i]`` (never: 0), and promotes the ones in ``promotes``."""

    rollback_at: tuple[int, ...]
    promotes: tuple[int, ...] = ()
    undecidable: tuple[int, ...] = ()
    name: str = "scripted"
    look_every_s: int = 10
    seen: list[int] = field(default_factory=list)
    looks: list[int] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    def start(self, runs: int) -> Scripted:
        """Begin; the script has as many runs."""
        assert runs == len(self.rollback_at)
        return self

    def see(self, tick: Tick) -> None:
        """Note the second, and a response time of it."""
        self.seen.append(tick.t_s)
        self.latencies.append(float(tick.candidate.latency_s[0, 0]))

    def look(self, t_s: int) -> Verdicts:
        """Say what is written."""
        self.looks.append(t_s)
        runs = range(len(self.rollback_at))
        return Verdicts(
            np.array([self.rollback_at[run] == t_s for run in runs]),
            np.array([run in self.promotes for run in runs]),
            np.array([run in self.undecidable for run in runs]),
        )
