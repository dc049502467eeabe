"""What pages said -> findings, by the policy. Pure.

The same fault on many requests is one finding. Texts name pages without their query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from relgate.policy.smoke import IMPACTS
from relgate.ports.browsing import bare, origin
from relgate.smoke import headers
from relgate.smoke.faults import FAULTS, finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from relgate.policy.smoke import Smoke
    from relgate.ports.browsing import Failed, Measured, Said, Seen
    from relgate.values import Finding

_LOADING = "Failed to load resource"
_MIXED = "Mixed Content"
# The browser asks for it by itself, and a page that has none loses nothing.
_UNASKED = frozenset({"/favicon.ico"})
# What a request says that was still on its way when the user went on.
_LEFT = "net::ERR_ABORTED"
_LONGEST = 300


def judge(gate: str, seen: Seen, policy: Smoke, candidate: str) -> tuple[Finding, ...]:
    """Return what is wrong with the pages of a path, each fault once, without what the policy allows."""
    own = origin(candidate)
    found = [
        *_said(gate, seen, own),
        *_requests(gate, seen, own),
        *_headers(gate, seen, policy, own),
        *_insecure(gate, seen),
        *_accessible(gate, seen, policy),
        *_vitals(gate, seen, policy),
        *_looks(gate, seen, policy),
    ]
    watched = [one for one in found if FAULTS[one.code].watch not in policy.without]
    unique = {(one.code, one.what): one for one in watched}
    return allowed(tuple(unique.values()), policy)


def allowed(findings: tuple[Finding, ...], policy: Smoke) -> tuple[Finding, ...]:
    """Return the findings without those that the policy knows and accepts."""
    return tuple(
        one
        for one in findings
        if not any(one.code.startswith(rule.code) and rule.contains in one.what for rule in policy.allow)
    )


def vitals(seen: Seen) -> dict[str, float]:
    """Return the worst value of each Web Vital over the pages of a path."""
    worst: dict[str, float] = {}
    for one in seen.measured:
        worst[one.vital] = max(worst.get(one.vital, 0.0), one.value)
    return worst


def _said(gate: str, seen: Seen, own: str) -> Iterator[Finding]:
    for one in seen.said:
        if _reported(one, own) or one.text.startswith(_MIXED):
            continue
        code = "exception" if one.kind == "exception" else "console-error"
        where = f" ({bare(one.url)}:{one.line})" if one.url else ""
        yield finding(gate, code, f"{_page(one.page)}: {one.text.strip()[:_LONGEST]}{where}")


def _reported(one: Said, own: str) -> bool:
    """Whether a line of the console only repeats a request that failed, which is reported as such or meant to fail."""
    return one.kind == "console" and one.text.startswith(_LOADING) and origin(one.url) == own


def _requests(gate: str, seen: Seen, own: str) -> Iterator[Finding]:
    for one in seen.failed:
        if one.kind != "document" and origin(one.url) == own and not _usual(one):
            why = f"answered {one.status}" if one.status else f"was not answered ({one.error})"
            yield finding(gate, "request-failed", f"{_page(one.page)}: {one.method} {bare(one.url)} {why} ({one.kind})")


def _usual(one: Failed) -> bool:
    return one.error.startswith(_LEFT) or urlsplit(one.url).path in _UNASKED


def _headers(gate: str, seen: Seen, policy: Smoke, own: str) -> Iterator[Finding]:
    for page in seen.documents:
        if origin(page.url) != own:
            continue
        said = dict(page.headers)
        for name in headers.missing(policy.headers, said):
            yield finding(gate, "header-missing", f"{_page(page.url)} has no {name}")
        for fault in headers.weak(said):
            yield finding(gate, "header-weak", f"{_page(page.url)}: {fault}")


def _insecure(gate: str, seen: Seen) -> Iterator[Finding]:
    for page, url in seen.insecure:
        yield finding(gate, "mixed-content", f"{_page(page)} loads {bare(url)} without https")
    for one in seen.said:
        if one.text.startswith(_MIXED):
            yield finding(gate, "mixed-content", f"{_page(one.page)}: {one.text.strip()[:_LONGEST]}")


def _accessible(gate: str, seen: Seen, policy: Smoke) -> Iterator[Finding]:
    blocking = IMPACTS.index(policy.accessibility)
    for one in seen.violations:
        code = "accessibility" if IMPACTS.index(one.impact) >= blocking else "accessibility-light"
        others = f" and {one.n - 1} more" if one.n > 1 else ""
        what = f"{_page(one.page)}: {one.help} ({one.rule}, {one.impact}) at {one.target}{others}"
        yield finding(gate, code, what, do=f"mend it: {one.url}" if one.url else "")


def starved(seen: Seen, policy: Smoke) -> tuple[str, ...]:
    """Return which Web Vitals nobody can judge, as sentences: the machine, not the page, may have made them slow.

    A vital over its limit counts against the page only where it is over the limit without the time that the browser
    waited for a processor. That time may have passed beside what was measured: so what is left of it proves nothing
    good either, and the path is inconclusive.
    """
    if "vitals" in policy.without:
        return ()
    return tuple(
        f"{_page(one.page)}: {shown(one.vital, one.value)}, limit {_limit(one.vital, limit)}, of which the browser may "
        f"have waited {one.waited_s * 1000:.0f} ms for a processor: this machine is too busy to tell, give it a core"
        for one, _, limit in _over(seen, policy)
        if one.value - one.waited_s <= limit
    )


def _vitals(gate: str, seen: Seen, policy: Smoke) -> Iterator[Finding]:
    for one, code, limit in _over(seen, policy):
        if one.value - one.waited_s > limit:
            said = f"{shown(one.vital, one.value)}, limit {_limit(one.vital, limit)}"
            yield finding(gate, code, f"{_page(one.page)}: {said}")


def _over(seen: Seen, policy: Smoke) -> Iterator[tuple[Measured, str, float]]:
    """Yield for each vital that is over its limit anywhere: the visit on which it was worst, its code, its limit.

    Worst is what is longest without the time that the machine may have added; the longest where the machine may have
    added all that is over the limit.
    """
    limits = policy.limits
    for vital, code, limit in (
        ("lcp", "lcp-slow", limits.lcp_s),
        ("cls", "cls-high", limits.cls),
        ("inp", "inp-slow", limits.inp_s),
    ):
        over = [one for one in seen.measured if one.vital == vital and one.value > limit]
        proven = [one for one in over if one.value - one.waited_s > limit]
        if over:
            yield max(proven or over, key=lambda one: one.value), code, limit


def _limit(vital: str, limit: float) -> str:
    return shown(vital, limit).partition(" ")[2]


def _looks(gate: str, seen: Seen, policy: Smoke) -> Iterator[Finding]:
    for one in seen.differences:
        if one.share is None:
            yield finding(gate, "not-compared", f"{_page(one.page)}: {one.why}")
        elif one.share > policy.visual:
            limit = f"limit {policy.visual * 100:.3g} %"
            yield finding(
                gate, "looks-different", f"{_page(one.page)}: {one.share * 100:.2g} % of its pixels differ, {limit}"
            )


def shown(vital: str, value: float) -> str:
    """Return a Web Vital as people write it: ``LCP 1.20 s``, ``CLS 0.02``, ``INP 48 ms``."""
    if vital == "cls":
        return f"CLS {value:.3g}"
    return f"INP {value * 1000:.0f} ms" if vital == "inp" else f"LCP {value:.2f} s"


def _page(url: str) -> str:
    return urlsplit(url).path or url
