"""The gates of report.html: one table of all, and a part for each with its pictures, findings and evidence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from relgate.report.escape import xml
from relgate.report.numbers import show
from relgate.report.plots import Plot, Strip, draw

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from relgate.values import Finding

MOST_ROWS = 6000
MOST_PARTS = 300
MOST_FINDINGS = 100
MOST_BYTES_OF_PLOTS = 3_000_000
_MOST_LINKS = 60
_WORST_FIRST = ("fail", "error", "missing", "inconclusive", "warn", "pass")
_FINE = ("pass",)
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class View:
    """What the page shows of a gate beside its row.

    ``links``: files of the run, relative to its folder, and what they are. ``note``: why there are no pictures.
    """

    plots: tuple[Plot | Strip, ...] = ()
    findings: tuple[Finding, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    note: str = ""


def ordered(gates: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return rows with the worst verdicts first, otherwise as they were."""
    return sorted(gates, key=lambda row: _WORST_FIRST.index(row["verdict"]))


def table(gates: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Return the table of all gates."""
    if not gates:
        yield "<p>No gate reported.</p>"
        return
    others = sum(row["verdict"] not in _FINE for row in gates)
    yield (
        f'<fieldset><legend>Show</legend><label><input type="radio" name="show" id="all" checked> all '
        f'{len(gates)}</label><label><input type="radio" name="show" id="only"> the {others} that did not pass'
        "</label></fieldset>"
    )
    yield '<div class="wide" role="region" aria-label="Gates" tabindex="0"><table>'
    yield f"<caption>{len(gates)} gates, the worst first</caption><thead><tr>"
    heads = ("Gate", "Verdict", "Observed", "Limit", "Baseline", "Interval", "n", "Says")
    yield "".join(f'<th scope="col">{head}</th>' for head in heads) + "</tr></thead><tbody>"
    for place, row in enumerate(gates[:MOST_ROWS]):
        yield _row(row, place)
    yield "</tbody></table></div>"
    if len(gates) > MOST_ROWS:
        yield f"<p>{len(gates) - MOST_ROWS} more gates are in decision.json.</p>"


def _row(row: Mapping[str, Any], place: int) -> str:
    name = xml(row["id"], 120)
    if place < MOST_PARTS:
        name = f'<a href="#g{place}">{name}</a>'
    optional = "" if row["required"] else ' <span class="faint">(optional)</span>'
    cells = (
        f'<td class="v v-{row["verdict"]}">{xml(row["verdict"])}</td>',
        f'<td class="n">{xml(show(row["observed"], row["unit"]), 60)}</td>',
        f"<td>{xml(row['limit'] or '-', 120)}</td>",
        f'<td class="n">{xml(show(row["baseline"], row["unit"]), 60)}</td>',
        f'<td class="n">{xml(_interval(row))}</td>',
        f'<td class="n">{xml(row["n"] or "-")}</td>',
        f"<td>{xml(row['message'], 240)}</td>",
    )
    kind = ' class="fine"' if row["verdict"] in _FINE else ""
    return f'<tr{kind}><th scope="row">{name}{optional}</th>{"".join(cells)}</tr>'


def _interval(row: Mapping[str, Any]) -> str:
    ends = row["interval"]
    if ends is None:
        return "-"
    return " to ".join("open" if end is None else show(end, row["unit"]) for end in ends)


def parts(gates: Sequence[Mapping[str, Any]], views: Mapping[str, View]) -> Iterator[str]:
    """Return a part for each of the first gates; plots as long as there is room for them."""
    left = MOST_BYTES_OF_PLOTS
    for place, row in enumerate(gates[:MOST_PARTS]):
        view = views.get(row["id"], View())
        figures = [_figure(plot, f"p{place}-{number}") for number, plot in enumerate(view.plots)]
        size = sum(map(len, figures))
        if size > left:
            figures, view = [], View((), view.findings, view.links, "the page is full: its samples are in the evidence")
        left -= min(size, left)
        yield from _part(row, view, figures, place)
    if len(gates) > MOST_PARTS:
        yield f"<p>{len(gates) - MOST_PARTS} more gates are in the table only, their figures in decision.json.</p>"


def _part(row: Mapping[str, Any], view: View, figures: Sequence[str], place: int) -> Iterator[str]:
    unfolded = "" if row["verdict"] in _FINE else " open"
    yield f'<details id="g{place}"{unfolded}><summary><h3>{xml(row["id"], 120)}</h3> '
    yield f'<span class="v v-{row["verdict"]}">{xml(row["verdict"])}</span></summary><div class="inside">'
    yield f"<p>{xml(row['message'], 2000)}</p>"
    if row.get("waiver"):
        yield f"<p>Waived: {xml(row['waiver'])}</p>"
    yield from _list("What to do", row["next_steps"])
    if figures:
        yield '<div class="plots">' + "".join(figures) + "</div>"
    if view.note:
        yield f'<p class="faint">{xml(view.note)}</p>'
    yield from _findings(view.findings)
    yield from _facts(row)
    yield from _evidence(row, view)
    if row["reproduce"]:
        yield f"<p>Again:</p><pre><code>{xml(row['reproduce'], 1000)}</code></pre>"
    yield "</div></details>"


def _list(title: str, texts: Sequence[str]) -> Iterator[str]:
    if texts:
        items = "".join(f"<li>{xml(text)}</li>" for text in texts[:20])
        yield f"<p>{title}:</p><ul>{items}</ul>"


def _figure(plot: Plot | Strip, name: str) -> str:
    return f"<figure>{draw(plot, name)}<figcaption>{xml(plot.title)}</figcaption></figure>"


def _findings(findings: Sequence[Finding]) -> Iterator[str]:
    if not findings:
        return
    yield f"<p>{len(findings)} findings:</p><ol>"
    for one in findings[:MOST_FINDINGS]:
        where = f"{one.path}:{one.line}" if one.path and one.line else one.path
        sign = "waived" if one.waiver is not None else "blocks" if one.blocks else "warns"
        revision = f"{one.revision}: " if one.revision else ""
        yield f"<li><strong>{xml(one.code, 80)}</strong> ({sign}): {xml(revision + one.what)}"
        yield f" <code>{xml(where, 300)}</code>" if where else ""
        yield f"<br>{xml(one.why)} {xml(one.do)}" if one.why or one.do else ""
        yield f"<br>waived: {xml(one.waiver)}" if one.waiver else ""
        yield "".join(f"<pre><code>{xml(text, 800)}</code></pre>" for text in (one.sql, one.reproduce, one.saw) if text)
        yield "</li>"
    yield "</ol>"
    if len(findings) > MOST_FINDINGS:
        yield f"<p>{len(findings) - MOST_FINDINGS} more are in the evidence.</p>"


def _facts(row: Mapping[str, Any]) -> Iterator[str]:
    window = row["window"]
    found = {
        "family, severity": f"{row['family']}, {row['severity']}",
        "limit": row["limit"],
        "samples": f"{row['n']}" + (f", {row['n_needed']} needed" if row["n_needed"] else ""),
        "confidence of the interval": None if row["confidence"] is None else f"{100 * row['confidence']:.6g} %",
        "evidence against its limits": _times(row.get("e_value"), row.get("alpha")),
        "window": None if window is None else f"{window[0]} to {window[1]}",
    }
    cells = "".join(f"<dt>{name}</dt><dd>{xml(text)}</dd>" for name, text in found.items() if text)
    yield f'<dl class="facts">{cells}</dl>'


def _times(e_value: float | None, alpha: float | None) -> str | None:
    if e_value is None:
        return None
    return f"{e_value:.3g}" + (f" of {1 / alpha:.3g} that break them" if alpha else "")


def _evidence(row: Mapping[str, Any], view: View) -> Iterator[str]:
    links = [*view.links, *((f"evidence/{one}", "raw samples") for one in row["evidence"] if _SHA256.fullmatch(one))]
    if links:
        items = "".join(f"<li>{link(path, words)}</li>" for path, words in links[:_MOST_LINKS])
        yield f"<p>Evidence:</p><ul>{items}</ul>"


def link(path: str, words: str) -> str:
    """Return a link to a file of the run; a path can only lead into the run's own folder."""
    inside = "/".join(quote(part, safe="") for part in path.split("/") if part not in ("", ".", ".."))
    return f'<a href="./{inside}">{xml(words)}</a> <span class="faint">{xml(path, 160)}</span>'
