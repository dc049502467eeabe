"""A page of the candidate beside the baseline's: the same address, the same window, two pictures, one difference."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from relgate.adapters.browser_evidence import shoot
from relgate.adapters.browser_pages import VIEWPORT
from relgate.adapters.pixels import difference
from relgate.errors import first_line
from relgate.ports.browsing import Difference, bare, origin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from playwright.sync_api import Page

    from relgate.adapters.browser_pages import Pages


def beside_baseline(
    pages: Pages, page: Page, folder: Path, most: float, headers: Mapping[str, str], secrets: Sequence[str]
) -> Difference:
    """Compare a page with the baseline's.

    Args:
        pages: whose page it is.
        page: what is shown now.
        folder: where the pictures go if they differ by more than ``most``.
        most: share of pixels that may differ.
        headers: of requests to the baseline.
        secrets: what must not be readable on a picture.

    """
    from playwright.sync_api import Error

    place, baseline = bare(page.url), pages.visit.targets.baseline
    if baseline is None:
        return Difference(place, None, "the environment has no baseline")
    query = urlsplit(page.url).query
    url = baseline.rstrip("/") + (urlsplit(page.url).path or "/") + (f"?{query}" if query else "")
    name = urlsplit(place).path.strip("/").replace("/", "_") or "home"
    paths = tuple(folder / f"{name}-{which}.png" for which in ("candidate", "baseline", "difference"))
    folder.mkdir(parents=True, exist_ok=True)
    context = pages.browser.new_context(
        viewport=page.viewport_size or VIEWPORT,  # type: ignore[arg-type]
        ignore_https_errors=not pages.visit.verify,
    )
    try:
        context.set_default_timeout(pages.visit.step_s * 1000)
        if headers:
            own = origin(baseline)
            context.route(
                lambda asked: origin(asked) == own,
                lambda route: route.fallback(headers={**route.request.headers, **headers}),
            )
        other = context.new_page()
        answer = other.goto(url)
        if answer is None or answer.status >= 400:
            return Difference(place, None, f"the baseline answered {answer.status if answer else 'nothing'}")
        shoot(page, paths[0], secrets)
        shoot(other, paths[1], secrets)
        share = difference(paths[0], paths[1], paths[2])
    except Error as error:
        return Difference(place, None, f"the baseline cannot be shown: {first_line(error)}")
    finally:
        context.close()
    for path in paths if share <= most else ():
        path.unlink(missing_ok=True)
    return Difference(place, share)
