"""Proofs of migrations as migrations.json has them, for the tests of the reports."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from relgate.report.marks import PER_REVISION


def revision(id_: str, *down: str, **changes: Any) -> dict[str, Any]:
    """One that was proven."""
    plain = {
        "id": id_,
        "down": list(down),
        "message": f"message of {id_}",
        "path": f"versions/{id_}.py",
        "release": None,
        "irreversible": None,
        "up_s": 0.012,
        "down_s": 0.034,
        "proof_s": 0.3,
        "examined": sorted(PER_REVISION),
        "locks": [],
    }
    return {name: value for name, value in (plain | changes).items() if value is not ...}


def finding(of: str | None, code: str = "left-over", **changes: Any) -> dict[str, Any]:
    """One that blocks."""
    return {
        "gate": "migration-round-trip",
        "code": code,
        "what": "index ix is left over",
        "why": "going back leaves another schema",
        "do": "mend the downgrade",
        "blocks": True,
        "revision": of,
        "path": f"versions/{of}.py",
        "line": 7,
        "sql": None,
        "waiver": None,
    } | changes


def gate(name: str, *findings: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """One that examined everything."""
    return {
        "gate": name,
        "what": "revisions",
        "checked": 2,
        "expected": 2,
        "findings": list(findings),
        "problems": [],
        "does_not_apply": None,
        "notes": [],
    } | changes


def proof(*revisions: dict[str, Any], gates: tuple[dict[str, Any], ...] = (), **changes: Any) -> dict[str, Any]:
    """The content of migrations.json."""
    known = {one["gate"]: one for one in gates or (gate("migration-round-trip"),)}
    return {
        "schema": 1,
        "run_id": "r1",
        "gates": known,
        "server": "PostgreSQL 18.4 (embedded)",
        "tool": "alembic, alembic.ini",
        "scope": f"the whole history, {len(revisions)} revisions",
        "revisions": list(revisions),
        "irreversible": [],
        "unsafe": [],
        "files": [],
        "took_s": 1.5,
        "facts": {},
    } | changes


def chain(n: int) -> list[dict[str, Any]]:
    """A line of proven revisions: r1, r2 and so on."""
    return [revision(f"r{k}", *([f"r{k - 1}"] if k > 1 else [])) for k in range(1, n + 1)]


@st.composite
def histories(draw: st.DrawFn, most: int = 60) -> list[dict[str, Any]]:
    """Any history: branches, merges, several bases, parents that are missing."""
    found = []
    for k in range(draw(st.integers(0, most))):
        parents = draw(st.lists(st.integers(-2, k - 1), max_size=3, unique=True)) if k else []
        found.append(revision(f"r{k}", *[f"r{one}" if one >= 0 else f"gone{one}" for one in parents]))
    return found


LOCKS = st.lists(
    st.builds(
        lambda table, mode, from_s, held_s: {"table": table, "mode": mode, "from_s": from_s, "held_s": held_s},
        st.text(max_size=40),
        st.sampled_from(["AccessShareLock", "ShareLock", "AccessExclusiveLock", "a lock of tomorrow"]),
        st.floats(0, 1e4),
        st.floats(0, 1e4),
    ),
    max_size=4,
)


@st.composite
def anything(draw: st.DrawFn) -> dict[str, Any]:
    """A proof whose texts are whatever the outside may say."""
    text = st.text(max_size=80)
    revisions = [
        one | {"message": draw(text), "release": draw(st.none() | text), "irreversible": draw(st.none() | text)}
        for one in draw(histories(8))
    ]
    for one in revisions:
        one["locks"] = draw(LOCKS)
        if draw(st.booleans()):
            del one["proof_s"]
        if draw(st.booleans()):
            one |= {"examined": draw(st.lists(st.sampled_from(one["examined"]))), "unexamined": draw(text)}
    ids = [one["id"] for one in revisions]
    findings = [
        finding(
            draw(st.sampled_from([*ids, None])),
            draw(text),
            what=draw(text),
            why=draw(text),
            do=draw(text),
            path=draw(text),
            sql=draw(st.none() | text),
            waiver=draw(st.none() | text),
            blocks=draw(st.booleans()),
        )
        for _ in range(draw(st.integers(0, 4)))
    ]
    problems = draw(st.lists(text, max_size=2))
    known = gate("migration-round-trip", *findings, problems=problems, notes=draw(st.lists(text, max_size=2)))
    absent = gate("migration-locks", does_not_apply=draw(st.none() | text))
    return proof(*revisions, gates=(known, absent), server=draw(text), tool=draw(text), scope=draw(text))
