"""What a restored database is compared by: figures on both sides, and every difference in them."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from relgate.migrate.backups import compare
from relgate.migrate.portrait import Portrait, Rows
from relgate.ports.backups import BackupMade

MADE = BackupMade("b.dump", 10, "00", 0.0, 1.0, "pg_dump 15")

TABLES = st.dictionaries(
    st.sampled_from("abc"),
    st.builds(Rows, st.integers(0, 3), st.sampled_from("xy"), st.fixed_dictionaries({"id": st.sampled_from("12")})),
    max_size=3,
)
PORTRAITS = st.builds(
    Portrait,
    st.dictionaries(st.tuples(st.sampled_from(["table", "privilege"]), st.sampled_from("ab")), st.sampled_from("xy")),
    TABLES,
    st.dictionaries(st.sampled_from("st"), st.integers(0, 3)),
)


@given(PORTRAITS)
def test_equal_databases_have_no_finding(portrait: Portrait) -> None:
    """Whatever they hold, nothing included."""
    assert compare(MADE, portrait, portrait) == ()


@given(PORTRAITS, PORTRAITS)
def test_whatever_differs_is_found_by_its_kind(expected: Portrait, restored: Portrait) -> None:
    """Schema, rows of each table that should be there, sequences that are behind."""
    codes = {one.code for one in compare(MADE, expected, restored)}
    behind = any(restored.sequences.get(name, 0) < value for name, value in expected.sequences.items())
    rows = any(restored.tables.get(name) != one for name, one in expected.tables.items())

    if expected.tables and not restored.tables:
        assert codes == {"empty"}
    else:
        assert ("schema-differs" in codes) == (expected.catalog != restored.catalog)
        assert ("rows-differ" in codes) == rows
        assert ("sequences-behind" in codes) == behind


def test_what_a_restore_leaves_out_on_purpose_is_not_compared() -> None:
    """Privileges of roles that a scratch server does not have."""
    plain = Portrait({}, {"a": Rows(1, "x", {})}, {})
    granted = replace(plain, catalog={("privilege", "a"): "SELECT"})

    assert compare(MADE, granted, plain, omits=frozenset({"privilege"})) == ()
    assert [one.code for one in compare(MADE, granted, plain)] == ["schema-differs"]


def test_a_long_list_of_differences_is_cut_and_counted() -> None:
    """Thousands of tables stay one sentence."""
    expected = Portrait({}, {f"t{n:03}": Rows(n, "x", {}) for n in range(500)}, {})
    (finding,) = compare(MADE, expected, replace(expected, tables={"t000": Rows(0, "x", {})}))

    assert finding.what.startswith("Rows differ in 499 of 500 tables: t001 is missing with 1 rows;")
    assert "and 494 more" in finding.what
    assert len(finding.what) < 300


def test_a_backup_that_cannot_share_its_moment_says_so() -> None:
    """Rows that were written meanwhile differ too."""
    expected = Portrait({}, {"a": Rows(1, "x", {})}, {})
    restored = Portrait({}, {"a": Rows(2, "y", {})}, {})

    (exact,) = compare(MADE, expected, restored)
    (loose,) = compare(MADE, expected, restored, exact=False)
    assert "while nobody writes" not in exact.do
    assert "while nobody writes" in loose.do
