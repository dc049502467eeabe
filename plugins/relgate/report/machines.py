"""A decision for other programs: CTRF, CDEvents, OpenMetrics, a dotenv file, GitHub's outputs and annotations.

Pure: the decision document in, text out. Texts of the service go only where a format can hold any text; where a line
could be read as a command (GitHub's log, a dotenv file) they are escaped or left out. None of these files decides.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from relgate.report.escape import flat

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_ANNOTATIONS = 10
"""GitHub shows ten of a kind for each step."""

_CTRF = "0.0.0"
"""Version of CTRF's schema that its own library accepts."""

_STATUS = {"pass": "passed", "warn": "passed", "fail": "failed", "missing": "skipped"}
_EVENTS = {"promote": "pass", "hold": "cancel", "rollback": "fail"}
_SAFE = re.compile(r"[^A-Za-z0-9._:/@+-]")


def ctrf(content: Mapping[str, Any]) -> str:
    """Return the report in the Common Test Report Format; the decision is in ``results.extra``."""
    start, stop = (round(_unix_s(content[name]) * 1000) for name in ("started", "finished"))
    tests = [_ctrf_test(row, content["stage"]) for row in content["gates"]]
    count = {status: sum(one["status"] == status for one in tests) for status in ("passed", "failed", "skipped")}
    release = content["release"]
    environment = {
        "reportName": f"{content['service']} {content['stage']}: {content['decision']}",
        "appName": content["service"],
        "appVersion": release.get("version"),
        "commit": release.get("commit"),
        "testEnvironment": content["environment"],
    }
    results = {
        "tool": {"name": "relgate", "version": content["versions"].get("relgate", "0")},
        "summary": {
            "tests": len(tests),
            **count,
            "pending": 0,
            "other": len(tests) - sum(count.values()),
            "start": start,
            "stop": stop,
        },
        "tests": tests,
        "environment": {name: text for name, text in environment.items() if text is not None},
        "extra": {
            "decision": content["decision"],
            "reasons": content["reasons"],
            "run_id": content["run_id"],
            "stage": content["stage"],
        },
    }
    head = {"reportFormat": "CTRF", "specVersion": _CTRF, "generatedBy": "relgate", "timestamp": content["finished"]}
    return json.dumps(head | {"results": results}, indent=1, allow_nan=False) + "\n"


def _ctrf_test(row: Mapping[str, Any], stage: str) -> dict[str, Any]:
    window = row["window"]
    took_s = 0.0 if window is None else _unix_s(window[1]) - _unix_s(window[0])
    names = ("verdict", "severity", "required", "observed", "unit", "limit", "baseline", "interval", "n", "waiver")
    return {
        "name": row["id"],
        "status": _STATUS.get(row["verdict"], "other"),
        "duration": round(took_s * 1000),
        "rawStatus": row["verdict"],
        "message": row["message"],
        "suite": [stage, row["family"] or "gates"],
        "type": "release-gate",
        "extra": {name: row[name] for name in names},
    }


def cdevent(content: Mapping[str, Any], sha256: str) -> str:
    """Return the CDEvent that a suite of gates has finished. ``sha256``: of the decision's record."""
    source = f"/relgate/{content['service']}/{content['environment']}"
    event = {
        "context": {
            "version": "0.4.1",
            "id": sha256,
            "source": source,
            "type": "dev.cdevents.testsuiterun.finished.0.2.0",
            "timestamp": content["finished"],
        },
        "subject": {
            "id": content["run_id"],
            "source": source,
            "type": "testSuiteRun",
            "content": {
                "outcome": _EVENTS[content["decision"]],
                "environment": {"id": content["environment"]},
                "testSuite": {"id": content["stage"], "name": f"{content['service']} {content['stage']}"},
                "reason": "; ".join(flat(one["text"], 200) for one in content["reasons"][:5]),
            },
        },
        "customData": {name: content[name] for name in ("decision", "release", "policy_sha256")},
        "customDataContentType": "application/json",
    }
    return json.dumps(event, indent=1) + "\n"


def dotenv(content: Mapping[str, Any], exit_code: int, record: tuple[int, str]) -> str:
    """Return variables for later jobs (GitLab ``artifacts:reports:dotenv``): our own words, and ids of safe letters."""
    values = {
        "RELGATE_DECISION": content["decision"],
        "RELGATE_EXIT_CODE": exit_code,
        "RELGATE_RUN": content["run_id"],
        "RELGATE_SERVICE": content["service"],
        "RELGATE_STAGE": content["stage"],
        "RELGATE_RECORD": f"{record[0]}:{record[1]}",
    }
    return "".join(f"{name}={_SAFE.sub('_', str(value))[:200]}\n" for name, value in values.items())


def outputs(content: Mapping[str, Any], exit_code: int, record: tuple[int, str], delimiter: str) -> str:
    """Return what is appended to ``$GITHUB_OUTPUT``: each value between two ``delimiter``, which nobody can guess."""
    values = {
        "decision": content["decision"],
        "exit-code": exit_code,
        "run-id": content["run_id"],
        "record": f"{record[0]} {record[1]}",
        "reasons": "; ".join(f"{one['gate'] or 'stage'}: {one['text']}" for one in content["reasons"][:20]),
    }
    return "".join(f"{name}<<{delimiter}\n{flat(value, 4000)}\n{delimiter}\n" for name, value in values.items())


def workflow_commands(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield GitHub's workflow commands: one for the decision, then one for each reason, ten of a kind at most."""
    kind = {"promote": "notice", "hold": "warning", "rollback": "error"}[content["decision"]]
    title = f"{content['decision']}: {content['service']} {content['stage']}"
    reasons: Sequence[Mapping[str, Any]] = content["reasons"]
    yield _annotation(kind, title, f"{len(content['gates'])} gates, {len(reasons)} reasons, run {content['run_id']}")
    for reason in reasons[: MOST_ANNOTATIONS - 1]:
        yield _annotation(kind, str(reason["gate"] or "stage"), str(reason["text"]))


def _annotation(kind: str, title: str, text: str) -> str:
    """Return one command; percent signs and ends of lines are escaped as the runner asks, in titles , and : too."""
    data = flat(text, 1000).replace("%", "%25")
    name = flat(title, 120).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={name}::{data}"


def counts(decisions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the ``releases_*`` metrics count over decision documents, oldest first.

    A release is a service, an environment and the facts of the release; one without a fact is its run. ``prepared``:
    judged at least once; ``promoted``, ``failed``: promoted, rolled back at least once. Seconds: from the begin of its
    first run to its first decision (``prepare``), and to its first promotion (``promote``).
    """
    first: dict[str, float] = {}
    prepare: dict[str, float] = {}
    promote: dict[str, float] = {}
    failed = set()
    for one in decisions:
        facts = one["release"] or {"run": one["run_id"]}
        key = hashlib.sha256(json.dumps([one["service"], one["environment"], facts], sort_keys=True).encode())
        release = key.hexdigest()
        began, ended = _unix_s(one["started"]), _unix_s(one["finished"])
        first.setdefault(release, began)
        prepare.setdefault(release, ended - first[release])
        if one["decision"] == "promote":
            promote.setdefault(release, ended - first[release])
        elif one["decision"] == "rollback":
            failed.add(release)
    return {
        "prepared": len(prepare),
        "promoted": len(promote),
        "failed": len(failed),
        "prepare_s": sum(prepare.values()),
        "promote_s": sum(promote.values()),
    }


def _unix_s(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
