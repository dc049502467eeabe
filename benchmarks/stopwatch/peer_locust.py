"""Locust's FastHttpUser as it comes, at a constant throughput; writes one latency a line, nanoseconds."""

import os
from pathlib import Path

from locust import FastHttpUser, constant_throughput, events, task

RATE = float(os.environ["STOPWATCH_RATE"])
USERS = int(os.environ["STOPWATCH_USERS"])
TAKEN: list[int] = []


class Visitor(FastHttpUser):
    wait_time = constant_throughput(RATE / USERS)

    @task
    def ask(self) -> None:
        self.client.get("/")


@events.request.add_listener
def note(response_time: float, **_: object) -> None:
    TAKEN.append(round(response_time * 1e6))


@events.quitting.add_listener
def write(**_: object) -> None:
    Path(os.environ["STOPWATCH_OUT"]).write_text("\n".join(map(str, TAKEN)))
