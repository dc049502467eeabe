"""report.html in a real Chromium: nothing runs, nothing is fetched, and axe has nothing serious against it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from relgate.report.page import render
from relgate.report.pagegates import View
from relgate.report.plots import Line, Mark, Plot, Range, Strip
from relgate.values import Finding
from tests.report.documents import HOSTILE, content, row

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

VERDICTS = ("fail", "error", "missing", "inconclusive", "warn", "pass")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The one that relgate finds."""
    from playwright.sync_api import sync_playwright

    from relgate.adapters.browser import launch

    with sync_playwright() as playwright:
        yield launch(playwright)


def document(text: str = "p95 312 ms > limit 250 ms") -> str:
    """A page with every kind of part: all verdicts, all pictures, findings, overrides, what cannot be taken back."""
    x, y = np.arange(60.0), 0.02 + 0.001 * np.arange(60.0)
    lines = (Line("baseline", x, y), Line("candidate", x, 1.5 * y))
    marks = (Mark("y", 0.1, text), Mark("x", 12.0, text, "moment"))
    plots = (
        Plot("P95 of each second", text, "since the bake began", "latency", lines, marks, y_is="time"),
        Plot("distribution", text, text, "share", lines, marks, (Range(0.02, 0.03, 0.05),), y_is="share"),
        Plot("evidence", text, "x", "y", (Line("harm", x, np.exp(x / 8)), Line("health", x, y)), marks, y_log=True),
        Strip("states", text, (("candidate", ((0.0, 20.0, "healthy"), (20.0, 60.0, text))),), (0.0, 60.0)),
    )
    rows = [row(f"gate-{verdict}", verdict, message=text) for verdict in VERDICTS]
    finding = Finding("gate-fail", text, text, text, text, path=text, line=7, sql=text, revision=text)
    views = {one["id"]: View(plots, (finding,), ((f"evidence/{text}", text),)) for one in rows}
    reasons = [{"gate": one["id"], "text": text} for one in rows]
    made = content(*rows, reasons=reasons, overrides=[text], irreversible=[text], release={"version": text})
    return render(made, 2, "ab" * 32, views, [("decision.json", text)])


def opened(browser: Browser, path: Path, **how: Any) -> tuple[Page, list[str]]:
    """A page, and everything that happened which must not happen."""
    seen: list[str] = []
    page = browser.new_context(**how).new_page()
    page.on("request", lambda request: seen.append(request.url))
    page.on("console", lambda message: seen.append(message.text))
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.on("dialog", lambda dialog: seen.append(dialog.message))
    page.goto(path.as_uri())
    return page, [one for one in seen if one != path.as_uri()]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_texts_do_not_run(browser: Browser, tmp_path: Path, number: int) -> None:
    """No dialog, no request, no error, no element that the page did not make."""
    path = tmp_path / "report.html"
    path.write_text(document(HOSTILE[number]), encoding="utf-8")
    page, seen = opened(browser, path)
    page.keyboard.press("Tab")
    for link in page.locator("a").all()[:20]:
        assert (link.get_attribute("href") or "").startswith(("#", "./"))

    assert seen == []
    assert page.locator("script, img, iframe, [onload], [onerror], [onfocus]").count() == 0
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_nothing_against_the_page(browser: Browser, tmp_path: Path, scheme: str) -> None:
    """Contrast, names, headings, landmarks, tables, what scrolls by keyboard: WCAG 2.2 A and AA and best practice."""
    import axe_playwright_python

    path = tmp_path / "report.html"
    path.write_text(document(), encoding="utf-8")
    page, _ = opened(browser, path, color_scheme=scheme, bypass_csp=True)
    page.evaluate((Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")

    assert [(one["id"], one["impact"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    page.context.close()


def test_a_narrow_screen_scrolls_the_table_and_not_the_page(browser: Browser, tmp_path: Path) -> None:
    """400 pixels, as WCAG's reflow asks for about."""
    path = tmp_path / "report.html"
    path.write_text(document("word " * 80 + "x" * 300), encoding="utf-8")
    page, _ = opened(browser, path, viewport={"width": 400, "height": 800})

    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    table = "document.querySelector('.wide')"
    assert page.evaluate(f"{table}.scrollWidth > {table}.clientWidth")
    page.context.close()


def test_what_is_printed_is_light_and_open(browser: Browser, tmp_path: Path) -> None:
    """A folded part would be missing on paper."""
    path = tmp_path / "report.html"
    path.write_text(document(), encoding="utf-8")
    page, _ = opened(browser, path, color_scheme="dark")
    folded = page.locator("details:not([open]) .inside").first
    assert not folded.is_visible()
    page.emulate_media(media="print")

    assert folded.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.context.close()


def test_gates_that_passed_are_left_out_by_a_click(browser: Browser, tmp_path: Path) -> None:
    """Without a script."""
    path = tmp_path / "report.html"
    path.write_text(document(), encoding="utf-8")
    page, _ = opened(browser, path)
    page.get_by_label("the 5 that did not pass").check()

    assert page.locator("tbody tr:visible").count() == 5
    page.context.close()


def test_five_thousand_gates_open(browser: Browser, tmp_path: Path) -> None:
    """A page that no browser can show says nothing."""
    path = tmp_path / "report.html"
    many = [row(f"gate-{n}", message="x" * 3000) for n in range(5000)]
    path.write_text(render(content(*many), 1, "ab"), encoding="utf-8")
    page, seen = opened(browser, path)

    assert page.locator("tbody tr").count() == 5000
    assert seen == []
    page.context.close()
