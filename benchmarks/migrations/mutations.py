"""Mutation run: how many seeded faults does the proof of migrations find, and does it find any in good histories?

Each mutant is an Alembic project in which exactly one revision of a good history is changed by an operator: of the shop
(``examples/shop/migrations``), or of the synthetic history in ``schema_kinds.py``. It is proven as a release on a real
PostgreSQL. *Caught*: it has a blocking finding that the unchanged project does not have. Whether a change of the schema
is one at all is not left to relgate: ``pg_dump -s`` before the upgrade and after the downgrade says so.

    python benchmarks/migrations/mutations.py [--n 260] [--seed 4] [--json FILE] [--only TEXT] [--all]

Exit code: 0, or 1 below 95 % or where a good history has a blocking finding.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import mutation_additions as additions  # noqa: E402
import mutation_operators as operators  # noqa: E402
from chain import INI as SYNTHETIC_INI  # noqa: E402
from mutation_operators import Mutant  # noqa: E402
from schema_kinds import KINDS, text_of  # noqa: E402

from relgate.adapters.alembic import AlembicTool  # noqa: E402
from relgate.adapters.postgres import PostgresServer  # noqa: E402
from relgate.migrate.prove import GATES  # noqa: E402
from relgate.policy.migrations import Migrations  # noqa: E402
from relgate.prove import examine  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from relgate.ports.migrations import Scratch

GOAL = 0.95
SHOP = ROOT / "examples" / "shop"
LARGE = 5_000_000
USUAL = frozenset(GATES) - {"migration-scale", "migration-static", "migration-models"}
"""What a mutant is asked: all that proves. Reading the text would find some of them too, and is not what is measured."""

ENV = """from alembic import context
from sqlalchemy import engine_from_config, pool

config = context.config
connectable = engine_from_config(config.get_section("alembic"), prefix="sqlalchemy.", poolclass=pool.NullPool)
if context.is_offline_mode():
    context.configure(url=config.get_main_option("sqlalchemy.url"), literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    with connectable.connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
"""


@dataclass
class History:
    """A good history. ``files``: id -> (file name, source); ``down``: id -> ids. ``large``: whether its tables are."""

    name: str
    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    down: dict[str, tuple[str, ...]] = field(default_factory=dict)
    large: bool = False

    def before(self, revision: str) -> set[str]:
        """Return what a revision builds on."""
        found: set[str] = set()
        waiting = list(self.down[revision])
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += self.down[one]
        return found

    def write(self, folder: Path, ids: set[str], changed: dict[str, str]) -> Path:
        """Write a project of these revisions; return its ``alembic.ini``."""
        versions = folder / "migrations" / "versions"
        versions.mkdir(parents=True)
        ini, env = SYNTHETIC_INI, ENV
        if self.name == "shop":
            above = str(SHOP.parent).replace("%", "%%")
            ini = (SHOP / "alembic.ini").read_text(encoding="utf-8").replace("%(here)s/..", above)
            env = (SHOP / "migrations" / "env.py").read_text(encoding="utf-8")
        (folder / "alembic.ini").write_text(ini, encoding="utf-8")
        (folder / "migrations" / "env.py").write_text(env, encoding="utf-8")
        for id_ in ids:
            file, source = self.files[id_]
            (versions / file).write_text(changed.get(id_, source), encoding="utf-8")
        return folder / "alembic.ini"


def shop() -> History:
    """Return the shop's history."""
    history = History("shop", large=True)
    with closing(AlembicTool(SHOP / "alembic.ini")) as tool:
        for one in tool.revisions():
            path = SHOP / one.path
            history.files[one.id] = path.name, path.read_text(encoding="utf-8")
            history.down[one.id] = one.down
    return history


def synthetic() -> tuple[History, dict[str, History]]:
    """Return the synthetic history as one chain, and as a chain of two for each kind."""
    whole, parts = History("synthetic"), {}
    number = 0
    for kind in KINDS:
        part = parts[kind.name] = History(kind.name)
        for history, first, on in ((whole, number + 1, f"{number:04}" if number else None), (part, 1, None)):
            ways = ((kind.create, kind.drop, kind.retired), (kind.change, kind.back, ()))
            for k, (up, back, retired) in enumerate(ways):
                id_, below = f"{first + k:04}", on if k == 0 else f"{first:04}"
                source = text_of(first + k, below, kind.name, up, back, retired)
                history.files[id_] = f"{id_}_{kind.name.replace('-', '_')}.py", source
                history.down[id_] = (below,) if below else ()
        number += 2
    return whole, parts


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


# --- mutants


def mutants(histories: dict[str, History]) -> Iterator[Mutant]:
    """Return every mutant that the operators can make, in an order that only the sources decide."""
    for history in histories.values():
        for revision, (_, source) in sorted(history.files.items()):
            if "irreversible = " in source:
                continue  # Its way back is declared lossy and not proven; to take the declaration away is a mutant.
            kind = history.name if history.name != "shop" else f"shop-{revision}"
            yield from _texts(history.name, revision, kind, source)
    yield from _values(histories["values"])
    yield from _shop(histories["shop"])


def _texts(history: str, revision: str, kind: str, source: str) -> Iterator[Mutant]:
    for way, name in (("down", "downgrade"), ("up", "upgrade")):
        for text, new, rows in operators.removals(source, name):
            expected = operators.ROWS if rows else operators.SCHEMA
            yield Mutant(history, revision, f"remove-from-{way}", kind, way, text, new, expected, dumped=not rows)
    for operator, text, new in (
        *operators.sql_changes(source, "downgrade"),
        *operators.python_changes(source, "downgrade"),
    ):
        rows = bool(operators.DML.match(text.partition(" in: ")[2]))
        expected = operators.ROWS if rows else operators.SCHEMA
        # A dump of the schema never says whether a materialised view has been filled.
        dumped = not rows and operator != "no-data"
        yield Mutant(history, revision, operator, kind, "down", text, new, expected, dumped=dumped)


def _values(history: History) -> Iterator[Mutant]:
    source = history.files["0002"][1]
    for operator, sql, said in additions.LEDGER:
        for way in ("down", "up"):
            new = operators.appended(source, way, sql)
            text = f"{said or 'converted there and back'}, in the {way}grade: {sql}"
            yield Mutant("values", "0002", f"rows-{operator}", "values", way, text, new, operators.ROWS, dumped=False)


class Adding:
    """Adds statements to revisions of the shop, after the one that brings what they speak of."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._dice = random.Random(11)
        self._reversible = [one for one, (_, text) in sorted(history.files.items()) if "irreversible" not in text]

    def way(self) -> str:
        """Return one of both ways by chance."""
        return self._dice.choice(("up", "down"))

    def one(
        self, first: str, operator: str, kind: str, up: Sequence[str], down: Sequence[str], gates: set[str], **more: Any
    ) -> Mutant:
        """Return a mutant: ``up`` at the end of an upgrade, ``down`` at the beginning of its downgrade."""
        # Not 0022 to 0024, which take columns away.
        revision = self._dice.choice([one for one in self._reversible if first < one and not "0021" < one <= "0024"])
        source = self._history.files[revision][1]
        for sql in up:
            source = operators.appended(source, "up", *sql.split("; "))
        source = operators.prepended(source, "down", *(part for sql in down for part in sql.split("; ")))
        way = "up" if up else "down"
        text = "; ".join(up or down)
        return Mutant("shop", revision, operator, f"shop-{kind}", way, text, source, frozenset(gates), **more)

    def either(
        self, first: str, operator: str, kind: str, sql: str, gates: set[str], *ways: str, **more: Any
    ) -> Iterator[Mutant]:
        """Return mutants with a statement in these ways that nothing takes back."""
        for way in ways:
            up, down = ((sql,), ()) if way == "up" else ((), (sql,))
            yield self.one(first, operator, kind, up, down, gates, **more)


def _shop(history: History) -> Iterator[Mutant]:
    adding = Adding(history)
    for operator, needs, sql, _ in additions.DAMAGE:
        for first, table_, column, key, *type_ in additions.COLUMNS[needs]:
            statement = sql.format(t=table_, c=column, k=key, d=type_[0] if type_ else "")
            yield from adding.either(
                first, f"rows-{operator}", "rows", statement, set(operators.ROWS), adding.way(), dumped=False
            )
    gates = {*operators.ROWS, operators.INTEGRITY}
    for operator, first, sql, _ in additions.CHILDREN:
        yield from adding.either(first, f"rows-{operator}", "rows", sql, gates, "up", "down", dumped=False)
    for first, operator, sql in additions.WEAKENS:
        yield from adding.either(first, f"adds-{operator}", "schema", sql, set(operators.SCHEMA), "up", "down")
    gates = {operators.EARLIER, *operators.ROWS}
    for operator, first, up, down in additions.ROLLOUT:
        yield adding.one(first, operator, "rollout", up, down, gates, dumped=False)
    for operator, first, up, down in additions.LOCKING:
        yield adding.one(first, operator, "locks", up, down, {operators.LOCKS}, dumped=False)
    yield from _backfills(adding)
    yield from _shop_texts(history)


def _backfills(adding: Adding) -> Iterator[Mutant]:
    gates = {operators.BACKFILL, operators.DATA}
    for first, there, back in additions.TWICE:
        yield adding.one(first, "twice", "backfill", (there,), (back,), gates, dumped=False)
    also = frozenset({operators.SCALE})
    for first, there, back in additions.AT_ONCE:
        only = {operators.BACKFILL}
        yield adding.one(first, "at-once", "backfill", (there,), (back,), only, dumped=False, also=also)


def _shop_texts(history: History) -> Iterator[Mutant]:
    """What is changed in the shop's own text: locks, batches, transactions, declarations, models."""
    for revision, (_, source) in sorted(history.files.items()):
        up = operators.function(source, "upgrade")
        head, tail = source[: source.index("def upgrade")], source[source.index("def upgrade") :]
        body, rest = tail[: tail.index("def downgrade")], tail[tail.index("def downgrade") :]

        def mutant(operator: str, text: str, new: str, gate: str, id_: str = revision, **more: Any) -> Mutant:
            kind = f"shop-{gate.removeprefix('migration-')}"
            return Mutant("shop", id_, operator, kind, "up", text, new, frozenset({gate}), dumped=False, **more)

        if "INDEX CONCURRENTLY" in head + body and "CREATE" in head + body and revision != "0020":
            new = re.sub(r"(CREATE (?:UNIQUE )?INDEX) CONCURRENTLY", r"\1", head + body) + rest
            yield mutant("concurrently", "indexes built without CONCURRENTLY", new, operators.LOCKS)
        for pattern in (r" NOT VALID", r"postgresql_not_valid=True"):
            if re.search(pattern, body):
                new = head + re.sub(pattern, "", body).replace("        ,\n", "") + rest
                yield mutant("valid-at-once", f"without {pattern.strip()}", new, operators.LOCKS)
        new = head + re.sub(r"    op.execute\(\"SET LOCAL lock_timeout[^\n]*\n", "", body) + rest
        if new != source and revision not in ("0001", "0002", "0013"):
            yield mutant("lock-timeout", "waits for locks without a limit", new, operators.LOCKS)
        committed = operators.committed(source)
        if committed is not None and "irreversible" not in source:
            yield mutant("commit-in-the-middle", "commits behind its first statement", committed, operators.CRASH)
        if "irreversible = {" in source:
            new = re.sub(r"irreversible = \{.*?\n\}\n", "", source, flags=re.DOTALL)
            yield mutant("undeclared", "its loss is not declared", new, operators.DATA)
        if "in_batches(" in body and revision == "0010":
            new = (
                head
                + body.replace(
                    'in_batches("products", f"slug = {SLUG}", "slug IS NULL")',
                    'op.execute(sa.text(f"UPDATE products SET slug = {SLUG} WHERE slug IS NULL"))',
                )
                + rest
            )
            also = frozenset({operators.SCALE})
            yield mutant("not-batched", "one UPDATE for all rows", new, operators.BACKFILL, also=also)
        for pattern, replacement in (
            (r"sa\.String\(120\)", "sa.String(100)"), (r"nullable=False", "nullable=True"), (r", unique=True", ""),
            (r", index=True", ""), (r'server_default="1"', 'server_default="2"'), (r'ondelete="CASCADE"', 'ondelete="SET NULL"'),
            (r"VAT included", "VAT excluded"), (r'\("expires", sa\.Date\)', '("expires", sa.DateTime)'),
        ):  # fmt: skip
            found = re.search(pattern, body)
            if found is not None and revision in ("0001", "0002", "0003", "0014") and up is not None:
                new = head + body[: found.start()] + replacement + body[found.end() :] + rest
                text = f"{found[0]} -> {replacement!r}: not what the models say"
                also = frozenset({operators.MODELS})
                yield mutant("not-the-models", text, new, operators.MODELS, also=also, whole=True)


def drawn(every: list[Mutant], n: int, seed: int) -> list[Mutant]:
    """Draw n mutants, of each operator and each kind alike, without one twice."""
    dice = random.Random(seed)
    waiting: dict[tuple[str, str], list[Mutant]] = defaultdict(list)
    for one in every:
        waiting[one.operator, one.kind].append(one)
    for group in waiting.values():
        dice.shuffle(group)
    taken: Counter[str] = Counter()
    chosen: list[Mutant] = []
    while len(chosen) < min(n, len(every)):
        # The operator and the kind of which least was drawn so far come first; then chance.
        keys = sorted(waiting, key=lambda key: (taken[f"o {key[0]}"] + taken[f"k {key[1]}"], dice.random()))
        one = waiting[keys[0]].pop()
        if not waiting[keys[0]]:
            del waiting[keys[0]]
        taken.update((f"o {one.operator}", f"k {one.kind}"))
        chosen.append(one)
    return chosen


# --- proving


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
        with closing(AlembicTool(ini)) as tool:
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
    parser.add_argument("--n", type=int, default=340)
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
