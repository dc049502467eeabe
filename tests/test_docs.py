"""What can drift is generated, and compared here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from relgate.cli import parser
from relgate.judge import RULES
from relgate.policy import load
from relgate.report.advice import BY_KIND
from tests.reference import FOLDER, PAGES

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("page", PAGES)
def test_the_reference_is_what_the_code_says(page: str) -> None:
    """Run scripts/generate-docs after a change."""
    assert (FOLDER / page).read_text(encoding="utf-8") == PAGES[page]()


def test_the_readme_names_every_command() -> None:
    """And none that is not there."""
    named = set(re.findall(r"`relgate (\w+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    commands = set(re.findall(r"^    (\w+) ", parser().format_help(), re.MULTILINE))

    assert named == commands


def test_every_link_of_the_documentation_leads_somewhere() -> None:
    """Relative links only; the outside world is not ours to test."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]

    assert broken == []


def test_every_policy_of_the_documentation_and_the_examples_loads() -> None:
    """Whole policies in fenced blocks, and every relgate.yaml."""
    for path in [
        *ROOT.glob("examples/**/relgate.yaml"),
        *ROOT.glob("examples/**/api.yaml"),
    ]:
        load(path.read_text(encoding="utf-8"), name=str(path))


def test_every_kind_of_rule_has_advice() -> None:
    """A gate that fails says what to do next, whatever its kind."""
    assert set(RULES) | {"value", "findings"} == set(BY_KIND)
