"""Loaded beside users.py by plain Locust: writes Locust's own figures at the end, and counts nothing itself."""

import json
import os
from pathlib import Path

from locust import events


@events.quitting.add_listener
def write(environment, **_: object) -> None:
    total = environment.stats.total
    figures = {f"p{q}": total.get_response_time_percentile(q / 100) / 1e3 for q in (50, 95, 99)}
    Path(os.environ["BENCH_OUT"]).write_text(json.dumps({**figures, "n": total.num_requests}))
