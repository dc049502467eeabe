"""Smoke paths in a policy: gates of their own, limits, people, and what must not stand there."""

from __future__ import annotations

import pytest

from relgate.errors import PolicyError
from relgate.policy import load
from relgate.policy.smoke import HEADERS, is_path

HEAD = """
relgate: 1
service: shop
environments: {test: {candidate: {url: "http://127.0.0.1:9"}}}
"""
STAGE = "\nstages: [{name: smoke, run: smoke}]\n"


def faults(smoke: str, more: str = "", stage: str = STAGE) -> str:
    """What a policy with these paths is said to be wrong with."""
    with pytest.raises(PolicyError) as caught:
        load(HEAD + f"smoke: {smoke}\n" + more + stage)
    return str(caught.value)


def test_every_path_is_a_gate_of_the_stage() -> None:
    """Without an entry under gates; required by family."""
    policy = load(HEAD + "smoke: {paths: [login, check-out]}" + STAGE)
    stage = policy.stage("smoke")

    assert list(policy.running(stage)) == ["smoke-login", "smoke-check-out"]
    assert policy.required_ids(stage) == ("smoke-login", "smoke-check-out")
    assert all(is_path(gate) and gate.family == "smoke" for gate in policy.running(stage).values())
    assert all(policy.alpha_of(stage, gate) == 0 for gate in policy.gates.values())


def test_an_entry_under_gates_changes_what_a_path_decides() -> None:
    """And keeps it a path."""
    policy = load(HEAD + "smoke: {paths: login}\ngates: {smoke-login: {on_fail: hold, owner: team-a}}" + STAGE)
    gate = policy.gates["smoke-login"]

    assert (gate.kind, gate.family, gate.on_fail, gate.owner) == ("findings", "smoke", "hold", "team-a")


def test_what_is_not_written_has_good_defaults() -> None:
    """Those that the issue asks for."""
    smoke = load(HEAD + "smoke: {paths: login}" + STAGE).smoke

    assert smoke is not None
    assert (smoke.limits.lcp_s, smoke.limits.cls, smoke.limits.inp_s) == (2.5, 0.1, 0.2)
    assert (smoke.headers, smoke.accessibility, smoke.visual, smoke.step_s) == (HEADERS, "serious", 0.01, 10.0)
    assert (smoke.mail, smoke.webhooks, smoke.allow, smoke.without) == (None, None, (), ())


def test_everything_can_be_written() -> None:
    """Each key arrives."""
    smoke = load(
        HEAD
        + """
smoke:
  paths: [login]
  accounts:
    admin: {user: a@x.example, password: env:PW, login: {post: /api/login, user: name, password: secret, token: /t}}
    robot: {bearer: env:TOKEN}
  limits: {lcp: 1s, cls: 0.2, inp: 100ms}
  headers: [Permissions-Policy]
  accessibility: minor
  visual: 5%
  allow: {code: console-error, contains: banner, reason: known}
  without: [vitals, headers]
  step: 3s
  wait: 5s
  video: false
  mail: {listen: "127.0.0.1:2525"}
  webhooks: {listen: "env:HOOKS", url: "https://hooks.example"}
"""
        + STAGE
    ).smoke

    assert smoke is not None
    admin, robot = smoke.accounts["admin"], smoke.accounts["robot"]
    assert admin.login is not None
    assert (admin.user, admin.password) == ("a@x.example", "env:PW")
    assert (admin.login.post, admin.login.user, admin.login.token) == ("/api/login", "name", "/t")
    assert (robot.bearer, robot.login) == ("env:TOKEN", None)
    assert (smoke.limits.lcp_s, smoke.limits.cls, smoke.limits.inp_s) == (1.0, 0.2, 0.1)
    assert (smoke.headers, smoke.accessibility, smoke.visual) == (("Permissions-Policy",), "minor", 0.05)
    assert (smoke.allow[0].contains, smoke.without) == ("banner", ("vitals", "headers"))
    assert (smoke.step_s, smoke.wait_s) == (3.0, 5.0)
    assert smoke.mail is not None
    assert smoke.webhooks is not None
    assert (smoke.video, smoke.mail.listen, smoke.webhooks.url) == (False, "127.0.0.1:2525", "https://hooks.example")


@pytest.mark.parametrize(
    ("smoke", "text"),
    [
        ("{}", "smoke needs the key paths"),
        ("{paths: [login, login]}", "the path login stands twice"),
        ("{paths: [Log_In]}", "a path's name of small letters, digits and -"),
        ("{paths: [a], accounts: {x: {user: a, password: clear-text}}}", "a reference to a secret"),
        ("{paths: [a], accounts: {x: {user: a, login: {post: /l}}}}", "login stands here only beside password"),
        ("{paths: [a], accessibility: grave}", "expected one of minor, moderate, serious, critical"),
        ("{paths: [a], limits: {cls: 2s}}", "expected a number"),
        ("{paths: [a], mail: {listen: '127.0.0.1'}}", "an address to listen on"),
        ("{paths: [a], mail: {listen: '127.0.0.1:70000'}}", "expected a port up to 65535"),
        ("{paths: [a], allow: [{code: console-error, contains: x}]}", "needs the key reason"),
        ("{paths: [a], without: [axe]}", "expected one of console"),
    ],
)
def test_what_is_wrong_is_said(smoke: str, text: str) -> None:
    """One message each, that says what was expected."""
    assert text in faults(smoke)


def test_a_limit_means_nothing_in_a_path() -> None:
    """What is known is allowed in smoke.allow."""
    said = faults("{paths: [a]}", 'gates: {smoke-a: {fail: "> 1"}}\n')

    assert "fail means nothing here" in said
    assert "allow a finding in smoke.allow" in said


def test_a_stage_may_require_a_path_by_name_and_no_other() -> None:
    """A name that is no path is at fault."""
    stage = "\nstages: [{name: smoke, run: smoke, require: [smoke-a, smoke-b]}]\n"
    assert 'unknown gate or family "smoke-b"' in faults("{paths: [a]}", stage=stage)


def test_a_gate_that_is_only_called_like_a_path_is_none() -> None:
    """Without such a path it is an ordinary gate."""
    policy = load(HEAD + 'smoke: {paths: [a]}\ngates: {smoke-b: {signal: null, fail: "> 1"}}' + STAGE)
    assert not is_path(policy.gates["smoke-b"])
