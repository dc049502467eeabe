"""What must be true before a rollout begins, in a policy: commands with what they must answer.

Each check is a gate of its own, ``preflight-<name>``, so that reports name it. The gates need no entry under
``gates:``; one there changes how grave they are and who looks after them. They hold and never roll back: before a
rollout there is nothing to go back from.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

from relgate.policy import artifacts, flags, hosts, people, texts, tree, units, windows
from relgate.policy.artifacts import Artifacts
from relgate.policy.base import Frozen
from relgate.policy.flags import Flags
from relgate.policy.grammar import Key, ListOf, MapOf, Record, Text, Whole, Words
from relgate.policy.hosts import Certificates, Headers
from relgate.policy.people import Approvals, Statement
from relgate.policy.tree import Recorded, Tree
from relgate.policy.windows import Windows

Expected = Literal["success", "empty", "all_pass", "no_critical"]
Format = Literal["summary", "tap", "junit", "json", "lines", "pip-audit", "trivy", "npm-audit", "sarif"]

PREFIX = "preflight-"
OWN: dict[tuple[str, ...], tuple[str, str]] = {
    ("windows",): ("window", "the time is one in which the service may be released"),
    ("facts",): ("facts", "the release says what it is and why"),
    ("approvals",): ("approvals", "enough people have approved the release, none of them their own"),
    ("attestations",): ("attestations", "people have stated what the policy asks for"),
    ("certificates",): ("certificates", "certificates are good, and stay so for a while"),
    ("disk",): ("disk", "enough space is free"),
    ("headers",): ("headers", "answers have the headers that protect users, and tell other sites nothing"),
    ("flags",): ("flags", "flags are what they should be before the rollout"),
    ("secrets",): ("secrets", "no secret is in the files that are released"),
    ("baseline",): ("baseline", "figures of the running version are recorded"),
    **{("artifacts", key): (key, about) for key, about in artifacts.GATES.items()},
}
"""Path of a key below ``preflight`` -> name of its gate, without ``PREFIX``, and what that protects."""
OF_TESTS: tuple[Format, ...] = ("summary", "tap", "junit", "json", "lines")
OF_SCANNERS: tuple[Format, ...] = ("pip-audit", "trivy", "npm-audit", "sarif", "json")
DEFAULT_TIMEOUT_S = 600.0


class Threshold(Frozen):
    """What a number must be, as written in ``text``. ``unit``: what stands behind the number: ``%``, ``MB``."""

    op: Literal["<", "<=", ">", ">=", "=="]
    value: float
    unit: str
    text: str

    def kept_by(self, number: float) -> bool:
        """Whether a number is what it must be; NaN never is."""
        return {
            "<": number < self.value,
            "<=": number <= self.value,
            ">": number > self.value,
            ">=": number >= self.value,
            "==": number == self.value,
        }[self.op]


class Check(Frozen):
    """A command and what it must answer: one of ``expect``, ``matches`` (found in what it prints), ``number``.

    ``exit``: the codes with which it may end; empty: 0, for a scanner also one that says that something was found.
    ``ignore``: what a scanner or a test run may report: ids of vulnerabilities, names of tests, words such as skipped.
    """

    run: str
    expect: Expected | None = None
    matches: str | None = None
    number: Threshold | None = None
    format: Format | None = None
    timeout_s: float = DEFAULT_TIMEOUT_S
    exit: tuple[int, ...] = ()
    ignore: tuple[str, ...] = ()


class Preflight(Frozen):
    """All that must be true before a rollout; ``checks`` by the name that their gate has."""

    checks: Mapping[str, Check] = {}
    windows: Windows | None = None
    facts: tuple[str, ...] = ()
    approvals: Approvals | None = None
    attestations: Mapping[str, Statement] = {}
    certificates: Certificates | None = None
    disk: Mapping[str, float] = {}
    headers: Headers | None = None
    artifacts: Artifacts | None = None
    flags: Flags | None = None
    secrets: Tree | None = None
    baseline: Recorded | None = None

    @property
    def gates(self) -> dict[str, str]:
        """Gate id -> what it protects."""
        gates = {f"{PREFIX}{name}": _about(check) for name, check in self.checks.items()}
        return gates | {f"{PREFIX}{name}": about for path, (name, about) in OWN.items() if self._at(path)}

    @property
    def parts(self) -> dict[str, Any]:
        """Gate id -> the part of the policy that it asks by, for all gates but those of commands."""
        return {f"{PREFIX}{name}": getattr(self, path[0]) for path, (name, _) in OWN.items() if self._at(path)}

    def _at(self, path: tuple[str, ...]) -> Any:
        found: Any = self
        for name in path:
            found = getattr(found, name) if found is not None else None
        return found


def _about(check: Check) -> str:
    answer = {
        "success": "ends well",
        "empty": "prints nothing",
        "all_pass": "reports tests, all passed",
        "no_critical": "reports nothing critical",
    }
    if check.matches is not None:
        return f"`{check.run}` prints what {check.matches!r} matches"
    if check.number is not None:
        return f"`{check.run}` prints a number {check.number.text}"
    return f"`{check.run}` {answer[check.expect or 'success']}"


_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_THRESHOLD = rf"(?:<=?|>=?|==) ?-?{_NUMBER} ?[A-Za-z%/]{{0,10}}"


def _threshold(raw: object) -> Threshold:
    """Return the comparison of ``< 80%``; ValueError where it is none."""
    pattern = units.full(rf"(<=?|>=?|==) ?(-?{_NUMBER}) ?([A-Za-z%/]{{0,10}})")
    found = re.search(pattern, raw) if isinstance(raw, str) else None
    if found is None:
        raise ValueError(f"expected what a number must be, such as < 80% or == 0, got {units.shown(raw)}")
    op: Any = found[1]
    return Threshold(op=op, value=float(found[2]), unit=found[3], text=found[0])


THRESHOLD = Text("what a number must be", units.full(_THRESHOLD), _threshold, ("< 80%", "== 0"))

CHECK = Record(
    "a check",
    (
        Key("run", texts.FREE, "the command; no shell: pipes and variables belong into a script", required=True),
        Key("expect", Words(get_args(Expected)), "what it must answer", "success"),
        Key("matches", texts.PATTERN, "what must be found in what it prints"),
        Key("number", THRESHOLD, "what the one number that it prints must be"),
        Key("format", Words(get_args(Format)), "how its report is written", "summary for all_pass"),
        Key("timeout", texts.INTERVAL, "how long it may take; then it is killed with all that it started", "10m"),
        Key("exit", ListOf(Whole(0, 255)), "codes with which it may end", "0"),
        Key("ignore", ListOf(texts.FREE), "what its report may name: ids, packages, tests, words such as skipped"),
    ),
    at_most_one=("expect", "matches", "number"),
    needs={"format": "expect", "ignore": "expect"},
)

SHAPE = Record(
    "preflight",
    (
        Key("checks", MapOf(texts.NAME, CHECK, least=1), "commands and what they must answer, each a gate"),
        Key("windows", windows.SHAPE, "when a release may begin"),
        Key("facts", ListOf(people.FACT), "what --gate-release must say about the release"),
        Key("approvals", people.APPROVALS, "how many people must approve which type of release"),
        Key("attestations", MapOf(texts.LABEL, people.STATEMENT, least=1), "what people must have stated"),
        Key("certificates", hosts.CERTIFICATES, "whose certificates must be good, and for how long"),
        Key("disk", hosts.DISK, "path on this machine to the share that must be free there"),
        Key("artifacts", artifacts.SHAPE, "files that are to be released, and where their version stands"),
        Key("flags", flags.SHAPE, "what feature flags must be"),
        Key("secrets", tree.TREE, "files that must hold no secret"),
        Key("baseline", tree.BASELINE, "what earlier runs must have recorded: `recorded`, or which and when"),
        Key("headers", hosts.HEADERS, "what answers of the candidate must say, and to whom"),
    ),
)


def gate_ids(raw: Any) -> tuple[str, ...]:
    """Return the ids of the gates of a parsed ``preflight``, faulty or not."""
    if not isinstance(raw, dict):
        return ()
    checks = raw.get("checks")
    named = tuple(f"{PREFIX}{name}" for name in checks) if isinstance(checks, dict) else ()
    return (*named, *(f"{PREFIX}{name}" for path, (name, _) in OWN.items() if _is_there(raw, path)))


def _is_there(raw: Any, path: tuple[str, ...]) -> bool:
    """Whether a key stands in a parsed mapping, faulty or not."""
    for name in path:
        if not isinstance(raw, dict) or name not in raw:
            return False
        raw = raw[name]
    return True


def check_meaning(raw: Any, stages: Any) -> list[tuple[tuple[str | int, ...], str]]:
    """Return what keys mean together, and do not: path below ``preflight``, and the fault.

    ``stages``: of the policy, parsed.
    """
    if not isinstance(raw, dict):
        return []
    found: list[tuple[tuple[str | int, ...], str]] = []
    if not raw:
        found.append(((), f"preflight asks nothing: expected one of {', '.join(key.name for key in SHAPE.keys)}"))
    found += [(("approvals", *path), fault) for path, fault in people.check_approvals(raw.get("approvals"))]
    found += [(("windows", *path), fault) for path, fault in windows.check(raw.get("windows"))]
    found += [(("headers", *path), fault) for path, fault in hosts.check_headers(raw.get("headers"))]
    found += [(("artifacts", *path), fault) for path, fault in artifacts.check(raw.get("artifacts"))]
    found += [(("flags", *path), fault) for path, fault in flags.check(raw.get("flags"))]
    found += [(("baseline", *path), fault) for path, fault in tree.check_baseline(raw.get("baseline"), stages)]
    found += _check_formats(raw.get("checks"))
    checks = raw.get("checks")
    found += [
        (("checks", name), f"{name} is the name of the gate of {'.'.join(path)}: a check needs another one")
        for path, (name, _) in OWN.items()
        if isinstance(checks, dict) and name in checks and _is_there(raw, path)
    ]
    return found


def _check_formats(checks: Any) -> list[tuple[tuple[str | int, ...], str]]:
    found: list[tuple[tuple[str | int, ...], str]] = []
    for name, check in checks.items() if isinstance(checks, dict) else ():
        if not isinstance(check, dict) or not isinstance(check.get("expect", "success"), str):
            continue
        path: tuple[str | int, ...] = ("checks", name)
        expect, form = check.get("expect", "success"), check.get("format")
        fitting = {"all_pass": OF_TESTS, "no_critical": OF_SCANNERS}.get(expect, ())
        if expect == "no_critical" and form is None and "format" not in check:
            found.append((path, f"no_critical needs a format: {', '.join(OF_SCANNERS)}"))
        elif isinstance(form, str) and form not in fitting:
            known = f"expected one of {', '.join(fitting)}" if fitting else "it has none"
            found.append(((*path, "format"), f"{form} is no format of {expect}: {known}"))
        if "ignore" in check and not fitting:
            found.append(((*path, "ignore"), f"{expect} names nothing: ignore stands beside all_pass and no_critical"))
    return found


def build(raw: dict[str, Any]) -> Preflight:
    """Return the value of a parsed ``preflight`` without faults."""
    return Preflight(
        checks={name: _check(check) for name, check in raw.get("checks", {}).items()},
        windows=windows.build(raw["windows"]) if "windows" in raw else None,
        facts=raw.get("facts", ()),
        approvals=people.build_approvals(raw["approvals"]) if "approvals" in raw else None,
        attestations=people.build_statements(raw.get("attestations", {})),
        certificates=hosts.build_certificates(raw["certificates"]) if "certificates" in raw else None,
        disk=raw.get("disk", {}),
        artifacts=artifacts.build(raw["artifacts"]) if "artifacts" in raw else None,
        flags=flags.build(raw["flags"]) if "flags" in raw else None,
        secrets=tree.build_tree(raw["secrets"]) if "secrets" in raw else None,
        baseline=tree.build_baseline(raw["baseline"]) if "baseline" in raw else None,
        headers=hosts.build_headers(raw["headers"]) if "headers" in raw else None,
    )


def _check(raw: dict[str, Any]) -> Check:
    given = {
        name: raw[name] for name in ("run", "expect", "matches", "number", "format", "exit", "ignore") if name in raw
    }
    if not {"expect", "matches", "number"} & set(raw):
        given["expect"] = "success"
    if given.get("expect") == "all_pass":
        given.setdefault("format", "summary")
    return Check(timeout_s=raw.get("timeout", DEFAULT_TIMEOUT_S), **given)
