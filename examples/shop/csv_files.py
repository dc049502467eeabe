"""Tables that come in and go out: products as CSV, orders as CSV and XLSX. Bytes and text, no files."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

from .seed import Product
from .xlsx import workbook

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .database import Order

MAX_BYTES = 1_000_000
EXPORTED = ("ref", "created", "email", "name", "address", "total", "status")
COLUMNS = ("sku", "name", "category", "price", "description")
_SKU = re.compile(r"[A-Za-z0-9-]{1,40}")
_PRICE = re.compile(r"[0-9]{1,6}(\.[0-9]{2})?")


def parse_products(raw: bytes) -> tuple[list[Product], list[str]]:
    """Return the products of a CSV file with a header line, and what is wrong with it, by line.

    Whether to take some of the products when there are faults is the caller's choice. Prices are euros with a point
    and two decimals or none. UTF-8, with or without a byte order mark.
    """
    if len(raw) > MAX_BYTES:
        return [], [f"expected at most {MAX_BYTES} bytes, got {len(raw)}"]
    try:
        reader = csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            return [], [f"line 1: column missing: {', '.join(missing)}"]
        rows = [(reader.line_num, row) for row in reader]
    except UnicodeDecodeError as error:
        return [], [f"expected UTF-8, byte {error.start} is not"]
    except csv.Error as error:
        return [], [f"line {reader.line_num}: {error}"]
    products: list[Product] = []
    faults: list[str] = []
    for line, row in rows:
        found = _faults(row)
        faults += [f"line {line}: {fault}" for fault in found]
        if not found:
            cents = round(float(row["price"]) * 100)
            products.append(
                Product(row["sku"], row["name"].strip(), row["category"].strip(), cents, row["description"])
            )
    return products, faults


def _faults(row: dict[str, str]) -> list[str]:
    if any(row.get(name) is None for name in COLUMNS) or None in row:
        return [f"expected {len(COLUMNS)} values"]
    faults = []
    if not _SKU.fullmatch(row["sku"]):
        faults.append(f"sku: expected letters, digits and hyphens, got {row['sku']!r}")
    if not 0 < len(row["name"].strip()) <= 120:
        faults.append("name: expected 1 to 120 characters")
    if not 0 < len(row["category"].strip()) <= 60:
        faults.append("category: expected 1 to 60 characters")
    if not _PRICE.fullmatch(row["price"]):
        faults.append(f"price: expected euros such as 12.50, got {row['price']!r}")
    return faults


def orders_csv(orders: Iterable[Order], *, renamed: bool = False) -> str:
    """Orders as CSV. Cells that a spreadsheet would take for a formula get an apostrophe in front."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(EXPORTED)
    for order in orders:
        cells, cents, status = _cells(order, renamed)
        writer.writerow([*map(_harmless, cells), f"{cents // 100}.{cents % 100:02d}", status])
    return out.getvalue()


def orders_xlsx(orders: Iterable[Order], *, renamed: bool = False) -> bytes:
    """Orders as a workbook; totals are numbers, in euros."""
    rows: list[list[str | float]] = []
    for order in orders:
        cells, cents, status = _cells(order, renamed)
        rows.append([*cells, cents / 100, status])
    return workbook("Orders", EXPORTED, rows)


def _cells(order: Order, renamed: bool) -> tuple[list[str], int, str]:  # noqa: FBT001
    # The bug of release `broken-export`: `customer` is what `name` was called in another version of the orders.
    name = getattr(order, "customer" if renamed else "name")
    return [order.ref, order.created, order.email, name, order.address], order.total_cents, order.status


def _harmless(cell: str) -> str:
    return "'" + cell if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
