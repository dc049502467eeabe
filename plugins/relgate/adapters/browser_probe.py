"""What we run in a page of our own accord, past Playwright's tracing.

A trace records every ``page.evaluate`` with its arguments and a copy of the document before and after: right for what
a test does; for one look of ours it is half a megabyte of axe and four documents. So what we ask goes to the browser
itself (``Runtime.evaluate`` of the DevTools protocol), in the page's own world.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page


class Probe:
    """Runs scripts in the main frame of one page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._session = page.context.new_cdp_session(page)

    def run(self, function: str, *, before: str = "") -> Any:
        """Call a function of JavaScript without arguments and return what it returns, once that is there.

        Args:
            function: its source.
            before: a script to run first.

        Raises:
            playwright.sync_api.Error: it threw, or the page was left or closed meanwhile.

        """
        from playwright.sync_api import Error

        answer = self._session.send(
            "Runtime.evaluate",
            {"expression": f"{before}\n;({function})()", "awaitPromise": True, "returnByValue": True},
        )
        fault = answer.get("exceptionDetails")
        if fault is not None:
            raise Error(str(fault.get("exception", {}).get("description") or fault.get("text") or "it threw"))
        return answer["result"].get("value")
