"""The pictures of a proof: every revision is to be seen, no box lies on another, no line runs through one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given

from relgate.report.chainlayout import lay_out
from relgate.report.diagram import BOX, CELL, chain_svg
from relgate.report.timeline import locks_svg
from tests.report.proofs import chain, finding, gate, histories, proof, revision

SVG = "{http://www.w3.org/2000/svg}"
Box = tuple[int, int, int, int]


def elements(text: str, tag: str, kind: str = "") -> list[ET.Element]:
    """Return the elements of a picture whose class begins with a word."""
    found = ET.fromstring(text).iter(f"{SVG}{tag}")  # our own text
    return [one for one in found if one.get("class", "").startswith(kind)]


def boxes(text: str) -> list[Box]:
    """Left, top, width, height of each revision."""
    return [
        (int(one.attrib["x"]), int(one.attrib["y"]), int(one.attrib["width"]), int(one.attrib["height"]))
        for one in elements(text, "rect", "box-")
    ]


def points(path: str) -> list[list[tuple[float, float]]]:
    """Return the straight runs of a line: from where to where, curves as their ends."""
    runs: list[list[tuple[float, float]]] = []
    words = path.replace("M", " M ").replace("H", " H ").replace("C", " C ").split()
    at = 0
    while at < len(words):
        if words[at] == "M":
            runs.append([(float(words[at + 1]), float(words[at + 2]))])
            at += 3
        elif words[at] == "H":
            runs[-1].append((float(words[at + 1]), runs[-1][-1][1]))
            at += 2
        else:
            runs[-1].append((float(words[at + 5]), float(words[at + 6])))
            at += 7
    return runs


def crosses(box: Box, start: tuple[float, float], end: tuple[float, float]) -> bool:
    """Whether a run goes through the inside of a box; curves stay between their ends' columns."""
    left, top, width, height = box
    low, high = sorted((start[1], end[1]))
    return start[0] < left + width and end[0] > left and low < top + height and high > top


@given(histories())
def test_no_boxes_overlap_and_no_line_runs_through_one(revisions: list[dict[str, Any]]) -> None:
    """Whatever the history: branches, merges, several bases, parents that are missing."""
    text = chain_svg(proof(*revisions))
    placed = boxes(text)

    assert len(placed) == len(revisions)
    for place, (x, y, width, height) in enumerate(placed):
        for left, top, _, _ in placed[:place]:
            assert abs(left - x) >= width or abs(top - y) >= height
    for path in elements(text, "path", "line"):
        for run in points(path.attrib["d"]):
            for start, end in pairwise(run):
                assert not any(crosses(box, start, end) for box in placed)


@given(histories())
def test_every_revision_is_joined_to_every_parent_that_is_there(revisions: list[dict[str, Any]]) -> None:
    """A line begins at the parent and ends at the child, and has its lane for itself in between."""
    layout = lay_out(revisions)
    columns = {one["id"]: column for column, one in enumerate(revisions)}
    wanted = {(columns[id_], k) for k, one in enumerate(revisions) for id_ in one["down"] if id_ in columns}

    assert {(line.start, line.end) for line in layout.lines} == wanted
    assert layout.loose == {k for k, one in enumerate(revisions) if any(id_ not in columns for id_ in one["down"])}
    taken = [(lane, column) for column, lane in enumerate(layout.lanes)]
    taken += [(line.lane, column) for line in layout.lines for column in range(line.start + 1, line.end)]
    assert len(taken) == len(set(taken))


@given(histories())
def test_everything_lies_within_the_picture(revisions: list[dict[str, Any]]) -> None:
    """Nothing is cut off."""
    text = chain_svg(proof(*revisions))
    root = ET.fromstring(text)  # our own text
    width, height = float(root.attrib["width"]), float(root.attrib["height"])

    assert all(x >= 0 and x + w <= width and y >= 0 and y + h <= height for x, y, w, h in boxes(text))
    for path in elements(text, "path", "line"):
        for run in points(path.attrib["d"]):
            assert all(0 <= x <= width and 0 <= y <= height for x, y in run)


def test_a_straight_history_is_a_line_that_wraps() -> None:
    """Ten a row, one lane."""
    placed = boxes(chain_svg(proof(*chain(23))))

    assert len({top for _, top, _, _ in placed}) == 3
    assert placed[1][0] - placed[0][0] == CELL > BOX[0]
    assert placed[10][0] == placed[0][0]


def test_the_shape_says_the_same_as_the_colour() -> None:
    """Red and green are one colour to many: blocked, warned, clean, waived and not proven differ in outline."""
    found = (
        finding("r1"),
        finding("r2", blocks=False),
        finding("r3", blocks=False, waiver="anna"),
    )
    revisions = [*chain(4), revision("r5", "r4", proof_s=...)]
    text = chain_svg(proof(*revisions, gates=(gate("migration-round-trip", *found),)))
    groups = [one for one in ET.fromstring(text).iter(f"{SVG}g") if one.find(f"{SVG}rect[@class]") is not None]
    shapes = [ET.tostring(badge).split(b">", 1)[1] for one in groups if (badge := one.find(f"{SVG}g")) is not None]

    assert len(shapes) == 5
    assert len(set(shapes)) == 5


def test_a_tooltip_has_the_message_and_the_findings() -> None:
    """In the picture there is room for a few letters only."""
    text = chain_svg(proof(*chain(1), gates=(gate("migration-round-trip", finding("r1")),)))
    titles = [one.text or "" for one in elements(text, "title")]

    assert any("message of r1" in one and "blocks: left-over: index ix is left over" in one for one in titles)


def test_equal_proofs_give_equal_pictures_without_scripts() -> None:
    """The file can be compared, and opened without fear."""
    plain = proof(revision("r1", message="<script>alert(1)</script>"), revision("r2", "r1"))
    text = chain_svg(plain)

    assert text == chain_svg(plain)
    assert "<script" not in text
    assert "prefers-color-scheme:dark" in text


def test_a_history_of_thousands_is_cut_and_says_so() -> None:
    """The newest are what matters."""
    text = chain_svg(proof(*chain(1200)))

    assert len(boxes(text)) == 1000
    assert "1200 revisions, the last 1000 of them" in text


@pytest.mark.parametrize("letter", ["\x00", "\x1b", "\ud800", "\ufffe", "\u202e"])
def test_characters_that_xml_cannot_hold_are_replaced(letter: str) -> None:
    """A picture that cannot be opened would be none."""
    text = chain_svg(proof(revision("r1", message=f"a{letter}b", release=letter)))

    assert elements(text, "title")
    assert text.encode()
    assert letter not in text


def lock(table: str, mode: str, from_s: float, held_s: float) -> dict[str, Any]:
    """A lock as a revision's entry has it."""
    return {"table": table, "mode": mode, "from_s": from_s, "held_s": held_s}


def bars(text: str) -> list[ET.Element]:
    """The bars of a timeline, those of its legend left out."""
    return [one for one in elements(text, "rect", "full-") if int(one.attrib["y"]) > 60]


def test_a_lock_is_drawn_from_when_it_was_taken_for_as_long_as_it_was_held() -> None:
    """Twice as long is twice as wide; a strong one is higher; weak ones are counted only."""
    locks = [
        lock("public.a", "ShareLock", 0.0, 0.1),
        lock("public.b", "AccessExclusiveLock", 0.1, 0.2),
        lock("public.c", "RowExclusiveLock", 0.0, 0.3),
    ]
    text = locks_svg(proof(revision("r1", locks=locks)))
    weak, strong = bars(text)

    assert abs(int(strong.attrib["width"]) - 2 * int(weak.attrib["width"])) <= 2
    assert abs(int(weak.attrib["x"]) + int(weak.attrib["width"]) - int(strong.attrib["x"])) <= 1
    assert int(strong.attrib["height"]) > int(weak.attrib["height"])
    assert "not drawn: 1 weaker ones" in text


def test_a_lock_that_nobody_knows_counts_as_the_strongest() -> None:
    """Another server's word is no reason to leave it out."""
    text = locks_svg(proof(revision("r1", locks=[lock("t", "SuperLock", 0.0, 0.1)])))
    assert [one.attrib["class"] for one in bars(text)] == ["full-blocks"]


def test_thousands_of_locks_are_cut_to_the_longest() -> None:
    """In columns, so that the picture can be looked at."""
    revisions = [revision(f"r{k}", locks=[lock("t", "ShareLock", 0.0, k / 1000)]) for k in range(1000)]
    text = locks_svg(proof(*revisions))
    root = ET.fromstring(text)  # our own text

    assert len(bars(text)) == 600
    assert "400 shorter ones" in text
    assert int(root.attrib["height"]) < 4000


def test_no_locks_are_said_in_words() -> None:
    """An empty picture would look like a fault."""
    assert "no revision keeps anybody waiting" in locks_svg(proof(*chain(1)))
