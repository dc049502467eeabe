"""How true the recorder's latencies are: it and its peers against a server whose delays are known.

For each rate, with and without stalls of the server: P50 and P95 as a client reports them, against what requests
that arrive on schedule would have seen. That truth comes from the server's own log alone: its measured service
times and the stalls that it really had, replayed over the schedule. So a client cannot look good by not asking
while the server stands still.

    python benchmarks/stopwatch/run.py            about 5 minutes; writes README.md beside this file
    python benchmarks/stopwatch/run.py --ours     only the recorder, and prints only

Needs gcc and wrk (Debian), and Locust in an environment of its own: STOPWATCH_LOCUST names its `locust`, otherwise
it is installed into a temporary one.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "plugins"))

from relgate.observe.plan import Plan  # noqa: E402
from relgate.observe.store import open_recording  # noqa: E402
from relgate.observe.streams import Poll, Probe, ProbeRequest, Sides, Target  # noqa: E402

RATES = (100, 500, 1000)
SECONDS = 6
REPEATS = 3
PORT = 18_766
GOAL_P50, GOAL_P95 = 5.0, 2.0
MEAN_S = 0.02 * np.exp((np.log(3) / 1.6448536) ** 2 / 2)


@dataclass(frozen=True)
class Cell:
    rate: int
    stalls: bool


@dataclass(frozen=True)
class Result:
    """Errors in percent of the truth, and requests that the client made of those it was asked for."""

    p50: float
    p95: float
    made: float


class Server:
    """The C server for one run, pinned to the first core."""

    def __init__(self, work: Path, cell: Cell, seed: int) -> None:
        self._log = work / "server.log"
        period = SECONDS * 1000 if cell.stalls else 0
        command = [str(work / "server"), str(PORT), str(self._log), str(seed), str(period)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=on_server_core)
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def stop(self) -> tuple[np.ndarray, np.ndarray]:
        """Records (read, due, written) and stalls (begin, end), monotonic nanoseconds."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(10)
        data = np.fromfile(self._log, dtype=np.uint64).astype(np.int64)
        n = int(data[0])
        return data[1 : 1 + 3 * n].reshape(n, 3), data[2 + 3 * n :].reshape(-1, 2)


def truth(cell: Cell, records: np.ndarray, stalls: np.ndarray, start_ns: int | None) -> tuple[float, float]:
    """P50 and P95, seconds, of requests that arrive on schedule."""
    p50, p95 = np.quantile(on_schedule(cell, records, stalls, start_ns), [0.5, 0.95])
    return float(p50), float(p95)


def on_schedule(cell: Cell, records: np.ndarray, stalls: np.ndarray, start_ns: int | None) -> np.ndarray:
    """What requests that arrive on schedule would have seen, seconds."""
    records = records[records[:, 2] > 0]
    hit = np.zeros(len(records), dtype=bool)
    for begin, end in stalls:
        hit |= (records[:, 0] <= end + 2_000_000) & (records[:, 2] >= begin)
    service = (records[:, 2] - records[:, 0])[~hit]
    start = records[0, 0] if start_ns is None else start_ns
    arrive = start + (np.arange(cell.rate * SECONDS) * 1e9 / cell.rate).astype(np.int64)
    needs = np.resize(service, len(arrive))
    begins = arrive.copy()
    for begin, end in stalls:
        waiting = np.flatnonzero((arrive >= begin) & (arrive < end))
        # Catching up takes the server time too: it read the requests that had piled up one after the other.
        reads = np.sort(records[(records[:, 0] >= end) & (records[:, 0] < end + 200_000_000), 0])
        begins[waiting] = reads[: len(waiting)] if len(reads) >= len(waiting) else end
    finish = begins + needs
    for begin, end in stalls:
        finish[(finish >= begin) & (finish < end)] = end
    return (finish - arrive) / 1e9


def pinned() -> None:
    os.sched_setaffinity(0, {1})


def pinned_first() -> None:
    pinned()
    hurry()


def on_server_core() -> None:
    os.sched_setaffinity(0, {0})
    # Above everything, other recorders included: a server that waits for the processor has delays that nobody knows.
    hurry(10)


def hurry(level: int = 2) -> None:
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(level))
    except OSError:
        return


def ours(work: Path, cell: Cell) -> tuple[float, float, int, int]:
    folder = Path(tempfile.mkdtemp(dir=work)) / "recording"
    target = Target(f"http://127.0.0.1:{PORT}")
    streams = (Probe("requests", float(cell.rate), (ProbeRequest("/"),)), Poll("health", "/", 1.0))
    plan = Plan("stopwatch", str(folder), float(SECONDS), Sides(target), streams)
    process = subprocess.Popen(
        [sys.executable, "-m", "relgate.record"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT / "plugins")},
        preexec_fn=pinned,
    )
    assert process.stdin is not None
    process.stdin.write(plan.to_json().encode() + b"\n")
    process.stdin.flush()
    process.wait(SECONDS + 30)
    recording = open_recording(folder)
    evidence = recording.evidence("requests", "latency")
    requests = evidence.candidate
    figures = recording.manifest["recorder"]
    print(
        f"    lag P95 {figures['lag_p95_s'] * 1e3:.2f} ms, CPU {figures['cpu_share']:.0%}, {evidence.problems}",
        flush=True,
    )
    p50, p95 = np.quantile(requests.latency_s[requests.usable], [0.5, 0.95])
    return float(p50), float(p95), int(requests.usable.sum()), int(recording.manifest["started"]["monotonic_ns"])


def quantiles(text: str) -> tuple[float, float, int]:
    taken = np.array([int(line) for line in text.split()]) / 1e9
    return float(np.quantile(taken, 0.5)), float(np.quantile(taken, 0.95)), len(taken)


def c_client(work: Path, cell: Cell) -> tuple[float, float, int]:
    command = [str(work / "client"), str(PORT), str(cell.rate), str(SECONDS)]
    return quantiles(
        subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, preexec_fn=pinned_first).stdout
    )


def httpx_closed(_: Path, cell: Cell) -> tuple[float, float, int]:
    command = [sys.executable, str(HERE / "peer_httpx.py"), str(PORT), str(cell.rate), str(SECONDS)]
    return quantiles(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, preexec_fn=pinned).stdout)


def wrk(work: Path, cell: Cell) -> tuple[float, float, int]:
    script = work / "wrk.lua"
    line = "string.format('R %d %d %d\\n', l:percentile(50), l:percentile(95), s.requests)"
    script.write_text(f"done = function(s, l) io.write({line}) end")
    connections = max(2, round(cell.rate * MEAN_S))
    url = f"http://127.0.0.1:{PORT}/"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--timeout", "20s", "-s", str(script), url]
    text = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, preexec_fn=pinned).stdout
    found = re.search(r"^R (\d+) (\d+) (\d+)$", text, re.MULTILINE)
    assert found is not None, text
    return int(found[1]) / 1e6, int(found[2]) / 1e6, int(found[3])


def locust(work: Path, cell: Cell) -> tuple[float, float, int]:
    out = work / "locust.txt"
    users = max(10, round(cell.rate * 0.05))
    command = [str(locust_binary(work)), "-f", str(HERE / "peer_locust.py"), "--headless", "--only-summary"]
    command += ["-u", str(users), "-r", str(users), "-t", f"{SECONDS}s", "-H", f"http://127.0.0.1:{PORT}"]
    own = {"STOPWATCH_RATE": str(cell.rate), "STOPWATCH_USERS": str(users), "STOPWATCH_OUT": str(out)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command, env={**os.environ, **own}, check=False, preexec_fn=pinned, **quiet)
    return quantiles(out.read_text())


def locust_binary(work: Path) -> Path:
    given = os.environ.get("STOPWATCH_LOCUST")
    if given:
        return Path(given)
    place = work / "locust"
    if not place.exists():
        venv.create(place, with_pip=True)
        subprocess.run([place / "bin" / "pip", "install", "-q", "locust"], check=True)
    return place / "bin" / "locust"


PEERS = {
    "C, open loop (the limit here)": c_client,
    "wrk (closed loop)": wrk,
    "httpx (closed loop)": httpx_closed,
    "Locust FastHttpUser": locust,
}


def measure(client, work: Path, cell: Cell, seed: int) -> Result:
    server = Server(work, cell, seed)
    try:
        p50, p95, made, *start = client(work, cell)
    finally:
        records, stalls = server.stop()
    true50, true95 = truth(cell, records, stalls, start[0] if start else None)
    return Result(100 * (p50 / true50 - 1), 100 * (p95 / true95 - 1), 100 * made / (cell.rate * SECONDS))


def median(results: list[Result]) -> Result:
    return Result(*(statistics.median(getattr(r, name) for r in results) for name in ("p50", "p95", "made")))


def table(rows: dict[str, dict[Cell, Result]], cells: list[Cell]) -> str:
    head = [f"{cell.rate}/s{', stalls' if cell.stalls else ''}" for cell in cells]
    lines = [f"| client | {' | '.join(head)} |", f"|---|{'---|' * len(cells)}"]
    for name, results in rows.items():
        texts = [f"{results[cell].p50:+.1f} / {results[cell].p95:+.1f}" for cell in cells]
        lines.append(f"| {name} | {' | '.join(texts)} |")
    return "\n".join(lines)


def readme(rows: dict[str, dict[Cell, Result]], cells: list[Cell], seconds: float) -> str:
    made = ", ".join(f"{n}: {min(r.made for r in results.values()):.0f} %" for n, results in rows.items())
    return f"""# Stop-watch: how true are the recorder's latencies?

A C server on loopback answers with log-normal delays (P50 20 ms, P95 60 ms); with stalls, its whole process also
stands still for one second in {SECONDS}. Cells: error of the reported **P50 / P95** in percent of what requests that
arrive on schedule really saw (from the server's own log). The recorder is the real process
`python -m relgate.record`, median of {REPEATS} runs; the others ran once. Runs of {SECONDS} s; server and client pinned
to one core each; server, recorder and C client with real-time priority where that is allowed, as the recorder asks
for it itself.

{table(rows, cells)}

Goal: the recorder within {GOAL_P50:g} % at P50 and {GOAL_P95:g} % at P95 in all cells. Closed loops do not ask while
the server stands still, so they miss most of a stall. Smallest share of the asked-for requests that was made:
{made}.

    python benchmarks/stopwatch/run.py

{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores shared with other work,
Python {platform.python_version()}; {seconds / 60:.1f} minutes.
"""


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--ours", action="store_true")
    only_ours = options.parse_args().ours
    started = time.monotonic()
    cells = [Cell(rate, stalls) for stalls in (False, True) for rate in RATES]
    work = Path(tempfile.mkdtemp(prefix="stopwatch-"))
    try:
        for name in ("server", "client"):
            subprocess.run(["gcc", "-O2", "-o", work / name, HERE / f"{name}.c", "-lm"], check=True)
        rows: dict[str, dict[Cell, Result]] = {"relgate recorder": {}}
        for cell in cells:
            results = [measure(ours, work, cell, seed) for seed in range(REPEATS)]
            rows["relgate recorder"][cell] = median(results)
            print(cell, *results, sep="\n  ", flush=True)
        for name, client in {} if only_ours else PEERS.items():
            rows[name] = {cell: measure(client, work, cell, 7) for cell in cells}
            print(name, *rows[name].values(), sep="\n  ", flush=True)
    finally:
        shutil.rmtree(work)
    print(table(rows, cells))
    if not only_ours:
        (HERE / "README.md").write_text(readme(rows, cells, time.monotonic() - started))
    within = [abs(r.p50) <= GOAL_P50 and abs(r.p95) <= GOAL_P95 for r in rows["relgate recorder"].values()]
    print(f"goal: {sum(within)} of {len(within)} cells")
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(main())
