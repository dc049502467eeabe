"""One Chromium for a process, through Playwright: started when the first path asks for a page.

Which one: ``RELGATE_CHROMIUM`` where it is set, else what Playwright has installed, else ``CHROME_BIN`` or a Chromium
of the system. Its temporary files lie in a folder that the next start removes where this process was killed; the
browser itself ends with it, since Playwright's driver ends with its input and Chromium with the driver.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.adapters.browser_trust import home
from relgate.adapters.owned import OwnedFolder, sweep
from relgate.errors import SourceError, UsageError, first_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Browser, Playwright

CHOSEN = "RELGATE_CHROMIUM"
# The headless shell comes first: for the same pages it takes a third of the processor time (benchmarks/smoke).
_SYSTEM = (
    "chromium-headless-shell",
    "chrome-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
_PREFIX = "relgate-browser-"
_LONGEST = 40
"""Letters of a folder in which the path of a socket (107 letters) still has room for our folder and Chromium's."""
_NO_EXTRA = "pages need Playwright: pip install 'relgate[smoke]'"
_NO_BROWSER = (
    "no Chromium here: run `playwright install chromium`, or `apt-get install chromium-headless-shell`, or set "
    f"{CHOSEN} to one (Playwright has none installed, CHROME_BIN and PATH name none)"
)
# A window that nobody sees needs neither a picture of its fonts on a GPU nor a sound device.
_FLAGS = ("--disable-gpu", "--mute-audio", "--force-color-profile=srgb")


class Chromium:
    """A browser process and its driver. ``close`` ends both.

    Args:
        ca: a file with further authorities that it believes, None for its own alone.

    Raises:
        UsageError: Playwright or a browser is not installed, or the authorities cannot be used.
        SourceError: there is one and it does not start.

    """

    def __init__(self, ca: Path | None = None) -> None:
        try:
            from playwright.sync_api import sync_playwright
        except ImportError as error:
            raise UsageError(_NO_EXTRA) from error
        sweep(_PREFIX)
        # In memory where the usual place has a long name: Chromium makes a socket in it.
        self._folder = OwnedFolder(_PREFIX, fast=len(tempfile.gettempdir()) > _LONGEST)
        try:
            more = home(ca, self._folder.path) | {"TMPDIR": str(self._folder.path)} if ca is not None else {}
        except BaseException:
            self._folder.remove()
            raise
        try:
            with _temporary_files_in(self._folder.path):
                self._playwright: Playwright = sync_playwright().start()
        except Exception as error:
            self._folder.remove()
            raise SourceError(f"Playwright does not start: {_of_its_driver() or first_line(error)}") from error
        try:
            self.browser: Browser = launch(self._playwright, more)
        except BaseException:
            self._playwright.stop()
            self._folder.remove()
            raise

    @property
    def folder(self) -> Path:
        """Where temporary files lie until the browser is closed."""
        return self._folder.path

    def close(self) -> None:
        """End the browser. One that is gone already has ended."""
        with suppress(Exception):
            self.browser.close()
        with suppress(Exception):
            self._playwright.stop()
        self._folder.remove()


def launch(playwright: Playwright, environment: Mapping[str, str] | None = None) -> Browser:
    """Start a browser without a window.

    Args:
        playwright: the driver.
        environment: variables that differ from this process's.

    Raises:
        UsageError: there is none.
        SourceError: there is one and it does not start.

    """
    own: dict[str, Any] = {"env": {**os.environ, **environment}} if environment else {}
    path = os.environ.get(CHOSEN) or None
    if path is not None and shutil.which(path) is None:
        raise UsageError(f"{CHOSEN} is {path}, which is no program")
    if path is None:
        with suppress(_NotInstalledError):
            return _start(playwright, **own)
        path = of_system()
    if path is None:
        raise UsageError(_NO_BROWSER)
    return _start(playwright, executable_path=shutil.which(path), **own)


def of_system() -> str | None:
    """Return the path of a Chromium that the system has, None where it has none."""
    candidates = (os.environ.get("CHROME_BIN") or "", *_SYSTEM)
    return next((found for name in candidates if name and (found := shutil.which(name))), None)


def ffmpeg() -> str | None:
    """Return the path of an ffmpeg: the system's, or the one that Playwright has installed."""
    found = shutil.which("ffmpeg")
    if found is not None:
        return found
    place = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    return next((str(path) for path in sorted(place.glob("ffmpeg-*/ffmpeg-*")) if os.access(path, os.X_OK)), None)


class _NotInstalledError(Exception):
    """Playwright knows where its browser would be, and there is none."""


def _start(playwright: Playwright, **where: Any) -> Browser:
    from playwright.sync_api import Error

    try:
        return playwright.chromium.launch(args=list(_FLAGS), **where)
    except Error as error:
        if "executable_path" not in where and "Executable doesn't exist" in str(error):
            raise _NotInstalledError from error
        fatal = next((line.partition("FATAL:")[2] for line in str(error).splitlines() if "FATAL:" in line), "")
        raise SourceError(f"Chromium does not start: {fatal or first_line(error)}") from error


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Have the driver, which is started in here, and its browsers put their temporary files into a folder."""
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before


def _of_its_driver() -> str:
    """Return why Playwright's driver does not run, empty where it does: a library that this system has not."""
    from playwright._impl._driver import compute_driver_executable

    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            [compute_driver_executable()[0], "--version"], capture_output=True, text=True, timeout=10, check=False
        )
        said = (done.stderr.strip().splitlines() or [f"its driver ended with {done.returncode}"])[0]
        library = re.search(r"(lib[a-z]+)\.so\.(\d+): cannot open", said)
        hint = f" (on Debian: apt-get install {library[1]}{library[2]})" if library is not None else ""
        return f"{said}{hint}" if done.returncode else ""
    return ""
