"""Documents: every template is filled, a team's own comes first, and no value is markup or code."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from relgate.adapters.jinja import render
from relgate.errors import UsageError
from relgate.papers import KINDS
from relgate.report.story import metrics, timeline
from tests.report.documents import HOSTILE, content
from tests.report.test_story import LEDGER


def values(text: str = "1.5.0") -> dict[str, Any]:
    """What a document is filled with, all texts of others the same."""
    document = content(release={"version": text}, irreversible=[text], service=text, environment=text)
    events = [asdict(event) | {"details": (text,)} for event in timeline(LEDGER, "run-2-35")]
    return document | {
        "version": text,
        "headline": "rolled back",
        "sentence": "It went back.",
        "reasons": [text],
        "record": "2 (ab)",
        "timeline": events,
        "metrics": asdict(metrics(LEDGER, "shop", "staging")),
        "runs": 3,
        "began": document["started"],
        "detect_s": 12.0,
        "restore_s": None,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_each_document_is_filled(kind: str) -> None:
    """Nothing of a template is left in it, and its title is its first line."""
    text = render(kind, values())

    assert text.startswith("# ")
    assert "{{" not in text
    assert "{%" not in text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_texts_of_others_stay_text(kind: str, hostile: str) -> None:
    """No HTML, no link, no table row, no template within a value."""
    text = render(kind, values(hostile))
    usual = render(kind, values())

    assert "<script" not in text
    assert "<img" not in text
    assert "<svg" not in text
    assert len(text.splitlines()) == len(usual.splitlines())


def test_success_metrics_say_what_they_mean() -> None:
    """M8."""
    text = render("metrics", values())

    assert "| deployment success rate | 50 % | releases whose last decision is a promotion |" in text
    assert "| time to restore | 31 min | median, a rollback to the next promotion |" in text
    assert "not followed by a promotion" in text


def test_a_team_s_own_template_comes_first_and_may_extend_ours(tmp_path: Path) -> None:
    """One block replaced, the rest as it is."""
    (tmp_path / "announcement.md").write_text("Own: {{ version }}\n")
    (tmp_path / "own.md").write_text('{% extends "postmortem.md" %}{% block people %}Ask Ada.{% endblock %}')

    assert render("announcement", values(), tmp_path) == "Own: 1.5.0\n"
    text = render("own", values(), tmp_path)
    assert "# Postmortem" in text
    assert "Ask Ada." in text
    assert "Root cause" not in text


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ nothing }}", "nothing"),
        ("a\n{% if %}", "line 2"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        (None, "metrics"),
    ],
)
def test_a_fault_of_a_template_is_one_line(tmp_path: Path, template: str | None, words: str) -> None:
    """Which template, where, what."""
    if template is not None:
        (tmp_path / "own.md").write_text(template)
    with pytest.raises(UsageError, match=words):
        render("own" if template is not None else "metrics-of-nobody", values(), tmp_path)
