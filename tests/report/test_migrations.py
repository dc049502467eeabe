"""migrations.md: what a person mends from; complete, small, and never drawn by somebody else's text."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relgate.report.escape import fenced
from relgate.report.migrations import CHAIN, LARGEST_BYTES, LOCKS, markdown, pages
from relgate.report.timeline import locks_svg
from tests.report.proofs import anything, chain, finding, gate, proof, revision

TRIP = "migration-round-trip"
DATA = "migration-data"


def row(text: str, id_: str) -> list[str]:
    """The cells of a revision's row."""
    line = next(line for line in text.splitlines() if line.startswith(f"| {id_} |"))
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_the_headline_says_how_many_findings_block_and_what_was_proven() -> None:
    """Waived ones and warnings are counted apart."""
    found = (finding("r1"), finding("r2", blocks=False), finding("r2", blocks=False, waiver="anna until 2027-01-31"))
    text = markdown(proof(*chain(2), gates=(gate(TRIP, *found),)))

    assert text.startswith("# Migrations: 1 finding blocks\n")
    assert "1 block, 1 warn, 1 waived." in text
    assert "the whole history, 2 revisions, on PostgreSQL 18.4 (embedded)" in text


def test_a_history_without_findings_says_so() -> None:
    """Everything was examined, and nothing blocks."""
    text = markdown(proof(*chain(2)))

    assert text.startswith("# Migrations: nothing found that blocks\n")
    assert "## Not examined" not in text
    assert row(text, "r2")[4] == "ok"


@pytest.mark.parametrize(
    "lack", [{"problems": ["the server ended"]}, {"checked": 1}, {"checked": 0, "problems": ["a", "b"]}]
)
def test_what_was_not_examined_is_never_called_good(lack: dict[str, Any]) -> None:
    """Neither in the headline nor in the rows of the revisions that it is about."""
    text = markdown(proof(revision("r1", examined=[]), revision("r2", "r1"), gates=(gate(TRIP, **lack),)))

    assert text.startswith("# Migrations: not everything could be examined\n")
    assert "## Not examined" in text
    assert row(text, "r1")[4] == "?"
    assert row(text, "r2")[4] == "ok"
    for problem in lack.get("problems", ["1 of 2 revisions, for no reason that is known"]):
        assert f"round-trip: {problem}" in text


def test_what_one_revision_lacks_is_said_of_it_with_the_reason_and_of_no_other() -> None:
    """Thirty good revisions stay good beside a bad one; why it was not examined is said once, for all its gates."""
    why = "its way back fails"
    bad = revision("r31", "r30", examined=[TRIP], unexamined=why)
    notes = [f"r31 was not examined: {why}"]
    lacking = [gate(one, checked=30, expected=31, notes=notes) for one in ("migration-crash", DATA)]
    gates = (gate(TRIP, finding("r31", "down-fails")), *lacking)
    plain = proof(*chain(30), bad, gates=gates)
    text = markdown(plain)

    assert "- crash, data: r31: its way back fails" in text
    assert text.count(why) == 1
    assert "no reason that is known" not in text
    assert [row(text, f"r{k}")[4:6] for k in (1, 30, 31)] == [["ok", "ok"], ["ok", "ok"], ["**blocks** 1", "?"]]
    picture = pages(plain)[CHAIN]
    assert "30 proven, nothing found" in picture
    assert "not fully examined" not in picture


def test_a_revision_of_which_nobody_says_what_was_examined_is_not_good() -> None:
    """An entry that lacks the list lacks the examination."""
    text = markdown(proof(revision("r1", examined=...), revision("r2", "r1")))

    assert row(text, "r1")[4] == "?"
    assert row(text, "r2")[4] == "ok"


def test_a_revision_that_was_only_applied_is_not_proven() -> None:
    """It lies before what is new, or after what broke."""
    text = markdown(proof(revision("r1", proof_s=...), revision("r2", "r1")))

    assert row(text, "r1")[4] == "·"
    assert row(text, "r2")[4] == "ok"
    assert "1 of 2 revisions: not to be proven, or not reached" in text


def test_a_row_says_what_each_group_of_gates_found() -> None:
    """Words, so that nobody has to see colours."""
    gates = (
        gate(TRIP, finding("r1"), finding("r1", "lost")),
        gate(DATA, finding("r1", "not-seeded", gate=DATA, blocks=False)),
        gate("migration-n-1", does_not_apply="no release before"),
    )
    cells = row(markdown(proof(*chain(2), gates=gates)), "r1")

    assert cells[4:7] == ["**blocks** 2", "warns 1", "-"]


def test_a_finding_has_its_place_its_reason_what_to_do_and_the_difference() -> None:
    """What a person needs to mend it without running anything again."""
    left = finding("r2", sql="+ CREATE INDEX ix ON orders (note);\n  -- with it: comment public.ix")
    text = markdown(proof(*chain(2), gates=(gate(TRIP, left),)))

    assert f"### {TRIP}: left-over" in text
    assert "**r2** (versions/r2.py:7) index ix is left over" in text
    assert "Why: going back leaves another schema" in text
    assert "Do: mend the downgrade" in text
    assert "```diff\n+ CREATE INDEX ix ON orders (note);" in text


def test_sql_is_shown_as_sql_and_a_waiver_with_its_name() -> None:
    """A statement is no difference, also when a line of it begins with a sign."""
    waived = finding("r1", sql="UPDATE orders SET n = n\n- 1", blocks=False, waiver="anna until 2027-01-31: short")
    text = markdown(proof(*chain(1), gates=(gate(TRIP, waived),)))

    assert "```sql\nUPDATE orders" in text
    assert "Waived by anna until 2027-01-31: short" in text
    assert text.index("## Revisions") < text.index("## Waived findings")


def test_the_strongest_lock_and_the_rewrite_stand_in_the_row() -> None:
    """A weaker one that was held longer does not hide it."""
    locks = [
        {"table": "public.orders", "mode": "AccessExclusiveLock", "from_s": 0.0, "held_s": 0.001},
        {"table": "public.lines", "mode": "ShareLock", "from_s": 0.0, "held_s": 0.5},
        {"table": "public.alembic_version", "mode": "RowExclusiveLock", "from_s": 0.0, "held_s": 0.9},
    ]
    anew = finding("r1", "rewrite", gate="migration-locks", what="public.orders: rewritten while it is held")
    plain = proof(revision("r1", locks=locks), gates=(gate("migration-locks", anew),))
    text = markdown(plain)

    assert "AccessExclusiveLock on public.orders, **rewritten** and 1 more" in text
    assert "the table is written anew" in locks_svg(plain)


def test_what_cannot_be_taken_back_stands_at_the_top_and_in_its_row() -> None:
    """The release manager must not miss it."""
    plain = proof(
        revision("r1", irreversible="pages are gone"), irreversible=["r1 cannot be taken back: pages are gone"]
    )
    text = markdown(plain)

    assert "- r1 cannot be taken back: pages are gone" in text[: text.index("## Revisions")]
    assert row(text, "r1")[3] == "one way"


def test_a_long_history_shows_what_has_something_to_say() -> None:
    """Clean revisions share a row, others keep their own."""
    text = markdown(proof(*chain(300), gates=(gate(TRIP, finding("r150")),)))
    rows = [line for line in text.splitlines() if re.match(r"\| r\d", line)]

    assert [line.split(" | ")[0] for line in rows] == ["| r1 to r149", "| r150", "| r151 to r300"]
    assert "149 revisions" in rows[0]


def test_a_short_history_has_a_row_for_each_revision() -> None:
    """Nothing is folded where it can be read."""
    text = markdown(proof(*chain(60)))
    assert sum(line.startswith("| r") for line in text.splitlines()) == 61


def test_the_way_to_see_it_by_hand_names_the_first_revision_that_blocks() -> None:
    """Up, down, up, on a database of one's own."""
    text = markdown(proof(*chain(3), gates=(gate(TRIP, finding("r3"), finding("r2")),)))

    assert "alembic -c alembic.ini upgrade r2\nalembic -c alembic.ini downgrade r1" in text


def test_the_times_link_to_the_sql_that_was_sent() -> None:
    """Only where it was stored."""
    text = markdown(proof(revision("a/b"), files=["migrations/a_b.up.sql"]))

    assert "[12 ms](migrations/a_b.up.sql) | 34 ms |" in text


def test_one_problem_of_ten_gates_is_said_once() -> None:
    """A migration that cannot be applied stops all of them."""
    gates = tuple(gate(name, problems=["r2 cannot be applied"]) for name in (TRIP, DATA, "migration-crash"))
    text = markdown(proof(*chain(1), gates=gates))

    assert text.count("r2 cannot be applied") == 1
    assert "round-trip, data, crash: r2 cannot be applied" in text


def test_a_proof_of_a_thousand_broken_revisions_stays_small() -> None:
    """A step summary over 1 MiB would be dropped whole."""
    long = "&ü`|" * 300
    revisions = [revision(f"r{k}", message=long, release=long, irreversible=long) for k in range(1000)]
    found = [finding(f"r{k}", f"code-{k}", what=long, why=long, do=long, sql="`ü" * 5000) for k in range(1000)]
    notes = [f"{k} {long}" for k in range(1000)]
    plain = proof(*revisions, gates=(gate(TRIP, *found, notes=notes, problems=notes),), irreversible=notes)
    text = markdown(plain)

    assert len(text.encode()) <= LARGEST_BYTES
    assert "the others are in migrations.json" in text


@given(anything())
def test_texts_from_outside_draw_nothing(plain: dict[str, Any]) -> None:
    """No HTML, no row and no heading of their own, no fence that stays open; whatever they are, the pages are made."""
    text = markdown(plain)
    outside, fence = [], ""
    for line in text.splitlines():
        if not fence and line.startswith("```"):
            fence = re.match(r"`+", line).group()  # type: ignore[union-attr]
        elif fence and line == fence:
            fence = ""
        elif not fence:
            outside.append(line)

    assert fence == ""
    assert not any("<" in line for line in outside)
    tables = [line for line in outside if line.startswith("|")]
    assert len(tables) == (2 + len(plain["revisions"]) if plain["revisions"] else 0) + 2 + len(plain["gates"])
    codes = {
        (one["gate"], one["code"], one["why"], one["do"], one["waiver"] is None, one["blocks"])
        for one in findings(plain)
    }
    assert sum(line.startswith("### ") for line in outside) <= len(codes)
    for name, page in pages(plain).items():
        assert page.encode()
        if name.endswith(".svg"):
            ET.fromstring(page)  # our own text, and the point of the test


def findings(plain: dict[str, Any]) -> list[dict[str, Any]]:
    """All findings of a proof."""
    return [one for known in plain["gates"].values() for one in known["findings"]]


@example("SELECT 1;\n```\n<b>```` and on")
@given(st.text())
def test_code_never_leaves_its_block(code: str) -> None:
    """Its fence is longer than any in it."""
    lines = fenced(code, "sql").splitlines()
    fence = lines[-1]

    assert set(fence) == {"`"}
    assert lines[0] == f"{fence}sql"
    assert fence not in "\n".join(lines[1:-1])


def test_pages_are_what_there_is_to_show() -> None:
    """No picture of nothing."""
    assert set(pages(proof())) == {"migrations.md"}
    assert set(pages(proof(*chain(1)))) == {"migrations.md", CHAIN}
    locked = revision("r1", locks=[{"table": "t", "mode": "ShareLock", "from_s": 0.0, "held_s": 0.1}])
    assert set(pages(proof(locked))) == {"migrations.md", CHAIN, LOCKS}
