"""Waivers: what they excuse, how far they reach, and when they excuse nothing."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.migrate import waivers
from relgate.values import Finding

TODAY = date(2026, 11, 21)
FULL = 'until 2027-01-31 by anna reason="a lookup table of 12 rows"'
PYTHON = '''"""Add a column.

# relgate: allow everything in a docstring is no waiver
"""
{head}
revision = "a"

{above}
def upgrade() -> None:
    op.add_column("orders", column)
    {inside}
    op.execute(
        "UPDATE orders "  {within}
        "SET total = 0"
    )
    op.drop_table("old")  {beside}
    {last}


def downgrade() -> None:
    op.drop_column("orders", "total")
'''


def finding(line: int, code: str = "no-where", path: str = "a.py", gate: str = "migration-static") -> Finding:
    """A finding that blocks."""
    return Finding(gate, code, "what", "why", "do", path=path, line=line)


def python(**places: str) -> str:
    """A revision with a comment at some of the places."""
    return PYTHON.format(**(dict.fromkeys(("head", "above", "inside", "within", "beside", "last"), "") | places))


def excused(text: str, path: str = "a.py") -> set[int]:
    """The lines on which a finding would be waived."""
    found = waivers.apply([finding(line, path=path) for line in range(30)], {path: text}, TODAY)
    return {one.line for one in found if one.waiver is not None and not one.blocks}


@pytest.mark.parametrize(
    ("place", "lines"),
    [
        ("head", set(range(30))),
        ("above", set(range(9, 18))),
        ("inside", {12, 13, 14, 15}),
        ("within", {12, 13, 14, 15}),
        ("beside", {16}),
        ("last", set()),
    ],
)
def test_a_waiver_covers_its_statement_or_the_next_or_at_the_head_the_revision(place: str, lines: set[int]) -> None:
    """Each place in a Python file; at the end of a function it reaches nothing, least of all the next function."""
    assert excused(python(**{place: f"# relgate: allow no-where {FULL}"})) - {17} == lines - {17}


def test_a_waiver_in_the_sql_of_a_python_file_counts() -> None:
    """The statement is where the string is."""
    text = f'op = 1\nop.execute("""\n-- relgate: allow no-where {FULL}\nUPDATE t SET a = 1\n""")\nother()\n'

    assert excused(text) == {2, 3, 4, 5}


def test_a_hash_in_a_python_string_is_no_waiver() -> None:
    """Only comments are."""
    assert excused(f"x = 1\nhelp = '# relgate: allow no-where {FULL[:30]}'\ny = 2\n") == set()
    assert waivers.read("a.py", f"x = 1\nhelp = '# relgate: allow no-where {FULL[:30]}'\n") == ()


def test_a_file_that_is_no_python_is_read_by_lines() -> None:
    """The waiver covers the line below."""
    assert excused(f"x = = 1\n# relgate: allow no-where {FULL}\ny = 2\nz = 3\n") == {3}


def test_a_waiver_in_sql_covers_the_next_statement_with_all_its_lines() -> None:
    """A semicolon in a string or a comment ends no statement."""
    text = (
        f"CREATE TABLE t (a int);\n-- relgate: allow no-where {FULL}\nUPDATE t -- ;\nSET a = ';'\n;\nDELETE FROM t;\n"
    )

    assert excused(text, "1.up.sql") == {3, 4, 5}
    beside = ["SELECT 1;", f"DROP TABLE t; -- relgate: allow no-where {FULL}", "SELECT 2;"]
    assert excused("\n".join(beside), "1.sql") == {2}


def test_a_waiver_before_the_first_sql_statement_covers_the_file() -> None:
    """Whether other comments stand there or not."""
    text = f"-- migrate:up\n-- relgate: allow no-where {FULL}\n\nUPDATE t SET a = 1;\nDELETE FROM t;\n"

    assert excused(text, "1.sql") == set(range(30))


def test_a_waiver_says_who_until_when_and_why() -> None:
    """In the finding itself, with its place."""
    (found,) = waivers.apply([finding(1)], {"a.py": f"x = 1  # relgate: allow no-where {FULL}"}, TODAY)

    assert found.waiver == "anna until 2027-01-31: a lookup table of 12 rows (a.py:1)"
    assert found.code == "no-where"


def test_only_the_named_codes_in_the_same_file_are_excused() -> None:
    """Several codes in one comment; other codes and files stay."""
    text = f"x = 1  # relgate: allow no-where, squawk/ban-drop-table {FULL}"
    given_ = [finding(1), finding(1, "squawk/ban-drop-table"), finding(1, "other"), finding(1, path="b.py")]

    assert [one.blocks for one in waivers.apply(given_, {"a.py": text}, TODAY)] == [False, False, True, True]


@pytest.mark.parametrize(
    ("rest", "fault"),
    [
        ('by anna reason="x"', "no end"),
        ('until 2027-01-31 reason="x"', "nobody"),
        ('until 2027-01-31 by " " reason="x"', "nobody"),
        ("until 2027-01-31 by anna", "no reason"),
        ('until 2027-01-31 by anna reason=" "', "no reason"),
        ('until never by anna reason="x"', "expected a day"),
        ('until 2027-02-31 by anna reason="x"', "expected a day"),
        ('until 2027-01-31 by anna reason="x" whatEver', "no code"),
    ],
)
def test_an_incomplete_waiver_excuses_nothing_and_is_a_finding(rest: str, fault: str) -> None:
    """Both the fault and the waiver block."""
    first, second = waivers.apply([finding(1)], {"a.py": f"x = 1  # relgate: allow no-where {rest}"}, TODAY)

    assert first.blocks
    assert (second.code, second.blocks, second.line) == ("bad-waiver", True, 1)
    assert fault in second.what


def test_a_waiver_without_a_code_excuses_nothing() -> None:
    """Not everything either."""
    first, second = waivers.apply([finding(1)], {"a.py": f"x = 1  # relgate: allow {FULL}"}, TODAY)

    assert (first.blocks, second.code) == (True, "bad-waiver")


def test_an_expired_waiver_is_a_finding_and_the_fault_blocks_again() -> None:
    """It holds on its last day, and not on the day after."""
    text = {"a.py": f"x = 1  # relgate: allow no-where {FULL}"}

    assert [one.blocks for one in waivers.apply([finding(1)], text, date(2027, 1, 31))] == [False]
    after = waivers.apply([finding(1)], text, date(2027, 2, 1))
    assert [(one.code, one.blocks) for one in after] == [("no-where", True), ("expired-waiver", True)]


def test_a_waiver_that_excuses_nothing_is_a_warning() -> None:
    """It would silently excuse the next fault."""
    (found,) = waivers.apply([], {"a.py": f"x = 1  # relgate: allow no-where {FULL}"}, TODAY)

    assert (found.code, found.blocks) == ("unused-waiver", False)


@pytest.mark.parametrize("of", ["migration-chain", "migration-declared"])
def test_a_broken_chain_and_a_missing_declaration_cannot_be_waived(of: str) -> None:
    """The decision has to know both."""
    found = waivers.apply([finding(1, "undeclared", gate=of)], {"a.py": f"# relgate: allow undeclared {FULL}"}, TODAY)

    assert [(one.code, one.blocks) for one in found] == [("undeclared", True), ("unused-waiver", False)]


CODES = st.lists(st.from_regex(r"[a-z]{2,8}(-[a-z]{1,8}){0,2}", fullmatch=True), min_size=1, max_size=3, unique=True)
TEXTS = st.text(st.characters(blacklist_categories=("C", "Z"), blacklist_characters='"'), min_size=1, max_size=20)


@pytest.mark.parametrize("code", ["left-by", "valid-until", "squawk/by"])
def test_a_code_may_end_like_a_keyword(code: str) -> None:
    """The keywords are words of their own."""
    (found,) = waivers.read("1.sql", f"SELECT 1; -- relgate: allow {code} {FULL}")

    assert (found.codes, found.by, found.faults) == ((code,), "anna", ())


@given(CODES, st.dates(date(2000, 1, 1), date(2100, 1, 1)), TEXTS, TEXTS)
def test_what_is_written_in_full_is_read_back(codes: list[str], until: date, by: str, reason: str) -> None:
    """Whatever the reason says, also words that mean something elsewhere."""
    reason = f"{reason} until 1999-01-01 by nobody"
    (found,) = waivers.read(
        "1.sql", f'SELECT 1; -- relgate: allow {", ".join(codes)} until {until} by "{by}" reason="{reason}"'
    )

    assert (found.codes, found.until, found.by, found.reason, found.faults) == (tuple(codes), until, by, reason, ())


@given(st.text(max_size=80), st.integers(-5, 5))
def test_no_file_makes_reading_fail_and_no_waiver_outlives_its_day(text: str, days: int) -> None:
    """Anything around a waiver: it never raises, and excuses only in time."""
    until = TODAY + timedelta(days=days)
    body = f'{text}\nx = 1  # relgate: allow no-where until {until} by anna reason="r"\n'
    for path in ("a.py", "a.sql"):
        found = waivers.apply([finding(line, path=path) for line in range(10)], {path: body}, TODAY)
        assert days >= 0 or all(one.waiver is None for one in found)
