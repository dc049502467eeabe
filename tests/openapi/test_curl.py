"""A request as a line for a shell: what the shell sends is what was sent."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relgate.openapi.curl import line, sequence
from relgate.ports.exploring import Ask

if TYPE_CHECKING:
    from pathlib import Path

URL = "http://127.0.0.1:1"
FAKE = """#!/usr/bin/env python3
import os, sys
with open(os.environ["SEEN"], "wb") as file:
    for word in sys.argv[1:]:
        file.write(os.fsencode(word) + b"\\x1f")
    if "@-" in sys.argv:
        file.write(b"<input>" + sys.stdin.buffer.read())
"""


@pytest.fixture
def shell(tmp_path: Path) -> Path:
    """A folder with a program ``curl`` that writes down how it was called."""
    program = tmp_path / "curl"
    program.write_text(FAKE)
    program.chmod(0o755)
    return tmp_path


def called(folder: Path, command: str) -> tuple[list[bytes], bytes]:
    """The words that a shell gives to curl, and its input."""
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "SEEN": str(folder / "seen"), "TOKEN": "t0ken"}
    subprocess.run(["sh", "-c", command], env=environment, check=True, capture_output=True)
    words, _, given_ = (folder / "seen").read_bytes().partition(b"<input>")
    return words.split(b"\x1f"), given_


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=30) | st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_a_body_arrives_byte_for_byte(shell: Path, body: bytes) -> None:
    """Quotes, signs of the shell, NUL, letters that nobody can see."""
    words, given_ = called(shell, line(URL, Ask("POST /x", "POST", "/x", body=body), ()))

    assert given_ == body if b"@-" in words else words[words.index(b"--data-raw") + 1] == body


def test_secrets_are_variables_of_the_shell(shell: Path) -> None:
    """Which the shell knows; nothing else in a header is expanded."""
    ask = Ask("GET /x", "GET", "/x?a=$b", (("X-Own", "$(id)"),))
    command = line(URL, ask, [("Authorization", "Bearer $TOKEN")])
    words, _ = called(shell, command)

    assert "t0ken" not in command
    assert b"Authorization: Bearer t0ken" in words
    assert b"X-Own: $(id)" in words
    assert f"{URL}/x?a=$b".encode() in words


def test_a_long_text_is_made_by_the_shell(shell: Path) -> None:
    """The command stays readable, the body is as long as it was."""
    body = b'{"name": "' + b"m" * 10_000 + b'"}'
    command = line(URL, Ask("POST /x", "POST", "/x", body=body), ())
    words, _ = called(shell, command)

    assert len(command) < 300
    assert body in words


def test_a_method_is_named_where_curl_would_take_another() -> None:
    """GET without a body and POST with one need no word."""
    methods = [("GET", None, False), ("POST", b"x", False), ("POST", None, True), ("PUT", b"x", True)]
    for method, body, named in methods:
        assert ("-X" in line(URL, Ask("", method, "/", body=body), ())) is named


def test_a_sequence_takes_the_id_that_it_got() -> None:
    """And falls back to both requests as they were."""
    make, read = Ask("POST /x", "POST", "/x", body=b"{}"), Ask("GET /x/{id}", "GET", "/x/abc?y=1")

    assert sequence(URL, (make, read), (), ("id", "abc")).endswith("""/x/'"$ID"'?y=1'""")
    assert sequence(URL, (make, read), (), None).endswith(f"; curl -si '{URL}/x/abc?y=1'")
