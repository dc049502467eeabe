"""Loaded beside users.py by plain Locust: writes Locust's own figures at the end, and counts nothing itself."""

import json
import os
import time
from pathlib import Path

import gevent
from locust import events

WARM_S = 2.0
SEEN = {"n": 0, "cpu_s": 0.0}


@events.test_start.add_listener
def begin(environment, **_: object) -> None:
    def note() -> None:
        gevent.sleep(WARM_S)
        SEEN.update(n=environment.stats.total.num_requests, cpu_s=time.process_time())

    gevent.spawn(note)


@events.test_stop.add_listener
def write(environment, **_: object) -> None:
    total = environment.stats.total
    figures = {f"p{q}": total.get_response_time_percentile(q / 100) / 1e3 for q in (50, 95, 99)}
    n, cpu_s = total.num_requests - SEEN["n"], time.process_time() - SEEN["cpu_s"]
    Path(os.environ["BENCH_OUT"]).write_text(json.dumps({**figures, "per_cpu_s": n / max(cpu_s, 1e-9)}))
