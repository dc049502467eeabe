"""Tests of documents: uploaded as CSV, converted in the background, opened as XLSX. And of the workbooks of orders."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from typing import TYPE_CHECKING, Any

import httpx
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.shop.desk import MOST
from examples.shop.documents import MAX_BYTES, MAX_CELLS, TableError, read_table
from examples.shop.run import start
from examples.shop.seed import ADMIN, CUSTOMER
from examples.shop.xlsx import MEDIA_TYPE, workbook
from tests.shop.traffic import NO_TLS, ORDER, sign_in, wait_for

if TYPE_CHECKING:
    from pathlib import Path

TABLE = b"sku,price\r\nKI-01,=1+1\r\nKI-02,https://shop.example\r\nKI-03,0012\r\n"


def _cells(content: bytes) -> list[tuple[Any, ...]]:
    return list(openpyxl.load_workbook(io.BytesIO(content)).worksheets[0].iter_rows(values_only=True))


def _upload(client: httpx.Client, content: bytes = TABLE, name: str = "prices.csv") -> dict[str, Any]:
    answer = client.post("/api/documents", files={"file": (name, content)})
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/api/documents/{answer.json()['id']}"
    found: dict[str, Any] = answer.json()
    return found


def _converted(client: httpx.Client, id_: str) -> dict[str, Any]:
    def done() -> dict[str, Any] | None:
        found: dict[str, Any] = client.get(f"/api/documents/{id_}").json()
        return found if found["status"] != "converting" else None

    return wait_for(done)


def test_a_table_is_converted_and_can_be_opened(somebody: httpx.Client) -> None:
    """202 at once, ready soon, a workbook with the same cells, and gone once removed."""
    made = _upload(somebody)
    assert (made["status"], made["rows"], made["error"]) == ("converting", None, None)
    done = _converted(somebody, made["id"])
    assert (done["status"], done["rows"], done["name"]) == ("ready", 3, "prices.csv")
    file = somebody.get(f"/api/documents/{made['id']}/file")
    assert file.headers["content-type"] == MEDIA_TYPE
    assert file.headers["content-disposition"] == f'attachment; filename="{made["id"]}.xlsx"'
    assert _cells(file.content) == [tuple(row) for row in csv.reader(TABLE.decode().splitlines())]
    assert [one["id"] for one in somebody.get("/api/documents").json()["documents"]] == [made["id"]]
    assert somebody.delete(f"/api/documents/{made['id']}").status_code == 204
    for path in (f"/api/documents/{made['id']}", f"/api/documents/{made['id']}/file"):
        assert somebody.get(path).status_code == 404
    assert somebody.delete(f"/api/documents/{made['id']}").status_code == 404


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"\n", "line 1: expected the names of columns"),
        (b",,\n1,2,3\n", "line 1: expected the names of columns"),
        (b"a,b\n1,2\n3\n", "line 3: expected 2 values, got 1"),
        (b"a\n\xff\n", "expected UTF-8, byte 2 is not"),
        (b'a\n"b"c\n', "line 2:"),
        (b"a," * 500 + b"a\n", "line 1: expected at most 500 columns, got 501"),
        (b"a,b\n" + b"1,2\n" * (MAX_CELLS // 2 + 1), f"expected at most {MAX_CELLS} cells"),
    ],
)
def test_what_is_no_table_fails_with_a_reason(somebody: httpx.Client, content: bytes, error: str) -> None:
    """The upload is taken, the conversion says what is wrong, and there is no file."""
    done = _converted(somebody, _upload(somebody, content)["id"])
    assert (done["status"], done["rows"]) == ("failed", None)
    assert done["error"].startswith(error)
    assert somebody.get(f"/api/documents/{done['id']}/file").status_code == 409


def test_uploads_have_limits(somebody: httpx.Client) -> None:
    """Too long is 413, no file 422, a broken form 400, no token 401: never 500, never accepted."""
    path = "/api/documents"
    assert somebody.post(path, files={"file": ("a.csv", b"a" * (MAX_BYTES + 1))}).status_code == 413
    assert somebody.post(path, files={"file": ("a.csv", b"a" * (3 * MAX_BYTES))}).status_code == 413
    assert somebody.post(path, files={"other": ("a.csv", b"a")}).status_code == 422
    assert somebody.post(path, files={"file": ("a.csv", b"a")}, data={"other": "a"}).status_code == 422
    assert somebody.post(path, json={}).status_code == 422
    assert somebody.post(path, files={"file": ("a.csv", b"")}).status_code == 422
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    assert somebody.post(path, content=b"--y\r\n", headers=broken).status_code in {400, 422}
    no_boundary = {"Content-Type": "multipart/form-data"}
    assert somebody.post(path, content=b"--y\r\n", headers=no_boundary).status_code == 400
    assert httpx.post(somebody.base_url.join(path), files={"file": ("a.csv", b"a")}, verify=NO_TLS).status_code == 401
    assert somebody.get(path).json() == {"documents": []}


def test_an_account_has_room_for_so_many_documents(somebody: httpx.Client) -> None:
    """Then something has to go first."""
    for _ in range(MOST):
        _upload(somebody, b"a\n")
    full = somebody.post("/api/documents", files={"file": ("a.csv", b"a\n")})
    assert full.status_code == 409
    somebody.delete(f"/api/documents/{somebody.get('/api/documents').json()['documents'][0]['id']}")
    _upload(somebody, b"a\n")


def test_documents_of_others_are_not_there(somebody: httpx.Client, client: httpx.Client) -> None:
    """404 for another customer, whatever is asked."""
    made = _upload(somebody)
    stranger = sign_in(client, *CUSTOMER[:2])
    for path in (f"/api/documents/{made['id']}", f"/api/documents/{made['id']}/file"):
        assert client.get(path, headers=stranger).status_code == 404
    assert client.delete(f"/api/documents/{made['id']}", headers=stranger).status_code == 404
    assert _converted(somebody, made["id"])["status"] == "ready"


def test_the_page_uploads_shows_downloads_and_removes(client: httpx.Client) -> None:
    """For who is logged in, without scripts."""
    assert client.get("/documents").url.path == "/login"
    landed = client.post("/login?to=documents", data={"email": CUSTOMER[0], "password": CUSTOMER[1]})
    assert landed.url.path == "/documents"
    assert "Nothing was uploaded" in client.post("/documents", files={"file": ("", b"")}).text
    shown = client.post("/documents", files={"file": ("<b>.csv", TABLE)})
    assert "&lt;b&gt;.csv" in shown.text
    link = wait_for(lambda: re.search(r'href="(/documents/[\w-]+)/file"', client.get("/documents").text))
    assert "ready, 3 rows" in client.get("/documents").text
    assert len(_cells(client.get(link[1] + "/file").content)) == 4
    assert link[1] not in client.post(link[1] + "/delete").text
    assert client.get(link[1] + "/file").status_code == 404


def test_what_an_earlier_process_left_is_converted(tmp_path: Path) -> None:
    """An upload outlives the process that took it, converted or not."""
    database = f"sqlite:///{tmp_path}/shop.db"
    with start("good", database=database) as shop, httpx.Client(base_url=shop.url, verify=NO_TLS) as client:
        client.headers.update(sign_in(client, *CUSTOMER[:2]))
        ids = [_upload(client, b"a\n" + b"1\n" * 10_000)["id"] for _ in range(3)]
    with start("good", database=database) as shop, httpx.Client(base_url=shop.url, verify=NO_TLS) as client:
        client.headers.update(sign_in(client, *CUSTOMER[:2]))
        assert {_converted(client, id_)["rows"] for id_ in ids} == {10_000}


def test_orders_are_exported_as_a_workbook(client: httpx.Client) -> None:
    """By an administrator's page and token all, by a customer's token one's own, each cell what it was."""
    strange = {"email": CUSTOMER[0], "name": "=cmd|' /C calc'!A0", "address": "Bell\x07 Road\n2"}
    mine = client.post("/api/orders", json=ORDER | strange).json()
    other = client.post("/api/orders", json=ORDER).json()
    client.post("/login", data={"email": ADMIN[0], "password": ADMIN[1]})
    answer = client.get("/admin/orders.xlsx")
    assert answer.headers["content-type"] == MEDIA_TYPE
    header, *rows = _cells(answer.content)
    assert header == ("ref", "created", "email", "name", "address", "total", "status")
    by_ref = {row[0]: row for row in rows}
    assert by_ref[mine["ref"]][2:6] == (CUSTOMER[0], strange["name"], "Bell_x0007_ Road\n2", mine["total_cents"] / 100)
    assert other["ref"] in by_ref
    by_token = client.get("/api/orders?format=xlsx", headers=sign_in(client, *CUSTOMER[:2]))
    refs = {row[0] for row in _cells(by_token.content)}
    assert mine["ref"] in refs
    assert other["ref"] not in refs
    assert client.get("/api/orders?format=pdf").status_code == 422


def test_customers_do_not_export(client: httpx.Client) -> None:
    """Strangers are asked to log in, customers are turned away."""
    assert client.get("/admin/orders.xlsx").url.path == "/login"
    client.post("/login", data={"email": CUSTOMER[0], "password": CUSTOMER[1]})
    assert client.get("/admin/orders.xlsx").status_code == 403


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(TEXT, st.floats(-1e9, 1e9)), max_size=5))
def test_a_workbook_has_what_it_was_given(rows: list[tuple[str, float]]) -> None:
    """Text and numbers come back as they were; an empty text is an empty cell."""
    header, *found = _cells(workbook("Sheet", ("text", "number"), rows))
    assert header == ("text", "number")
    assert [(text or "", number) for text, number in found] == [(t, pytest.approx(n)) for t, n in rows]


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    """A table, or a reason why not."""
    with contextlib.suppress(TableError):
        header, rows = read_table(raw)
        assert all(len(row) == len(header) for row in rows)
