"""The users of the benchmarks: they ask as often as BENCH_EACH says, or as fast as they can."""

import os

from locust import FastHttpUser, constant, constant_throughput, task

EACH = float(os.environ.get("BENCH_EACH", "0"))


class Visitor(FastHttpUser):
    wait_time = constant_throughput(EACH) if EACH else constant(0)

    @task
    def ask(self) -> None:
        self.client.get("/")
