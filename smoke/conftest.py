"""What the shop's paths share: a customer of one's own, who is gone when the path is over."""

import secrets
from dataclasses import dataclass

import pytest


@dataclass
class Customer:
    """Somebody with an account. ``headers``: of requests in this name."""

    email: str
    password: str
    headers: dict[str, str]


@pytest.fixture
def new_customer(path, http, created):
    """Make a customer over the API: call it in a step. Orders, documents and webhooks go with the account."""

    def make() -> Customer:
        email, password = f"{created.tag}@smoke.example", path.secret(secrets.token_urlsafe(12))
        created.undo("DELETE", f"/api/accounts/{email}", account="admin")
        answer = http.post("/api/accounts", json={"email": email, "password": password})
        assert answer.status_code == 201, answer.text
        return Customer(email, password, log_in(email, password))

    def log_in(email: str, password: str) -> dict[str, str]:
        answer = http.post("/api/login", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {path.secret(answer.json()['token'])}"}

    return make


@pytest.fixture
def new_order(http):
    """Make an order over the API for a customer; return it as the shop tells it."""

    def make(customer: Customer) -> dict[str, object]:
        order = {"items": [{"product_id": 3, "quantity": 2}], "email": customer.email, "name": "Smoke"}
        answer = http.post("/api/orders", json=order)
        assert answer.status_code == 202, answer.text
        return answer.json()

    return make


@pytest.fixture
def log_in(page):
    """Log in on the page."""

    def fill(email: str, password: str) -> None:
        page.goto("/login")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()

    return fill
