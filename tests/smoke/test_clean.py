"""Evidence without secrets: zips, JSON, HAR, forms, snapshots of pages."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.report.redact import MASK, Redactor
from relgate.smoke.clean import LEFT_OUT, Cleaner, readable

SECRET = 'pa"ss/wörd+4711&<x>'
FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "JSON": json.dumps,
    "JSON in JSON": lambda text: json.dumps({"postData": json.dumps({"field": text})}),
    "URL": quote,
    "form": quote_plus,
    "basic auth": lambda text: base64.b64encode(f"ada:{text}".encode()).decode(),
    "inside of base64": lambda text: base64.b64encode(f"xx{text}yy".encode()).decode(),
    "URL-safe base64": lambda text: base64.urlsafe_b64encode(f"x{text}".encode()).decode(),
}


def cleaned(name: str, content: bytes, secret: str = SECRET) -> bytes:
    """Return the content of a file without secrets."""
    return Cleaner(Redactor([secret])).content(name, content)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["body.txt", "trace.trace", "x.har", "page.html"])
def test_a_secret_is_removed_in_whatever_form_it_comes(form: str, name: str) -> None:
    """Alone and in the middle of other text."""
    written = FORMS[form](SECRET)
    for text in (written, f"before {written} after"):
        out = cleaned(name, text.encode()).decode()
        assert written not in out
        assert SECRET not in out


def test_a_zip_is_cleaned_and_stays_one(tmp_path: Path) -> None:
    """Its JSON stays JSON, what is neither text nor picture is left out when a secret stands in it."""
    path = tmp_path / "trace.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("trace.trace", json.dumps({"type": "before", "params": {"value": SECRET}}) + "\n{}\n")
        archive.writestr("resources/a.dat", b"\xff\xfe" + b"plain-secret-7" + b"\xff")
        archive.writestr("resources/b.png", b"\x89PNG\xff")
        inner = io.BytesIO()
        with zipfile.ZipFile(inner, "w") as deeper:
            deeper.writestr("sheet.xml", "<c>plain-secret-7</c>")
        archive.writestr("resources/c.xlsx", inner.getvalue())
    Cleaner(Redactor([SECRET, "plain-secret-7"])).file(path)

    with zipfile.ZipFile(path) as archive:
        first = archive.read("trace.trace").decode().splitlines()[0]
        assert json.loads(first)["params"]["value"] == MASK
        assert archive.read("resources/a.dat") == LEFT_OUT
        assert archive.read("resources/b.png") == b"\x89PNG\xff"
        with zipfile.ZipFile(io.BytesIO(archive.read("resources/c.xlsx"))) as deeper:
            assert b"plain-secret" not in deeper.read("sheet.xml")


def test_what_is_called_like_a_secret_is_masked_whatever_it_is() -> None:
    """Headers, cookies, fields of forms and of JSON: nobody knows the tokens that a service makes."""
    har = {
        "headers": [{"name": "Cookie", "value": "sid=1"}, {"name": "Accept", "value": "text/html"}],
        "cookies": [{"name": "sid", "value": "opaque"}],
        "postData": {"text": "user=ada&password=hunter22", "params": [{"name": "password", "value": "hunter22"}]},
        "content": {"text": json.dumps({"token": "opaque", "token_type": "Bearer"})},
        "params": {"selector": 'internal:label="Password"i', "value": "hunter22"},
    }
    out = json.loads(cleaned("x.har", json.dumps(har).encode()))
    assert "opaque" not in json.dumps(out)
    assert "hunter22" not in json.dumps(out)
    assert out["headers"][1]["value"] == "text/html"
    assert "Bearer" in out["content"]["text"]


def test_a_password_in_a_snapshot_of_a_page_is_masked() -> None:
    """Known or not; and so is what was typed, in the log of the action."""
    html = ["HTML", {}, ["INPUT", {"type": "password", "__playwright_value_": "made up"}]]
    lines = [
        {"type": "frame-snapshot", "snapshot": {"html": html}},
        {"type": "log", "message": '  fill("made up")'},
    ]
    out = cleaned("trace.trace", "\n".join(map(json.dumps, lines)).encode()).decode()
    assert "made up" not in out


def test_a_page_that_shows_a_secret_is_noticed() -> None:
    """Text and fields that do not hide it; a password field shows dots."""
    for html, shown in (
        (["P", {}, f"your key is {SECRET}"], True),
        (["INPUT", {"type": "text", "__playwright_value_": SECRET}], True),
        (["INPUT", {"type": "password", "__playwright_value_": SECRET}], False),
        (["SCRIPT", {}, SECRET], False),
        ([[1, 4]], False),
    ):
        cleaner = Cleaner(Redactor([SECRET]))
        line = json.dumps({"type": "frame-snapshot", "snapshot": {"html": html}})
        cleaner.content("trace.trace", line.encode())
        assert cleaner.shown is shown, html


def test_a_file_that_cannot_be_cleaned_is_removed(tmp_path: Path) -> None:
    """A zip that is damaged may hold anything."""
    path = tmp_path / "trace.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "secret " * 1000)
    content = bytearray(path.read_bytes())
    content[40:60] = b"x" * 20
    path.write_bytes(bytes(content))
    Cleaner(Redactor(["secret"])).file(path)
    assert not path.exists()


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(JSONS)
def test_json_without_secrets_stays_a_document(value: Any) -> None:
    """Cleaning never breaks what it cleans."""
    json.loads(cleaned("x.har", json.dumps({"log": value}).encode()))


@given(st.text(min_size=9, max_size=40), st.binary(max_size=5), st.binary(max_size=5))
def test_a_secret_inside_of_base64_is_not_there_afterwards(secret: str, before: bytes, after: bytes) -> None:
    """Wherever it lies in it."""
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    out = Redactor([secret]).text(encoded)
    assert MASK in out


def test_snapshots_are_read_as_trees() -> None:
    """Texts and values, in their order."""
    html = ["HTML", {}, ["HEAD", {}, ["TITLE", {}, "t"]], ["BODY", {}, "a", ["INPUT", {"value": "b"}], [2, 3]]]
    assert list(readable(html)) == ["a", "b"]
