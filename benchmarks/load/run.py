"""How true a load is, what counting costs, and whether two workers say what one process says.

(a) P50, P95 and P99 at 500 requests a second of a server whose delays are known and which stands still now and then,
    against what requests that arrive on schedule would have seen. Locust's own figures beside it.
(b) Requests per second of users that ask as fast as they can: with our listener against plain Locust, in pairs.
(c) The quantiles of two workers and of one process, same seed, with their intervals.

    python benchmarks/load/run.py            about 4 minutes; writes README.md beside this file
    python benchmarks/load/run.py truth      one of truth, overhead, workers; prints only

Needs gcc, and relgate with its extra `load`.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "plugins"), str(HERE.parent / "stopwatch")]
os.environ["PYTHONPATH"] = str(ROOT / "plugins")

import run as stopwatch  # noqa: E402

from relgate.adapters.locust import LocustLoad  # noqa: E402
from relgate.load import histogram  # noqa: E402
from relgate.load.job import Caps, Job  # noqa: E402
from relgate.load.shape import Shape  # noqa: E402
from relgate.measure import quantiles  # noqa: E402

USERS = HERE / "users.py"
PLAIN = HERE / "plain.py"
RATE, SECONDS, REPEATS = 500, 12, 5
CLIENTS, PAIRS, RUSH_S = 64, 6, 6
WORKERS_RATE, WORKERS_S = 200, 15
QUANTILES = (0.5, 0.95, 0.99)
GOAL, GOAL_OVERHEAD = 2.0, 95.0


def job(rate: float, seconds: float, *, open_loop: bool = True) -> Job:
    return Job(
        host=f"http://127.0.0.1:{stopwatch.PORT}",
        shape=Shape("constant", rate, seconds),
        open_loop=open_loop,
        connections=int(2 * rate) if open_loop else int(rate),
        caps=Caps(4000, 5000.0, 120.0, 10**7),
        users=(str(USERS),),
    )


def ours(what: Job, processes: int = 1) -> tuple[histogram.Counts, int, dict]:
    """Counts of all good answers, when the load began (monotonic ns), and what was noted about it."""
    load = LocustLoad("candidate", what, processes=processes)
    counts: histogram.Counts = {}
    lags: histogram.Counts = {}
    seconds: list[tuple[int, float]] = []
    try:
        load.start()
        while not load.ready():
            time.sleep(0.05)
        begin_ns = time.monotonic_ns() + 100_000_000
        load.begin(begin_ns)
        over = False
        while not over:
            time.sleep(0.2)
            over = load.over()
            for report in load.take():
                seconds.append((int(report["count"]), float(report["cpu_s"])))
                histogram.merge(lags, report["lags"])
                for row in report["rows"]:
                    histogram.merge(counts, row[4])
        facts = load.facts(what.shape.end_s)
    finally:
        load.kill()
    noted = {"doubts": facts.doubts, "cpu": facts.cpu_most, "lag_p95_ms": 1e3 * (histogram.quantile_s(lags, 0.95) or 0)}
    # From the second report on: by then all are there.
    noted["per_cpu_s"] = (seconds[-1][0] - seconds[1][0]) / max(seconds[-1][1] - seconds[1][1], 1e-9)
    return counts, begin_ns, noted


def plain(work: Path, users: int, seconds: float, each: float = 0.0) -> dict[str, float]:
    """Locust as it comes."""
    out = work / "plain.json"
    command = [sys.executable, "-m", "locust", "-f", f"{USERS},{PLAIN}", "--headless", "--only-summary"]
    command += ["-u", str(users), "-r", str(users), "-t", f"{seconds:.0f}s"]
    command += ["-H", f"http://127.0.0.1:{stopwatch.PORT}"]
    own = {"BENCH_EACH": str(each), "BENCH_OUT": str(out)}
    subprocess.run(command, env={**os.environ, **own}, check=False, capture_output=True)
    return json.loads(out.read_text())


def truth(work: Path) -> tuple[list[str], bool]:
    """(a): median error of each quantile over repeats, in percent; ours and Locust's."""
    stopwatch.SECONDS = SECONDS
    cell = stopwatch.Cell(RATE, stalls=True)
    errors: dict[str, list[list[float]]] = {"relgate's listener": [], "Locust's own figures": []}
    for seed in range(REPEATS):
        server = stopwatch.Server(work, cell, seed)
        counts, begin_ns, noted = ours(job(RATE, SECONDS))
        records, stalls = server.stop()
        true = np.quantile(stopwatch.on_schedule(cell, records, stalls, begin_ns), QUANTILES)
        found = np.array([histogram.quantile_s(counts, q) for q in QUANTILES])
        errors["relgate's listener"].append(list(100 * (found / true - 1)))
        print("  ours", np.round(errors["relgate's listener"][-1], 2), np.round(true, 4), noted, flush=True)
        server = stopwatch.Server(work, cell, seed)
        users = round(RATE * 0.05)
        figures = plain(work, users, SECONDS, RATE / users)
        records, stalls = server.stop()
        true = np.quantile(stopwatch.on_schedule(cell, records, stalls, None), QUANTILES)
        found = np.array([figures[f"p{round(100 * q)}"] for q in QUANTILES])
        errors["Locust's own figures"].append(list(100 * (found / true - 1)))
        print("  Locust", np.round(errors["Locust's own figures"][-1], 1), flush=True)
    lines = ["| | P50 | P95 | P99 |", "|---|---|---|---|"]
    medians = {name: np.median(np.array(rows), axis=0) for name, rows in errors.items()}
    lines += [f"| {name} | {' | '.join(f'{one:+.1f} %' for one in row)} |" for name, row in medians.items()]
    return lines, bool(np.all(np.abs(medians["relgate's listener"]) <= GOAL))


def overhead(work: Path) -> tuple[list[str], bool]:
    """(b): our throughput as a share of plain Locust's, by the server's own log, in interleaved pairs."""
    stopwatch.SECONDS = RUSH_S
    cell = stopwatch.Cell(1, stalls=False)
    ratios, walls = [], []
    for seed in range(PAIRS):
        rates = {}
        for name in ("ours", "plain") if seed % 2 else ("plain", "ours"):
            server = stopwatch.Server(work, cell, seed)
            if name == "ours":
                found = ours(job(CLIENTS, RUSH_S, open_loop=False))[2]["per_cpu_s"]
            else:
                found = plain(work, CLIENTS, RUSH_S)["per_cpu_s"]
            records, _ = server.stop()
            rates[name] = (_middle(records[:, 0]), found)
        wall, cpu = (100 * mine / other for mine, other in zip(rates["ours"], rates["plain"], strict=True))
        ratios.append(cpu)
        walls.append(wall)
        print("  per second, per second of processor:", rates, f"{wall:.1f} %, {cpu:.1f} %", flush=True)
    median = statistics.median(ratios)
    shown = ", ".join(f"{one:.0f}" for one in sorted(ratios))
    lines = [f"Median of {PAIRS} pairs: **{median:.1f} %** (all: {shown})."]
    lines.append(f"By the clock, on a machine with other work: {statistics.median(walls):.1f} %.")
    return lines, median >= GOAL_OVERHEAD


def _middle(read_ns: np.ndarray) -> float:
    """Requests per second of the seconds in which all clients were there."""
    begin, end = read_ns[0] + 2e9, read_ns[0] + (RUSH_S - 1) * 1e9
    return float(((read_ns >= begin) & (read_ns < end)).sum() / ((end - begin) / 1e9))


def workers(work: Path) -> tuple[list[str], bool]:
    """(c): both with their 95 % intervals, which have to overlap."""
    cell = stopwatch.Cell(WORKERS_RATE, stalls=False)
    found = {}
    for name, processes in (("one process", 1), ("two workers", 2)):
        server = stopwatch.Server(work, cell, 1)
        counts, _, noted = ours(job(WORKERS_RATE, WORKERS_S), processes)
        server.stop()
        values = np.array(histogram.expand(counts)) / 1e6
        found[name] = (len(values), [quantiles.interval(values, q, 0.975) for q in QUANTILES])
        print(" ", name, len(values), noted, flush=True)
    lines = ["| | requests | P50 | P95 | P99 |", "|---|---|---|---|---|"]
    for name, (n, row) in found.items():
        cells = " | ".join(f"{one.value:.1f} ms ({one.low:.1f} to {one.high:.1f})" for one in row)
        lines.append(f"| {name} | {n} | {cells} |")
    pairs = zip(found["one process"][1], found["two workers"][1], strict=True)
    same = all(a.low <= b.high and b.low <= a.high for a, b in pairs)
    return lines, same and found["one process"][0] == found["two workers"][0]


PARTS = {"truth": truth, "overhead": overhead, "workers": workers}


def readme(parts: dict[str, tuple[list[str], bool]], minutes: float) -> str:
    def part(name: str) -> str:
        return "\n".join(parts[name][0])

    return f"""# Load: how true, how dear, and whether workers agree

The C server of `benchmarks/stopwatch` answers on loopback with log-normal delays (P50 20 ms, P95 60 ms).

## Truth

{RATE} requests a second for {SECONDS} s, the whole server stands still for one second in {SECONDS}. Error against what
requests that arrive on schedule saw (from the server's own log), median of {REPEATS} runs. Goal: within {GOAL:g} %.

{part("truth")}

Locust's own figures are those of its closed loop (`constant_throughput`, {round(RATE * 0.05)} users): it does not ask while
the server stands still, and keeps two digits.

    python benchmarks/load/run.py truth

## What counting costs

{CLIENTS} clients that ask as fast as they can: requests per second of processor time, as a share of plain Locust's with the
same users, in interleaved pairs. Goal: at least {GOAL_OVERHEAD:g} %.

{part("overhead")}

    python benchmarks/load/run.py overhead

## Two workers and one process

{WORKERS_RATE} requests a second for {WORKERS_S} s, same seed; quantiles with 95 % intervals, which have to overlap.

{part("workers")}

    python benchmarks/load/run.py workers

{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores shared with other work, Python
{platform.python_version()}; {minutes:.1f} minutes.
"""


def main() -> int:
    chosen = sys.argv[1:] or list(PARTS)
    started = time.monotonic()
    # The server has the first core for itself.
    os.sched_setaffinity(0, {1})
    work = Path(tempfile.mkdtemp(prefix="load-bench-"))
    found = {}
    try:
        subprocess.run(["gcc", "-O2", "-o", work / "server", HERE.parent / "stopwatch" / "server.c", "-lm"], check=True)
        for name in chosen:
            print(name, flush=True)
            found[name] = PARTS[name](work)
            print("\n".join(found[name][0]), "goal met" if found[name][1] else "GOAL MISSED", sep="\n", flush=True)
    finally:
        shutil.rmtree(work)
    if len(found) == len(PARTS):
        (HERE / "README.md").write_text(readme(found, (time.monotonic() - started) / 60))
    return 0 if all(good for _, good in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
