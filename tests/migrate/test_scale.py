"""Growth of time with rows: the fit, its interval, and what is read of plans and statements."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.migrate.scale import growth, mentions
from relgate.ports.migrations import Statement, Table


@given(st.floats(0.3, 2.5), st.floats(1e-6, 1e-2))
def test_a_power_law_is_found_exactly(exponent: float, factor: float) -> None:
    """Without noise the exponent, and the prediction far beyond the measured sizes, are those of the law."""
    points = [(n, factor * n**exponent) for n in (1_000, 1_000, 3_000, 9_000)]
    law = growth(points)

    assert law.exponent == pytest.approx(exponent, abs=1e-6)
    assert law.low <= law.exponent + 1e-9
    assert law.at(1_000_000)[0] == pytest.approx(factor * 1_000_000**exponent, rel=1e-3)


@given(st.lists(st.floats(0.8, 1.25), min_size=6, max_size=6))
def test_noise_widens_the_interval_and_the_prediction(noise: list[float]) -> None:
    """The interval holds the estimate, and the upper end of a prediction grows with the distance."""
    sizes = (1_000, 1_000, 3_000, 3_000, 9_000, 9_000)
    law = growth([(n, 1e-5 * n * factor) for n, factor in zip(sizes, noise, strict=True)])

    assert law.low <= law.exponent <= law.high
    near, far = law.at(9_000), law.at(9_000_000)
    assert far[1] / far[0] >= near[1] / near[0] - 1e-9


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
