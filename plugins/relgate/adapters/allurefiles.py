"""What a run leaves for Allure beside the results of its tests, and those results as the decision saw them.

Allure knows passed, failed and broken; a gate knows more. After the decision each result file gets the status, the
first word and the identity that belong to its gate's verdict, and a gate without a result (its worker died:
allure-pytest writes nothing for its test) gets one. The files never decide anything.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
import shutil
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from relgate.report.escape import clean
from relgate.report.numbers import show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_STATUS = {
    "pass": "passed",
    "warn": "passed",
    "fail": "failed",
    "error": "broken",
    "missing": "broken",
    "inconclusive": "broken",
}
_BEGINS = {
    "fail": "breached: ",
    "error": "could not measure: ",
    "missing": "could not measure: ",
    "inconclusive": "not enough evidence: ",
}
_WAIVED = "waived: "
LARGEST_ATTACHMENT = 512 * 1024
"""Bytes of a piece of evidence that is copied into the results; larger ones are named by their SHA-256."""

_MOST_ATTACHED = 12
_SEVERITIES = ("blocker", "critical", "normal", "minor", "trivial")


def settle(folder: Path, content: Mapping[str, Any], evidence: Path) -> None:
    """Bring the results of a run in line with its decision, and add those that nobody wrote.

    Args:
        folder: where allure-pytest wrote; files of other runs in it are left alone.
        content: decision document, redacted.
        evidence: folder of the run's evidence.

    """
    rows = {row["id"]: row for row in content["gates"]}
    begun_ms = _ms(content["started"])
    seen = set()
    for path in sorted(folder.glob("*-result.json")):
        result = _read(path)
        labels = _labels(result)
        if result is None or labels.get("gate") not in rows or int(result.get("start") or 0) < begun_ms:
            continue
        row = rows[labels["gate"]]
        seen.add(row["id"])
        settled = _settled(result, row, content, labels.get("verdict"))
        settled.setdefault("attachments", []).extend(_attached(folder, evidence, row))
        path.write_text(json.dumps(settled, ensure_ascii=False), encoding="utf-8")
    for id_, row in rows.items():
        if id_ not in seen:
            result = _absent(row, content)
            path = folder / f"{result['uuid']}-result.json"
            path.write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")


def surroundings(
    folder: Path, content: Mapping[str, Any], environment: Mapping[str, str], head: tuple[int, str]
) -> None:
    """Write categories, environment and executor. ``environment``: of the process, it says which CI system this is."""
    facts = {
        "Decision": content["decision"],
        "Service": content["service"],
        "Environment": content["environment"],
        "Stage": content["stage"],
        **{f"Release.{key}": value for key, value in content["release"].items()},
        "Run": content["run_id"],
        "Policy.sha256": content["policy_sha256"],
        "Record": f"{head[0]} {head[1]}",
    }
    lines = [f"{_property(key, key=True)}={_property(value)}" for key, value in facts.items()]
    (folder / "environment.properties").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "categories.json").write_text(json.dumps(categories(), indent=1), encoding="utf-8")
    executor = _executor(content, environment, head[0])
    (folder / "executor.json").write_text(json.dumps(executor, indent=1), encoding="utf-8")


def categories() -> list[dict[str, Any]]:
    """Return the four ways in which a gate is not simply good; a result begins with the words that tell which."""
    return [
        _category("breached", "breached: ", "failed"),
        _category("could not measure", "could not measure: ", "broken", "failed"),
        _category("not enough evidence", "not enough evidence: ", "broken", "failed"),
        _category("waived", _WAIVED, "passed"),
    ]


def _category(name: str, begins: str, *statuses: str) -> dict[str, Any]:
    return {"name": name, "messageRegex": rf"{begins}[\s\S]*", "matchedStatuses": list(statuses)}


def identity(content: Mapping[str, Any], gate: str) -> str:
    """Return what a gate's history hangs on: not the name of its test, which may move."""
    key = [content["service"], content["environment"], content["stage"], gate]
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]


def _settled(
    result: dict[str, Any], row: Mapping[str, Any], content: Mapping[str, Any], told: str | None
) -> dict[str, Any]:
    """Return a result with the status of its own verdict: a gate that ran twice may have said two things."""
    verdict = told if told in _STATUS else "error"
    details = dict(result.get("statusDetails") or {})
    message = str(details.get("message") or row["message"])
    if verdict in _BEGINS:
        details["message"] = _BEGINS[verdict] + message.removeprefix(f"Failed: {row['id']}: ")
    elif row.get("waiver"):
        details["message"] = f"{_WAIVED}{row['waiver']}: {row['message']}"
    labels = result.get("labels", [])
    if row.get("waiver"):
        labels = [*labels, {"name": "waiver", "value": str(row["waiver"])}]
    own = identity(content, row["id"])
    status = _STATUS[verdict] if told in _STATUS or result.get("status") != "passed" else "broken"
    return result | {
        "name": row["id"],  # as people speak of it, whatever its test is called; fullName still names the test
        "status": status,
        "statusDetails": details,
        "labels": labels,
        "historyId": own,
        "testCaseId": own,
    }


def _absent(row: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result for a gate whose test wrote none."""
    own, verdict = identity(content, row["id"]), row["verdict"]
    labels = {
        "epic": "release",
        "feature": row["family"] or "gates",
        "story": row["id"],
        "parentSuite": content["stage"],
        "suite": row["family"] or "gates",
        "gate": row["id"],
        "stage": content["stage"],
        "verdict": verdict,
        "severity": row["severity"] if row["severity"] in _SEVERITIES else "critical",
        **{f"release.{key}": value for key, value in content["release"].items()},
    }
    figures = {"observed": show(row["observed"], row["unit"]), "limit": row["limit"], "n": row["n"]}
    return {
        "uuid": str(uuid.uuid4()),
        "historyId": own,
        "testCaseId": own,
        "fullName": f"gate {row['id']}",
        "name": row["id"],
        "status": _STATUS[verdict],
        "statusDetails": {"message": _BEGINS.get(verdict, "") + row["message"]},
        "labels": [{"name": name, "value": str(value)} for name, value in labels.items()],
        "parameters": [
            {"name": name, "value": str(value), "excluded": True} for name, value in figures.items() if value
        ],
        "start": _ms(content["started"]),
        "stop": _ms(content["finished"]),
    }


def _attached(folder: Path, evidence: Path, row: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Copy the small raw samples of a gate into the results; a smoke path has attached what it left itself."""
    for path in [evidence / digest for digest in row["evidence"]][:_MOST_ATTACHED]:
        if path.is_file() and path.stat().st_size <= LARGEST_ATTACHMENT:
            source = f"{uuid.uuid4()}-attachment{path.suffix}"
            shutil.copyfile(path, folder / source)
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            # A page of the service would be rendered by the report: its source is what is evidence.
            kind = "text/plain" if kind in ("text/html", "image/svg+xml", "application/xhtml+xml") else kind
            yield {"name": f"evidence {path.name[:16]}", "source": source, "type": kind}


def _executor(content: Mapping[str, Any], environment: Mapping[str, str], sequence: int) -> dict[str, Any]:
    name, kind, number, url = _ci(environment)
    report = f"{content['service']} {content['stage']}: {content['decision']}"
    found = {
        "name": name,
        "type": kind,
        "buildOrder": int(number) if number.isdigit() else sequence,
        "buildName": f"{content['run_id']}: {content['decision']}",
        "reportName": report,
    }
    return found | ({"buildUrl": url, "url": url} if url.startswith(("https://", "http://")) else {})


def _ci(environment: Mapping[str, str]) -> tuple[str, str, str, str]:
    """Return name, type, number and address of the build that this process is a part of."""
    get = environment.get
    if get("GITHUB_ACTIONS"):
        server, repository = get("GITHUB_SERVER_URL", ""), get("GITHUB_REPOSITORY", "")
        url = f"{server}/{repository}/actions/runs/{get('GITHUB_RUN_ID', '')}"
        return "GitHub Actions", "github", get("GITHUB_RUN_NUMBER", ""), url
    if get("GITLAB_CI"):
        return "GitLab CI", "gitlab", get("CI_PIPELINE_IID", ""), get("CI_JOB_URL", "")
    if get("JENKINS_URL"):
        return "Jenkins", "jenkins", get("BUILD_NUMBER", ""), get("BUILD_URL", "")
    return "relgate", "relgate", "", ""


def _property(value: object, *, key: bool = False) -> str:
    """Return a text of a .properties file: one line, ASCII, nothing in it that ends a key or begins a comment."""
    line = " ".join(clean(str(value)).split()).replace("\\", "\\\\")
    if key:
        line = line.replace(" ", "\\ ").replace("=", "\\=").replace(":", "\\:").replace("#", "\\#").replace("!", "\\!")
    return "".join(letter if letter.isascii() else _escaped(letter) for letter in line)


def _escaped(letter: str) -> str:
    units = letter.encode("utf-16-be")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _labels(result: Mapping[str, Any] | None) -> dict[str, str]:
    found: Sequence[Any] = (result or {}).get("labels") or ()
    return {str(one.get("name")): str(one.get("value")) for one in found if isinstance(one, dict)}


def _ms(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)
