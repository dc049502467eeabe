"""How long proving a chain of migrations takes, against the two ways of pytest-alembic, on one PostgreSQL server.

    .venv/bin/python benchmarks/migrations/speed.py [--revisions 100] [--rounds 5] [--profile round-trip|everything]

The chain is synthetic (``chain.py``), all of its downgrades right. Each round runs all four in turn, each in a process
and on a new database of its own, in an order that changes from round to round. The clock runs around the call: of
pytest-alembic's test what pytest reports for it, of ours ``prove`` from reading the revisions to the last
finding; starting the server, the process and pytest is in none of them. ``--profile`` prints where ours spends it instead.
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
from sqlalchemy import create_engine, pool

@pytest.fixture
def alembic_config():
    return {"file": "alembic.ini"}

@pytest.fixture
def alembic_engine():
    return create_engine(os.environ["SPEED_URL"], poolclass=pool.NullPool)

def pytest_runtest_logreport(report):
    if report.when == "call":
        with open(os.environ["SPEED_OUT"], "w") as file:
            file.write(f"{report.outcome} {report.duration}")
"""
TESTS = """
from pytest_alembic.tests import test_up_down_consistency
from pytest_alembic.tests.experimental import test_downgrade_leaves_no_trace
"""


def peer_s(server: PostgresServer, project: Path, test: str) -> float:
    """Run one of pytest-alembic's tests and return the seconds that pytest reports for its call."""
    scratch = server.create()
    out = project / "took"
    out.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:relgate", "--rootdir", str(project)]
    environment = {**os.environ, "SPEED_URL": scratch.url, "SPEED_OUT": str(out), "PYTHONDONTWRITEBYTECODE": ""}
    ran = subprocess.run(
        [*command, f"test_peer.py::test_{test}"],
        cwd=project, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    server.drop(scratch)
    outcome, _, took = (out.read_text(encoding="utf-8") if out.exists() else "missing").partition(" ")
    if outcome != "passed":
        raise SystemExit(f"{test} did not pass: {outcome}\n{ran.stdout[-3000:]}{ran.stderr[-2000:]}")
    return float(took)


def ours_s(server: PostgresServer, ini: Path, name: str) -> float:
    """Prove the chain in a process of its own and return the seconds that it took."""
    assert server._cluster is not None  # noqa: SLF001 - the address of the one server that all of them use
    address = server.create()
    command = [sys.executable, __file__, "--child", name, "--at", address.url, "--ini", str(ini)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    server.drop(address)
    if ran.returncode:
        raise SystemExit(f"{name} failed:\n{ran.stdout[-3000:]}{ran.stderr[-3000:]}")
    return float(ran.stdout.split()[-1])


def child(url: str, ini: Path, name: str, *, profiled: bool = False) -> None:
    """Prove once, print what was found and how long it took."""
    tool = AlembicTool(ini)
    with PostgresServer.at(url) as server:
        profile = cProfile.Profile()
        if profiled:
            profile.enable()
        begun = time.perf_counter()
        book, ordered = prove(server, tool, Asked(WANTED[name]))
        took_s = time.perf_counter() - begun
        if profiled:
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(45)
            pstats.Stats(profile).sort_stats("cumtime").print_stats(70)
    for one in book.results():
        if one.problems or (one.checked != one.expected and not one.does_not_apply):
            raise SystemExit(f"{one.gate}: {one.checked} of {one.expected} examined, {one.problems}")
    blocking = [one for one in book.findings if one.blocks and one.gate == ROUND_TRIP]
    if blocking:
        raise SystemExit(f"the chain is right, yet: {blocking[0]}")
    print(len(ordered), "revisions,", len(book.findings), "findings,", book.rows["copies"]["n"], "copies", took_s)


def main() -> None:
    """Measure, or be the process that is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--revisions", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kind", choices=["auto", "embedded", "system"], default="embedded")
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
        measure(server, project, ini, options.rounds, options.revisions)


def measure(server: PostgresServer, project: Path, ini: Path, rounds: int, revisions: int) -> None:
    """Print medians and ratios."""
    took: dict[str, list[float]] = {name: [] for name in (*PEERS, *WANTED)}
    for k in range(rounds):
        names = list(took)
        for name in names[k % len(names) :] + names[: k % len(names)]:
            once = peer_s(server, project, name) if name in PEERS else ours_s(server, ini, name)
            took[name].append(once)
    median = {name: statistics.median(values) for name, values in took.items()}
    for name, values in took.items():
        print(f"{name:26} {median[name]:7.2f} s ({min(values):.2f} to {max(values):.2f}), {median[name] / revisions:.3f} s/revision")
    ours = median["round trip"]
    print(f"round trip / leaves_no_trace {ours / median[PEERS[1]]:.3f} (goal 0.167)")
    print(f"round trip / up_down_consistency {ours / median[PEERS[0]]:.2f} (goal 2)")
    print(f"everything {median['everything'] / revisions:.3f} s/revision (goal 0.3)")


if __name__ == "__main__":
    main()
