"""The kinds of findings of a smoke path: why each matters, what to do, whether it blocks."""

from __future__ import annotations

from relgate.kinds import Fault, blocks, warns
from relgate.values import Finding

FAULTS: dict[str, Fault] = {
    "step-failed": blocks(
        "a user cannot do this any more", "look into the run's evidence/smoke: pictures and trace of pages, http.json"
    ),
    "console-error": blocks(
        "a script of the page reports that it went wrong", "look up script and line", watch="console"
    ),
    "exception": blocks(
        "a script ended in the middle: what it was to do has not happened",
        "look up script and line",
        watch="exceptions",
    ),
    "request-failed": blocks(
        "a part of the page is missing", "check that the release has this file, and its name", watch="requests"
    ),
    "header-missing": blocks(
        "browsers protect users only where the page asks for it",
        "send the header with every page, or name the headers that you want in smoke.headers",
        watch="headers",
    ),
    "header-weak": warns("the header is there and protects little", "tighten it", watch="headers"),
    "mixed-content": blocks(
        "anybody on the way can change this part of the page", "load it by https", watch="mixed-content"
    ),
    "accessibility": blocks(
        "not everybody can use this page",
        "mend the element; the rule is explained under its URL",
        watch="accessibility",
    ),
    "accessibility-light": warns(
        "some will find this page hard to use",
        "mend the element; the rule is explained under its URL",
        watch="accessibility",
    ),
    "lcp-slow": blocks(
        "people wait for the largest part of the page",
        "load it earlier, make it smaller, answer faster",
        watch="vitals",
    ),
    "cls-high": blocks(
        "the page jumps while people read and click", "reserve room for what comes late", watch="vitals"
    ),
    "inp-slow": blocks("the page answers late to a click or a key", "do less in handlers", watch="vitals"),
    "looks-different": warns("the page does not look as before", "compare the two pictures: is it meant?"),
    "not-compared": warns("nobody knows whether the page looks as before", "name a baseline that answers"),
    "not-undone": warns("what the path created is still there", "run relgate sweep when the service answers again"),
}


def finding(gate: str, code: str, what: str, *, path: str = "", line: int = 0, do: str = "") -> Finding:
    """Return a finding of a known kind. ``do``: instead of the kind's own advice."""
    fault = FAULTS[code]
    return Finding(gate, code, what, fault.why, do or fault.do, blocks=fault.blocks, path=path, line=line)
