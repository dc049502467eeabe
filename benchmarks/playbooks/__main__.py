"""Rolls the five playbooks out, and provokes each of their triggers: real shop, HAProxy, pytest, ledger.

    python -m benchmarks.playbooks --list
    python -m benchmarks.playbooks --only A2-down S2       ids, or what ids begin with
    python -m benchmarks.playbooks                         all that have no result yet, one after the other
    python -m benchmarks.playbooks --table                 writes docs/playbooks.md from the results

Each result is kept in reports/playbooks.json as soon as it is there; run it again to go on. ``--again`` makes them anew.
Ends with 1 when a decision is not the one that its playbook asks for. Nothing that git knows is written but by
``--table``: one of the playbooks asks whether the tree is clean.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from .table import page
from .trial import run
from .triggers import GOOD, TRIGGERS

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "reports" / "playbooks.json"


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--only", nargs="+", default=[""], metavar="ID", help="ids, or what they begin with")
    given.add_argument("--again", action="store_true", help="also what has a result")
    given.add_argument("--list", action="store_true", help="list the ids and end")
    given.add_argument("--table", action="store_true", help="write docs/playbooks.md and end")
    given.add_argument("--keep", type=Path, metavar="DIR", help="keep the records in DIR/ID")
    given.add_argument("--results", type=Path, default=RESULTS, metavar="FILE")
    options = given.parse_args()
    results = json.loads(options.results.read_text()) if options.results.exists() else {}
    everything = [*GOOD, *TRIGGERS]
    if options.list:
        for one in everything:
            print(f"{one.id:18} {one.demand}: {one.how}")
        return 0
    if not options.table:
        for one in everything:
            if not one.id.startswith(tuple(options.only)) or (one.id in results and not options.again):
                continue
            print(f"{one.id}: {one.demand}", flush=True)
            keep = None if options.keep is None else options.keep.absolute() / one.id
            seen = run(one, lambda text: print(text, file=sys.stderr, flush=True), keep)
            results[one.id] = seen.to_json()
            options.results.write_text(json.dumps(results, indent=1) + "\n")
            print(
                f"{one.id}: {seen.decision} {'ok' if seen.right else 'WRONG'} {json.dumps(seen.to_json())}", flush=True
            )
    if options.table:
        (ROOT / "docs" / "playbooks.md").write_text(page(everything, results))
    return int(any(not one["right"] for one in results.values()))


sys.exit(main())
