"""The kinds of findings of a smoke path: why each matters, what to do, whether it blocks."""

from __future__ import annotations

from dataclasses import dataclass

from relgate.values import Finding


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of finding. ``watch``: the watch that finds it, empty for what a path itself finds."""

    why: str
    do: str
    blocks: bool = True
    watch: str = ""


FAULTS: dict[str, Fault] = {
    "step-failed": Fault(
        "a user cannot do this any more", "look into the run's evidence/smoke: pictures and trace of pages, http.json"
    ),
    "console-error": Fault(
        "a script of the page reports that it went wrong", "look up script and line", watch="console"
    ),
    "exception": Fault(
        "a script ended in the middle: what it was to do has not happened",
        "look up script and line",
        watch="exceptions",
    ),
    "request-failed": Fault(
        "a part of the page is missing", "check that the release has this file, and its name", watch="requests"
    ),
    "header-missing": Fault(
        "browsers protect users only where the page asks for it",
        "send the header with every page, or name the headers that you want in smoke.headers",
        watch="headers",
    ),
    "header-weak": Fault("the header is there and protects little", "tighten it", blocks=False, watch="headers"),
    "mixed-content": Fault(
        "anybody on the way can change this part of the page", "load it by https", watch="mixed-content"
    ),
    "accessibility": Fault(
        "not everybody can use this page",
        "mend the element; the rule is explained under its URL",
        watch="accessibility",
    ),
    "accessibility-light": Fault(
        "some will find this page hard to use",
        "mend the element; the rule is explained under its URL",
        blocks=False,
        watch="accessibility",
    ),
    "lcp-slow": Fault(
        "people wait for the largest part of the page",
        "load it earlier, make it smaller, answer faster",
        watch="vitals",
    ),
    "cls-high": Fault("the page jumps while people read and click", "reserve room for what comes late", watch="vitals"),
    "inp-slow": Fault("the page answers late to a click or a key", "do less in handlers", watch="vitals"),
    "looks-different": Fault(
        "the page does not look as before", "compare the two pictures: is it meant?", blocks=False
    ),
    "not-compared": Fault(
        "nobody knows whether the page looks as before", "name a baseline that answers", blocks=False
    ),
    "not-undone": Fault(
        "what the path created is still there", "run relgate sweep when the service answers again", blocks=False
    ),
}


def finding(gate: str, code: str, what: str, *, path: str = "", line: int = 0, do: str = "") -> Finding:
    """Return a finding of a known kind. ``do``: instead of the kind's own advice."""
    fault = FAULTS[code]
    return Finding(gate, code, what, fault.why, do or fault.do, blocks=fault.blocks, path=path, line=line)
