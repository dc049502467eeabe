"""What the documentation says about migrations is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from relgate.policy import load
from relgate.policy.migrations import PROVEN, SHAPE
from tests.findings_reference import WITHOUT_TABLE, codes_of_modules, tables, without_texts

PAGE = (Path(__file__).parents[1] / "docs" / "how-to" / "migrations.md").read_text(encoding="utf-8")
REST = """relgate: 1
service: shop
environments:
  test: {candidate: {url: "http://127.0.0.1:9"}}
stages:
  - {name: migrate, run: migration, require: [migration]}
"""


def policies() -> list[str]:
    """Every policy of the page, whole: parts of one are put into the rest, each line of `backup` is one."""
    found = []
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL):
        if block.startswith("relgate:"):
            found.append(block)
        elif block.startswith("backup:"):
            found += [f"{REST}migrations:\n  alembic: alembic.ini\n  {line}\n" for line in block.splitlines()]
        else:
            found.append(REST + block)
    return found


def test_the_page_has_every_code_of_the_modules_without_a_table() -> None:
    """A new code needs a row in the page."""
    assert codes_of_modules() == {code for faults in WITHOUT_TABLE.values() for code in faults}


def test_every_gate_has_findings_with_texts() -> None:
    """A gate that could find nothing, or would not say why, would be none."""
    assert all(tables().values())
    assert list(without_texts()) == []


@pytest.mark.parametrize("text", policies())
def test_every_policy_of_the_page_loads(text: str) -> None:
    """Whoever copies one can go on."""
    assert load(text, name="docs").migrations is not None


def test_the_page_names_every_gate_and_every_key() -> None:
    """And no gate that is not there."""
    assert set(re.findall(r"^\| `(migration-[a-z0-9-]+)` \|", PAGE, re.MULTILINE)) == set(PROVEN)
    assert [key.name for key in SHAPE.keys if not re.search(rf"\b{key.name}\b", PAGE)] == []
