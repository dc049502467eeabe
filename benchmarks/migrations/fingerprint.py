"""How long the fingerprint of a PostgreSQL schema takes, against ``pg_dump -s`` on the same server.

    .venv/bin/python benchmarks/migrations/fingerprint.py [--rounds N] [--kind embedded|system]

Two schemas: about 1,161 objects (as large as one of the real histories that were measured), and 1,000 tables with 8 columns, a
primary key, a foreign key, a check, two indexes and comments each. Both sides run in turn within one process, rounds
interleaved, pg_dump as a user starts it. Three fingerprints: all of it on a cold connection, all of it on a warm one, and
what a proof takes at each step: the one after a step that added a column and an index. Each must be what a cold
connection reads. Medians and ratios, of the clock and, for a machine that does other things too, of processors: this
process, the server's connection, pg_dump and its connection.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from relgate.adapters.postgres import PostgresServer

if TYPE_CHECKING:
    from relgate.adapters.postgres_session import PostgresSession
    from relgate.ports.migrations import Scratch

COMMON = """
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
"""
TABLE = """
CREATE TABLE t{n} (
  id bigserial PRIMARY KEY, parent_id bigint REFERENCES t{parent}, name varchar(80) NOT NULL DEFAULT '',
  total numeric(10,2) NOT NULL DEFAULT 0 CHECK (total >= 0), feeling mood DEFAULT 'ok', at timestamptz DEFAULT now(),
  data jsonb, note text
);
CREATE INDEX t{n}_name ON t{n} (lower(name));
CREATE INDEX t{n}_parent ON t{n} (parent_id) WHERE note IS NOT NULL;
COMMENT ON TABLE t{n} IS 'table {n}'; COMMENT ON COLUMN t{n}.total IS 'in euro';
"""
EXTRA = """
CREATE VIEW v{n} AS SELECT id, name FROM t{n} WHERE total > 0;
CREATE TRIGGER touched BEFORE UPDATE ON t{n} FOR EACH ROW EXECUTE FUNCTION touch();
"""


def schema(tables: int, extras: int) -> list[str]:
    """Return the statements of a schema; the first ``extras`` tables have a view and a trigger."""
    made = [TABLE.format(n=n, parent=max(0, n - 1)) + (EXTRA.format(n=n) if n < extras else "") for n in range(tables)]
    return [COMMON, *made]


@dataclass(frozen=True)
class Took:
    """Seconds on the clock, and of processors."""

    clock_s: float
    processor_s: float


def ended_s(server: PostgresServer) -> float:
    """Return the processor time of the children of this process and of the server's connections that have ended."""
    assert server._cluster is not None  # noqa: SLF001 - nothing but a benchmark asks for this
    pid = (server._cluster.data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0]  # noqa: SLF001
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    return _ticks_s(pid, 13) + own.ru_utime + own.ru_stime


def _ticks_s(pid: int | str, at: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[at]) + int(fields[at + 1])) / os.sysconf("SC_CLK_TCK")


def looked(session: PostgresSession) -> Took:
    """Return what a look costs. The server counts in hundredths of a second: only sums over many rounds say something."""
    begun, busy, server = time.perf_counter(), time.process_time(), _ticks_s(session.backend, 11)
    session.catalog()
    clock_s, busy_s = time.perf_counter() - begun, time.process_time() - busy
    return Took(clock_s, busy_s + _ticks_s(session.backend, 11) - server)


def dumped(server: PostgresServer, command: list[str], environment: dict[str, str]) -> Took:
    """Return what pg_dump costs, its connection with it."""
    begun, busy = time.perf_counter(), ended_s(server)
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    clock_s = time.perf_counter() - begun
    time.sleep(0.2)  # Until the server has waited for the connection.
    return Took(clock_s, ended_s(server) - busy)


def measure(server: PostgresServer, dump: str, scratch: Scratch, tables: int, rounds: int) -> None:
    """Print what one schema costs."""
    environment = {**os.environ, **dict(scratch.environment)}
    took: dict[str, list[Took]] = {name: [] for name in ("pg_dump -s", "cold", "warm", "after one step")}
    with server.open(scratch) as session, server.open(scratch) as whole:
        whole._look._rows = None  # noqa: SLF001 - it never asks what has changed
        entries = len(session.catalog())
        session.catalog()
        for k in range(rounds):
            took["warm"].append(looked(whole))
            took["pg_dump -s"].append(dumped(server, [dump, "-s"], environment))
            with server.open(scratch) as fresh:
                took["cold"].append(looked(fresh))
            n = k * 7 % tables
            session.run(f"ALTER TABLE t{n} ADD COLUMN more_{k} int; CREATE INDEX more_{k} ON t{n} (more_{k})")
            took["after one step"].append(looked(session))
            with server.open(scratch) as fresh:
                assert session.catalog() == fresh.catalog()
    print(f"{entries} entries")
    clock = {name: statistics.median(one.clock_s for one in all_) for name, all_ in took.items()}
    busy = {name: statistics.mean(one.processor_s for one in all_) for name, all_ in took.items()}
    for name in took:
        ratios = f"1/{clock['pg_dump -s'] / clock[name]:.1f} and 1/{busy['pg_dump -s'] / busy[name]:.1f} of pg_dump"
        print(f"  {name:15} clock {clock[name] * 1000:7.1f} ms, processor {busy[name] * 1000:7.1f} ms, {ratios}")


def main() -> None:
    """Measure both schemas."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--kind", choices=["embedded", "system"], default="embedded")
    options = parser.parse_args()
    begun = time.perf_counter()
    with PostgresServer.private(options.kind) as server:
        print(f"{server.description}, started in {time.perf_counter() - begun:.2f} s")
        assert server.binaries is not None
        dump = server.binaries.program("pg_dump")
        for tables, extras in ((63, 20), (1000, 100)):
            scratch = server.create()
            with server.open(scratch) as session:
                for statement in schema(tables, extras):
                    session.run(statement)
            measure(server, dump, scratch, tables, options.rounds)


if __name__ == "__main__":
    main()
