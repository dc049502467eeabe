"""Reports of scanners as the tools write them: what is critical blocks, what nobody has looked at does not pass."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.policy.preflight import OF_SCANNERS
from relgate.preflight import scanners
from relgate.preflight.reading import UnreadableError
from relgate.verdicts import by_findings
from tests.preflight.gates import GATE

# As pip-audit 2.10 writes it.
PIP = {
    "dependencies": [
        {
            "name": "flask",
            "version": "0.5",
            "vulns": [
                {
                    "id": "PYSEC-2019-179",
                    "fix_versions": ["1.0"],
                    "aliases": ["CVE-2019-1010083"],
                    "description": "unexpected memory usage",
                }
            ],
        },
        {"name": "idna", "version": "3.10", "vulns": []},
    ],
    "fixes": [],
}
LEFT_OUT = {"name": "mine", "skip_reason": "Dependency not found on PyPI"}


def trivy(severity: str | None, **more: Any) -> dict[str, Any]:
    """As Trivy writes one vulnerability."""
    one = {"VulnerabilityID": "CVE-1", "PkgName": "zlib", "InstalledVersion": "1.2", "Severity": severity, **more}
    return {"SchemaVersion": 2, "Results": [{"Target": "Dockerfile", "Class": "os-pkgs", "Vulnerabilities": [one]}]}


def npm(severity: str | None) -> dict[str, Any]:
    """As ``npm audit --json`` writes one vulnerability."""
    via = [{"title": "ReDoS", "url": "https://github.com/advisories/GHSA-x", "severity": severity}]
    one = {"name": "ws", "severity": severity, "via": via, "range": "<8", "fixAvailable": True}
    counted = {"total": 20 if severity else 0}
    found = {"ws": one} if severity else {}
    return {"auditReportVersion": 2, "vulnerabilities": found, "metadata": {"dependencies": counted}}


def sarif(*results: dict[str, Any], score: str | None = None, **run: Any) -> dict[str, Any]:
    """A log of one run whose rule R1 has a score."""
    rule = {"id": "R1", "properties": {"security-severity": score} if score else {}}
    tool = {"driver": {"name": "scan", "rules": [rule]}}
    return {"version": "2.1.0", "runs": [{"tool": tool, "results": list(results), **run}]}


def result(**keys: Any) -> dict[str, Any]:
    """A result of rule R1."""
    place = {"physicalLocation": {"artifactLocation": {"uri": "a.py"}, "region": {"startLine": 7}}}
    return {"ruleId": "R1", "message": {"text": "a secret"}, "locations": [place], **keys}


def verdict(form: str, document: Any, *ignore: str) -> str:
    """The verdict about a report."""
    report = scanners.read(form, json.dumps(document))
    return by_findings(GATE, scanners.judged(GATE.id, report, ignore)).verdict.value


def test_pip_audit_gives_no_severity_so_everything_is_critical() -> None:
    """Whoever knows better ignores it by name: its id, another name of it, or the package."""
    assert verdict("pip-audit", PIP) == "fail"
    for name in ("PYSEC-2019-179", "cve-2019-1010083", "flask"):
        assert verdict("pip-audit", PIP, name) == "warn"
    assert verdict("pip-audit", PIP, "CVE-2020-1") == "fail"
    assert verdict("pip-audit", {"dependencies": PIP["dependencies"][1:]}) == "pass"
    assert verdict("pip-audit", PIP["dependencies"][1:]) == "pass"


def test_a_finding_says_what_to_do() -> None:
    """A version that mends it, where there is one."""
    report = scanners.read("pip-audit", json.dumps(PIP))
    found = scanners.judged(GATE.id, report, ()).findings[0]
    assert (found.code, found.what, found.do) == ("PYSEC-2019-179", "flask 0.5 has PYSEC-2019-179", "update to 1.0")


def test_a_package_that_was_not_audited_does_not_pass() -> None:
    """Unless the policy names it: a project's own package is on no index."""
    document = {"dependencies": [LEFT_OUT, *PIP["dependencies"][1:]]}
    assert verdict("pip-audit", document) == "inconclusive"
    assert verdict("pip-audit", document, "mine") == "pass"
    assert verdict("pip-audit", {"dependencies": []}) == "inconclusive"


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("CRITICAL", "fail"), ("HIGH", "warn"), ("LOW", "warn"), ("UNKNOWN", "fail"), (None, "fail"), ("", "fail")],
)
def test_trivy_blocks_what_is_critical_or_unknown(severity: str | None, expected: str) -> None:
    """What has no severity has not been looked at yet."""
    assert verdict("trivy", trivy(severity)) == expected


def test_trivy_names_secrets_by_place() -> None:
    """The secret itself is not in its report."""
    secret = {"RuleID": "aws-key", "Severity": "CRITICAL", "Title": "AWS", "StartLine": 3, "EndLine": 3}
    document = {"SchemaVersion": 2, "Results": [{"Target": "deploy.sh", "Secrets": [secret]}]}
    found = scanners.judged(GATE.id, scanners.read("trivy", json.dumps(document)), ()).findings[0]
    assert (found.path, found.line) == ("deploy.sh", 3)


def test_trivy_that_looked_at_nothing_does_not_pass() -> None:
    """It writes no results where it knew no file."""
    assert verdict("trivy", {"SchemaVersion": 2}) == "inconclusive"
    passed = {"ID": "DS001", "Severity": "CRITICAL", "Status": "PASS"}
    assert verdict("trivy", {"SchemaVersion": 2, "Results": [{"Misconfigurations": [passed]}]}) == "pass"


@pytest.mark.parametrize(("severity", "expected"), [("critical", "fail"), ("high", "warn"), (None, "inconclusive")])
def test_npm_audit(severity: str | None, expected: str) -> None:
    """A project without a dependency was not audited."""
    assert verdict("npm-audit", npm(severity)) == expected


def test_npm_audit_can_be_ignored_by_advisory() -> None:
    """Or by package."""
    assert verdict("npm-audit", npm("critical"), "GHSA-x") == "warn"
    assert verdict("npm-audit", npm("critical"), "ws") == "warn"


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (sarif(), "pass"),
        (sarif(result(), score="9.8"), "fail"),
        (sarif(result(), score="8.9"), "warn"),
        (sarif(result(), score="high"), "fail"),
        (sarif(result(level="error")), "fail"),
        (sarif(result(level="warning")), "warn"),
        (sarif(result()), "warn"),
        (sarif(result(level="error", kind="pass")), "pass"),
        (sarif(result(level="error", suppressions=[{"kind": "inSource"}])), "pass"),
        ({"version": "2.1.0", "runs": []}, "inconclusive"),
    ],
)
def test_sarif(log: dict[str, Any], expected: str) -> None:
    """By its score where it has one; an error without one is critical."""
    assert verdict("sarif", log) == expected


@pytest.mark.parametrize(
    ("form", "document"),
    [
        ("pip-audit", {}),
        ("pip-audit", {"dependencies": [{"name": "x", "version": "1"}]}),
        ("trivy", {"Results": []}),
        ("trivy", []),
        ("npm-audit", {"error": {"code": "ENOLOCK"}}),
        ("npm-audit", {"auditReportVersion": 1, "advisories": {}}),
        ("sarif", {"version": "2.1.0", "runs": [{"tool": {"driver": {}}}]}),
        ("sarif", sarif(invocations=[{"executionSuccessful": False}])),
        ("sarif", {"version": "2.0.0", "runs": []}),
        ("json", {"id": "x"}),
        ("json", [{"severity": "low"}]),
    ],
)
def test_a_report_of_another_shape_is_unreadable(form: str, document: Any) -> None:
    """A scanner that did not get as far as looking writes such a thing."""
    with pytest.raises(UnreadableError):
        scanners.read(form, json.dumps(document))


@pytest.mark.parametrize(("severity", "expected"), [("critical", "fail"), ("low", "warn"), ("bad", "fail")])
def test_a_list_of_ones_own(severity: str, expected: str) -> None:
    """For tools that nobody knows."""
    assert verdict("json", [{"id": "A", "severity": severity}]) == expected
    assert verdict("json", []) == "pass"


def test_a_long_list_blocks_by_what_is_left_out_too() -> None:
    """Fifty excused ones do not hide the one after them."""
    many = [{"id": f"A{n:02}", "severity": "critical"} for n in range(60)]
    assert verdict("json", many, *(f"A{n:02}" for n in range(50))) == "fail"
    assert verdict("json", many, *(f"A{n:02}" for n in range(60))) == "warn"


KEYS = st.sampled_from(
    ["dependencies", "name", "version", "vulns", "id", "SchemaVersion", "Results", "Vulnerabilities", "runs", "tool",
     "driver", "rules", "results", "auditReportVersion", "vulnerabilities", "metadata", "total", "severity", "via"]
)  # fmt: skip
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from(["2.1.0", "x", "critical", ""]))
DOCUMENTS = st.recursive(LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner)))


@given(st.sampled_from(OF_SCANNERS), DOCUMENTS)
def test_no_report_breaks_the_reader(form: str, document: Any) -> None:
    """It is read, or said to be unreadable."""
    with contextlib.suppress(UnreadableError):
        verdict(form, document)
