"""Secrets in clear text are found, and never repeated."""

from __future__ import annotations

import pytest

from relgate.policy import load
from tests.policy.samples import SMALLEST, faults_of

URL = '"http://127.0.0.1:8000"'
TAIL = "hunter2hunter2"


@pytest.mark.parametrize(
    "text",
    [
        SMALLEST.replace(URL, f'"http://bob:{TAIL}@127.0.0.1:8000"'),
        SMALLEST.replace(URL, f'"http://127.0.0.1:8000/?access_token={TAIL}"'),
        SMALLEST.replace(URL, f"{URL}, auth: {{bearer: {TAIL}}}"),
        SMALLEST.replace(URL, f"{URL}, auth: {{basic: {{user: bob, password: {TAIL}}}}}"),
        SMALLEST.replace(URL, f"{URL}, auth: {{header: {{X-Any: {TAIL}}}}}"),
        SMALLEST.replace(URL, f"{URL}, headers: {{Authorization: {TAIL}}}"),
        SMALLEST.replace(URL, f"{URL}, headers: {{X-Api-Key: {TAIL}}}"),
        SMALLEST.replace(URL, f"{URL}, headers: {{X-Any: Bearer {TAIL}}}"),
        SMALLEST.replace("get: /", f"get: /, headers: {{Cookie: {TAIL}}}"),
        SMALLEST.replace("get: /", f"requests: [{{path: /, json: {{login: {{password: {TAIL}}}}}}}]"),
        SMALLEST.replace("get: /", f'requests: [{{path: /, body: "user=bob&password={TAIL}"}}]'),
        SMALLEST.replace("get: /", 'requests: [{path: /, body: \'{"api_key": "' + TAIL + "\"}'}]"),
        SMALLEST.replace('fail: "> 2s"', f'fail: "> 2s", description: ghp_{TAIL * 3}'),
        SMALLEST.replace('fail: "> 2s"', f"fail: '> 2s', next_steps: psql postgres://bob:{TAIL}@db/x"),
    ],
    ids=str,
)
def test_a_secret_in_clear_text_is_one_fault_that_does_not_repeat_it(text: str) -> None:
    """Wherever a secret stands, the fault has its place and not its text."""
    faults = faults_of(text)
    assert len(faults) == 1
    assert TAIL not in str(faults[0])
    assert faults[0].line == next(n for n, line in enumerate(text.splitlines(), 1) if TAIL in line)


@pytest.mark.parametrize(
    "text",
    [
        SMALLEST.replace(URL, "env:URL, auth: {bearer: env:TOKEN}, headers: {X-Api-Key: file:/run/key, X-Env: canary}"),
        SMALLEST.replace("get: /", "requests: [{path: /, json: {password: env:PW, max_tokens: 5, page: two}}]"),
        SMALLEST.replace("get: /", "requests: [{path: /, body: file:/run/body}]"),
        SMALLEST.replace("get: /", "requests: [{path: /, body: page=2&password=env:PW}]"),
    ],
    ids=["sides", "json", "body", "form"],
)
def test_references_are_no_secrets(text: str) -> None:
    """``env:NAME`` and ``file:PATH`` may stand wherever a secret may, and stay references."""
    assert load(text).service == "shop"
