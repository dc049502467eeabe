"""How long the fingerprint of a PostgreSQL schema takes, against ``pg_dump -s`` on the same server.

    .venv/bin/python benchmarks/migrations/fingerprint.py [--rounds N] [--kind embedded|system]

Two schemas: about 1,161 objects (as large as one of the real histories that were measured), and 1,000 tables with 8 columns, a
primary key, a foreign key, a check, two indexes and comments each. Both sides run in turn within one process, rounds
interleaved; the fingerprint on a warm connection and on a cold one, pg_dump as a user starts it. Medians, and the ratio.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import time
from typing import TYPE_CHECKING

from relgate.adapters.postgres import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Callable

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


def took_s(act: Callable[[], object]) -> float:
    """Return how long a call takes."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def measure(server: PostgresServer, dump: str, scratch: Scratch, rounds: int) -> None:
    """Print the medians of one schema."""
    environment = {**os.environ, **dict(scratch.environment)}
    warm: list[float] = []
    cold: list[float] = []
    dumped: list[float] = []
    with server.open(scratch) as session:
        entries = len(session.catalog())
        for _ in range(rounds):
            warm.append(took_s(session.catalog))
            dumped.append(
                took_s(lambda: subprocess.run([dump, "-s"], env=environment, stdout=subprocess.DEVNULL, check=True))
            )
            with server.open(scratch) as fresh:
                cold.append(took_s(fresh.catalog))
    one, other, first = (statistics.median(values) * 1000 for values in (warm, dumped, cold))
    print(
        f"{entries:6} entries: fingerprint {one:.1f} ms (cold {first:.1f} ms), pg_dump -s {other:.0f} ms, 1/{other / one:.1f}"
    )


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
            measure(server, dump, scratch, options.rounds)


if __name__ == "__main__":
    main()
