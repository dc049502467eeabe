"""Accessibility of a page, by axe-core, which is run in it. The package ``axe-playwright-python`` has the script."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, get_args

from relgate.errors import UsageError
from relgate.ports.browsing import Impact, Violation, bare

if TYPE_CHECKING:
    from relgate.adapters.browser_probe import Probe

# Only what is needed comes out of the page: the full answer has the HTML of every element.
_RUN = """async () => {
  const found = await window.axe.run(document, { resultTypes: ["violations"], elementRef: false });
  return found.violations.map((one) => ({
    rule: one.id, impact: one.impact, help: one.help, url: one.helpUrl, n: one.nodes.length,
    target: [].concat(...(one.nodes[0] ? one.nodes[0].target : [])).join(" "),
  }));
}"""
_LONGEST = 200


@cache
def script() -> str:
    """Return the source of axe-core.

    Raises:
        UsageError: the extra is not installed.

    """
    try:
        return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    except (ImportError, OSError) as error:
        raise UsageError("accessibility needs axe-core: pip install 'relgate[smoke]'") from error


def examine(probe: Probe) -> tuple[Violation, ...]:
    """Return what axe holds against a page as it is shown now. Raises what Playwright raises when the page is left."""
    place = bare(probe.page.url)
    # Evaluated, not added as a tag: a Content-Security-Policy is for the page's own scripts.
    found = probe.run(_RUN, before=script())
    return tuple(
        Violation(
            page=place,
            rule=one["rule"],
            impact=one["impact"] if one["impact"] in get_args(Impact) else "minor",
            help=one["help"],
            target=one["target"][:_LONGEST],
            n=one["n"],
            url=one["url"],
        )
        for one in found
    )
