"""Tests of the pages as a browser without scripts uses them: links and forms."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from examples.shop.seed import ADMIN, CUSTOMER

if TYPE_CHECKING:
    import httpx

CSV = b"sku,name,category,price,description\nNEW-1,Umbrella,Travel,24.90,Opens by itself.\n"


class _Page(HTMLParser):
    """What a page loads, and which form fields have no label."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.labelled: set[str] = set()
        self.fields: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.loads += [str(found[name]) for name in ("src", "action", "href") if name in found]
        if tag == "label":
            self.labelled.add(str(found.get("for")))
        if tag in {"input", "textarea"} and found.get("type") != "hidden":
            self.fields.append(found)

    def unlabelled(self) -> list[dict[str, str | None]]:
        """Return the fields that a screen reader could not name."""
        return [f for f in self.fields if f.get("id") not in self.labelled and "aria-label" not in f]


def _log_in(client: httpx.Client, account: tuple[str, str, str]) -> httpx.Response:
    return client.post("/login", data={"email": account[0], "password": account[1]})


def test_a_customer_finds_a_product_and_orders_it(client: httpx.Client) -> None:
    """Search, product, basket, check-out, confirmation; afterwards the basket is empty."""
    found = client.get("/", params={"q": "kettle lacquered"})
    link = re.search(r'href="(/products/\d+)">Kettle, lacquered', found.text)
    assert link is not None
    assert "€ 38.40" in client.get(link[1]).text
    product_id = link[1].rpartition("/")[2]
    basket = client.post("/basket", data={"product_id": product_id, "quantity": "2", "mode": "add"})
    assert basket.url.path == "/basket"
    assert "€ 76.80" in basket.text
    where = {"name": "Ada <b>Lovelace</b>", "email": "ada@shop.example", "address": "12 St James's Square"}
    done = client.post("/checkout", data=where)
    assert done.status_code == 200
    assert done.url.path.startswith("/orders/")
    assert "Thank you, Ada &lt;b&gt;Lovelace&lt;/b&gt;" in done.text
    assert "Basket (0)" in client.get("/").text


def test_the_basket_adds_changes_and_removes(client: httpx.Client) -> None:
    """Adding adds up, changing sets, zero removes, and ninety-nine is the most."""
    add = {"product_id": "5", "quantity": "3", "mode": "add"}
    client.post("/basket", data=add)
    assert "Basket (6)" in client.post("/basket", data=add).text
    assert "Basket (1)" in client.post("/basket", data={"product_id": "5", "quantity": "1"}).text
    assert "Basket (99)" in client.post("/basket", data=add | {"quantity": "99"}).text
    assert "Your basket is empty" in client.post("/basket", data={"product_id": "5", "quantity": "0"}).text


@pytest.mark.parametrize("wrong", [{"quantity": "-1"}, {"quantity": "1000"}, {"product_id": "x"}, {"quantity": "²"}])
def test_the_basket_refuses_what_is_no_number(client: httpx.Client, wrong: dict[str, str]) -> None:
    """A wrong number is the caller's fault, not ours."""
    assert client.post("/basket", data={"product_id": "5", "quantity": "1"} | wrong).status_code == 422


def test_check_out_names_what_is_missing(client: httpx.Client) -> None:
    """Each wrong field has its own text, and what was typed stays."""
    client.post("/basket", data={"product_id": "5", "quantity": "1"})
    answer = client.post("/checkout", data={"name": "Ada", "email": "nonsense", "address": ""})
    assert answer.status_code == 422
    assert 'id="email-fault"' in answer.text
    assert 'id="address-fault"' in answer.text
    assert 'id="name-fault"' not in answer.text
    assert 'value="nonsense"' in answer.text


def test_somebody_registers_logs_out_and_logs_in(client: httpx.Client) -> None:
    """An account is made once, and its password opens it."""
    new = {"email": "Grace@Shop.example", "password": "a long password"}
    assert 'id="person">grace@shop.example' in client.post("/register", data=new).text
    assert "grace@shop.example" not in client.post("/logout").text
    assert client.post("/register", data=new).status_code == 422
    assert client.post("/register", data=new | {"email": "x@y.example", "password": "short"}).status_code == 422
    assert client.post("/login", data=new | {"password": "another password"}).status_code == 401
    assert 'id="person">grace@shop.example' in client.post("/login", data=new).text


def test_only_administrators_see_the_admin_page(client: httpx.Client) -> None:
    """Strangers are asked to log in, customers are turned away."""
    assert client.get("/admin").url.path == "/login"
    _log_in(client, CUSTOMER)
    assert client.get("/admin").status_code == 403
    assert client.get("/admin/orders.csv").status_code == 403
    assert client.post("/admin/import", files={"file": ("p.csv", CSV)}).status_code == 403


def test_an_administrator_imports_products_and_exports_orders(client: httpx.Client) -> None:
    """A file adds a product once and replaces it the second time; one wrong line keeps all of it out."""
    assert _log_in(client, ADMIN).url.path == "/admin"
    assert "1 products added, 0 replaced." in client.post("/admin/import", files={"file": ("p.csv", CSV)}).text
    assert "0 products added, 1 replaced." in client.post("/admin/import", files={"file": ("p.csv", CSV)}).text
    assert "Umbrella" in client.get("/", params={"q": "umbrella"}).text
    wrong = CSV.replace(b"NEW-1", b"NEW-2").replace(b"Umbrella", b"Parasol") + b"X,Y,Z,free,\n"
    refused = client.post("/admin/import", files={"file": ("p.csv", wrong)})
    assert refused.status_code == 422
    assert "line 3: price" in refused.text
    assert "Parasol" not in client.get("/", params={"q": "parasol"}).text.replace("parasol”", "")
    assert client.post("/admin/import", files={"file": ("", b"")}).status_code == 422
    export = client.get("/admin/orders.csv")
    assert export.headers["content-type"].startswith("text/csv")
    assert export.text.startswith("ref,created,email,name,address,total,status\r\n")


def test_forms_from_other_sites_are_refused(client: httpx.Client) -> None:
    """A page elsewhere cannot order in a customer's name."""
    answer = client.post("/basket", data={"product_id": "5"}, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403
    assert "Basket (0)" in client.get("/").text


@pytest.mark.parametrize("path", ["/", "/products/1", "/basket", "/checkout", "/login", "/register", "/nothing-here"])
def test_pages_load_nothing_from_elsewhere_and_label_every_field(client: httpx.Client, path: str) -> None:
    """No outside request, a label for each field, one headline, the version in the footer."""
    client.post("/basket", data={"product_id": "5", "quantity": "1"})
    answer = client.get(path, headers={"Accept": "text/html"})
    page = _Page(answer.text)
    assert [load for load in page.loads if not load.startswith(("/", "#"))] == []
    assert page.unlabelled() == []
    assert answer.text.count("<h1>") == 1
    assert '<span id="version">1.5.0</span>' in answer.text
    for asset in {load for load in page.loads if load.startswith("/static/")}:
        assert client.get(asset).status_code == 200


def test_catalogue_pages_show_everything_once(client: httpx.Client) -> None:
    """Following `next` leads through all products of a search."""
    seen: list[str] = []
    path: str | None = "/?q=plain"
    while path:
        text = client.get(path).text
        seen += re.findall(r'href="/products/(\d+)"', text)
        following = re.search(r'rel="next" href="([^"]+)"', text)
        path = following[1].replace("&amp;", "&") if following else None
    assert len(seen) == len(set(seen)) == 32
