"""A path that opened no page, as a picture."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from relgate.adapters.picture import draw
from relgate.smoke.told import told

DOCUMENT = {
    "gate": "smoke-export",
    "steps": [
        {"name": "have an order", "began_s": 0.0, "took_s": 0.25, "failed": False},
        {"name": "export", "began_s": 0.25, "took_s": 0.1, "failed": True},
        {"name": "open the file", "began_s": 0.4, "took_s": None, "failed": False},
    ],
    "findings": [{"code": "step-failed", "what": "step 'export': 500", "blocks": True}],
    "problems": ["the browser is gone"],
}
EXCHANGES = [{"method": "GET", "url": "http://x.example/a?token=1", "status": 500, "took_s": 0.1, "body": "oh\nno"}]


def test_steps_findings_and_answers_are_told_in_this_order() -> None:
    """What is bad is red; what stands in a query is not told."""
    lines = list(told(DOCUMENT, EXCHANGES))
    assert [text for text, _ in lines if text] == [
        "smoke-export",
        "done: have an order (0.25 s)",
        "failed: export (0.10 s)",
        "failed: open the file (did not end)",
        "step-failed: step 'export': 500",
        "problem: the browser is gone",
        "GET http://x.example/a: 500 after 0.100 s",
        "oh",
        "no",
    ]
    red = [text.partition(":")[0] for text, colour in lines if colour == "firebrick"]
    assert red == ["failed", "failed", "step-failed", "problem", "GET http"]


def test_a_picture_grows_with_its_lines_and_stays_a_picture(tmp_path: Path) -> None:
    """Long lines are wrapped; of very many the first are shown."""
    sizes = []
    for number, n in enumerate((1, 3, 10_000)):
        draw([("w\u00f6rter und W\u00f6rter " * 20, "black")] * n, tmp_path / f"{number}.png")
        with Image.open(tmp_path / f"{number}.png") as picture:
            sizes.append(picture.size)
            assert len(picture.getcolors(100_000) or []) > 1
    assert sizes[0][1] < sizes[1][1] < sizes[2][1] < 5000
    assert {width for width, _ in sizes} == {1280}
