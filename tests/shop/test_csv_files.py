"""Tests of product import and order export."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.shop.csv_files import MAX_BYTES, orders_csv, parse_products
from examples.shop.database import Order

HEADER = "sku,name,category,price,description\n"
WORDS = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=30).map(str.strip).filter(bool)


def test_products_are_read_with_prices_in_cents() -> None:
    """Prices with two decimals and without."""
    products, faults = parse_products((HEADER + 'A-1,Cup,Kitchen,12.50,"Blue, small"\nA-2,Pot,Kitchen,7,\n').encode())
    assert faults == []
    assert [(p.sku, p.price_cents, p.description) for p in products] == [("A-1", 1250, "Blue, small"), ("A-2", 700, "")]


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"", "line 1: column missing: sku, name, category, price, description"),
        (b"sku,name\nA,B\n", "line 1: column missing: category, price, description"),
        (HEADER.encode() + b"A-1,Cup,Kitchen,-1,x\n", "line 2: price: expected euros such as 12.50, got '-1'"),
        (HEADER.encode() + b"A-1,Cup,Kitchen,1e9,x\n", "line 2: price: expected euros such as 12.50, got '1e9'"),
        (HEADER.encode() + b"A 1,Cup,Kitchen,1,x\n", "line 2: sku: expected letters, digits and hyphens, got 'A 1'"),
        (HEADER.encode() + b"A-1,,Kitchen,1,x\n", "line 2: name: expected 1 to 120 characters"),
        (HEADER.encode() + b"A-1,Cup\n", "line 2: expected 5 values"),
        (HEADER.encode() + b"A-1,Cup,Kitchen,1,x,y\n", "line 2: expected 5 values"),
        (b"\xff\xfe", "expected UTF-8, byte 0 is not"),
        (b"x" * (MAX_BYTES + 1), "expected at most 1000000 bytes, got 1000001"),
    ],
)
def test_faults_name_line_and_expectation(raw: bytes, fault: str) -> None:
    """What is wrong is said, with the line."""
    assert parse_products(raw)[1] == [fault]


@given(st.binary(max_size=300))
def test_any_bytes_give_products_or_faults(raw: bytes) -> None:
    """No upload makes the import fail otherwise."""
    parse_products(raw)
    parse_products(HEADER.encode() + raw)


@given(WORDS, WORDS, st.integers(0, 99_999_999), WORDS)
def test_what_a_spreadsheet_writes_is_read_back(name: str, category: str, cents: int, description: str) -> None:
    """Quotes, commas and any script in the texts survive."""
    out = io.StringIO(newline="")
    price = f"{cents // 100}.{cents % 100:02d}"
    csv.writer(out).writerows([HEADER.strip().split(","), ("X-1", name, category, price, description)])
    (product,), faults = parse_products(out.getvalue().encode())
    assert faults == []
    assert (product.name, product.category) == (name, category)
    assert (product.price_cents, product.description) == (cents, description)


@given(st.sampled_from("=+-@"), WORDS)
def test_no_exported_cell_is_a_formula(sign: str, word: str) -> None:
    """What customers type cannot run in the administrator's spreadsheet."""
    order = Order("ref", "2026-01-01T00:00:00Z", "a@b.example", sign + word, sign + word, 1250, "packed")
    rows = list(csv.reader(io.StringIO(orders_csv([order]), newline="")))
    assert rows[1][3:] == ["'" + sign + word, "'" + sign + word, "12.50", "packed"]
