"""The pages of one path: a context of its own in the shared browser, watched from its first request to its end.

Requests are seen by Playwright's events; what must not be sent is stopped before it leaves: navigations to another host
than the candidate, and whatever changes something where the environment is read-only, messages to WebSockets included.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from relgate.adapters import axe, waited
from relgate.adapters.browser_probe import Probe
from relgate.errors import first_line
from relgate.ports.browsing import Document, Failed, Measured, Said, Seen, bare, origin
from relgate.smoke.targets import SAFE, Targets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from playwright.sync_api import (
        Browser,
        BrowserContext,
        ConsoleMessage,
        Page,
        Request,
        Response,
        Route,
        WebError,
        WebSocketRoute,
    )

    from relgate.ports.browsing import Violation
    from relgate.smoke.examined import Look

VIEWPORT = {"width": 1280, "height": 720}
_VITALS = Path(__file__).with_name("vitals.js")
# A paint is reported when it is on the screen. A browser has few frames under way: when so many more have begun, those
# before them have been shown. They come later on a busy machine, as paints do; a page in the background has none.
_SETTLED = """async () => {
  const known = window.__relgate_settled;
  window.__relgate_settled = true;
  if (!known) await Promise.all([...document.images].map((one) => one.complete && one.decode().catch(() => 0)));
  await new Promise((done) => {
    setTimeout(done, 3000);
    const frame = (left) => left ? requestAnimationFrame(() => frame(left - 1)) : setTimeout(() => setTimeout(done));
    frame(known ? 2 : 6);
  });
}"""
_ATTEMPTS = 3
# What is shorter is below every limit that anybody sets: not worth asking whose fault it is.
_SHORT_S = 0.05
_LOCAL = ("http://127.0.0.1", "http://localhost", "http://[::1]")


@dataclass(frozen=True, slots=True)
class Visit:
    """How pages are opened. ``headers``: of requests to the candidate alone. ``verify``: whether certificates count.

    ``scratch``: a folder for what is thrown away. ``examined``: what axe found on a page, looked at by the function
    that it is given unless somebody has looked before. ``axe``, ``film``: whether pages are examined, and whether
    pictures are taken on the way.
    """

    targets: Targets
    headers: Mapping[str, str]
    verify: bool
    step_s: float
    scratch: Path
    axe: bool = True
    film: bool = False
    examined: Callable[[str, Look], tuple[Violation, ...]] = lambda _, look: look()[0]


@dataclass
class Pages:
    """Fills the port ``WatchedPages``, up to what is kept (see ``browser_evidence``)."""

    browser: Browser
    visit: Visit
    seen: Seen = field(default_factory=Seen)
    _looked: set[str] = field(default_factory=set)
    _probes: dict[Page, Probe] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.context: BrowserContext = self.browser.new_context(
            base_url=self.visit.targets.candidate,
            viewport=VIEWPORT,  # type: ignore[arg-type]  # a TypedDict of Playwright's, imported when it is used
            ignore_https_errors=not self.visit.verify,
        )
        self.context.set_default_timeout(self.visit.step_s * 1000)
        self._watch()
        self._guard()
        self.context.tracing.start(screenshots=self.visit.film, snapshots=True)
        self._waits = waited.of_browsers()
        self.page: Page = self.context.new_page()

    def settle(self) -> None:
        """Wait until the pages have painted what they have, and examine those that are new."""
        for page in self.context.pages:
            if page.url.startswith("http"):
                self._settle(page)
        self._waits = waited.of_browsers()

    def close(self) -> None:
        """End the pages."""
        with suppress(Exception):
            self.context.close()

    def _settle(self, page: Page) -> None:
        from playwright.sync_api import Error

        for attempt in range(_ATTEMPTS):
            try:
                page.wait_for_load_state("load")
                probe = self._probes.get(page) or self._probes.setdefault(page, Probe(page))
                probe.run(_SETTLED)
                self._examine(probe)
            except Error as error:
                # The page was left while it was looked at: what comes next is looked at instead.
                if page.is_closed():
                    return
                if attempt == _ATTEMPTS - 1:
                    self.seen.problems.append(f"{urlsplit(page.url).path} cannot be examined: {first_line(error)}")
            else:
                return

    def _examine(self, probe: Probe) -> None:
        place = bare(probe.page.url)
        if not self.visit.axe or place in self._looked or origin(place) != origin(self.visit.targets.candidate):
            return

        def look() -> tuple[tuple[Violation, ...], bool]:
            found = axe.examine(probe)
            return found, bare(probe.page.url) == place

        self.seen.violations += self.visit.examined(place, look)
        self._looked.add(place)

    def _watch(self) -> None:
        context = self.context
        context.expose_binding("__relgate_vital", self._on_vital)
        context.add_init_script(path=_VITALS)
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("request", self._on_request)
        context.on("response", self._on_response)
        context.on("requestfailed", self._on_failed)

    def _on_vital(self, _: Any, vital: Any, value: float, url: str) -> None:
        if origin(url) == origin(self.visit.targets.candidate):
            long = vital != "cls" and value > _SHORT_S
            waited_s = waited.longest_s(self._waits, waited.of_browsers()) if long else 0.0
            self.seen.measured.append(Measured(bare(url), vital, float(value), round(waited_s, 4)))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            page = message.page.url if message.page is not None else ""
            place = message.location
            line = int(place.get("lineNumber", 0)) + 1
            self.seen.said.append(Said("console", bare(page), message.text, str(place.get("url", "")), line))

    def _on_error(self, error: WebError) -> None:
        page = error.page.url if error.page is not None else ""
        self.seen.said.append(Said("exception", bare(page), str(error.error)))

    def _on_request(self, request: Request) -> None:
        page = _page_of(request)
        if page.startswith("https://") and request.url.startswith("http://") and not request.url.startswith(_LOCAL):
            self.seen.insecure.append((bare(page), request.url))
        # A redirect is not asked of the guard below: it is seen here, when it is too late, and said.
        foreign = not self.visit.targets.allows(request.url)
        if foreign and request.redirected_from is not None and _is_page(request):
            self.seen.refused.append(self.visit.targets.foreign(bare(request.url)))

    def _on_response(self, response: Response) -> None:
        request = response.request
        if origin(response.url) == origin(self.visit.targets.candidate):
            self.seen.answered = True
        if _is_page(request):
            headers = {name.lower(): value for name, value in response.headers.items()}
            if "html" in headers.get("content-type", "") and not 300 <= response.status < 400:
                self.seen.documents.append(Document(bare(response.url), response.status, tuple(headers.items())))
        if response.status >= 400:
            self._fails(request, status=response.status)

    def _on_failed(self, request: Request) -> None:
        self._fails(request, error=str(request.failure or "no answer"))

    def _fails(self, request: Request, *, status: int = 0, error: str = "") -> None:
        kind = "document" if _is_page(request) else request.resource_type
        kind = "frame" if kind == "document" and not _is_page(request) else kind
        page = bare(_page_of(request) or request.url)
        self.seen.failed.append(Failed(page, request.url, request.method, kind, status, error))

    def _guard(self) -> None:
        targets = self.visit.targets
        elsewhere = re.compile(rf"^(?!{re.escape(targets.candidate.rstrip('/'))}(?:[/?#]|$))")
        if targets.read_only:
            self.context.route("**/*", self._read_only)
            self.context.route_web_socket(re.compile(""), self._listen_only)
        if self.visit.headers:
            self.context.route(re.compile(rf"^{re.escape(targets.candidate.rstrip('/'))}(?:[/?#]|$)"), self._sign)
        self.context.route(elsewhere, self._elsewhere)

    def _elsewhere(self, route: Route) -> None:
        request = route.request
        if _is_page(request) and not self.visit.targets.allows(request.url) and request.url.startswith("http"):
            self.seen.refused.append(self.visit.targets.foreign(bare(request.url)))
            route.abort("blockedbyclient")
        else:
            route.fallback()

    def _read_only(self, route: Route) -> None:
        request = route.request
        if request.method in SAFE or self.visit.targets.may_write(request.url):
            route.fallback()
            return
        self.seen.refused.append(self.visit.targets.refusal(request.method, bare(request.url)))
        route.abort("blockedbyclient")

    def _listen_only(self, route: WebSocketRoute) -> None:
        """Connect a WebSocket and let through what the server says: opening one is a GET, a message may be anything."""
        server = route.connect_to_server()

        def says(message: str | bytes) -> None:
            if self.visit.targets.may_write(route.url):
                server.send(message)
            else:
                self.seen.refused.append(self.visit.targets.unsent(bare(route.url)))

        route.on_message(says)

    def _sign(self, route: Route) -> None:
        route.fallback(headers={**route.request.headers, **self.visit.headers})


def _is_page(request: Request) -> bool:
    """Whether a request is for a page itself, not for a part of one."""
    try:
        return request.is_navigation_request() and request.frame.parent_frame is None
    except Exception:  # noqa: BLE001  # a page that is only about to be made has no frame yet
        return request.is_navigation_request()


def _page_of(request: Request) -> str:
    """Return the URL of the page that asks; the request's own for a page itself."""
    try:
        return request.url if request.is_navigation_request() else request.frame.page.url
    except Exception:  # noqa: BLE001  # of a worker, or of a page that is gone
        return ""
