"""What the shop tells Prometheus. One registry per application, so that several can live in one process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, Summary
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import choose_encoder
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from .agents import Agents
    from .config import Settings
    from .database import Store
    from .jobs import OrderQueue

BUCKETS_S = (0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


MOST_STATEMENTS = 200
"""Lists of values make statements of many lengths; a registry must not grow without end."""


class DiskCollector:
    """What this process had the disk read and write (Linux); nothing where the system does not tell."""

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield both counters."""
        try:
            lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
        except OSError:
            return
        told = dict(line.split(": ") for line in lines)
        for way in ("read", "write"):
            text = f"Bytes that the disk had to {way}."
            yield CounterMetricFamily(f"process_disk_{way}_bytes", text, value=float(told[f"{way}_bytes"]))


class Metrics:
    """Counters that handlers add to; gauges are read from their objects when somebody asks."""

    def __init__(self, settings: Settings, store: Store, presence: Collection[object]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        labels = ("method", "route", "status")
        self.requests = Counter("http_requests", "Requests answered.", labels, registry=self.registry)
        self.duration = Histogram(
            "http_request_duration_seconds",
            "Time from request to the end of the answer.",
            ("method", "route"),
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self.orders = Counter("orders", "Orders that left the queue, by outcome.", ("status",), registry=self.registry)
        for status in ("packed", "failed"):
            self.orders.labels(status)  # zero from the start: a missing series cannot be told from none
        build = Info("shop_build", "What is running.", registry=self.registry)
        build.info({"version": settings.reported_version, "commit": settings.commit})
        self._gauge("presence_connections", "Open WebSockets.").set_function(lambda: len(presence))
        self._gauge("db_pool_size", "Connections that the pool keeps.").set_function(lambda: store.pool()[0])
        self._gauge("db_pool_in_use", "Connections in use.").set_function(lambda: store.pool()[1])

        self.lost_connections = Counter("db_connection_errors", "Connections that failed.", registry=self.registry)
        self._statements = Summary(
            "db_statement_seconds", "Time in a statement.", ("statement",), registry=self.registry
        )
        self._known: set[str] = set()
        self.trips = Counter("circuit_breaker_trips", "Receivers that are left alone.", registry=self.registry)
        self.registry.register(DiskCollector())
        self.crashes = Counter("worker_crashes", "Background jobs that ended in an exception.", registry=self.registry)

    def statement(self, text: str, took_s: float) -> None:
        """Count a statement of the database, the first ``MOST_STATEMENTS`` kinds of them."""
        if text in self._known or len(self._known) < MOST_STATEMENTS:
            self._known.add(text)
            self._statements.labels(text).observe(took_s)

    def watch_agents(self, agents: Agents) -> None:
        """Report how many of ``agents`` are unhealthy from now on."""
        self._gauge("agents_unhealthy_ratio", "Share of agents that are silent.").set_function(lambda: agents.unhealthy)

    def watch(self, queue: OrderQueue) -> None:
        """Report the depth of ``queue`` from now on."""
        self._gauge("queue_depth", "Orders that wait or are being packed.").set_function(lambda: queue.depth)
        self._gauge("queue_consumers", "Workers alive.").set_function(lambda: queue.consumers)

    def answer(self, accept: str) -> Response:
        """Return the exposition, in the format that ``accept`` asks for."""
        encode, content_type = choose_encoder(accept)
        return Response(encode(self.registry), headers={"Content-Type": content_type})

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self.registry)
