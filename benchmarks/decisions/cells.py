"""Which releases are simulated, and who decides on them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from relgate.backtest.peers import Argo, Flagger
from relgate.backtest.protocol import Decider
from relgate.backtest.rankpeers import Kayenta, PeekingMannWhitney, PipeCD
from relgate.backtest.windows import Metric
from relgate.backtest.worlds import EFFECTS, RATES, WORLDS, World

SHARES = {"none": 0.001, "0.5%": 0.005, "1%": 0.01, "5%": 0.05}
"""The candidate's share of failed requests; the baseline's is 0.1 %."""
BASE_SHARE = 0.001
AT_MARGIN = "+5%"
"""As slow as a margin of 5 % just allows: rolling it back is as wrong as rolling back an equal one."""
GOOD = ("none", AT_MARGIN)
SHORT_BAKE_S = 600


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of release in one world; ``judged`` says which metric the harm, if any, is in and peers look at."""

    world_name: str
    rate: float
    judged: Metric
    effect: str
    horizon_s: int

    @property
    def id(self) -> str:
        short = ".10min" if self.horizon_s == SHORT_BAKE_S else ""
        return f"{self.world_name}.{self.rate:g}rps.{self.judged}.{self.effect}{short}"

    @property
    def file(self) -> str:
        """A name that every file system takes."""
        return re.sub(r"[^A-Za-z0-9._-]", "", self.id.replace("+", "plus").replace("%", "pc"))

    @property
    def good(self) -> bool:
        return self.effect in GOOD

    @property
    def world(self) -> World:
        base = replace(WORLDS[self.world_name], rate=self.rate, horizon_s=self.horizon_s)
        if self.judged == "latency":
            return replace(base, effect=EFFECTS[self.effect])
        return replace(base, errors=replace(base.errors, baseline=BASE_SHARE, candidate=SHARES[self.effect]))

    def runs(self, *, quick: bool) -> int:
        """How many releases: good ones are counted for a share of at most 5 %, bad ones for a median."""
        if quick:
            return 100 if self.good else 40
        return 1000 if self.good else (200 if self.rate >= 1000 else 400)

    @property
    def work(self) -> float:
        """Requests to simulate, roughly: the long ones go first."""
        return self.rate * self.horizon_s * self.runs(quick=False)


def grid() -> Iterator[Cell]:
    """All cells."""
    for name, world in WORLDS.items():
        rates = (world.rate,) if world.rate < 1 else RATES
        for rate in rates:
            for effect in EFFECTS:
                yield Cell(name, rate, "latency", effect, world.horizon_s)
            if name in ("iid", "bursty", "low-traffic", "late-onset"):
                for effect in SHARES:
                    yield Cell(name, rate, "errors", effect, world.horizon_s)
    for name in ("iid", "bursty"):
        for rate in RATES:
            for effect in ("none", "+20%", "+50%", "2x", "tail", "stalls"):
                yield Cell(name, rate, "latency", effect, SHORT_BAKE_S)


def peers(cell: Cell, oracle: Argo) -> list[Decider]:
    """The rules of others, on the metric that is judged."""
    metrics: tuple[Metric, ...] = (cell.judged,)
    rules: list[Decider] = [
        Argo(0, metrics),
        Argo(3, metrics),
        oracle,
        Flagger(metrics=metrics),
        Kayenta(metrics=metrics),
        PipeCD(metrics=metrics),
    ]
    return [*rules, PeekingMannWhitney()] if cell.judged == "latency" else rules
