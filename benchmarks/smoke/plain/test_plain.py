"""The paths of smoke/, step for step, as a plain pytest-playwright suite: no watching, no evidence, one after another."""

import hashlib
import hmac
import io
import json
import re
import secrets

from openpyxl import load_workbook
from websockets.sync.client import connect

from conftest import ADMIN, URL, link_of, log_in, order_of, wait_for


def test_home(page):
    page.goto("/")
    assert page.get_by_role("heading", name="Products").is_visible()
    assert page.locator("#hero").evaluate("image => image.complete && image.naturalWidth") > 0
    page.locator("#presence").get_by_text(re.compile(r"\d+ (person|people) here")).wait_for()


def test_search(page, http):
    names = [product["name"] for product in http.get("/api/search", params={"q": "steel"}).json()["products"]]
    page.goto("/")
    page.get_by_label("Search products").fill("steel")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("heading", name="Results for").wait_for()
    assert page.locator("ul.cards h2").all_inner_texts() == names


def test_product(page):
    page.goto("/products/7")
    assert "€" in page.locator(".price").first.inner_text()
    page.get_by_label("Quantity").fill("2")
    page.get_by_role("button", name="Add to basket").click()
    page.get_by_role("link", name="Basket (2)").wait_for()


def test_presence():
    address = URL.replace("http", "ws", 1) + "/ws/presence"
    with connect(address) as first:
        assert json.loads(first.recv(timeout=5))["visitors"] >= 1
        with connect(address):
            while json.loads(first.recv(timeout=5))["visitors"] < 2:
                pass
        first.send("ping")
        while first.recv(timeout=5) != "pong":
            pass


def test_register(page, http, admin):
    address = f"{secrets.token_hex(6)}@plain.example"
    page.goto("/register")
    page.get_by_label("E-mail").fill(address)
    page.get_by_label("Password").fill(secrets.token_urlsafe(12))
    page.get_by_role("button", name="Register").click()
    page.locator("#person").get_by_text(address).wait_for()
    http.delete(f"/api/accounts/{address}", headers=admin)


def test_login(page, customer):
    log_in(page, *customer[:2])
    page.locator("#person").get_by_text(customer[0]).wait_for()
    assert page.get_by_role("heading", name="Products").is_visible()


def test_token(http, customer):
    address, _, headers = customer
    assert http.get("/api/me", headers=headers).json()["email"] == address
    assert http.post("/api/login", json={"email": address, "password": "wrong-password"}).status_code == 401
    forged = {"Authorization": headers["Authorization"][:-4] + "AAAA"}
    assert http.get("/api/me", headers=forged).status_code == 401


def test_checkout(page, http, customer):
    page.goto("/products/3")
    page.get_by_role("button", name="Add to basket").click()
    page.get_by_role("link", name="Check out").click()
    page.get_by_label("Name").fill("Ada")
    page.get_by_label("E-mail").fill(customer[0])
    page.get_by_label("Address").fill("1 Analytical Street")
    page.get_by_role("button", name="Order and pay").click()
    page.get_by_role("heading", name="Thank you, Ada").wait_for()
    answer = http.get(f"/api/orders/{page.locator('#order-ref').inner_text()}")
    assert (answer.status_code, answer.json()["email"]) == (200, customer[0])


def test_convert(page, customer):
    log_in(page, *customer[:2])
    page.locator("#person").get_by_text(customer[0]).wait_for()
    page.goto("/documents")
    table = b"name,price\nkettle,39.00\nbowl,12.50"
    page.get_by_label("CSV file").set_input_files({"name": "prices.csv", "mimeType": "text/csv", "buffer": table})
    page.get_by_role("button", name="Upload").click()
    link = page.get_by_role("link", name="Download")
    link.wait_for()
    with page.expect_download() as download:
        link.click()
    assert load_workbook(io.BytesIO(download.value.path().read_bytes())).active.max_row == 3


def test_password_reset(page, http, customer, mails):
    address, old, _ = customer
    new = secrets.token_urlsafe(12)
    page.goto("/forgot")
    page.get_by_label("E-mail").fill(address)
    page.get_by_role("button", name="Send the link").click()
    page.get_by_role("status").get_by_text("a mail is on its way").wait_for()
    message = wait_for(lambda: next((one for to, one in mails if address in to), None))
    page.goto(link_of(message))
    page.get_by_label("New password").fill(new)
    page.get_by_role("button", name="Set the password").click()
    page.get_by_text("Your password is changed").wait_for()
    answers = [http.post("/api/login", json={"email": address, "password": one}).status_code for one in (new, old)]
    assert answers == [200, 401]


def test_admin(page, http, customer):
    order = order_of(http, customer[0])
    log_in(page, *ADMIN)
    page.get_by_role("heading", name="Admin").wait_for()
    assert page.get_by_role("link", name=order["ref"]).is_visible()


def test_export(http, admin, customer):
    order = order_of(http, customer[0])
    answer = http.get("/api/orders", params={"format": "xlsx"}, headers=admin)
    sheet = load_workbook(io.BytesIO(answer.content)).active
    assert order["ref"] in [cell for row in sheet.iter_rows(values_only=True) for cell in row]


def test_webhook(http, customer, hooks):
    address, _, headers = customer
    body = {"url": f"http://127.0.0.1:{hooks.server_address[1]}/plain", "event": "order.created"}
    secret = http.post("/api/webhooks", json=body, headers=headers).json()["secret"]
    order = order_of(http, address)
    called, content = wait_for(lambda: next(iter(hooks.got), None))
    assert called["X-Shop-Signature"] == f"sha256={hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()}"
    assert order["ref"] in content.decode()
