"""report.html: the decision of a run as one file that needs nothing else. Pure: the decision document in, text out.

First what was decided, why and what to do; then every gate with what was seen of it. No script, no request; texts of
the service are escaped, and the page's own policy forbids whatever they might still contain. Bounded in size: pictures
are thinned, the worst gates come first, and what has no room is named and is in decision.json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from relgate.report.escape import xml
from relgate.report.pagegates import MOST_PARTS, View, link, ordered, parts, table
from relgate.report.pagestyle import POLICY, STYLE
from relgate.report.promise import promise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NAME = "report.html"
_MOST_REASONS = 200
_MOST_STEPS = 12
_SIGNS = {"promote": "✔", "hold": "‖", "rollback": "↩"}
_DO = {
    "promote": "Go on: the candidate may take the traffic of the next stage.",
    "hold": "Do not send more traffic to the candidate. Judging again adds evidence, it does not roll the dice anew.",
    "rollback": "Send all traffic back to the release before, then look for the cause.",
}


def render(
    content: Mapping[str, Any],
    sequence: int,
    sha256: str,
    views: Mapping[str, View] | None = None,
    files: Sequence[tuple[str, str]] = (),
) -> str:
    """Return the page.

    Args:
        content: decision document, redacted.
        sequence: place of its record in the ledger.
        sha256: digest of its record.
        views: gate id -> pictures, findings and files.
        files: of the run: path relative to its folder, and what it is.

    """
    gates = ordered(content["gates"])
    title = f"{content['service']} {content['stage']}: {content['decision']}"
    found = (
        _head(title),
        _banner(content),
        "<main id=main tabindex=-1>",
        _why(content, gates),
        ("<h2>Gates</h2>", *table(gates)),
        ("<h2>Each gate</h2>", _legend(), *parts(gates, views or {})) if gates else (),
        _changes(content),
        _again(content, sequence, sha256, files),
        "</main>",
        f"<footer><p>{xml(_versions(content))}</p></footer></body></html>\n",
    )
    return "".join(piece if isinstance(piece, str) else "".join(piece) for piece in found)


def _head(title: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f'<title>{xml(title, 200)}</title><style>{STYLE}</style></head><body><a class="skip" href="#main">'
        "To the reasons and gates</a>"
    )


def _banner(content: Mapping[str, Any]) -> Iterator[str]:
    decision = content["decision"]
    release = ", ".join(f"{key} {value}" for key, value in content["release"].items()) or "not named"
    yield f'<header><div class="banner {decision}"><h1>{xml(content["service"], 100)}, {xml(content["stage"], 100)}: '
    yield f'<span class="said"><span aria-hidden="true">{_SIGNS[decision]}</span> {decision}</span></h1>'
    yield f"<p>{_DO[decision]}</p></div>"
    facts = {
        "Release": release,
        "Environment": content["environment"],
        "Observed": f"{content['started']} to {content['finished']}",
        "Run": content["run_id"],
    }
    cells = "".join(f"<dt>{name}</dt><dd>{xml(text, 400)}</dd>" for name, text in facts.items())
    yield f'<dl class="facts">{cells}</dl></header>'


def _why(content: Mapping[str, Any], gates: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    reasons = content["reasons"]
    places = {row["id"]: place for place, row in enumerate(gates)}
    yield "<h2>Why</h2>"
    if not reasons:
        yield f"<p>All {len(gates)} gates passed.</p>"
    else:
        yield "<ul>"
        for reason in reasons[:_MOST_REASONS]:
            yield f"<li>{_named(reason['gate'], places)}{xml(reason['text'])}</li>"
        yield "</ul>"
        if len(reasons) > _MOST_REASONS:
            yield f"<p>{len(reasons) - _MOST_REASONS} more reasons are in decision.json.</p>"
    steps = {row["id"]: row["next_steps"] for row in gates}
    wanted = dict.fromkeys(step for reason in reasons for step in steps.get(reason["gate"] or "", ()))
    if wanted:
        items = "".join(f"<li>{xml(step)}</li>" for step in list(wanted)[:_MOST_STEPS])
        yield f"<h2>What to do next</h2><ol>{items}</ol>"


def _named(gate: str | None, places: Mapping[str, int]) -> str:
    """Return the gate that a reason is about, as a link where it has a part of its own."""
    if gate is None:
        return ""
    place = places.get(gate, MOST_PARTS)
    return f"{xml(gate, 120)}: " if place >= MOST_PARTS else f'<a href="#g{place}">{xml(gate, 120)}</a>: '


def _legend() -> str:
    keys = {
        "candidate": "the candidate",
        "baseline": "the baseline",
        "limit": "a limit, and evidence that it is broken",
        "health": "evidence of health",
    }
    spans = (f'<span><span class="key key-{kind}"></span>{words}</span>' for kind, words in keys.items())
    return f'<p class="keys">{" ".join(spans)}</p>'


def _changes(content: Mapping[str, Any]) -> Iterator[str]:
    """Return what was changed against the policy, who agreed, and what cannot be taken back."""
    approvals = [
        f"{key}: {value}" for key, value in content["release"].items() if key in ("approver", "approvers", "ticket")
    ]
    approvals += [_approval(one) for one in content.get("approvals", ())]
    yield "<h2>Overrides and approvals</h2>"
    texts = [*content["overrides"], *approvals]
    if texts:
        yield "<ul>" + "".join(f"<li>{xml(text)}</li>" for text in texts[:_MOST_REASONS]) + "</ul>"
    else:
        yield "<p>None were recorded with this run.</p>"
    if content["irreversible"]:
        items = "".join(f"<li>{xml(text)}</li>" for text in content["irreversible"][:_MOST_REASONS])
        yield f"<h2>What cannot be taken back</h2><ul>{items}</ul>"


def _approval(one: object) -> str:
    if isinstance(one, dict):
        return ", ".join(f"{key} {value}" for key, value in one.items())
    return str(one)


def _again(content: Mapping[str, Any], sequence: int, sha256: str, files: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield f"<h2>How sure this is</h2><p>{xml(promise(content['risk']), 2000)}</p>"
    run = xml(content["run_id"])
    yield "<h2>How to check it</h2><p>The decision against the ledger, and the same samples judged again:</p>"
    yield f"<pre><code>relgate decision {run}\nrelgate replay {run}</code></pre>"
    yield f"<p>Record {sequence} of the ledger, SHA-256 <code>{xml(sha256)}</code>; policy "
    yield f"<code>{xml(content['policy_sha256'])}</code>.</p>"
    if files:
        items = "".join(f"<li>{link(path, words)}</li>" for path, words in files)
        yield f"<h2>Files of this run</h2><ul>{items}</ul>"


def _versions(content: Mapping[str, Any]) -> str:
    return "Made by " + ", ".join(f"{name} {version}" for name, version in content["versions"].items())
