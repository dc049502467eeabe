"""An API in a policy: what may be written, and the gates that come with it."""

from __future__ import annotations

import pytest

from relgate.errors import PolicyError
from relgate.openapi.faults import FAULTS
from relgate.policy import Policy, load
from relgate.policy.api import EXPLORED
from relgate.policy.migrations import PROVEN

HEAD = """
relgate: 1
service: demo
environments: {test: {candidate: {url: "http://127.0.0.1:9"}}}
stages: [{name: smoke, run: smoke, require: [smoke]}]
"""


def with_api(text: str, more: str = "") -> Policy:
    """A policy with this API."""
    return load(f"{HEAD}api: {text}\n{more}")


def faults(text: str, more: str = "") -> str:
    """What the loader says about such a policy."""
    with pytest.raises(PolicyError) as raised:
        with_api(text, more)
    return str(raised.value)


def test_an_api_brings_its_gates() -> None:
    """Nothing has to be written under gates, and a stage that requires the family requires them all."""
    policy = with_api("{}")

    assert set(policy.required_ids(policy.stage("smoke"))) == set(EXPLORED)
    assert all((one.kind, one.family) == ("findings", "smoke") for one in policy.gates.values())
    assert all(one.description == EXPLORED[id_] for id_, one in policy.gates.items())


def test_every_gate_is_known_to_the_policy_and_to_the_explorer() -> None:
    """A gate that one of both does not know would hold for ever."""
    assert set(FAULTS) == set(EXPLORED)
    assert not set(EXPLORED) & set(PROVEN)


def test_everything_has_a_default() -> None:
    """The document at its usual place, 500 requests, a minute."""
    api = with_api("{}").api

    assert api is not None
    assert (api.openapi, api.requests, api.time_s, api.seed) == ("/openapi.json", 500, 60.0, None)


def test_everything_can_be_written() -> None:
    """Durations, statuses, patterns, a login, examples."""
    api = with_api(
        "{openapi: api.yaml, requests: 50, time: 2m, timeout: 3s, seed: 7, ids: X-Request-ID, include: /api/*, "
        "exclude: [POST /x, dropAll], methods: [GET, POST], headers: {Authorization: env:TOKEN}, "
        'login: {post: /login, json: {user: me, password: env:PASSWORD}, token: /jwt, header: X-Token, prefix: ""}, '
        "stateful: false, undocumented: [404, 500-599], ignore: [updated, '*.etag'], "
        "examples: {POST /hooks: {url: 'https://example.com'}}, without: [ids]}"
    ).api

    assert api is not None
    assert (api.time_s, api.timeout_s, api.seed, api.include) == (120.0, 3.0, 7, ("/api/*",))
    assert api.undocumented == ((404, 404), (500, 599))
    assert api.login is not None
    assert (api.login.token, api.login.prefix) == ("/jwt", "")
    assert api.examples == {"POST /hooks": {"url": "https://example.com"}}
    assert "api-ids" not in api.gates


def test_without_the_comparison_its_gate_is_gone() -> None:
    """What is left out is left out visibly: in the policy."""
    assert "api-differential" not in with_api("{differential: false}").gates


def test_a_gate_of_an_api_can_be_changed_and_keeps_what_it_is() -> None:
    """Gravity and owner are the policy's."""
    gate = with_api("{}", "gates: {api-schema: {on_fail: hold, owner: anna, family: smoke}}").gates["api-schema"]

    assert (gate.kind, gate.family, gate.on_fail, gate.owner) == ("findings", "smoke", "hold", "anna")


def test_a_gate_of_an_api_has_no_limits() -> None:
    """One finding that blocks fails it."""
    assert "fail means nothing here" in faults("{}", 'gates: {api-errors: {fail: "> 3"}}')
    assert "family means nothing here" in faults("{}", "gates: {api-errors: {family: canary}}")


def test_a_gate_of_an_api_needs_an_api() -> None:
    """A policy that names one without an API is at fault."""
    with pytest.raises(PolicyError, match="needs api"):
        load(HEAD + "gates: {api-errors: {on_fail: hold}}")


def test_a_stage_may_require_a_gate_of_an_api_by_name() -> None:
    """Without an entry under gates."""
    stages = "stages: [{name: smoke, run: smoke, require: [api-errors]}]"
    policy = load(HEAD.replace("stages: [{name: smoke, run: smoke, require: [smoke]}]", stages) + "api: {}\n")

    assert policy.required_ids(policy.stage("smoke")) == ("api-errors",)


def test_secrets_in_clear_text_are_refused_and_not_repeated() -> None:
    """In headers and in the body of the login."""
    said = faults("{headers: {Authorization: Bearer abcdefgh}}")
    assert "in clear text" in said
    assert "abcdefgh" not in said
    assert "in clear text" in faults("{login: {post: /login, json: {password: hunter22}}}")


@pytest.mark.parametrize(
    "text",
    ["{requests: 0}", "{time: 0s}", "{seed: -1}", "{methods: [FETCH]}", "{without: [speed]}", "{login: {post: /x}}"],
)
def test_what_means_nothing_is_refused(text: str) -> None:
    """Each with its own message."""
    assert "api" in faults(text)
