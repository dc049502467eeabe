"""Flags of a real service that speaks OFREP, and of a real command."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.preflight.flags import same
from relgate.values import Findings
from tests.adapters.servers import Service, serving
from tests.questions.runs import asked, run_of, said, verdict

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@contextmanager
def flagging(code: int = 200, **flags: Any) -> Iterator[Service]:
    """A service of flags; each with its answer."""
    with serving() as service:
        for name, answer in flags.items():
            body = answer if isinstance(answer, bytes) else json.dumps({"key": name, **answer}).encode()
            service.pages[f"/ofrep/v1/evaluate/flags/{name}"] = (code, "application/json", body)
        yield service


def found(folder: Path, service: Service, keys: str) -> Findings:
    """What comes of a question to that service."""
    return asked(run_of(folder, f"{{flags: {{ofrep: '{service.url}', {keys}}}}}"), "flags")


def test_flags_that_are_what_they_should_be_pass(tmp_path: Path) -> None:
    """Off, on, and a value; asked for somebody, with a token."""
    answers: dict[str, Any] = {
        "search": {"value": False, "reason": "STATIC"},
        "imports": {"value": True, "reason": "TARGETING_MATCH"},
        "plan": {"value": "pro", "reason": "DISABLED"},
    }
    with flagging(**answers) as service:
        keys = "off: search, on: imports, is: {plan: pro}, context: {targetingKey: bob}, headers: {X-Env: staging}"
        one = found(tmp_path, service, keys)
        assert (verdict(one), one.checked) == ("pass", 3), said(one)
        path, headers, body = service.requests[0]
        assert path == "/ofrep/v1/evaluate/flags/search"
        assert json.loads(body) == {"context": {"targetingKey": "bob"}}
        assert headers["X-Env"] == "staging"


@pytest.mark.parametrize(
    ("answer", "expected", "says"),
    [
        ({"value": True, "reason": "STATIC"}, "fail", "other-value: search is true (STATIC), expected false"),
        ({"value": 0, "reason": "STATIC"}, "fail", "search is 0 (STATIC), expected false"),
        ({"value": None, "reason": "STATIC"}, "fail", "search is null"),
        ({"value": "off", "reason": "STATIC"}, "fail", 'search is "off"'),
        ({"value": True, "reason": "DEFAULT"}, "fail", "search is true (DEFAULT)"),
        ({"value": False, "reason": "DEFAULT"}, "error", "it is what the code falls back to"),
        ({"value": False, "reason": "ERROR"}, "error", "it could not be evaluated"),
        ({"value": False, "reason": "stale"}, "error", "it may have changed since"),
        ({"value": False, "reason": "SPLIT"}, "error", "others get another value"),
        ({"value": False, "reason": "CACHED"}, "error", "the policy does not accept that reason"),
        ({"value": False}, "error", "expected the reason to be a text, got nothing"),
        ({"reason": "STATIC"}, "error", "expected a value"),
        ({"value": False, "reason": "STATIC", "key": "other"}, "error", "got that of other"),
        ({"value": False, "reason": "STATIC", "errorCode": "PARSE_ERROR"}, "error", "search: PARSE_ERROR"),
        (b"[]", "error", "expected the evaluation to be an object"),
        (b'{"value": NaN, "reason": "STATIC"}', "error", "NaN is no JSON"),
        (b"", "error", "expected JSON"),
    ],
)
def test_any_other_answer_does_not_pass(tmp_path: Path, answer: Any, expected: str, says: str) -> None:
    """Another value fails, one that nobody knows is an error."""
    with flagging(search=answer) as service:
        one = found(tmp_path, service, "off: search")
    assert verdict(one) == expected, said(one)
    assert says in said(one)


def test_the_policy_can_believe_more_reasons(tmp_path: Path) -> None:
    """Those of a proxy with a cache."""
    with flagging(search={"value": False, "reason": "CACHED"}) as service:
        assert verdict(found(tmp_path, service, "off: search, reasons: [STATIC, CACHED]")) == "pass"


def test_a_service_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    """An unknown flag, a refused token, an answer that breaks off, nobody there, too late."""
    with flagging(404, search={"errorCode": "FLAG_NOT_FOUND", "errorDetails": "none"}) as service:
        assert said(found(tmp_path, service, "off: search")) == "search: HTTP 404: FLAG_NOT_FOUND none"
        one = found(tmp_path, service, "off: [search, other]")
        assert (verdict(one), one.checked, one.expected) == ("error", 0, 2)
    with flagging(401, search=b"who are you?") as service:
        assert said(found(tmp_path, service, "off: search")) == "search: HTTP 401: who are you?"
    for url in ("http://127.0.0.1:9", "env:NO_SUCH_VARIABLE"):
        run = run_of(tmp_path, f"{{flags: {{ofrep: '{url}', off: search, timeout: 1s}}}}")
        if url.startswith("env:"):
            with pytest.raises(Exception, match="NO_SUCH_VARIABLE is not set"):
                asked(run, "flags")
        else:
            assert verdict(asked(run, "flags")) == "error"


def test_the_token_of_the_service_is_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is sent, and nothing that is stored has it."""
    monkeypatch.setenv("FLAGS_KEY", "hunter2hunter2")
    with flagging(search={"value": False, "reason": "STATIC", "metadata": {"seen": "hunter2hunter2"}}) as service:
        run = run_of(tmp_path, f"{{flags: {{ofrep: '{service.url}', off: search, headers: {{X-Key: env:FLAGS_KEY}}}}}}")
        assert verdict(asked(run, "flags")) == "pass"
        assert service.requests[0][1]["X-Key"] == "hunter2hunter2"
    assert run.redactor.text("it is hunter2hunter2") == run.redactor.text("it is hunter2hunter2").replace("hunter2", "")


@pytest.mark.parametrize(
    ("script", "expected", "says"),
    [
        ("print(json.dumps({'value': False, 'reason': 'STATIC', 'key': sys.argv[1]}))", "pass", ""),
        ("print(json.dumps({'value': True, 'reason': 'STATIC'}))", "fail", "a.b is true"),
        ("print('false')", "error", "expected the evaluation to be an object"),
        ("sys.exit('no such flag')", "error", "a.b: the command ended with 1: no such flag"),
        ("import time; time.sleep(60)", "error", "was not done after 1 s"),
    ],
)
def test_a_command_can_evaluate_flags(tmp_path: Path, script: str, expected: str, says: str) -> None:
    """It prints what a service would answer."""
    (tmp_path / "flag.py").write_text(f"import json, sys\n{script}\n")
    keys = f"run: '{sys.executable} flag.py {{flag}}', off: a.b, timeout: 1s"
    one = asked(run_of(tmp_path, f"{{flags: {{{keys}}}}}"), "flags")
    assert verdict(one) == expected, said(one)
    assert says in said(one)


@given(JSON, JSON)
def test_values_are_the_same_when_they_are_the_same_json(one: Any, other: Any) -> None:
    """And true is not 1."""
    assert same(one, json.loads(json.dumps(one)))
    if json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True):
        assert same(one, other)
    assert not same([True], [1])
    assert not same({"a": 0}, {"a": False})
    assert same(1.0, 1)
