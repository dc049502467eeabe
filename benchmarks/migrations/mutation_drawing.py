"""Which mutants there are of the good histories, and which of them a run takes."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import mutation_additions as additions
import mutation_operators as operators
from mutation_operators import Mutant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mutation_history import History


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
        for pattern in (r"(?<=\)) NOT VALID", r"postgresql_not_valid=True"):
            if re.search(pattern, body):
                new = head + re.sub(pattern, "", body).replace("        ,\n", "") + rest
                yield mutant("valid-at-once", "validated at once", new, operators.LOCKS)
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
