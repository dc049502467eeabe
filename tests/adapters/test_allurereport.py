"""The report by Allure: where it is looked for, what is said without it, and that it asks nobody."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from relgate.adapters import allurefiles
from relgate.adapters.allurereport import find, generate, without_analytics
from relgate.errors import UsageError
from tests.report.documents import HOSTILE, content, row

AWESOME = (
    '<head><script async src="https://www.googletagmanager.com/gtag/js?id=G-X"></script>'
    "<script>window.dataLayer=window.dataLayer||[];function gtag(){dataLayer.push(arguments)}gtag('js',1);</script>"
    "<script>window.report={}</script></head>"
)


def results(folder: Path) -> Path:
    """A run whose results are made of a decision alone: no test wrote any."""
    place = folder / "run-1" / "allure-results"
    place.mkdir(parents=True)
    document = content(
        row("slow"), row("dead", "missing"), row("open", "inconclusive"), row("fine", "warn", waiver="w-1")
    )
    allurefiles.settle(place, document, folder)
    allurefiles.surroundings(place, document, {}, (2, "ab"))
    return place


def test_the_scripts_that_tell_of_its_use_are_taken_out() -> None:
    """And no other."""
    assert without_analytics(AWESOME) == "<head><script>window.report={}</script></head>"


def test_without_allure_one_line_says_what_to_install(tmp_path: Path) -> None:
    """Never a traceback."""
    results(tmp_path)
    with pytest.raises(UsageError, match=r"neither Allure 3 nor Allure 2 is installed: npm install"):
        generate(tmp_path / "run-1", tmp_path / "out.html", {"PATH": str(tmp_path)})
    with pytest.raises(UsageError, match="ALLURE"):
        find({"PATH": str(tmp_path), "ALLURE": "no-such-command"})


def test_without_results_one_line_says_so(tmp_path: Path) -> None:
    """The run had no allure-pytest."""
    with pytest.raises(UsageError, match="no Allure results"):
        generate(tmp_path, tmp_path / "out.html", {})


def test_each_verdict_has_its_category(tmp_path: Path) -> None:
    """Breached, could not measure, not enough evidence, waived; a result that was there is not written twice."""
    import re

    place = results(tmp_path)
    found = {}
    for path in place.glob("*-result.json"):
        one = json.loads(path.read_text())
        message = one["statusDetails"]["message"]
        named = [
            category["name"]
            for category in allurefiles.categories()
            if one["status"] in category["matchedStatuses"] and re.fullmatch(category["messageRegex"], message)
        ]
        found[one["name"]] = named
    assert found == {"slow": ["breached"], "dead": ["could not measure"], "open": ["not enough evidence"], "fine": []}

    document = content(row("fine", "warn", waiver="w-1"))
    path = next(path for path in place.glob("*-result.json") if json.loads(path.read_text())["name"] == "fine")
    allurefiles.settle(place, document, tmp_path)
    again = json.loads(path.read_text())
    assert again["statusDetails"]["message"].startswith("waived: w-1")
    assert len(list(place.glob("*-result.json"))) == 4


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_one_property(tmp_path: Path, text: str) -> None:
    """Nothing in a release's facts makes another line."""
    allurefiles.surroundings(tmp_path, content(release={text: text}, service=text), {}, (2, "ab"))
    lines = (tmp_path / "environment.properties").read_bytes().decode("ascii").splitlines()

    assert len(lines) == 8
    assert lines[0] == "Decision=rollback"


def test_a_real_allure_makes_one_file_that_asks_nobody(tmp_path: Path) -> None:
    """With the Allure of this machine, 2 or 3."""
    if shutil.which("allure", path=f"{os.environ['PATH']}:node_modules/.bin") is None:
        pytest.skip("Allure is an npm package, and not installed here: npm install --global allure")
    results(tmp_path)
    for _ in range(2):
        path = generate(tmp_path / "run-1", tmp_path / "out.html", os.environ)
    text = path.read_text(encoding="utf-8")

    assert "googletagmanager" not in text
    assert (tmp_path / "allure-history" / "runs.txt").read_text() == "run-1\n"
    assert len(list((tmp_path / "allure-history").iterdir())) == 2
