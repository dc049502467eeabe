"""A smoke path while it is walked: its steps, whose fault an exception is, and what it has opened so far."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from relgate.acting import Accounts
    from relgate.adapters.asking import Client
    from relgate.adapters.browser import Chromium
    from relgate.adapters.browser_pages import Pages
    from relgate.policy.smoke import Allowed, Smoke
    from relgate.report.redact import Redactor
    from relgate.settings import Run
    from relgate.smoke.journal import Journal

_UNREACHABLE = (
    "ERR_CONNECTION_REFUSED",
    "ERR_NAME_NOT_RESOLVED",
    "ERR_ADDRESS_UNREACHABLE",
    "ERR_CONNECTION_TIMED_OUT",
    "ERR_INTERNET_DISCONNECTED",
)
_BROWSER_GONE = ("Target crashed", "Page crashed", "has been closed", "Connection closed")
NOT_OURS = (KeyboardInterrupt, SystemExit, GeneratorExit, pytest.exit.Exception)


class SmokePath:
    """The ``path`` fixture: the steps of one path, and what belongs to it.

    Attributes:
        name: of the path in the policy.
        tag: a word that is this path's in this run alone, for names of what it creates.

    """

    def __init__(self, item: pytest.Item, run: Run, gate: str) -> None:
        from relgate.acting import access_of, targets_of
        from relgate.smoke.journal import Journal, Owner, tag
        from relgate.smoke.outcomes import Outcomes
        from relgate.smoke.steps import Walk

        policy = run.policy.smoke
        if policy is None or gate not in policy.gates:
            pytest.fail(
                f"{gate} is no path of the policy: add {gate.removeprefix('smoke-')} to smoke.paths", pytrace=False
            )
        self.name = gate.removeprefix("smoke-")
        self.tag = tag(run.id, gate)
        self.item, self.run, self.gate = item, run, gate
        self._policy = policy
        self._began_s = time.monotonic()
        self.walk = Walk(gate)
        self.targets = targets_of(run.policy, run.environment, run.candidate_url, run.baseline_url)
        self.access = access_of(run.environment)
        self.journal: Journal = Journal(run.path, Owner(run.id, gate, run.environment_name, run.candidate_url))
        self.outcomes = Outcomes(run.path / "smoke" / "paths")
        self.secrets: list[str] = []
        self.pages: Pages | None = None
        self.opened: Client | None = None
        self.concluded = False

    @property
    def policy(self) -> Smoke:
        """The smoke section of the policy, with what this path allows beside it."""
        return self._policy

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """One step: whatever it raises fails the path, named like it."""
        step = self.walk.begin(name, self.now_s())
        try:
            yield
            if self.pages is not None:
                self.pages.settle()
        except NOT_OURS:
            raise
        except pytest.skip.Exception:
            self.walk.end(step, self.now_s(), failed=True)
            raise
        except BaseException as error:
            self.walk.end(step, self.now_s(), failed=True)
            self.blame(error, step=name)
            raise
        self.walk.end(step, self.now_s())

    def note(self, text: str) -> None:
        """Leave a sentence in the path's evidence."""
        self.walk.notes.append(text)

    def secret(self, value: str) -> str:
        """Return ``value``, which no evidence will show: a password that the path made up, a link from a mail."""
        from relgate.collector import REDACTOR

        self.secrets.append(value)
        self.item.stash[REDACTOR] = self.clean
        return value

    def allow(self, code: Allowed, contains: str, reason: str) -> None:
        """Accept findings of a kind whose text contains something: an answer 401 that the path is after."""
        from relgate.policy.smoke import Allow

        rule = Allow(code=code, contains=contains, reason=reason)
        self._policy = self._policy.model_copy(update={"allow": (*self._policy.allow, rule)})

    def looks_like_baseline(self, page: Page) -> None:
        """Compare what a page shows with the baseline's page at the same address; a difference is a warning."""
        from relgate.adapters.browser_compare import beside_baseline
        from relgate.references import headers_of

        if self.pages is None:
            raise TypeError("looks_like_baseline: expected the page of the fixture `page`")
        baseline = self.run.environment.baseline
        headers = headers_of(baseline) if baseline is not None else {}
        difference = beside_baseline(self.pages, page, self.folder, self._policy.visual, headers, self.known_secrets())
        self.pages.seen.differences.append(difference)

    @property
    def clean(self) -> Redactor:
        """What takes secrets out of texts, those of this path included."""
        return self.run.redactor.also(self.secrets)

    @property
    def folder(self) -> Path:
        """Where this path's evidence goes."""
        return self.run.path / "evidence" / "smoke" / self.gate

    @property
    def client(self) -> Client:
        """The HTTP client of this path."""
        from relgate.adapters.asking import Client

        if self.opened is None:
            correlation = f"{self.run.id}.{self.gate}"
            self.opened = Client(self.targets, self.access, self._policy.step_s, correlation)
        return self.opened

    @cached_property
    def accounts(self) -> Accounts:
        """Whom this path may act as; each logs in once."""
        from relgate.acting import Accounts

        return Accounts(self._policy.accounts, self.client)

    def known_secrets(self) -> list[str]:
        """Return every secret that evidence of this path must not show."""
        return [*self.run.secrets, *self.secrets]

    def open_pages(self, browser: Chromium) -> Pages:
        """Return the pages of this path, opened when they are first asked for."""
        from relgate.adapters.browser import ffmpeg
        from relgate.adapters.browser_pages import Pages, Visit
        from relgate.smoke.examined import Examined

        if self.pages is None:
            examined = Examined(self.run.path / "smoke" / "examined")
            visit = Visit(
                targets=self.targets,
                headers=dict(self.access.headers),
                verify=self.access.verify,
                step_s=self._policy.step_s,
                scratch=browser.folder,
                axe="accessibility" not in self._policy.without,
                film=self._policy.video and ffmpeg() is not None,
                examined=examined.of,
            )
            self.pages = Pages(browser.browser, visit)
        return self.pages

    def undo_all(self) -> list[str]:
        """Remove what the path created, newest first; return what could not be removed, as sentences."""
        from relgate.acting import undo

        left = []
        for todo in reversed(self.journal.left):
            why = undo(todo, self.client, self.accounts)
            if why is None:
                self.journal.done(todo)
            else:
                left.append(why)
        return left

    def keep(self) -> list[str]:
        """Write everything that tells what went wrong; return what could not be kept, as sentences."""
        from relgate.adapters.browser_evidence import keep

        if self.opened is not None and self.opened.said.exchanges:
            text = json.dumps(self._exchanges(), indent=1)
            (self.folder / "http.json").write_text(text + "\n", encoding="utf-8")
        return keep(self.pages, self.folder, self.clean, self.known_secrets()) if self.pages is not None else []

    def draw(self, document: dict[str, Any]) -> list[str]:
        """Make a picture of a path that has none of its pages, of its document; return why there is none."""
        from relgate.adapters.picture import draw
        from relgate.errors import UsageError
        from relgate.smoke.told import told

        try:
            draw(told(document, self._exchanges()), self.folder / "path.png")
        except (UsageError, OSError) as error:
            return [f"no picture: {error}"]
        return []

    def _exchanges(self) -> Any:
        """Return what was asked and answered, without secrets."""
        from relgate.smoke.clean import Cleaner

        return Cleaner(self.clean).value(self.opened.said.exchanges if self.opened is not None else [])

    def told(self) -> dict[str, Any]:
        """Return what the pages told, as JSON."""
        if self.pages is None:
            return {}
        seen = self.pages.seen
        return {
            "seen": [f"{one.status} {one.url}" for one in seen.documents],
            "vitals": [asdict(one) for one in seen.measured],
            "differences": [asdict(one) for one in seen.differences],
        }

    def close(self) -> None:
        """Close journal, pages and client."""
        self.journal.close()
        if self.pages is not None:
            self.pages.close()
        if self.opened is not None:
            self.opened.close()

    def now_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began_s

    def _answered(self) -> bool:
        by_http = self.opened is not None and self.opened.said.answered
        return by_http or (self.pages is not None and self.pages.seen.answered)

    def blame(self, error: BaseException, *, step: str = "") -> None:
        """Say whose fault an exception is: the release's, unless nobody asked it or nobody may."""
        from relgate.errors import RelgateError

        text = str(error) or type(error).__name__
        if isinstance(error, RelgateError):
            self.walk.unmeasured(error, text)
        elif self.pages is not None and self.pages.seen.refused:
            self.walk.unmeasured(error, self.pages.seen.refused[0])
        elif _unreachable(error) and not self._answered():
            self.walk.unmeasured(error, f"{self.targets.candidate} does not answer: {text}")
        elif _of_playwright(error) and any(word in text for word in _BROWSER_GONE):
            self.walk.unmeasured(error, f"the browser is gone: {text}")
        else:
            message = text if isinstance(error, AssertionError) else f"{type(error).__name__}: {text}"
            self.walk.failed(error, message, *_place(error, self.item), step=step)


def _unreachable(error: BaseException) -> bool:
    import httpx

    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | ConnectionRefusedError):
        return True
    return _of_playwright(error) and any(word in str(error) for word in _UNREACHABLE)


def _of_playwright(error: BaseException) -> bool:
    return type(error).__module__.startswith("playwright.")


def _place(error: BaseException, item: pytest.Item) -> tuple[str, int]:
    """Return file and line of the user's test at which an exception came up; where it was raised if it is elsewhere."""
    place: tuple[str, int] = ("", 0)
    mine: tuple[str, int] | None = None
    trace = error.__traceback__
    while trace is not None:
        here = (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        place = here
        mine = here if here[0] == str(item.path) else mine
        trace = trace.tb_next
    path, line = mine or place
    with suppress(ValueError):
        path = str(item.path.relative_to(item.config.rootpath)) if path == str(item.path) else path
    return path, line
