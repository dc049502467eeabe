"""report.html: one file, nothing of it runs, nothing of it is fetched, and it stays readable whatever a run left."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.report.page import render
from relgate.report.pagegates import MOST_PARTS, View, link
from relgate.report.pagestyle import _DARK, _LIGHT, POLICY, STYLE
from relgate.values import Finding
from tests.report.documents import HOSTILE, content, row

KNOWN = {
    "html", "head", "meta", "title", "style", "body", "a", "header", "main", "footer", "div", "h1", "h2", "h3", "p",
    "span", "dl", "dt", "dd", "ul", "ol", "li", "fieldset", "legend", "label", "input", "table", "caption", "thead",
    "tbody", "tr", "th", "td", "details", "summary", "figure", "figcaption", "svg", "desc", "path", "rect", "text",
    "pre", "code", "br", "strong",
}  # fmt: skip
VOID = {"meta", "input", "br", "img", "link"}


class Page(HTMLParser):
    """Every element of a page with its attributes, and its text; open elements at the end are a fault."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Hold elements against each other."""
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of all elements of one kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def page(document: dict[str, Any], **more: Any) -> Page:
    """A parsed page, whole."""
    found = Page(render(document, 2, "ab" * 32, **more))
    assert not found.open
    return found


def harmless(found: Page) -> None:
    """No script, no handler, nothing that is fetched, no way out but to files beside the page."""
    assert {tag for tag, _ in found.elements} <= KNOWN
    for tag, attributes in found.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "src", "srcdoc")], tag
        assert str(attributes.get("href", "#")).startswith(("#", "./"))


def test_the_page_says_the_decision_why_and_what_to_do_first() -> None:
    """What a person on call reads."""
    found = page(content())

    said = " ".join(found.text.split())
    order = (
        "rollback",
        "Send all traffic back",
        "Why",
        "p95 312 ms > limit 250 ms",
        "What to do next",
        "compare traces",
    )
    places = [said.index(words) for words in order]
    assert places == sorted(places)
    assert "rolls back a release that keeps its limits in at most 2.5 %" in said
    assert "relgate replay 20261121T113200.123Z-0123abcd" in said


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_of_the_service_do_not_run(text: str) -> None:
    """In every place that takes a text from outside."""
    finding = Finding(
        "g", text, text, text, text, path=text, line=3, sql=text, revision=text, waiver=text, reproduce=text, saw=text
    )
    gate = row(
        text, message=text, limit=text, observed=text, next_steps=[text], reproduce=text, waiver=text, evidence=[text]
    )
    document = content(
        gate,
        reasons=[{"gate": text, "text": text}, {"gate": None, "text": text}],
        release={text: text, "approver": text},
        overrides=[text],
        irreversible=[text],
        service=text,
        environment=text,
        stage=text,
        approvals=[{text: text}, text],
        versions={text: text},
    )
    view = View(findings=(finding,), links=((text, text), (f"evidence/{text}", text)), note=text)

    harmless(page(document, views={text: view}, files=[(text, text)]))


@given(st.text(max_size=60))
def test_no_text_breaks_the_page(text: str) -> None:
    """Any text at all."""
    harmless(page(content(row("g", message=text, limit=text), reasons=[{"gate": "g", "text": text}])))


def test_signs_that_turn_the_direction_of_reading_are_taken_out() -> None:
    """What is shown is what was meant."""
    assert "\u202e" not in render(content(row(message="a\u202eb")), 1, "ab")


@given(st.text(max_size=40))
def test_a_link_leads_into_the_folder_of_the_run_only(path: str) -> None:
    """No scheme, no host, no way up."""
    found = re.match(r'<a href="([^"]*)">', link(path, "words"))

    assert found is not None
    assert found[1].startswith("./")
    assert ".." not in found[1].split("/")
    assert not re.search(r"[:?#\\]|//", found[1])


def test_the_page_forbids_everything_but_its_own_style() -> None:
    """The hash in the policy is that of the style as it stands in the page."""
    text = render(content(), 1, "ab")
    inside = re.search(r"<style>(.*?)</style>", text, re.DOTALL)

    assert inside is not None
    digest = base64.b64encode(hashlib.sha256(inside[1].encode()).digest()).decode()
    assert f'content="{POLICY}"' in text
    assert POLICY.startswith("default-src 'none'")
    assert f"'sha256-{digest}'" in POLICY
    assert "unsafe" not in POLICY
    assert "url(" not in STYLE


def test_five_thousand_failed_gates_make_a_page_that_opens() -> None:
    """All are in the table, the first have a part of their own, the rest is named."""
    many = [row(f"gate-{n}", message="ü" * 3000, next_steps=["y" * 900] * 9) for n in range(5000)]
    reasons = [{"gate": one["id"], "text": one["message"]} for one in many]
    text = render(content(*many, reasons=reasons), 1, "ab")

    assert len(text.encode()) < 12 * 1024 * 1024
    assert text.count("<tr") == 5001
    assert text.count("<details") == MOST_PARTS
    assert f"{5000 - MOST_PARTS} more gates" in text


def test_what_a_table_says_can_be_found_without_seeing() -> None:
    """Headings in order, headers of rows and columns, a caption, a region that scrolls by keyboard, a way past."""
    found = page(content())

    levels = [int(tag[1]) for tag, _ in found.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert {one.get("scope") for one in found.of("th")} == {"row", "col"}
    assert len(found.of("caption")) == len(found.of("table")) == 1
    assert ("div", {"class": "wide", "role": "region", "aria-label": "Gates", "tabindex": "0"}) in found.elements
    assert found.of("a")[0]["href"] == "#main"
    targets = {attributes.get("id") for _, attributes in found.elements}
    assert all(str(one["href"])[1:] in targets for one in found.of("a") if str(one["href"]).startswith("#"))
    assert found.of("html") == [{"lang": "en"}]


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colours", [_LIGHT, _DARK], ids=["light", "dark"])
def test_every_colour_of_a_text_has_contrast(colours: dict[str, str]) -> None:
    """4.5 to 1 on the page and on panels, as WCAG 2.2 AA asks."""
    for name in ("ink", "faint", "link", "good", "warn", "bad", "open", "limit", "moment"):
        for ground in ("page", "panel"):
            high, low = sorted((_luminance(colours[name]), _luminance(colours[ground])), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5, (name, ground)
    for ground in ("good", "warn", "bad"):
        high, low = sorted((_luminance(colours["on"]), _luminance(colours[ground])), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, ground


def test_findings_have_file_and_line() -> None:
    """A person mends them without running anything again."""
    finding = Finding("migration-data", "left-over", "an index is left over", "why", "do", path="v/1.py", line=7)
    found = page(content(row("migration-data")), views={"migration-data": View(findings=(finding,))})

    assert "v/1.py:7" in found.text
    assert "an index is left over" in found.text
