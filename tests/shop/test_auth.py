"""Tests of passwords, tokens and the origin check."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.shop.auth import TOKEN_LIFETIME_S, hash_password, make_token, password_fits, read_token, same_origin

CLAIMS = {"sub": "ada@shop.example", "role": "customer"}


@settings(max_examples=5, deadline=None)
@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_a_password_fits_only_its_own_hash(password: str, other: str) -> None:
    """The right password fits, another one does not, and the hash does not show it."""
    stored = hash_password(password)
    assert password_fits(password, stored)
    assert password_fits(other, stored) == (other == password)


def test_equal_passwords_have_different_hashes() -> None:
    """Each hash has a salt of its own."""
    assert hash_password("same") != hash_password("same")


def test_a_token_is_a_json_web_token_that_comes_back() -> None:
    """Three base64url parts; reading gives the claims and the two times."""
    token = make_token(CLAIMS, "secret", 1000.0)
    header, _, _ = token.split(".")
    assert json.loads(base64.urlsafe_b64decode(header + "==")) == {"alg": "HS256", "typ": "JWT"}
    assert read_token(token, "secret", 1000.0) == CLAIMS | {"iat": 1000, "exp": 1000 + TOKEN_LIFETIME_S}


def test_a_token_expires() -> None:
    """The last second counts, the one after does not."""
    token = make_token(CLAIMS, "secret", 1000.0)
    assert read_token(token, "secret", 999.0 + TOKEN_LIFETIME_S) is not None
    assert read_token(token, "secret", 1000.0 + TOKEN_LIFETIME_S) is None


def test_a_token_of_another_secret_or_without_a_signature_is_refused() -> None:
    """Neither another key nor the algorithm ``none`` opens the door."""
    token = make_token(CLAIMS, "other", 1000.0)
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    assert read_token(token, "secret", 1000.0) is None
    assert read_token(f"{none}.{token.split('.')[1]}.", "secret", 1000.0) is None


@given(st.one_of(st.text(), st.text("abcA0-_.=", max_size=30), st.just("..")))
def test_reading_rubbish_gives_nothing_and_does_not_fail(text: str) -> None:
    """Whatever a caller sends as a token, the answer is no."""
    assert read_token(text, "secret", 0.0) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"host": "shop:80"}, True),
        ({"host": "shop:80", "origin": "http://shop:80"}, True),
        ({"host": "shop:80", "origin": "http://evil.example"}, False),
        ({"host": "shop:80", "origin": "null"}, False),
        ({"host": "shop:80", "sec-fetch-site": "same-origin"}, True),
        ({"host": "shop:80", "sec-fetch-site": "cross-site"}, False),
    ],
)
def test_only_the_shops_own_pages_may_change_things(headers: dict[str, str], expected: bool) -> None:
    """Origin decides where a browser sends it, Sec-Fetch-Site where it does not."""
    assert same_origin(headers) is expected
