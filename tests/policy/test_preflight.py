"""What is asked before a rollout, in a policy: what may be written, and the gates that come with it."""

from __future__ import annotations

import pytest

from relgate.errors import PolicyError
from relgate.policy import Policy, load

HEAD = """
relgate: 1
service: demo
environments: {test: {candidate: {url: "http://127.0.0.1:9"}}}
stages: [{name: before, run: preflight, require: [preflight]}]
"""


def with_preflight(text: str, more: str = "") -> Policy:
    """A policy that asks this before a rollout."""
    return load(f"{HEAD}preflight: {text}\n{more}")


def faults(text: str, more: str = "") -> str:
    """What the loader says about such a policy."""
    with pytest.raises(PolicyError) as raised:
        with_preflight(text, more)
    return str(raised.value)


def test_every_check_is_a_gate_that_holds() -> None:
    """Nothing has to be written under gates, and a stage that requires the family requires them all."""
    policy = with_preflight("{checks: {clean: {run: git status --porcelain, expect: empty}, tests: {run: pytest -q}}}")
    stage = policy.stage("before")

    assert policy.required_ids(stage) == ("preflight-clean", "preflight-tests")
    for gate in policy.running(stage).values():
        assert (gate.kind, gate.family, gate.on_fail, gate.severity) == ("findings", "preflight", "hold", "normal")
    assert policy.gates["preflight-tests"].description == "`pytest -q` ends well"


def test_a_check_has_its_defaults() -> None:
    """Ten minutes, and to end well."""
    policy = with_preflight("{checks: {tests: {run: pytest -q}, all: {run: npm test, expect: all_pass}}}")
    assert policy.preflight is not None
    tests, everything = policy.preflight.checks.values()
    assert (tests.expect, tests.timeout_s, tests.exit, tests.format) == ("success", 600.0, (), None)
    assert everything.format == "summary"


def test_an_entry_under_gates_changes_how_grave_it_is() -> None:
    """And still holds."""
    policy = with_preflight("{checks: {t: {run: make}}}", "gates: {preflight-t: {severity: blocker, owner: me}}")
    gate = policy.gates["preflight-t"]
    assert (gate.severity, gate.owner, gate.on_fail, gate.family) == ("blocker", "me", "hold", "preflight")


@pytest.mark.parametrize(
    ("check", "fault"),
    [
        ("{expect: success}", "a check needs the key run"),
        ("{run: make, expect: fine}", "expected one of success, empty, all_pass, no_critical"),
        ("{run: make, expect: empty, matches: x}", "expect and matches exclude each other"),
        ("{run: make, matches: x, number: < 5}", "matches and number exclude each other"),
        ("{run: make, matches: '('}", "expected a regular expression"),
        ("{run: make, number: about 5}", "expected what a number must be, such as < 80% or == 0"),
        ("{run: make, number: 80%}", "expected what a number must be"),
        ("{run: make, expect: no_critical}", "no_critical needs a format: pip-audit, trivy"),
        ("{run: make, expect: no_critical, format: tap}", "tap is no format of no_critical"),
        ("{run: make, expect: all_pass, format: sarif}", "sarif is no format of all_pass"),
        ("{run: make, expect: empty, format: json}", "json is no format of empty: it has none"),
        ("{run: make, expect: success, ignore: x}", "success names nothing: ignore stands beside"),
        ("{run: make, format: json}", "format stands here only beside expect"),
        ("{run: make, timeout: 0s}", "a duration above zero"),
        ("{run: make, exit: 300}", "a whole number from 0 to 255"),
        ("{run: 'curl -u a:b https://ghp_0123456789012345678901234567890123'}", "a secret stands here in clear text"),
    ],
)
def test_what_a_check_cannot_be(check: str, fault: str) -> None:
    """Each with its reason."""
    assert fault in faults(f"{{checks: {{it: {check}}}}}")


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ("gates: {preflight-t: {on_fail: rollback}}", "before a rollout there is nothing to go back from"),
        ("gates: {preflight-t: {during: {x: {on_fail: rollback}}}}", "there is nothing to go back from"),
        (
            "gates: {preflight-t: {}}\nphases: {x: {gates: {preflight-t: {on_fail: rollback}}}}",
            "there is nothing to go back from",
        ),
        ("gates: {preflight-t: {fail: '> 5'}}", "is judged by its findings: fail means nothing here"),
        ("gates: {preflight-t: {family: canary}}", "is judged by its findings: family means nothing here"),
    ],
)
def test_what_such_a_gate_cannot_be(more: str, fault: str) -> None:
    """It has no limit, and does not roll back, in a phase neither."""
    assert fault in faults("{checks: {t: {run: make}}}", more)


def test_checks_are_needed() -> None:
    """An empty mapping is a slip."""
    assert "expected at least one entry, got none" in faults("{checks: {}}")


def test_windows_are_one_more_gate() -> None:
    """In seconds and in minutes of the day."""
    policy = with_preflight(
        "{windows: {allow: 'Tue-Thu 10:00-16:00 America/Los_Angeles', runway: 1h, except: hotfix, "
        "freeze: {from: 2026-12-20 UTC, to: 2027-01-02 UTC, reason: rest}}}"
    )
    assert policy.preflight is not None
    windows = policy.preflight.windows
    assert windows is not None
    assert (windows.allow[0].days, windows.allow[0].from_min, windows.allow[0].to_min) == ((1, 2, 3), 600, 960)
    assert windows.freeze[0].to_s - windows.freeze[0].from_s == 14 * 86400
    assert (windows.runway_s, windows.excepted) == (3600.0, ("hotfix",))
    assert policy.required_ids(policy.stage("before")) == ("preflight-window",)


@pytest.mark.parametrize(
    ("windows", "fault"),
    [
        ("{runway: 1h}", "windows needs allow or freeze"),
        ("{allow: Tuesday}", "expected days, times and a time zone, such as Tue-Thu"),
        ("{allow: 'Tue 10:00-16:00'}", "expected days, times and a time zone"),
        ("{allow: 'Tue 10:00-25:00 UTC'}", "expected days, times and a time zone"),
        ("{allow: 'Tue 10:00-16:00 Mars/Olympus'}", "unknown time zone Mars/Olympus"),
        ("{allow: 'Tue 10:00-10:00 UTC'}", "does not end when it begins"),
        ("{freeze: {from: 2026-02-30 UTC, to: 2026-03-01 UTC, reason: x}}", "no such day: 2026-02-30"),
        ("{freeze: {from: 2026-03-02 UTC, to: 2026-03-01 UTC, reason: x}}", "a freeze must end after it begins"),
        ("{freeze: {from: 2026-03-02 UTC, to: 2026-03-03 UTC}}", "a freeze needs the key reason"),
        ("{holidays: US, freeze: {from: 2026-03-02 UTC, to: 2026-03-03 UTC, reason: x}}", "holidays take windows away"),
        ("{allow: 'Tue 10:00-16:00 UTC', holidays: usa}", "expected a country"),
    ],
)
def test_what_windows_cannot_be(windows: str, fault: str) -> None:
    """Each with its reason."""
    assert fault in faults(f"{{windows: {windows}}}")


def test_a_check_must_not_take_the_name_of_the_window() -> None:
    """Two gates would have one id."""
    text = "{checks: {window: {run: make}}, windows: {allow: 'Tue 10:00-16:00 UTC'}}"
    assert "window is the name of the gate of windows" in faults(text)
    assert "facts is the name of the gate of facts" in faults("{checks: {facts: {run: make}}, facts: version}")
    assert list(with_preflight("{checks: {facts: {run: make}}}").gates) == ["preflight-facts"]
    assert "preflight asks nothing" in faults("{}")


def test_people_are_asked_by_gates_of_their_own() -> None:
    """Facts, approvals and statements."""
    policy = with_preflight(
        "{facts: [version], approvals: {least: {regular: 1}, not: author}, attestations: {qa: {max_age: 24h}}}"
    )
    gates = ("preflight-facts", "preflight-approvals", "preflight-attestations")
    assert policy.required_ids(policy.stage("before")) == gates
    assert policy.preflight is not None
    assert policy.preflight.approvals is not None
    assert policy.preflight.approvals.excluded == ("author",)
    assert policy.preflight.attestations["qa"].max_age_s == 86400.0


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ("{certificates: {valid_for: 1d}}", "certificates needs the key hosts"),
        ("{certificates: {hosts: 'https://shop.example'}}", "expected a host, perhaps with a port"),
        ("{certificates: {hosts: 'shop.example:70000'}}", "expected a host, perhaps with a port"),
        ("{disk: {}}", "expected at least one entry"),
        ("{disk: {/: 0%}}", "expected a share above 0% and below 100%"),
        ("{disk: {/: 5GB}}", "expected a share"),
        ("{artifacts: {}}", "artifacts asks nothing: expected one of checksums, sbom"),
        ("{artifacts: {covers: dist/*}}", "covers stands here only beside checksums"),
        ("{artifacts: {bump: v}}", "expected what a tag is called, with {version}, such as v{version}"),
        ("{artifacts: {versions: {a: {file: x}}}}", "expected pointer or pattern: where does the version stand?"),
        ("{artifacts: {versions: {a: {tag: 'v{version}', pointer: /x}}}}", "a tag is a version: it needs no pointer"),
        ("{artifacts: {versions: {a: {file: x, get: /, pointer: /x}}}}", "file and get exclude each other"),
        ("{artifacts: {versions: {a: {get: /, pattern: '[0-9]+'}}}}", "a regular expression with one group"),
        ("{artifacts: {versions: {a: {get: 'http://a:b@c/', pointer: /x}}}}", "a secret"),
        ("{flags: {off: a}}", "flags needs one of ofrep, run"),
        ("{flags: {run: './flag {flag}'}}", "flags needs off, on or is"),
        ("{flags: {run: ./flag, off: a}}", "expected a command with {flag}"),
        ("{flags: {ofrep: 'http://f', run: './flag {flag}', off: a}}", "ofrep and run exclude each other"),
        ("{flags: {ofrep: 'http://f', off: a, on: [b, a]}}", "a stands under off too"),
        ("{flags: {ofrep: 'http://f', off: a, is: {a: x}}}", "a stands under off too"),
        ("{flags: {ofrep: 'http://f', off: a, reasons: STALE}}", "expected one of STATIC"),
        ("{flags: {ofrep: 'http://f', off: a, headers: {Authorization: Bearer x}}}", "a secret stands here in clear"),
        ("{flags: {run: './flag {flag}', off: a, context: {x: 1}}}", "context stands here only beside ofrep"),
        ("{secrets: {without: keyword}}", "expected a name of a detector such as KeywordDetector"),
        ("{baseline: known}", "expected recorded, or a mapping"),
        ("{baseline: {stages: [before, later]}}", "unknown stage later: the policy has before"),
        ("{headers: {get: /}}", "headers needs require or cors"),
        ("{headers: {get: a, require: X-A}}", "expected a path that begins with /"),
        ("{headers: {cors: {methods: POST}}}", "cors needs allow or refuse"),
        ("{headers: {cors: {methods: POST, refuse: 'null'}}}", "methods stands here only beside allow"),
        ("{headers: {cors: {allow: 'https://a/'}}}", "expected an origin such as https://app.example"),
        ("{headers: {cors: {allow: 'https://a', refuse: ['https://a']}}}", "https://a is allowed above"),
    ],
)
def test_what_machines_cannot_be_asked(keys: str, fault: str) -> None:
    """Each with its reason."""
    assert fault in faults(keys)


def test_machines_are_asked_by_gates_of_their_own() -> None:
    """Certificates, free space, headers."""
    policy = with_preflight(
        "{certificates: {hosts: ['shop.example', '[::1]:8443']}, disk: {/: 20%}, headers: {require: [X-A]}}"
    )
    gates = ("preflight-certificates", "preflight-disk", "preflight-headers")
    assert policy.required_ids(policy.stage("before")) == gates
    assert policy.preflight is not None
    assert policy.preflight.certificates is not None
    assert policy.preflight.certificates.hosts == (("shop.example", 443), ("::1", 8443))
    assert policy.preflight.certificates.valid_for_s == 14 * 86400
    assert policy.preflight.disk == {"/": 0.2}


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ("{approvals: {not: author}}", "approvals needs the key least"),
        ("{approvals: {least: {}}}", "expected at least one entry"),
        ("{approvals: {least: {regular: 0}}}", "a whole number from 1 to 20"),
        ("{approvals: {least: {regular: 1}, review: hotfix}}", "hotfix is no type under least"),
        (
            "{approvals: {least: {regular: 1}, people: {ann: [ann-gh], bob: ['@Ann-GH']}}}",
            "@Ann-GH is ann already: one person counts once",
        ),
        ("{attestations: {qa: {max_age: 0s}}}", "a duration above zero"),
    ],
)
def test_what_people_cannot_be_asked(keys: str, fault: str) -> None:
    """Each with its reason."""
    assert fault in faults(keys)
