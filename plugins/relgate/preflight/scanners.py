"""Reports of scanners -> what is critical in them. Pure.

Formats: pip-audit (``-f json``), Trivy (``--format json``), npm audit (``--json``, version 2), SARIF 2.1.0, and a plain
list of objects with ``id``, ``severity`` and ``what``. What a report gives no severity counts as critical: nobody has
said that it is less. What a scanner left out counts as not examined.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relgate.preflight.reading import UnreadableError, json_of, listing, mapping, text
from relgate.values import Finding, Findings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LESS = frozenset(
    {"high", "medium", "moderate", "low", "negligible", "info", "informational", "none", "note", "warning"}
)
_CRITICAL_SCORE = 9.0
"""CVSS 3 and 4: a score of 9.0 and above is critical."""
_MOST = 50
_NO_FIX = "no version mends it: take it out, or ignore it in the policy"


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that a scanner found. ``names``: its ids and what it is in; any of them can be ignored."""

    names: tuple[str, ...]
    critical: bool
    what: str
    do: str = "update it, or take it out"
    path: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What a scanner says: what it found, how many things (``what``) it looked at, and which it left out."""

    found: tuple[Found, ...]
    looked_at: int
    what: str
    left_out: tuple[tuple[str, str], ...] = ()


def read(form: str, out: str) -> Report:
    """Read a report.

    Raises:
        UnreadableError: it is not what its format says.

    """
    document = json_of(out)
    try:
        return _READERS[form](document)
    except (AttributeError, KeyError, TypeError) as error:
        raise UnreadableError(f"its parts are not what {form} writes ({type(error).__name__}: {error})") from None


def judged(gate: str, report: Report, ignore: tuple[str, ...]) -> Findings:
    """Return the findings of a report; what the policy ignores is shown as excused, what is not critical warns."""
    ignored = {word.lower() for word in ignore}
    skipped = [(name, why) for name, why in report.left_out if name.lower() not in ignored]
    ordered = sorted(report.found, key=lambda one: (not one.critical, one.names))
    findings = [_finding(gate, one, ignored) for one in ordered[:_MOST]]
    if len(ordered) > _MOST:
        rest = ordered[_MOST:]
        blocks = any(one.critical and not _excused(one, ignored) for one in rest)
        what = f"{len(rest)} more, the gravest {'critical' if rest[0].critical else 'less than critical'}"
        findings.append(Finding(gate, "more", what, "the report has all", "read it in the evidence", blocks))
    notes = tuple(f"{name} was left out: {why}" for name, why in report.left_out)
    expected = max(report.looked_at + len(skipped), 1)
    return Findings(gate, report.what, report.looked_at, expected, tuple(findings), notes=notes)


def _finding(gate: str, one: Found, ignored: set[str]) -> Finding:
    return Finding(
        gate,
        one.names[0],
        one.what,
        "it is critical, or nobody says how grave it is" if one.critical else "it is less than critical",
        one.do,
        one.critical,
        path=one.path,
        line=one.line,
        waiver="ignored by the policy" if _excused(one, ignored) else None,
    )


def _excused(one: Found, ignored: set[str]) -> bool:
    return any(name.lower() in ignored for name in one.names)


def _critical(severity: object) -> bool:
    return not (isinstance(severity, str) and severity.strip().lower() in _LESS)


def _pip_audit(document: Any) -> Report:
    # Before version 2.1 the document was the list itself.
    raw = document if isinstance(document, list) else mapping(document, "the report").get("dependencies")
    found: list[Found] = []
    left_out: list[tuple[str, str]] = []
    packages = [mapping(one, "a dependency") for one in listing(raw, "dependencies")]
    for package in packages:
        name = text(package.get("name"), "a dependency's name")
        if "skip_reason" in package:
            left_out.append((name, str(package["skip_reason"])))
            continue
        where = f"{name} {text(package.get('version'), f'the version of {name}')}"
        for one in listing(package.get("vulns"), f"vulns of {name}"):
            flaw = mapping(one, f"a vulnerability of {name}")
            ids = (text(flaw.get("id"), f"an id of {name}"), *map(str, flaw.get("aliases") or ()), name)
            fixed = ", ".join(map(str, flaw.get("fix_versions") or ()))
            do = f"update to {fixed}" if fixed else _NO_FIX
            found.append(Found(ids, critical=True, what=f"{where} has {ids[0]}", do=do))
    return Report(tuple(found), len(packages) - len(left_out), "packages", tuple(left_out))


def _trivy(document: Any) -> Report:
    report = mapping(document, "the report")
    if "SchemaVersion" not in report:
        raise UnreadableError("expected SchemaVersion: is it Trivy's --format json?")
    results = [mapping(one, "a result") for one in listing(report.get("Results") or [], "Results")]
    found = [one for result in results for one in _of_trivy(result)]
    return Report(tuple(found), len(results), "targets")


def _of_trivy(result: dict[str, Any]) -> Iterator[Found]:
    target = str(result.get("Target", ""))
    for key, id_key in (("Vulnerabilities", "VulnerabilityID"), ("Misconfigurations", "ID"), ("Secrets", "RuleID")):
        for raw in listing(result.get(key) or [], key):
            one = mapping(raw, f"one of {key}")
            if one.get("Status") in ("PASS", "EXCEPTION"):
                continue
            name = text(one.get(id_key), id_key)
            package = str(one.get("PkgName", ""))
            where = f"{package} {one.get('InstalledVersion', '')}".strip() or target
            what = f"{where} has {name}" + (f": {one['Title']}" if one.get("Title") else "")
            fixed = one.get("FixedVersion")
            do = f"update to {fixed}" if fixed else str(one.get("Resolution") or _NO_FIX)
            line = one.get("StartLine")
            names = tuple(word for word in (name, package) if word)
            critical = _critical(one.get("Severity"))
            yield Found(names, critical, what, do, target, line if isinstance(line, int) else 0)


def _npm_audit(document: Any) -> Report:
    report = mapping(document, "the report")
    if "error" in report:
        raise UnreadableError(f"npm says: {report['error']}")
    if report.get("auditReportVersion") != 2:
        raise UnreadableError(f"expected auditReportVersion 2, got {report.get('auditReportVersion')!r}")
    packages = mapping(report.get("vulnerabilities"), "vulnerabilities")
    counted = mapping(mapping(report.get("metadata"), "metadata").get("dependencies"), "metadata.dependencies")
    total = counted.get("total")
    if not isinstance(total, int) or isinstance(total, bool):
        raise UnreadableError("expected metadata.dependencies.total to be a number")
    found = [_of_npm(name, mapping(one, f"vulnerabilities of {name}")) for name, one in packages.items()]
    return Report(tuple(found), max(total, len(found)), "packages")


def _of_npm(name: str, one: dict[str, Any]) -> Found:
    causes = [cause for cause in one.get("via") or () if isinstance(cause, dict)]
    ids = [str(cause["url"]).rpartition("/")[2] for cause in causes if cause.get("url")]
    titles = [str(cause["title"]) for cause in causes if cause.get("title")]
    through = [str(cause) for cause in one.get("via") or () if not isinstance(cause, dict)]
    why = titles[0] if titles else f"through {', '.join(through)}"
    what = f"{name} {one.get('range', '')}".strip() + f" ({one.get('severity')}): {why}"
    do = "npm audit fix" if one.get("fixAvailable") else _NO_FIX
    return Found((name, *ids), _critical(one.get("severity")), what, do)


def _sarif(document: Any) -> Report:
    log = mapping(document, "the log")
    if log.get("version") != "2.1.0":
        raise UnreadableError(f"expected SARIF version 2.1.0, got {log.get('version')!r}")
    runs = [mapping(one, "a run") for one in listing(log.get("runs"), "runs")]
    found: list[Found] = []
    for run in runs:
        if any(
            mapping(one, "an invocation").get("executionSuccessful") is False for one in run.get("invocations") or ()
        ):
            raise UnreadableError("the tool says that it did not run to its end (executionSuccessful: false)")
        found += _of_run(run)
    return Report(tuple(found), len(runs), "runs of a scanner")


def _of_run(run: dict[str, Any]) -> Iterator[Found]:
    tool = mapping(run.get("tool"), "tool")
    parts = [mapping(tool.get("driver"), "tool.driver"), *tool.get("extensions", ())]
    rules = {one.get("id"): one for part in parts for one in part.get("rules", ()) if isinstance(one, dict)}
    # Without results (null or absent) the tool did not look; with an empty list it found nothing.
    for raw in listing(run.get("results"), "results"):
        result = mapping(raw, "a result")
        if result.get("kind", "fail") != "fail" or result.get("suppressions"):
            continue
        id_ = str(result.get("ruleId") or mapping(result.get("rule", {}), "rule").get("id") or "finding")
        said = mapping(result.get("message", {}), "message").get("text")
        path, line = _place(result)
        critical = _critical_in_sarif(result, rules.get(id_, {}))
        yield Found((id_,), critical, str(said or id_), "mend what it names", path, line)


def _critical_in_sarif(result: dict[str, Any], rule: dict[str, Any]) -> bool:
    """Whether a result is critical: by its score where it has one, otherwise an error is."""
    for holder in (result, rule):
        score = (holder.get("properties") or {}).get("security-severity")
        if score is not None:
            try:
                return not float(score) < _CRITICAL_SCORE
            except (TypeError, ValueError):
                return True
    usual = (rule.get("defaultConfiguration") or {}).get("level", "warning")
    return _critical(result.get("level", usual))


def _place(result: dict[str, Any]) -> tuple[str, int]:
    for location in result.get("locations") or ():
        physical = mapping(location, "a location").get("physicalLocation") or {}
        uri = (physical.get("artifactLocation") or {}).get("uri", "")
        line = (physical.get("region") or {}).get("startLine", 0)
        return str(uri), line if isinstance(line, int) else 0
    return "", 0


def _plain(document: Any) -> Report:
    found = []
    for raw in listing(document, "the report"):
        one = mapping(raw, "an entry")
        name = text(one.get("id"), "id")
        line = one.get("line")
        place = str(one.get("path", "")), line if isinstance(line, int) else 0
        found.append(Found((name,), _critical(one.get("severity")), str(one.get("what") or name), "mend it", *place))
    return Report(tuple(found), max(len(found), 1), "reports")


_READERS: dict[str, Callable[[Any], Report]] = {
    "pip-audit": _pip_audit,
    "trivy": _trivy,
    "npm-audit": _npm_audit,
    "sarif": _sarif,
    "json": _plain,
}
