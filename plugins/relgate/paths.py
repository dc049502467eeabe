"""The fixtures that smoke paths are written with, and the order in which paths run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from relgate.concluding import JUDGE, PATH
from relgate.fixtures import RUN, GateJudge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from relgate.acting import Accounts
    from relgate.adapters.asking import Client
    from relgate.adapters.browser import Chromium
    from relgate.receiving import Created, Mailbox, Webhook
    from relgate.settings import Run
    from relgate.walking import SmokePath

SELECTED: pytest.StashKey[frozenset[str]] = pytest.StashKey()
SECRETS: pytest.StashKey[list[str]] = pytest.StashKey()
BROWSER: pytest.StashKey[Chromium] = pytest.StashKey()


@pytest.fixture
def path(request: pytest.FixtureRequest, gate: GateJudge) -> Iterator[SmokePath]:
    """A smoke path: ``with path.step("search"): ...``. The test is the gate ``smoke-<name>`` by its name."""
    from relgate.collector import declared_gate
    from relgate.walking import SmokePath

    item = request.node
    run: Run = request.config.stash[RUN]
    walked = SmokePath(item, run, declared_gate(item) or "")
    try:
        why = _missing(walked, item)
        if why is not None:
            _absent(walked, gate, why)
        item.stash[PATH], item.stash[JUDGE] = walked, gate
        walked.outcomes.begin(walked.gate)
        yield walked
    finally:
        _remember(request.config, walked)
        item.stash[PATH] = None  # A further attempt makes its own.
        _give_up(walked)


@pytest.fixture
def http(path: SmokePath) -> Client:
    """An ``httpx.Client`` of the candidate: its base URL, headers, certificates; it asks nobody else."""
    return path.client


@pytest.fixture
def accounts(path: SmokePath) -> Accounts:
    """Whom the path may act as: ``accounts["admin"].password``, ``headers=accounts.headers("admin")``."""
    return path.accounts


@pytest.fixture
def page(request: pytest.FixtureRequest, path: SmokePath) -> Page:
    """A page of Playwright in a context of its own, with the candidate as base URL, watched until the path ends."""
    return path.open_pages(chromium(request.config)).page


@pytest.fixture
def created(path: SmokePath) -> Created:
    """What the path creates: ``created.tag`` names it, ``created.undo("DELETE", ...)`` says beforehand how it goes."""
    from relgate.receiving import Created

    return Created(path)


@pytest.fixture
def mailbox(path: SmokePath) -> Mailbox:
    """The mails that the service sends: ``mailbox.wait(to=address)``; needs ``smoke.mail`` in the policy."""
    from relgate.receiving import Mailbox

    return Mailbox(path.run.path)


@pytest.fixture
def webhook(path: SmokePath) -> Webhook:
    """An address for calls of the service: ``webhook.url``, ``webhook.wait()``; needs ``smoke.webhooks``."""
    from relgate.receiving import Webhook

    return Webhook(path.run.path, path.tag)


def chromium(config: pytest.Config) -> Chromium:
    """Return the browser of this process, started when it is first asked for."""
    from relgate.adapters.browser import Chromium
    from relgate.errors import RelgateError

    if BROWSER not in config.stash:
        try:
            tls = config.stash[RUN].environment.tls
            config.stash[BROWSER] = browser = Chromium(Path(tls.ca) if tls.ca and tls.verify else None)
        except RelgateError as error:
            pytest.fail(str(error), pytrace=False)
        config.add_cleanup(browser.close)
    return config.stash[BROWSER]


def _missing(walked: SmokePath, item: pytest.Item) -> str | None:
    """Wait for the paths that one comes after; return why it cannot run, None where it can."""
    selected = item.session.stash.get(SELECTED, frozenset())
    for name in needs(item):
        if f"smoke-{name}" not in selected:
            return f"after {name}, which was not selected"
        why = walked.outcomes.wait(f"smoke-{name}", walked.policy.wait_s)
        if why is not None:
            return f"after {name}: {why}"
    return None


def _absent(walked: SmokePath, judge: GateJudge, why: str) -> None:
    """Say that a path did not run: its verdict is `missing`, and the test is skipped."""
    from relgate.smoke.outcomes import Outcome

    walked.concluded = True
    walked.outcomes.end(walked.gate, Outcome("missing", why))
    judge.absent(walked.gate, why)
    pytest.skip(why)


def _give_up(walked: SmokePath) -> None:
    """Close a path; one that nobody concluded was skipped, interrupted, or broken in its setup."""
    from relgate.smoke.outcomes import Outcome

    if not walked.concluded:
        walked.undo_all()
    if walked.outcomes.read(walked.gate) is None:
        walked.outcomes.end(walked.gate, Outcome("missing", "it ended without a verdict"))
    walked.close()


def _remember(config: pytest.Config, walked: SmokePath) -> None:
    """Take the secrets that a path made up out of what allure-pytest writes, which formats exceptions by itself."""
    folder = getattr(config.option, "allure_report_dir", None)
    if not walked.secrets or not folder:
        return
    if SECRETS not in config.stash:
        known: list[str] = []
        config.stash[SECRETS] = known

        def clean() -> None:
            from relgate.adapters.allure import sweep

            sweep(Path(folder), walked.run.redactor.also(known).text)

        config.add_cleanup(clean)
    config.stash[SECRETS] += walked.secrets


def needs(item: pytest.Item) -> tuple[str, ...]:
    """Return the names of the paths that a test comes after, with or without ``smoke-`` in front."""
    named = [str(name) for marker in item.iter_markers("after") for name in marker.args]
    return tuple(dict.fromkeys(name.removeprefix("smoke-") for name in named))


class PathItems:
    """Hooks of every process that runs tests: paths stand after those that they need."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Order paths; names that are unknown and circles are an error of the collection."""
        from relgate.collector import declared_gate
        from relgate.smoke.order import OrderError, depths, unknown

        smoke = self._run.policy.smoke
        found = {item: str(declared_gate(item)).removeprefix("smoke-") for item in items if _is_path(item)}
        if smoke is None or not found:
            return
        asked = {name: needs(item) for item, name in found.items()}
        try:
            fault = unknown(asked, smoke.paths)
            order = depths(asked) if fault is None else {}
        except OrderError as error:
            fault = str(error)
        if fault is not None:
            first = next(item for item, name in found.items() if asked[name])
            report = pytest.CollectReport(first.nodeid.partition("::")[0], "failed", f"relgate: {fault}", None)
            config.hook.pytest_collectreport(report=report)
            items[:] = [item for item in items if item not in found]  # A worker would run them all the same.
            return
        places = [place for place, item in enumerate(items) if item in found]
        ordered = sorted((items[place] for place in places), key=lambda item: order.get(found[item], 0))
        for place, item in zip(places, ordered, strict=True):
            items[place] = item

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember which paths run: one that comes after another need not wait for what was not selected."""
        from relgate.collector import declared_gate

        session.stash[SELECTED] = frozenset(str(declared_gate(item)) for item in session.items if _is_path(item))


def _is_path(item: Any) -> bool:
    return "path" in getattr(item, "fixturenames", ()) and "gate" in item.fixturenames
