"""Makes the pictures of reports in docs/images: runs the demo, and photographs what it leaves in a real Chromium.

    python -m benchmarks.report_images            # three runs of the shop, about two minutes
    python -m benchmarks.report_images --reports DIR      # of runs that are there already

promote and rollback are the shop's good and slow release; hold is the good one after ten seconds, which cannot show that
it keeps its limits. On a machine that does something else beside, the good one may be held too: run it again. With
Allure installed the picture of its report is made as well.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

IMAGES = Path(__file__).parent.parent / "docs" / "images"
RUNS = {"promote": ("good", None), "hold": ("good", "10s"), "rollback": ("slow", None)}
SIZE = {"width": 960, "height": 1000}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=Path, help="runs that are there already: the newest of each decision")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        reports = given.reports or Path(name)
        if given.reports is None:
            demo(reports)
        found = newest(reports)
        missing = [decision for decision in RUNS if decision not in found]
        photograph(found)
    if missing:
        print(f"no run ended in: {', '.join(missing)}", file=sys.stderr)
    return 10 if missing else 0


def demo(reports: Path) -> None:
    from relgate.demo import judge_release

    for decision, (release, bake) in RUNS.items():
        print(f"=== {release}, for a picture of {decision}", flush=True)
        judge_release(release, reports, print, bake=bake)


def newest(reports: Path) -> dict[str, Path]:
    found = {}
    for path in sorted(reports.glob("2*/decision.json")):
        found[json.loads(path.read_text())["decision"]] = path.parent
    return found


def photograph(runs: dict[str, Path]) -> None:
    from playwright.sync_api import sync_playwright

    from relgate.adapters.browser import launch

    with sync_playwright() as playwright:
        browser = launch(playwright)
        for decision, run in runs.items():
            scheme = "dark" if decision == "hold" else "light"
            page = browser.new_context(viewport=SIZE, color_scheme=scheme).new_page()
            page.goto((run / "report.html").resolve().as_uri())
            save(page, f"report-{decision}.png")
            if decision == "rollback":
                plots = page.locator("details[open] .plots").first
                plots.screenshot(path=IMAGES / "report-gate.png")
                allure(browser, run)
        browser.close()


def allure(browser, run: Path) -> None:
    from relgate.adapters.allurereport import generate
    from relgate.errors import UsageError

    try:
        path = generate(run, run / "allure.html", os.environ)
    except UsageError as error:
        print(f"no picture of Allure: {error}")
        return
    page = browser.new_context(viewport={"width": 1100, "height": 1150}).new_page()
    page.goto(path.resolve().as_uri())
    page.get_by_text("Global Errors").first.wait_for()
    page.wait_for_timeout(1500)  # It scrolls to the first result by itself: back to the decision.
    page.mouse.move(550, 500)
    page.mouse.wheel(0, -5000)
    page.wait_for_timeout(500)
    save(page, "report-allure.png")


def save(page, name: str) -> None:
    page.screenshot(path=IMAGES / name)
    print(f"docs/images/{name}: {(IMAGES / name).stat().st_size // 1024} kB")


if __name__ == "__main__":
    sys.exit(main())
