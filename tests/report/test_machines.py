"""A decision for other programs: each format as its own readers want it, and nobody's text is a command."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.report.machines import MOST_ANNOTATIONS, cdevent, counts, ctrf, dotenv, outputs, workflow_commands
from tests.report.documents import HOSTILE, content, row

SCHEMA = json.loads((Path(__file__).parent / "ctrf-schema-0.0.json").read_text())
"""Of the npm package ctrf 0.3.0 (MIT)."""

RECORD = (7, "ab" * 32)
VERDICTS = ("pass", "warn", "fail", "inconclusive", "error", "missing")


def hostile(text: str) -> dict[str, object]:
    """A decision all of whose texts are one."""
    gate = row(text, message=text, limit=text, observed=text, next_steps=[text], family=text)
    return content(
        gate,
        reasons=[{"gate": text, "text": text}, {"gate": None, "text": text}],
        release={"version": text, "commit": text},
        service=text,
        stage=text,
        environment=text,
    )


def test_ctrf_keeps_its_schema() -> None:
    """Every verdict has a status of CTRF, and its own word beside it."""
    text = ctrf(content(*(row(f"g-{verdict}", verdict) for verdict in VERDICTS)))
    report = json.loads(text)

    jsonschema.validate(report, SCHEMA)
    found = {one["rawStatus"]: one["status"] for one in report["results"]["tests"]}
    assert found["fail"] == "failed"
    assert found["pass"] == found["warn"] == "passed"
    assert "passed" not in {found[verdict] for verdict in ("error", "inconclusive", "missing")}
    assert report["results"]["summary"] == report["results"]["summary"] | {"tests": 6, "passed": 2, "failed": 1}
    assert report["results"]["extra"]["decision"] == "rollback"


@given(st.text(min_size=1, max_size=80))
def test_ctrf_and_cdevents_hold_any_text(text: str) -> None:
    """JSON can."""
    document = hostile(text)
    jsonschema.validate(json.loads(ctrf(document)), SCHEMA)
    event = json.loads(cdevent(document, "ab"))

    assert event["context"]["type"] == "dev.cdevents.testsuiterun.finished.0.2.0"
    assert event["subject"]["content"]["outcome"] in ("pass", "fail", "cancel", "error")
    assert event["subject"]["content"]["environment"]["id"] == text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_dotenv_file_has_our_own_words_only(text: str) -> None:
    """One variable a line, whatever a service or stage is called."""
    lines = dotenv(hostile(text), 20, RECORD).splitlines()

    assert lines[:2] == ["RELGATE_DECISION=rollback", "RELGATE_EXIT_CODE=20"]
    assert len(lines) == 6
    assert all(re.fullmatch(r"RELGATE_[A-Z_]+=[A-Za-z0-9._:/@+-]*", line) for line in lines)


@given(st.text(max_size=120))
def test_an_output_ends_where_we_end_it(text: str) -> None:
    """No text closes a value and opens another one."""
    lines = outputs(hostile(text + "\ndelim\ndecision<<x\npromote\nx\n"), 20, RECORD, "delim").split("\n")

    assert len(lines) == 5 * 3 + 1
    assert [line for line in lines if line.endswith("<<delim")] == lines[0:15:3]
    assert lines[1] == "rollback"


@given(st.text(max_size=120) | st.sampled_from(HOSTILE))
def test_annotations_are_our_commands_and_no_others(text: str) -> None:
    """One line each, and what is within cannot end the command or name another property."""
    found = list(workflow_commands(hostile(text)))

    assert len(found) == 3
    for line in found:
        assert re.fullmatch(r"::error title=[^\n\r:,]*::[^\n\r]*", line)


def test_no_more_annotations_than_are_shown() -> None:
    """GitHub drops the rest."""
    many = content(reasons=[{"gate": "g", "text": "t"}] * 5000)

    assert len(list(workflow_commands(many))) == MOST_ANNOTATIONS


def test_releases_are_counted_once_however_often_they_are_judged() -> None:
    """Prepared, promoted, failed, and the seconds from the first run of each."""

    def run(version: str, decision: str, minute: int) -> dict[str, object]:
        moment = f"2026-11-21T11:{minute:02d}"
        return content(
            release={"version": version}, decision=decision, started=f"{moment}:00.000Z", finished=f"{moment}:30.000Z"
        )

    found = counts([run("1", "hold", 0), run("1", "promote", 10), run("2", "rollback", 20), run("1", "promote", 30)])

    assert found == {"prepared": 2, "promoted": 1, "failed": 1, "prepare_s": 60.0, "promote_s": 630.0}
