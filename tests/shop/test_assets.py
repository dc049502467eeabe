"""Tests of the pages' files: names with hashes, caching, and that all of them are found."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import pytest

from examples.shop.assets import FOLDER, FOR_EVER, HERO, NAMES, address, of_previous_build, picture

if TYPE_CHECKING:
    import httpx


@pytest.mark.parametrize("plain", sorted(NAMES))
def test_a_name_has_the_hash_of_what_is_served(client: httpx.Client, plain: str) -> None:
    """Cached for ever under that name, asked for again under the plain one."""
    content = (FOLDER / plain).read_bytes()
    stem, _, kind = plain.rpartition(".")
    assert NAMES[plain] == f"{stem}.{hashlib.sha256(content).hexdigest()[:8]}.{kind}"
    named, by_name = client.get(address(plain)), client.get(f"/static/{plain}")
    assert named.content == by_name.content == content
    assert (named.headers["cache-control"], by_name.headers["cache-control"]) == (FOR_EVER, "no-cache")
    kinds = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "webp": "image/webp"}
    assert named.headers["content-type"].partition(";")[0] == kinds[kind]


def test_another_hash_is_not_found(client: httpx.Client) -> None:
    """What a page of another build names is a 404, never another content."""
    assert client.get("/static/shop.00000000.css").status_code == 404
    assert client.get(of_previous_build("shop.css")).status_code == 404
    assert of_previous_build("shop.js") == address("shop.js")
    assert "cache-control" not in client.get("/static/shop.00000000.css").headers


def test_no_file_leads_out_of_the_folder(client: httpx.Client) -> None:
    """Neither with dots nor with their escapes."""
    for path in ("/static/../web.py", "/static/%2e%2e/web.py", "/static/..%2fweb.py", "/static/"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/", "/?q=kettle", "/products/1", "/login", "/forgot", "/nothing-here"])
def test_pages_name_their_files_by_hash(client: httpx.Client, path: str) -> None:
    """All of them; the script for markup that is not there is on no page."""
    text = client.get(path, headers={"Accept": "text/html"}).text
    named = set(re.findall(r'(?:href|src)="/static/([^"]+)"', text))
    assert {NAMES["shop.css"], NAMES["shop.js"], NAMES["icon.svg"]} <= named <= set(NAMES.values())
    assert NAMES["newsletter.js"] not in named
    assert (NAMES[HERO] in named) == (path == "/")


def test_every_category_has_a_picture() -> None:
    """Its own, or that for goods of no known category."""
    assert picture("Kitchen") == address("kitchen.svg")
    assert picture("Umbrellas / Parasols") == picture("../web") == address("goods.svg")
