"""What the documentation says about exploring is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from relgate.openapi.faults import FAULTS
from relgate.policy import load

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "explore.md").read_text(encoding="utf-8")


def test_every_policy_of_the_page_loads() -> None:
    """The whole one, and the part put into it."""
    whole, part = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert load(whole).api is not None
    api = load(whole.replace("api: {}\n", part)).api
    assert api is not None
    assert api.login is not None


def test_the_page_names_every_gate() -> None:
    """In its table."""
    assert set(re.findall(r"^\| `(api-[a-z]+)` \|", PAGE, re.MULTILINE)) == set(FAULTS)
