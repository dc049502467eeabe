"""Growth of time with rows: the fit, its interval, and what is read of plans and statements."""

from __future__ import annotations

import math

import pytest
import scipy.special  # noqa: F401  # loaded here and not within the first example's deadline
from hypothesis import given
from hypothesis import strategies as st

from relgate.migrate.scale import SUPERLINEAR, Growth, growth, mentions, predicted
from relgate.ports.migrations import Statement, Table


@given(st.floats(0.3, 2.5), st.floats(1e-6, 1e-2))
def test_a_power_law_is_found_exactly(exponent: float, factor: float) -> None:
    """Without noise the exponent is that of the law."""
    law = growth([(n, factor * n**exponent) for n in (1_000, 1_000, 3_000, 9_000)])

    assert law.exponent == pytest.approx(exponent, abs=1e-6)
    assert law.low <= law.exponent + 1e-9


@given(st.floats(0.0, 1.0), st.lists(st.floats(0.8, 1.25), min_size=6, max_size=6))
def test_linear_work_beside_a_fixed_cost_is_never_superlinear_for_sure(fixed_s: float, noise: list[float]) -> None:
    """A start-up time makes the exponent smaller, noise of 25 % does not make a linear step look quadratic."""
    sizes = (1_000, 1_000, 3_000, 3_000, 9_000, 9_000)
    law = growth([(n, (fixed_s + 1e-5 * n) * factor) for n, factor in zip(sizes, noise, strict=True)])

    assert law.low <= law.exponent <= law.high
    assert law.low < SUPERLINEAR


@given(st.floats(0.1, 2.5), st.integers(9_001, 10_000_000))
def test_a_prediction_is_at_least_linear_and_its_upper_end_above_it(exponent: float, n: int) -> None:
    """What took a second for 9000 rows takes more for more."""
    middle, high = predicted(Growth(exponent, exponent - 0.5, exponent + 0.5), 9_000, 1.0, n)

    assert middle >= n / 9_000 - 1e-9
    assert high >= middle


def test_the_interval_holds_a_textbook_example() -> None:
    """Three points by hand: log-slopes 1 and 2 between them."""
    points = [(10, 1.0), (100, 10.0), (1_000, 1_000.0)]
    law = growth(points)

    assert law.exponent == pytest.approx(1.5)
    # Residuals 1/6, -1/3, 1/6 in decades: error = sqrt(1/6) decades, t(1 degree) = 12.706, sum of squares = 2.
    half = 12.7062 * math.sqrt(1 / 6) / math.sqrt(2)
    assert law.high - law.exponent == pytest.approx(half, rel=1e-3)


def test_one_size_says_nothing() -> None:
    """Growth needs two sizes and three points."""
    with pytest.raises(ValueError, match="three points"):
        growth([(1_000, 1.0)] * 5)


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("ALTER TABLE orders ADD COLUMN x int", True),
        ('UPDATE public."orders" SET x = 1', True),
        ("CREATE INDEX ix ON ORDERS (x)", True),
        ("ALTER TABLE orders_archive ADD COLUMN x int", False),
        ("ALTER TABLE reorders ADD COLUMN x int", False),
    ],
)
def test_a_statement_names_a_table_as_a_word(sql: str, named: bool) -> None:
    """Not as a part of another name."""
    table = Table("public.orders", ())

    assert mentions(Statement(sql, sql, 1), table) is named
    assert not mentions(Statement(sql, sql, 1, books=True), table)
