"""How long proving a chain of migrations takes, against the two ways of pytest-alembic, on one PostgreSQL server.

    .venv/bin/python benchmarks/migrations/speed.py [--revisions 100] [--rounds 5] [--only WAY ...]
    .venv/bin/python benchmarks/migrations/speed.py --profile round-trip|everything

The chain is synthetic (``chain.py``), all of its downgrades right. Each round runs all four in turn, each in a process
and on a new database of its own, in an order that changes from round to round. The clock runs around the call: of
pytest-alembic's test, of ours around ``prove`` from reading the revisions to the last finding; starting the server, the
process and pytest is in none of them. On a machine that does other things too the processor time says more: that of the
process during the call, and that of all of the server's connections. ``--profile`` prints where ours spends it instead.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from chain import write

from relgate.adapters.alembic import AlembicTool
from relgate.adapters.postgres import PostgresServer
from relgate.migrate.faults import ROUND_TRIP, SCALE
from relgate.migrate.prove import CHAIN, GATES, STATIC, Asked, prove

WANTED = {
    "round trip": frozenset({CHAIN, ROUND_TRIP}),
    "everything": frozenset(GATES) - {SCALE, STATIC},
}
PEERS = ("up_down_consistency", "downgrade_leaves_no_trace")

# pytest-alembic's tests as a project gets them; conftest.py says where, and keeps what pytest says that they took.
CONFTEST = """
import os
import pytest
import time
from sqlalchemy import create_engine

@pytest.fixture
def alembic_config():
    return {"file": "alembic.ini"}

@pytest.fixture
def alembic_engine():
    return create_engine(os.environ["SPEED_URL"])

@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    begun, busy = time.perf_counter(), time.process_time()
    yield  # A test that fails leaves nothing behind.
    with open(os.environ["SPEED_OUT"], "w") as file:
        file.write(f"{time.perf_counter() - begun} {time.process_time() - busy}")
"""
TESTS = """
from pytest_alembic.tests import test_up_down_consistency
from pytest_alembic.tests.experimental import test_downgrade_leaves_no_trace
"""


@dataclass(frozen=True)
class Took:
    """Seconds on the clock, and of processors: the measured process's and the server's together."""

    clock_s: float
    processor_s: float


def server_s(server: PostgresServer) -> float:
    """Return the processor time of all connections of a private server that have ended."""
    assert server._cluster is not None  # noqa: SLF001 - nothing but a benchmark asks for this
    pid = (server._cluster.data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0]  # noqa: SLF001
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def run(command: list[str], project: Path, **environment: str) -> str:
    """Run a process in a project and return its output, or end with it."""
    ran = subprocess.run(
        [sys.executable, *command],
        cwd=project, env=os.environ | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ran.returncode:
        raise SystemExit(f"{command} failed:\n{ran.stdout[-3000:]}{ran.stderr[-3000:]}")
    return ran.stdout


def once(server: PostgresServer, project: Path, name: str) -> Took:
    """Walk the chain in one way, on a database of its own."""
    scratch = server.create()
    before_s, out = server_s(server), project / "took"
    if name in PEERS:
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:relgate", "--rootdir", str(project)]
        test = f"test_peer.py::test_{name}"
        run(["-m", "pytest", *options, test], project, SPEED_URL=scratch.url, SPEED_OUT=str(out))
        words = out.read_text(encoding="utf-8").split()
    else:
        ini = str(project / "alembic.ini")
        words = run([__file__, "--child", name, "--at", scratch.url, "--ini", ini], project).split()
    server.drop(scratch)
    time.sleep(0.3)  # Until the server has waited for its last connections.
    return Took(float(words[-2]), float(words[-1]) + server_s(server) - before_s)


def child(url: str, ini: Path, name: str, *, profiled: bool = False) -> None:
    """Prove once, print what was found and how long it took."""
    tool = AlembicTool(ini, waits=True)
    with PostgresServer.at(url) as server:
        profile = cProfile.Profile()
        if profiled:
            profile.enable()
        begun, busy = time.perf_counter(), time.process_time()
        book, ordered = prove(server, tool, Asked(WANTED[name]))
        took_s, busy_s = time.perf_counter() - begun, time.process_time() - busy
        tool.close()
        if profiled:
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(45)
            pstats.Stats(profile).sort_stats("cumtime").print_stats(160)
    for one in book.results():
        if one.problems or (one.checked != one.expected and not one.does_not_apply):
            raise SystemExit(f"{one.gate}: {one.checked} of {one.expected} examined, {one.problems}")
    blocking = [one for one in book.findings if one.blocks and one.gate == ROUND_TRIP]
    if blocking:
        raise SystemExit(f"the chain is right, yet: {blocking[0]}")
    print(
        len(ordered), "revisions,", len(book.findings), "findings,", book.rows["copies"]["n"], "copies", took_s, busy_s
    )


def main() -> None:
    """Measure, or be the process that is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--revisions", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kind", choices=["auto", "embedded", "system"], default="embedded")
    parser.add_argument("--only", nargs="+", choices=[*PEERS, *WANTED], default=[*PEERS, *WANTED], metavar="WAY")
    parser.add_argument("--profile", choices=["round-trip", "everything"])
    parser.add_argument("--child", choices=list(WANTED), help=argparse.SUPPRESS)
    parser.add_argument("--at", help=argparse.SUPPRESS)
    parser.add_argument("--ini", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.at, options.ini, options.child)
        return
    with tempfile.TemporaryDirectory() as folder, PostgresServer.private(options.kind) as server:
        project = Path(folder)
        ini = write(project, options.revisions)
        (project / "conftest.py").write_text(CONFTEST, encoding="utf-8")
        (project / "test_peer.py").write_text(TESTS, encoding="utf-8")
        if options.profile:
            child(server.create().url, ini, options.profile.replace("-", " "), profiled=True)
            return
        print(f"{server.description}, {options.revisions} revisions, {options.rounds} rounds")
        measure(server, project, options.only, options.rounds, options.revisions)


def measure(server: PostgresServer, project: Path, ways: list[str], rounds: int, revisions: int) -> None:
    """Print medians, and of the ratios within each round the median."""
    took: dict[str, list[Took]] = {name: [] for name in ways}
    for k in range(rounds):
        for name in ways[k % len(ways) :] + ways[: k % len(ways)]:
            took[name].append(once(server, project, name))
    for field in ("clock_s", "processor_s"):
        values = {name: [getattr(one, field) for one in all_] for name, all_ in took.items()}
        print(f"\n{field.removesuffix('_s')}:")
        for name, figures in values.items():
            middle = statistics.median(figures)
            spread = f"({min(figures):.2f} to {max(figures):.2f})"
            print(f"  {name:26} {middle:7.2f} s {spread}, {middle / revisions:.3f} s a revision")
        for peer, goal in zip(PEERS, ("2", "0.167"), strict=True):
            if {peer, "round trip"} <= values.keys():
                ratios = [ours / theirs for ours, theirs in zip(values["round trip"], values[peer], strict=True)]
                spread = f"({min(ratios):.3f} to {max(ratios):.3f}), goal {goal}"
                print(f"  round trip / {peer}: {statistics.median(ratios):.3f} {spread}")


if __name__ == "__main__":
    main()
