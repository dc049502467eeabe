"""Secrets leave no trace in anything that is persisted."""

from __future__ import annotations

import base64
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from relgate.report.redact import MASK, Redactor

SECRET = "s3cret/value+x="


@given(before=st.text(), after=st.text(), form=st.sampled_from(["plain", "quoted", "base64"]))
def test_a_known_value_is_replaced_in_every_form(before: str, after: str, form: str) -> None:
    """Wherever it stands, percent-encoded and in Base64 too."""
    shown = {"plain": SECRET, "quoted": quote(SECRET, safe=""), "base64": base64.b64encode(SECRET.encode()).decode()}[
        form
    ]
    cleaned = Redactor([SECRET]).text(f"{before}{shown}{after}")

    assert shown not in cleaned
    assert MASK in cleaned


def test_shapes_of_secrets_are_replaced_whatever_their_value() -> None:
    """Nobody has to list these."""
    text = "GET https://bob:hunter2@host/x?token=abc123&page=2 Authorization: Bearer eyJhbGciOi.J9"

    assert Redactor().text(text) == f"GET https://{MASK}@host/x?token={MASK}&page=2 Authorization: Bearer {MASK}"


def test_the_policys_own_patterns_count() -> None:
    """`redact:` in the policy."""
    assert Redactor(patterns=[r"cust-\d+"]).text("customer cust-4711 failed") == f"customer {MASK} failed"


def test_json_values_are_cleaned_to_the_bottom() -> None:
    """Keys and lists included; numbers and nulls stay what they are."""
    dirty = {"a": [f"x {SECRET}", 1, None, {SECRET: True}], "n": 1.5}

    assert Redactor([SECRET]).json(dirty) == {"a": [f"x {MASK}", 1, None, {MASK: True}], "n": 1.5}


def test_a_value_too_short_to_be_a_secret_does_not_maul_the_text() -> None:
    """A password of one letter would redact the alphabet."""
    assert Redactor(["a"]).text("latency against baseline") == "latency against baseline"
