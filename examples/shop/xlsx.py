"""Tables as XLSX workbooks. Bytes in memory, no files. Cells are text or numbers, never formulas or links."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_CELL = 32_767
"""Characters that a cell may have."""


def workbook(sheet: str, header: Sequence[str], rows: Iterable[Sequence[str | float]]) -> bytes:
    """Return a workbook with one sheet: a header line that stays in view, and the rows below it.

    Text stays text, also where it looks like a formula, a number or an address; what a cell cannot hold is cut off.
    """
    import xlsxwriter  # needs a while and some memory: for the first file, not for the start

    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        page = book.add_worksheet(sheet)
        bold = book.add_format({"bold": True})
        page.freeze_panes(1, 0)
        for column, title in enumerate(header):
            page.write_string(0, column, title[:MAX_CELL], bold)
        for number, row in enumerate(rows, start=1):
            for column, cell in enumerate(row):
                if isinstance(cell, str):  # write() would guess: formulas, links
                    page.write_string(number, column, cell[:MAX_CELL])
                else:
                    page.write_number(number, column, cell)
        page.set_column(0, max(len(header) - 1, 0), 22)
    return out.getvalue()
