"""What a rollout shows: lines where nobody looks, a table where somebody does."""

from __future__ import annotations

import io
import time

from rich.console import Console

from relgate.deploy.view import PlainView, Screen, make_view, table
from relgate.rollout.plan import Plan, Step

PLAN = Plan("canary", (Step("tenth", "tenth", 0.1, 60.0), Step("all", "all", 1.0, 120.0)))


def screen() -> Screen:
    """A rollout in its second step."""
    made = Screen("shop 1 -> 2 in prod", PLAN, "observing", 1, 1.0)
    made.done["tenth"] = "promoted"
    made.gates = (("health", "pass"), ("latency-p95", "warn"))
    made.seen = "1 says the router, 200 of 200 landed"
    return made


def test_the_table_has_steps_gates_traffic_and_what_is_left() -> None:
    """All that a person asks for, as text."""
    console = Console(width=120, file=(out := io.StringIO()))
    console.print(table(screen()))
    shown = out.getvalue()
    for text in ("shop 1 -> 2 in prod", "tenth", "promoted", "observing", "latency-p95 warn", "200 of 200 landed"):
        assert text in shown
    assert "120s of baking left" in shown


def test_time_that_is_left_is_that_of_all_steps_to_come() -> None:
    """Less what the present one has baked already."""
    made = screen()
    made.at = 0
    made.step_began_s = time.time() - 1000.0
    assert made.left_s() == 120.0
    made.at = 2
    assert made.left_s() == 0.0
    assert made.to_json()["gates"] == [["health", "pass"], ["latency-p95", "warn"]]


def test_no_terminal_gets_plain_lines() -> None:
    """Pipelines keep them."""
    view = make_view(out := io.StringIO())
    assert isinstance(view, PlainView)
    view.say("shifted: observing")
    view.update(screen())
    view.close()
    assert out.getvalue().endswith(" shifted: observing\n")
