"""Mutation run: how many seeded faults does the proof of migrations find, and does it find any in good histories?

Each mutant is an Alembic project in which exactly one revision of a good history is changed by an operator: of the shop
(``examples/shop/migrations``), or of the synthetic history in ``schema_kinds.py``. It is proven as a release on a real
PostgreSQL. *Caught*: it has a blocking finding that the unchanged project does not have. Whether a change of the schema
is one at all is not left to relgate: ``pg_dump -s`` before the upgrade and after the downgrade says so.

    python benchmarks/migrations/mutations.py [--n 300] [--seed 4] [--json FILE] [--only TEXT] [--all]

Exit code: 0, or 1 below 95 % or where a good history has a blocking finding.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from mutation_drawing import drawn, mutants  # noqa: E402
from mutation_history import History, shop, synthetic  # noqa: E402

from relgate.adapters.alembic import AlembicTool  # noqa: E402
from relgate.adapters.postgres import PostgresServer  # noqa: E402
from relgate.migrate.prove import GATES  # noqa: E402
from relgate.policy.migrations import Migrations  # noqa: E402
from relgate.prove import examine  # noqa: E402

if TYPE_CHECKING:
    from mutation_operators import Mutant

    from relgate.ports.migrations import Scratch

GOAL = 0.95
LARGE = 5_000_000
USUAL = frozenset(GATES) - {"migration-scale", "migration-static", "migration-models"}
"""What a mutant is asked: all that proves. Reading the text would find some of them too, and is not what is measured."""


class Live:
    """What production would say."""

    def __init__(self, heads: tuple[str, ...], *, large: bool) -> None:
        self._heads = heads
        self._large = large

    def applied(self, table: str = "alembic_version", of: tuple[int, ...] = (0,)) -> tuple[str, ...]:  # noqa: ARG002
        """The revisions before the changed one."""
        return self._heads

    def row_counts(self) -> dict[str, int]:
        """The shop's tables are large, the synthetic ones are not."""
        names = (
            "products", "accounts", "orders", "order_lines", "coupons", "addresses", "stock_movements", "categories",
            "audit_log",
        )  # fmt: skip
        return {f"public.{name}": LARGE for name in names} if self._large else {}

    def statements(self) -> tuple[str, ...]:
        """Nothing was recorded."""
        return ()


@dataclass
class Result:
    """``found``: (gate, code, text) of new blocking findings; ``warned``: of new warnings. ``equivalent``: why, or ''."""

    mutant: Mutant
    found: list[tuple[str, str, str]]
    warned: list[tuple[str, str, str]]
    problems: list[str]
    equivalent: str = ""
    took_s: float = 0.0

    @property
    def hit(self) -> bool:
        """Whether an expected gate has a new finding; a warning counts where the fault is worth one by design."""
        own = self.found + [
            one for one in self.warned if one[1] in ("no-lock-timeout", "not-atomic", "not-deterministic")
        ]
        return any(one[0] in self.mutant.expected for one in own)

    @property
    def caught(self) -> bool:
        """Whether anything new blocks, or an expected gate warns as it should."""
        return bool(self.found or self.problems) or self.hit


class Bench:
    """One server, and what the unchanged projects gave."""

    def __init__(self, server: PostgresServer, folder: Path, histories: dict[str, History]) -> None:
        self.server = server
        self._folder = folder
        self._histories = histories
        self._n = 0
        self._clean: dict[tuple[Any, ...], tuple[set[tuple[str, str, str]], str]] = {}
        self._dumped: dict[tuple[str, str], tuple[Scratch, str, str]] = {}

    def prove(self, ini: Path, heads: tuple[str, ...] | None, gates: frozenset[str], *, large: bool) -> Any:
        """Return the proof of a project; heads None: its whole history."""
        more = {"everything": True} if heads is None else {}
        migrations = Migrations.model_validate({"kind": "alembic", "source": str(ini), **more})
        plan = {"run_id": "run", "folder": str(ini.parent), "wanted": sorted(gates), "today": "2026-11-21"}
        live = Live(heads, large=large) if heads is not None else None
        if heads is None and not large:
            live = Live((), large=False)
        with closing(AlembicTool(ini, waits=True)) as tool:
            return examine(plan, migrations, tool, self.server, live)[0]

    def judge(self, mutant: Mutant) -> Result:
        """Prove a mutant, and find out whether it is one."""
        started_s = time.monotonic()
        history = self._histories[mutant.history]
        ids = set(history.files) if mutant.whole else {*history.before(mutant.revision), mutant.revision}
        gates = (USUAL | mutant.also) - (frozenset() if mutant.whole else {"migration-models"})
        known = self._known(history, mutant, ids, gates)
        ini = self.write(history, ids, {mutant.revision: mutant.source})
        proof = self.prove(ini, history.down[mutant.revision], gates, large=history.large)
        new = [
            one for gate in proof.gates.values() for one in gate.findings if (one.gate, one.code, one.what) not in known
        ]
        problems = [f"{name}: {text}" for name, gate in proof.gates.items() for text in gate.problems]
        result = Result(
            mutant,
            [(one.gate, one.code, one.what) for one in new if one.blocks and one.waiver is None],
            [(one.gate, one.code, one.what) for one in new if not one.blocks],
            problems,
        )
        if mutant.dumped:
            result.equivalent = self._equivalent(history, mutant, ini)
        shutil.rmtree(ini.parent)
        result.took_s = time.monotonic() - started_s
        return result

    def _known(
        self, history: History, mutant: Mutant, ids: set[str], gates: frozenset[str]
    ) -> set[tuple[str, str, str]]:
        """Return what the unchanged project gives: nothing that blocks, or it cannot be a good one."""
        key = (history.name, mutant.revision, mutant.whole, gates)
        if key not in self._clean:
            ini = self.write(history, ids, {})
            proof = self.prove(ini, history.down[mutant.revision], gates, large=history.large)
            found = [one for gate in proof.gates.values() for one in gate.findings]
            blocking = "; ".join(f"{one.code}: {one.what}" for one in found if one.blocks)
            blocking += "; ".join(text for gate in proof.gates.values() for text in gate.problems)
            if blocking:
                print(f"!! the unchanged {history.name} {mutant.revision}: {blocking}")
            self._clean[key] = {(one.gate, one.code, one.what) for one in found}, blocking
            shutil.rmtree(ini.parent)
        return self._clean[key][0]

    @property
    def alarms(self) -> list[str]:
        """What blocked unchanged projects."""
        return [f"{key[0]} {key[1]}: {text}" for key, (_, text) in self._clean.items() if text]

    def write(self, history: History, ids: set[str], changed: dict[str, str]) -> Path:
        """Write a project into a folder of its own; return its ``alembic.ini``."""
        self._n += 1
        return history.write(self._folder / f"p{self._n}", ids, changed)

    def _equivalent(self, history: History, mutant: Mutant, ini: Path) -> str:
        """Say why a mutant is none, going by pg_dump alone: empty where it is one."""
        before, dump, there = self._base(history, mutant.revision)
        scratch = self.server.create(before)
        try:
            with closing(AlembicTool(ini)) as tool:
                if tool.move(scratch, mutant.revision, "up").failure is not None:
                    return ""
                up = self._dump(scratch)
                if tool.move(scratch, mutant.revision, "down").failure is not None:
                    return ""
            if self._dump(scratch) != dump:
                return ""
            return "nothing changes" if up == there else "another upgrade, taken back exactly"
        finally:
            self.server.drop(scratch)

    def _base(self, history: History, revision: str) -> tuple[Scratch, str, str]:
        """Return a database before a revision, its dump, and the dump behind the unchanged upgrade."""
        if (history.name, revision) not in self._dumped:
            ini = self.write(history, {*history.before(revision), revision}, {})
            scratch = self.server.create()
            with closing(AlembicTool(ini)) as tool:
                for one in sorted(history.before(revision)):
                    _must(tool.move(scratch, one, "up"), one)
                dump = self._dump(scratch)
                other = self.server.create(scratch)
                _must(tool.move(other, revision, "up"), revision)
            self._dumped[history.name, revision] = scratch, dump, self._dump(other)
            self.server.drop(other)
        return self._dumped[history.name, revision]

    def _dump(self, scratch: Scratch) -> str:
        assert self.server.binaries is not None
        command = [self.server.binaries.program("pg_dump"), "-s", "--no-password", "--exclude-table=alembic_version"]
        environment = {**os.environ, **dict(scratch.environment)}
        found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        lines = [one for one in found.stdout.splitlines() if not re.match(r"\\(un)?restrict |-- ", one)]
        return "\n".join(lines)


def _must(ran: Any, revision: str) -> None:
    if ran.failure is not None:
        raise SystemExit(f"the good history does not go up at {revision}: {ran.failure}")


def good(bench: Bench, histories: list[History]) -> tuple[int, list[str]]:
    """Prove the good histories whole; return how many findings block, and all texts."""
    blocking, said = 0, []
    for history in histories:
        ini = bench.write(history, set(history.files), {})
        gates = USUAL | ({"migration-models"} if history.name == "shop" else set())
        started_s = time.monotonic()
        proof = bench.prove(ini, None if history.large else (), frozenset(gates), large=history.large)
        found = [one for gate in proof.gates.values() for one in gate.findings]
        problems = [f"{name}: {text}" for name, gate in proof.gates.items() for text in gate.problems]
        blocking += sum(one.blocks for one in found) + len(problems)
        said.append(
            f"{history.name}: {len(history.files)} revisions, {time.monotonic() - started_s:.0f} s,"
            f" {sum(one.blocks for one in found)} blocking, {sum(not one.blocks for one in found)} warnings"
        )
        said += [
            f"    {'BLOCKS' if one.blocks else 'warns'} {one.revision} {one.gate} {one.code}: {one.what}"
            for one in found
        ]
        said += [f"    PROBLEM {text}" for text in problems]
    return blocking, said


# --- the report


def table(results: list[Result], by: str) -> str:
    """Return a table of n, equivalent, caught and hit, by operator or kind."""
    groups: dict[str, list[Result]] = defaultdict(list)
    for one in results:
        groups[getattr(one.mutant, by)].append(one)
    lines = [f"{by:28} {'n':>4} {'caught':>7} {'by the expected gate':>21} {'equivalent':>11}"]
    for name, group in sorted(groups.items()):
        real = [one for one in group if not one.equivalent]
        lines.append(
            f"{name:28} {len(real):4} {sum(one.caught for one in real):7} {sum(one.hit for one in real):21}"
            f" {len(group) - len(real):11}"
        )
    return "\n".join(lines)


def document(result: Result) -> dict[str, Any]:
    """Return a result for JSON."""
    mutant = result.mutant
    return {
        "history": mutant.history, "revision": mutant.revision, "operator": mutant.operator, "kind": mutant.kind,
        "way": mutant.way, "text": mutant.text, "expected": sorted(mutant.expected), "caught": result.caught,
        "hit": result.hit, "equivalent": result.equivalent, "found": result.found, "warned": result.warned,
        "problems": result.problems, "took_s": round(result.took_s, 2),
    }  # fmt: skip


def main() -> int:
    """Run, print, and say whether the goal is met."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--n", type=int, default=300)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", default="", help="mutants whose history, revision, operator and text match this")
    parser.add_argument("--all", action="store_true", help="every mutant there is")
    parser.add_argument("--kind", default="auto", choices=("auto", "embedded", "system"), help="which PostgreSQL")
    parser.add_argument("--without-good", action="store_true", help="leave the whole good histories out")
    asked = parser.parse_args()
    whole, parts = synthetic()
    histories = {"shop": shop(), **parts}
    every = [
        one
        for one in mutants(histories)
        if re.search(asked.only, f"{one.history} {one.revision} {one.operator} {one.text}")
    ]
    chosen = every if asked.all else drawn(every, asked.n, asked.seed)
    with tempfile.TemporaryDirectory() as folder, PostgresServer.private(asked.kind) as server:
        bench = Bench(server, Path(folder), histories)
        alarms, said = (
            (0, [])
            if asked.without_good
            else good(bench, [whole] if asked.only == "good" else [histories["shop"], whole])
        )
        print(
            f"{server.description}; {len(chosen)} of {len(every)} mutants, seed {asked.seed}\n\n" + "\n".join(said),
            flush=True,
        )
        results = []
        for one in chosen:
            results.append(bench.judge(one))
            if not results[-1].caught and not results[-1].equivalent:
                print(
                    f"MISSED {one.history} {one.revision} {one.operator} {one.way}: {one.text}  warned: {results[-1].warned}",
                    flush=True,
                )
            elif results[-1].equivalent and results[-1].caught:
                print(
                    f"CAUGHT BUT EQUIVALENT ({results[-1].equivalent}) {one.history} {one.revision} {one.operator} {one.way}: {one.text} {results[-1].found}",
                    flush=True,
                )
    if asked.json is not None:
        asked.json.write_text(json.dumps([document(one) for one in results], indent=1), encoding="utf-8")
    return conclude(results, alarms + len(bench.alarms))


def conclude(results: list[Result], alarms: int) -> int:
    """Print the tables and the sum; return the exit code."""
    print(f"\n{table(results, 'operator')}\n\n{table(results, 'kind')}\n")
    real = [one for one in results if not one.equivalent]
    same = [one for one in results if one.equivalent]
    caught, hit = sum(one.caught for one in real), sum(one.hit for one in real)
    share = caught / len(real) if real else 0.0
    print(
        f"{len(real)} mutants, {caught} caught ({share:.1%}), {hit} by an expected gate; {len(same)} equivalent by"
        f" pg_dump, {sum(one.caught for one in same)} of them with a finding; false alarms: {alarms};"
        f" {sum(one.took_s for one in results):.0f} s"
    )
    return int(share < GOAL or alarms > 0)


if __name__ == "__main__":
    sys.exit(main())
