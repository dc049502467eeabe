"""Smoke: what anybody can do in the shop without an account."""

import json
import re

import pytest
from websockets.sync.client import connect

pytestmark = pytest.mark.smoke


def test_smoke_home(path, page):
    """The shop shows its products, its picture, and how many people are here."""
    with path.step("open the shop"):
        page.goto("/")
        assert page.get_by_role("heading", name="Products").is_visible()
    with path.step("see its picture"):
        hero = page.locator("#hero")
        assert hero.evaluate("image => image.complete && image.naturalWidth") > 0
    with path.step("see who is here"):
        page.locator("#presence").get_by_text(re.compile(r"\d+ (person|people) here")).wait_for()
    if path.targets.baseline is not None:
        path.looks_like_baseline(page)


def test_smoke_search(path, page, http):
    """A visitor finds a product by its name, on the page and over the API."""
    with path.step("search over the API"):
        answer = http.get("/api/search", params={"q": "steel"})
        assert answer.status_code == 200
        names = [product["name"] for product in answer.json()["products"]]
        assert names
    with path.step("search on the page"):
        page.goto("/")
        page.get_by_label("Search products").fill("steel")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("heading", name="Results for").wait_for()
    with path.step("both find the same"):
        assert page.locator("ul.cards h2").all_inner_texts() == names


def test_smoke_product(path, page):
    """A product has a price and can be put into the basket."""
    with path.step("open a product"):
        page.goto("/products/7")
        assert "€" in page.locator(".price").first.inner_text()
    with path.step("put two into the basket"):
        page.get_by_label("Quantity").fill("2")
        page.get_by_role("button", name="Add to basket").click()
        page.get_by_role("link", name="Basket (2)").wait_for()


def test_smoke_presence(path):
    """The WebSocket tells who is here, and who comes."""
    address = path.targets.candidate.replace("http", "ws", 1) + "/ws/presence"
    with path.step("come"), connect(address, open_timeout=5) as first:
        assert json.loads(first.recv(timeout=5))["visitors"] >= 1
        with path.step("somebody else comes"), connect(address, open_timeout=5):
            while json.loads(first.recv(timeout=5))["visitors"] < 2:
                pass
        with path.step("the shop answers"):
            first.send("ping")
            while first.recv(timeout=5) != "pong":
                pass
