"""What the shop tells about its database and its disk, and what a playbook makes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from prometheus_client import CollectorRegistry

from examples.shop.behaviours import Behaviours
from examples.shop.config import Settings
from examples.shop.database import Store, connect
from examples.shop.metrics import MOST_STATEMENTS, Metrics
from examples.shop.run import start

if TYPE_CHECKING:
    from examples.shop.run import ShopProcess

SCRIPT = Path(__file__).parents[2] / "playbooks" / "shop" / "statements.py"


def statements(shop: ShopProcess) -> dict[str, tuple[float, float]]:
    """What the playbook's command prints: statement to calls and milliseconds."""
    told = os.environ | {"RELGATE_SIDE": "candidate", "SHOP_CANDIDATE": shop.url}
    done = subprocess.run([sys.executable, str(SCRIPT)], env=told, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["statement"]: (line["calls"], line["total_ms"]) for line in lines}


def test_statements_are_counted_and_timed() -> None:
    """Without their values; one that waits in the database has the time that it waits."""
    changes = ["slow_statement_share=1", "slow_statement_s=0.2"]
    with start("good", changes=changes) as shop:
        before = statements(shop)
        for text in ("steel", "wood"):
            assert httpx.get(f"{shop.url}/api/search?q={text}").status_code == 200
        after = statements(shop)
    (waiting,) = [name for name in after if "pg_sleep" in name]
    calls, total_ms = after[waiting]
    assert (calls, waiting in before) == (2, False)
    assert total_ms >= 400
    assert not [name for name in after if "steel" in name]


def test_a_statement_of_many_forms_does_not_fill_the_page(tmp_path: Path) -> None:
    """The first kinds are told, and go on being counted."""
    url = f"sqlite:///{tmp_path}/shop.db"
    settings = Settings("good", Behaviours(), "1.5.0", "", "", url, tmp_path, "secret")
    metrics = Metrics(settings, Store(connect(url)), ())
    for number in range(2 * MOST_STATEMENTS):
        metrics.statement(f"select {number}", 0.1)
    metrics.statement("select 0", 0.1)
    found = [one for one in _samples(metrics.registry) if one[0] == "db_statement_seconds_count"]
    assert len(found) == MOST_STATEMENTS
    assert ("db_statement_seconds_count", "select 0", 2.0) in found


def _samples(registry: CollectorRegistry) -> list[tuple[str, str, float]]:
    return [
        (sample.name, sample.labels.get("statement", ""), sample.value)
        for family in registry.collect()
        for sample in family.samples
    ]


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="this system does not tell")
def test_the_page_has_disk_and_circuit_breakers(client: httpx.Client) -> None:
    """Zero from the start."""
    page = client.get("/metrics").text
    for name in ("process_disk_read_bytes_total ", "process_disk_write_bytes_total ", "circuit_breaker_trips_total "):
        assert f"\n{name}" in page
