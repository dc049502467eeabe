"""What the pictures of a proof share: colours for light and dark, badges whose shape says what their colour says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relgate.report.escape import xml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from relgate.report.marks import State

_LIGHT = {
    "page": "#ffffff",
    "ink": "#1f2328",
    "faint": "#636c76",
    "line": "#8c959f",
    "rule": "#d8dee4",
    "ok": "#1a7f37",
    "warns": "#bc6c00",
    "blocks": "#cf222e",
    "waived": "#8250df",
    "unknown": "#0969da",
    "unproven": "#8c959f",
}
_DARK = {
    "page": "#0d1117",
    "ink": "#e6edf3",
    "faint": "#9198a1",
    "line": "#6e7681",
    "rule": "#30363d",
    "ok": "#3fb950",
    "warns": "#e3a02b",
    "blocks": "#f85149",
    "waived": "#b392f0",
    "unknown": "#58a6ff",
    "unproven": "#6e7681",
}
STATES: tuple[State, ...] = ("ok", "warns", "blocks", "waived", "unknown", "unproven")
MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
SANS = "-apple-system,'Segoe UI',Helvetica,Arial,'DejaVu Sans',sans-serif"


def style(more: str = "") -> str:
    """Return the style sheet of a picture. It brings its own page colour: readable wherever it is shown.

    Plain rules twice instead of variables: viewers that know no variables draw the light one.
    """
    dark = "".join(_rules(_DARK))
    return f"<style>{''.join(_rules(_LIGHT))}{more}@media (prefers-color-scheme:dark){{{dark}}}</style>"


def _rules(colour: Mapping[str, str]) -> Iterator[str]:
    yield f"text{{font-family:{SANS};fill:{colour['ink']}}}.mono{{font-family:{MONO}}}"
    yield f".faint{{fill:{colour['faint']}}}.page{{fill:{colour['page']}}}.stop{{fill:{colour['ink']}}}"
    yield f".rule{{stroke:{colour['rule']};fill:none}}"
    yield f".line{{stroke:{colour['line']};stroke-width:1.6;fill:none}}"
    yield f".anew{{stroke:{colour['ink']};stroke-width:1.5;stroke-dasharray:3 2;fill:none}}"
    yield f".in{{stroke:{colour['page']};fill:none;stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round}}"
    yield f".letter{{fill:{colour['page']};font-weight:700;font-size:9px;text-anchor:middle}}"
    yield f".hollow{{fill:{colour['page']};stroke:{colour['unproven']};stroke-width:1.6;stroke-dasharray:2.5 2}}"
    for state in STATES:
        yield f".full-{state}{{fill:{colour[state]}}}"
        yield f".box-{state}{{fill:{colour['page']};stroke:{colour[state]};stroke-width:1.4}}"
        yield f".tint-{state}{{fill:{colour[state]};fill-opacity:.12}}"


def badge(state: State, x: int, y: int) -> str:
    """Return a badge of 14 pixels around a point: circle, triangle, octagon, diamond, square, empty circle."""
    shapes = {
        "ok": '<circle class="full-@" r="6.5"/><path class="in" d="M-3 0.2L-0.9 2.4L3.2-2.2"/>',
        "warns": '<path class="full-@" d="M0-6.8L7.2 5.6H-7.2Z" stroke-linejoin="round"/>'
        '<path class="in" d="M0-2.6V1.2M0 3.6V3.7"/>',
        "blocks": '<path class="full-@" d="M-2.9-7H2.9L7-2.9V2.9L2.9 7H-2.9L-7 2.9V-2.9Z"/>'
        '<path class="in" d="M-2.7-2.7L2.7 2.7M2.7-2.7L-2.7 2.7"/>',
        "waived": '<path class="full-@" d="M0-7.6L7.6 0L0 7.6L-7.6 0Z"/><text class="letter" y="3">w</text>',
        "unknown": '<rect class="full-@" x="-6" y="-6" width="12" height="12"/><text class="letter" y="3.2">?</text>',
    }
    shape = shapes.get(state, '<circle class="hollow" r="6"/>').replace("@", state)
    return f'<g transform="translate({x} {y})">{shape}</g>'


def document(width: int, height: int, title: str, parts: Sequence[str], more: str = "") -> str:
    """Return a whole SVG file."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{xml(title)}">'
    )
    page = f'<rect class="page" width="{width}" height="{height}"/>'
    return "\n".join([head, f"<title>{xml(title)}</title>", style(more), page, *parts, "</svg>"]) + "\n"


def text(x: int, y: int, content: str, size: float = 11, classes: str = "", anchor: str = "") -> str:
    """Return a line of text whose base line begins at a point."""
    more = f' class="{classes}"' if classes else ""
    more += f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x}" y="{y}" font-size="{size}"{more}>{xml(content)}</text>'


def short(content: str, letters: int) -> str:
    """Return a text of at most so many characters."""
    return content if len(content) <= letters else f"{content[: letters - 1]}…"
