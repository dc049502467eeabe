"""The style sheet of report.html, and the policy that lets a page contain this style and nothing else.

Colours keep a contrast of at least 4.5 to 1 for text and 3 to 1 for lines (WCAG 2.2 AA), light and dark. What is
printed is light, and every folded part is open.
"""

from __future__ import annotations

import base64
import hashlib

_LIGHT = {
    "page": "#ffffff",
    "panel": "#f6f8fa",
    "ink": "#1f2328",
    "faint": "#59636e",
    "rule": "#d1d9e0",
    "link": "#0550ae",
    "good": "#116329",
    "warn": "#7d4e00",
    "bad": "#a40e26",
    "open": "#0550ae",
    "candidate": "#0550ae",
    "baseline": "#6e7781",
    "limit": "#a40e26",
    "moment": "#6639ba",
    "health": "#116329",
    "on": "#ffffff",
}
_DARK = {
    "page": "#0d1117",
    "panel": "#161b22",
    "ink": "#e6edf3",
    "faint": "#9ba5b0",
    "rule": "#3d444d",
    "link": "#79c0ff",
    "good": "#56d364",
    "warn": "#e3b341",
    "bad": "#ff7b72",
    "open": "#79c0ff",
    "candidate": "#79c0ff",
    "baseline": "#9ba5b0",
    "limit": "#ff7b72",
    "moment": "#d2a8ff",
    "health": "#56d364",
    "on": "#0d1117",
}

_RULES = """
*{box-sizing:border-box}
html{color-scheme:light dark}
body{margin:0;background:var(--page);color:var(--ink);
font:16px/1.5 -apple-system,"Segoe UI",Helvetica,Arial,"DejaVu Sans",sans-serif}
main,header,footer{max-width:76rem;margin:0 auto;padding:0 1rem}
h1{font-size:1.75rem;line-height:1.25;margin:1.5rem 0 .25rem}h2{font-size:1.3rem;margin:2rem 0 .5rem}
h3{font-size:1.05rem;margin:0}h1,h2,h3,p,li,td,dd,summary,pre{overflow-wrap:anywhere}
a{color:var(--link)}:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{position:static;display:inline-block;padding:.5rem 1rem}
.banner{border-left:.5rem solid var(--rule);padding-left:1rem}
.promote{border-color:var(--good)}.hold{border-color:var(--warn)}.rollback{border-color:var(--bad)}
.promote .said{color:var(--good)}.hold .said{color:var(--warn)}.rollback .said{color:var(--bad)}
.said{text-transform:uppercase;letter-spacing:.03em}
.faint,figcaption,caption,.facts dt{color:var(--faint)}
.facts{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.5rem 0}
.facts dd{margin:0}
.wide{overflow-x:auto;border:1px solid var(--rule);border-radius:6px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
caption{text-align:left;padding:.5rem .75rem}
th,td{text-align:left;padding:.4rem .75rem;border-top:1px solid var(--rule);vertical-align:top}
thead th{background:var(--panel);white-space:nowrap}
td{overflow-wrap:normal;max-width:28rem}td:last-child{min-width:18rem}td.n{text-align:right;white-space:nowrap}
.v{font-weight:600;white-space:nowrap}.v-pass{color:var(--good)}.v-warn{color:var(--warn)}
.v-fail,.v-error,.v-missing{color:var(--bad)}.v-inconclusive{color:var(--open)}
details{border:1px solid var(--rule);border-radius:6px;margin:.6rem 0}
summary{padding:.6rem .9rem;cursor:pointer}summary h3{display:inline}
.inside{padding:0 .9rem .9rem}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(24rem,100%),1fr));gap:1rem}
figure{margin:.5rem 0;min-width:0}figcaption{font-size:.85rem}
svg{width:100%;height:auto;display:block}
svg text{font:11px -apple-system,"Segoe UI",Helvetica,Arial,"DejaVu Sans",sans-serif;fill:var(--faint);
paint-order:stroke;stroke:var(--page);stroke-width:3px;stroke-linejoin:round}
svg .t-limit{fill:var(--limit)}svg .t-moment{fill:var(--moment)}
.grid{stroke:var(--rule);fill:none}
.c-candidate,.c-baseline,.c-harm,.c-health{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.c-candidate{stroke:var(--candidate)}.c-baseline{stroke:var(--baseline);stroke-dasharray:4 3}
.c-harm{stroke:var(--limit)}.c-health{stroke:var(--health);stroke-dasharray:6 3}.range{stroke-width:3.5}
.m-limit{stroke:var(--limit);stroke-width:1.5;stroke-dasharray:9 4;fill:none}
.m-moment{stroke:var(--moment);stroke-width:1.5;stroke-dasharray:2 3;fill:none}
.s-healthy{fill:var(--good)}.s-degraded{fill:var(--warn)}.s-bad{fill:var(--bad)}
svg .on-healthy,svg .on-degraded,svg .on-bad{fill:var(--on);stroke:none}
.key{display:inline-block;width:2.2rem;height:0;border-top:3px solid;vertical-align:middle;margin-right:.4rem}
.key-candidate{border-color:var(--candidate)}.key-baseline{border-color:var(--baseline);border-top-style:dashed}
.key-limit{border-color:var(--limit);border-top-style:dashed}.key-health{border-color:var(--health);border-top-style:dashed}
.keys span+span{margin-left:1.2rem}.keys .key{margin-left:0}
pre{background:var(--panel);padding:.6rem .8rem;border-radius:6px;white-space:pre-wrap;margin:.4rem 0}
code{font:.875em ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
fieldset{border:0;padding:0;margin:.5rem 0}legend{padding:0;float:left;margin-right:1rem}label{margin-right:1rem}
body:has(#only:checked) tr.fine{display:none}
footer{margin-top:2rem;padding-bottom:2rem}
@media (max-width:40rem){.facts{grid-template-columns:1fr}.facts dd{margin-bottom:.4rem}h1{font-size:1.4rem}}
@media print{
body{font-size:11pt}main,header,footer{max-width:none;padding:0}
details::details-content{content-visibility:visible;block-size:auto}
.wide{overflow:visible}figure,tr,.facts{break-inside:avoid}h2,h3,summary{break-after:avoid}
.skip,fieldset{display:none}thead{display:table-header-group}
}
"""


def _colours(colours: dict[str, str]) -> str:
    return ":root{" + "".join(f"--{name}:{value};" for name, value in colours.items()) + "}"


_AT_NIGHT = f"@media screen and (prefers-color-scheme:dark){{{_colours(_DARK)}}}"
STYLE = f"{_colours(_LIGHT)}{_AT_NIGHT}{_RULES}".replace("\n", "")
"""One text, so that one hash allows it."""

_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'"
"""Content-Security-Policy: no script, no request, no frame, no other style, whatever a text smuggles in."""
