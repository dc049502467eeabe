"""Uploaded tables become workbooks: CSV in, XLSX out, converted by a worker in the background."""

from __future__ import annotations

import csv
import io
import logging
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from .jobs import Worker
from .xlsx import workbook

if TYPE_CHECKING:
    from .desk import Desk, Document

log = logging.getLogger("shop.documents")

MAX_BYTES = 1_000_000
MAX_CELLS = 50_000
MAX_COLUMNS = 500


class TableError(Exception):
    """What was uploaded is no table; the text says why, for who uploaded it."""


def read_table(raw: bytes) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of a CSV file (UTF-8, commas). Raises TableError naming the line that is wrong."""
    try:
        reader = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True)
        header = next(reader, [])
        if not any(cell.strip() for cell in header):
            raise TableError("line 1: expected the names of columns")
        if len(header) > MAX_COLUMNS:
            raise TableError(f"line 1: expected at most {MAX_COLUMNS} columns, got {len(header)}")
        rows: list[list[str]] = []
        for row in reader:
            if row and len(row) != len(header):
                raise TableError(f"line {reader.line_num}: expected {len(header)} values, got {len(row)}")
            if row:
                rows.append(row)
            if len(rows) * len(header) > MAX_CELLS:
                raise TableError(f"expected at most {MAX_CELLS} cells")
    except UnicodeDecodeError as error:
        raise TableError(f"expected UTF-8, byte {error.start} is not") from None
    except csv.Error as error:
        raise TableError(f"line {reader.line_num}: {error}") from None
    return header, rows


class Converter:
    """Converts what the desk keeps as ``converting``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._worker: Worker[Document] = Worker("documents", self._convert)

    async def start(self) -> None:
        """Start the worker, with what an earlier process left behind."""
        for document in await run_in_threadpool(self._desk.documents, status="converting"):
            self._worker.put(document)
        self._worker.start()

    async def stop(self) -> None:
        """Stop the worker; what it has not converted stays stored as converting."""
        await self._worker.stop()

    def put(self, document: Document) -> bool:
        """Hand in a stored document; False when too many wait."""
        return self._worker.put(document)

    async def _convert(self, document: Document) -> None:
        done = await run_in_threadpool(self._work, document)
        if done is not None:
            facts = {"document": done.id, "status": done.status, "rows": done.rows}
            log.info("document converted", extra={"facts": facts})

    def _work(self, document: Document) -> Document | None:
        raw = self._desk.content(document.id)
        if raw is None:  # removed while it waited
            return None
        try:
            header, rows = read_table(raw)
            return self._desk.finish(document, len(rows), None, workbook("Table", header, rows))
        except TableError as error:
            return self._desk.finish(document, None, str(error), b"")
        except Exception:
            log.exception("document not converted", extra={"facts": {"document": document.id}})
            return self._desk.finish(document, None, "something went wrong on our side", b"")
