"""Smoke: what the people behind the shop need: orders at a glance, an export, calls of other systems."""

import hashlib
import hmac
import io

import pytest
from openpyxl import load_workbook

pytestmark = pytest.mark.smoke


def test_smoke_admin(path, page, accounts, new_customer, new_order, log_in):
    """A shopkeeper sees a new order."""
    with path.step("have an order"):
        order = new_order(new_customer())
    with path.step("log in"):
        log_in(accounts["admin"].user, accounts["admin"].password)
        page.get_by_role("heading", name="Admin").wait_for()
    with path.step("see the order"):
        assert page.get_by_role("link", name=order["ref"]).is_visible()


def test_smoke_export(path, http, accounts, new_customer, new_order):
    """The workbook of all orders can be opened, and a new order is in it."""
    with path.step("have an order"):
        order = new_order(new_customer())
    with path.step("export"):
        answer = http.get("/api/orders", params={"format": "xlsx"}, headers=accounts.headers("admin"))
        assert answer.status_code == 200
    with path.step("open the file"):
        sheet = load_workbook(io.BytesIO(answer.content)).active
        cells = [cell for row in sheet.iter_rows(values_only=True) for cell in row]
        assert order["ref"] in cells


def test_smoke_webhook(path, http, webhook, new_customer, new_order):
    """An order is told to whoever asked for it, with a signature that is right."""
    with path.step("ask for calls"):
        customer = new_customer()
        body = {"url": webhook.url, "event": "order.created"}
        answer = http.post("/api/webhooks", json=body, headers=customer.headers)
        assert answer.status_code == 201, answer.text
        secret = path.secret(answer.json()["secret"])
    with path.step("order"):
        order = new_order(customer)
    with path.step("be called"):
        call = webhook.wait()
        signed = hmac.new(secret.encode(), call.body, hashlib.sha256).hexdigest()
        assert call.headers["x-shop-signature"] == f"sha256={signed}"
        assert order["ref"] in str(call.json["order"])
