"""What a rollout shows while it runs: a live table with rich where the output is a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TextIO

if TYPE_CHECKING:
    from relgate.rollout.plan import Plan

_KEPT = 6


@dataclass
class Screen:
    """All that is shown. ``done``: step name to how it ended. ``gates``: of the last judged step, id and verdict."""

    title: str
    plan: Plan
    phase: str = "ready"
    at: int = 0
    share: float = 0.0
    step_began_s: float = 0.0
    done: dict[str, str] = field(default_factory=dict)
    gates: tuple[tuple[str, str], ...] = ()
    seen: str = ""
    lines: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return it for ``status``."""
        return {
            "title": self.title,
            "phase": self.phase,
            "at": self.at,
            "share": self.share,
            "left_s": self.left_s(),
            "done": self.done,
            "gates": [list(pair) for pair in self.gates],
            "seen": self.seen,
            "lines": self.lines[-_KEPT:],
            "shown_s": round(time.time(), 3),
        }

    def elapsed_s(self) -> float:
        """Seconds since the gates of the present step began, 0 while none run."""
        return max(0.0, time.time() - self.step_began_s) if self.step_began_s else 0.0

    def left_s(self) -> float:
        """Seconds of baking that are left, of this step and those after it."""
        bakes = [step.bake_s for step in self.plan.steps[self.at :]]
        return round(max(0.0, sum(bakes) - min(self.elapsed_s(), bakes[0] if bakes else 0.0)), 1)


class View(Protocol):
    """Where a rollout shows itself."""

    def say(self, text: str) -> None:
        """Add a line that stays."""

    def update(self, screen: Screen) -> None:
        """Show how it stands now; called often."""

    def close(self) -> None:
        """Give the terminal back."""


class PlainView:
    """A line for each thing that happens, with its time."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def say(self, text: str) -> None:
        """Write a line."""
        self._out.write(f"{time.strftime('%H:%M:%S')} {text}\n")
        self._out.flush()

    def update(self, screen: Screen) -> None:
        """Nothing moves."""

    def close(self) -> None:
        """Nothing is open."""


class LiveView:
    """A table that is drawn over itself. Needs the extra ``live``."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console()
        self._live = Live(console=self._console, refresh_per_second=4, transient=False)
        self._live.start()

    def say(self, text: str) -> None:
        """Write a line above the table."""
        self._console.print(f"{time.strftime('%H:%M:%S')} {text}", markup=False, highlight=False)

    def update(self, screen: Screen) -> None:
        """Draw the table."""
        self._live.update(table(screen))

    def close(self) -> None:
        """Leave the last table on the screen."""
        self._live.stop()


def table(screen: Screen) -> Any:
    """Return the table of a screen: a row for each step, gates and traffic below."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    rows = Table(title=screen.title, title_justify="left", expand=False)
    for heading in ("step", "traffic", "bake", "progress", "state"):
        rows.add_column(heading)
    for number, step in enumerate(screen.plan.steps):
        now = number == screen.at
        elapsed_s = screen.elapsed_s() if now else step.bake_s if number < screen.at else 0.0
        bar = ProgressBar(total=max(step.bake_s, 0.1), completed=min(elapsed_s, step.bake_s), width=20)
        state = screen.done.get(step.name, screen.phase if now else "")
        share = screen.plan.share_at(number)
        rows.add_row(step.name, f"{share:.4g}", f"{step.bake_s:.0f}s", bar, state, style="bold" if now else "")
    gates = Text("gates: " + ", ".join(f"{name} {verdict}" for name, verdict in screen.gates) if screen.gates else "")
    tail = Text(f"traffic: {screen.seen or 'not seen yet'}; {screen.left_s():.0f}s of baking left")
    return Group(rows, gates, tail)


def make_view(out: TextIO | None = None) -> View:
    """Return a live view where the output is a terminal and rich is installed, plain lines otherwise."""
    stream = out or sys.stdout
    if not stream.isatty():
        return PlainView(stream)
    try:
        return LiveView()
    except ImportError:
        plain = PlainView(stream)
        plain.say("no live view: pip install 'relgate[live]'")
        return plain
