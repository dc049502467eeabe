"""How each release of the shop is decided: runs every one of them several times and writes a Markdown table.

    python benchmarks/releases.py [--runs 10] [--at-once 2] [--only NAME ...] > docs/releases-table.md

Each run is the main job: two shops, the recorder, pytest, the decision. A wrong decision, or one that no gate of the
release's `caught_by` explains, is listed under the table and makes the exit code 1.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from relgate_suites.shop.releases import RELEASES

# What each release deserves. A release that cannot be observed, or is not the one under judgment, holds.
DESERVED = {
    "good": {"promote"},
    "degraded": {"promote"},
    "wrong-version": {"hold"},
    "stale-health": {"hold"},
    "no-correlation-ids-in-logs": {"hold"},
    "cpu-hungry": {"hold", "rollback"},
    "backlog": {"hold"},
    "slow-start": {"rollback", "hold"},
}


def judge(name: str, number: int, folder: Path) -> dict:
    reports = folder / f"{name}-{number}"
    started = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-m", "relgate.cli", "demo", "--release", name, "--reports", str(reports)],
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - started
    path = reports / "latest" / "decision.json"
    if not path.exists():
        return {
            "release": name,
            "decision": f"exit {ended.returncode}",
            "seconds": seconds,
            "said": ended.stdout + ended.stderr,
        }
    content = json.loads(path.read_text())
    # A bake that was ended early leaves other gates open; they are not guilty of anything.
    bad = ("fail",) if content["decision"] == "rollback" else ("fail", "inconclusive", "error", "missing")
    guilty = [gate["id"] for gate in content["gates"] if gate["verdict"] in bad]
    warned = [gate["id"] for gate in content["gates"] if gate["verdict"] == "warn"]
    return {
        "release": name,
        "decision": content["decision"],
        "guilty": guilty,
        "warned": warned,
        "first": next((f"{r['gate']}: {r['text']}" for r in content["reasons"]), ""),
        "reasons": [f"{r['gate']}: {r['text']}" for r in content["reasons"]],
        "seconds": seconds,
        "exit": ended.returncode,
    }


def wrong(result: dict) -> bool:
    name = result["release"]
    if result["decision"] not in DESERVED.get(name, {"rollback"}):
        return True
    caught_by = set(RELEASES[name].caught_by)
    return bool(caught_by) and name not in ("good", "degraded") and not caught_by & set(result["guilty"])


def table(names: list[str], results: list[dict]) -> None:
    print("| release | what is wrong with it | decisions | gates that said so (runs) | median seconds |")
    print("|---|---|---|---|---|")
    for name in names:
        mine = [result for result in results if result["release"] == name]
        decisions = ", ".join(
            f"{count} {decision}" for decision, count in Counter(r["decision"] for r in mine).most_common()
        )
        gates = Counter(gate for r in mine for gate in r.get("guilty", []))
        warned = Counter(gate for r in mine for gate in r.get("warned", []))
        said = ", ".join(
            [f"{gate} ({count})" for gate, count in gates.most_common()]
            + [f"{gate} warns ({count})" for gate, count in warned.most_common()]
        )
        seconds = sorted(r["seconds"] for r in mine)[len(mine) // 2]
        print(f"| `{name}` | {RELEASES[name].description} | {decisions} | {said or '-'} | {seconds:.0f} |")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--json", type=Path, help="keep the results")
    parser.add_argument(
        "--from", type=Path, nargs="+", dest="stored", help="only write the table of stored results; later files win"
    )
    given = parser.parse_args()
    if given.stored:
        found: dict[str, list[dict]] = {}
        for path in given.stored:
            fresh = json.loads(path.read_text())
            found |= {name: [r for r in fresh if r["release"] == name] for name in {r["release"] for r in fresh}}
        table([name for name in RELEASES if name in found], [r for rs in found.values() for r in rs])
        return 0
    names = given.only or [name for name, release in RELEASES.items() if not release.for_smoke]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(given.at_once) as pool:
        jobs = [(name, number) for number in range(given.runs) for name in names]
        results = []
        for result in pool.map(lambda job: judge(*job, Path(folder)), jobs):
            results.append(result)
            mark = "WRONG" if wrong(result) else "ok"
            print(
                f"{len(results)}/{len(jobs)} {result['release']}: {result['decision']} {mark} {result['seconds']:.0f}s {result.get('first', '')}",
                file=sys.stderr,
            )
    if given.json:
        given.json.write_text(json.dumps(results, indent=1))
    table(names, results)
    bad = [result for result in results if wrong(result)]
    for result in bad:
        print(f"\nWRONG: {json.dumps(result, indent=1)}", file=sys.stderr)
    print(f"\n{len(results)} runs, {len(bad)} wrong.")
    return 1 if bad else 0


sys.exit(main())
