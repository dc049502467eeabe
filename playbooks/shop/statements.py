"""Prints what the statements of a side's database have cost so far: JSON lines, read from the shop's metrics page.

RELGATE_SIDE=candidate SHOP_CANDIDATE=http://127.0.0.1:8001 python statements.py
"""

from __future__ import annotations

import json
import os

import httpx
from prometheus_client.parser import text_string_to_metric_families

FAMILY = "db_statement_seconds"


def main() -> None:
    """Read, add up, print."""
    side = os.environ["RELGATE_SIDE"].upper()
    answer = httpx.get(f"{os.environ[f'SHOP_{side}']}/metrics", timeout=10).raise_for_status()
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    told: dict[str, dict[str, float]] = {}
    for sample in families[FAMILY].samples:
        told.setdefault(sample.labels["statement"], {})[sample.name.removeprefix(f"{FAMILY}_")] = sample.value
    for statement, cost in told.items():
        print(json.dumps({"statement": statement, "calls": cost["count"], "total_ms": cost["sum"] * 1e3}))


if __name__ == "__main__":
    main()
