"""What a path that failed leaves: pictures of its pages, trace, HAR, console, and a video where ffmpeg is there.

Everything is cleaned before it lies in the run's folder. Fields and texts that show a secret are covered on pictures;
pictures taken on the way, and the video made of them, are left out when a snapshot of any page shows one.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.adapters.browser import ffmpeg
from relgate.errors import first_line
from relgate.smoke.clean import Cleaner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Locator, Page

    from relgate.adapters.browser_pages import Pages
    from relgate.report.redact import Redactor

TRACE, HAR, CONSOLE, VIDEO = "trace.zip", "network.har", "console.txt", "video.webm"
_FRAMES_PER_S = 5
_LONGEST_VIDEO_S = 120
_VIDEO_TIMEOUT_S = 60
_PICTURE_TIMEOUT_MS = 5000


def keep(pages: Pages, folder: Path, clean: Redactor, secrets: Sequence[str]) -> list[str]:
    """Write what a person needs into ``folder`` and end the pages; return what could not be kept, as sentences.

    ``secrets``: what must not be readable on a picture.
    """
    lost: list[str] = []
    folder.mkdir(parents=True, exist_ok=True)
    for number, page in enumerate(pages.context.pages, 1):
        try:
            shoot(page, folder / f"screenshot-{number}.png", secrets)
        except Exception as error:  # noqa: BLE001  # a page that hangs or is gone: the rest is worth keeping
            lost.append(f"no screenshot of page {number}: {first_line(error)}")
    lines = [f"{one.kind}: {one.page}: {one.text} ({one.url}:{one.line})" for one in pages.seen.said]
    (folder / CONSOLE).write_text(clean.text("\n".join(lines) + "\n"), encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="relgate-trace-", dir=pages.visit.scratch) as name:
        raw = Path(name) / TRACE
        try:
            pages.context.tracing.stop(path=raw)
        except Exception as error:  # noqa: BLE001
            lost.append(f"no trace: {first_line(error)}")
        with suppress(Exception):
            pages.context.close()
        if raw.exists():
            har = Path(name) / HAR
            har.write_text(json.dumps(archive(raw)), encoding="utf-8")
            Cleaner(clean).file(har)
            if har.exists():
                (folder / HAR).write_bytes(har.read_bytes())
            lost += _keep_trace(raw, folder, clean)
    return lost


def archive(trace: Path) -> dict[str, Any]:
    """Return the requests of a trace as an HTTP archive (HAR 1.2), without their contents.

    A trace has an entry of such an archive for each request anyway: having Playwright record one beside it costs as
    much again, on every path that passes.
    """
    with zipfile.ZipFile(trace) as opened:
        lines = [
            json.loads(line)
            for name in sorted(opened.namelist())
            if name.endswith(".network")
            for line in opened.read(name).splitlines()
        ]
        head = next(json.loads(line) for line in opened.read("trace.trace").splitlines())
    entries = [_entry(line["snapshot"]) for line in lines if line.get("type") == "resource-snapshot"]
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "Playwright", "version": str(head.get("playwrightVersion", ""))},
            "browser": {"name": str(head.get("browserName", "")), "version": ""},
            "pages": [],
            "entries": sorted(entries, key=lambda one: str(one.get("startedDateTime", ""))),
        }
    }


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a trace's entry without what belongs to the trace: names of files that lie in it, and its pages."""
    request, response = dict(entry["request"]), dict(entry["response"])
    request.pop("postData", None)
    content = response.get("content", {})
    response["content"] = {key: content[key] for key in ("size", "mimeType") if key in content}
    own = {key: value for key, value in entry.items() if not key.startswith("_") and key != "pageref"}
    return own | {"request": request, "response": response}


def shoot(page: Page, path: Path, secrets: Sequence[str] = ()) -> None:
    """Take a picture of what a page shows, with what must not be read covered."""
    page.screenshot(path=path, animations="disabled", mask=_covered(page, secrets), timeout=_PICTURE_TIMEOUT_MS)


def _covered(page: Page, secrets: Sequence[str]) -> list[Locator]:
    """Return the elements of a page that show a secret."""
    long = [one for one in secrets if len(one) >= 4]
    fields = page.locator("input:not([type=hidden]):not([type=password]), textarea")
    values = fields.evaluate_all("all => all.map((one) => one.value)") if long else []
    shown = [fields.nth(place) for place, value in enumerate(values) if any(one in value for one in long)]
    return shown + [page.get_by_text(one) for one in long]


def _keep_trace(raw: Path, folder: Path, clean: Redactor) -> list[str]:
    """Clean the trace and make the video of its pictures."""
    cleaner = Cleaner(clean)
    dirty = raw.read_bytes()
    cleaner.file(raw)
    if not raw.exists():
        return ["no trace: it could not be cleaned"]
    lost = []
    if cleaner.shown:
        _without_pictures(raw)
        lost.append("no pictures on the way and no video: a page showed a secret")
    elif (program := ffmpeg()) is not None:
        why = _film(program, dirty, folder / VIDEO)
        lost += [why] if why else []
    (folder / TRACE).write_bytes(raw.read_bytes())
    return lost


def _without_pictures(trace: Path) -> None:
    """Take the pictures out of a trace."""
    with zipfile.ZipFile(trace) as old:
        entries = [(one.filename, old.read(one)) for one in old.infolist() if not one.filename.endswith(".jpeg")]
    with zipfile.ZipFile(trace, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in entries:
            new.writestr(name, content)


def _film(program: str, trace: bytes, path: Path) -> str | None:
    """Make a video of the pictures in a trace, each shown as long as it was; return why there is none."""
    frames = _frames(trace)
    if len(frames) < 2:
        return None
    arguments = ["-loglevel", "error", "-f", "image2pipe", "-c:v", "mjpeg", "-r", str(_FRAMES_PER_S), "-i", "pipe:0"]
    arguments += ["-y", "-an", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "1M"]
    try:
        done = subprocess.run(
            [program, *arguments, str(path)],
            input=b"".join(frames),
            capture_output=True,
            timeout=_VIDEO_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        path.unlink(missing_ok=True)
        return f"no video: {error}"
    if done.returncode == 0:
        return None
    path.unlink(missing_ok=True)
    return f"no video: {first_line(ValueError(done.stderr.decode(errors='replace')))}"


def _frames(trace: bytes) -> list[bytes]:
    """Return the pictures of a trace, repeated so that each is shown as long as it was."""
    import io

    with zipfile.ZipFile(io.BytesIO(trace)) as archive:
        names = set(archive.namelist())
        facts = [
            json.loads(line)
            for name in names
            if name.endswith(".trace")
            for line in archive.read(name).splitlines()
            if b'"screencast-frame"' in line
        ]
        shown = sorted(
            ((one["timestamp"], one["file"]) for one in facts if one.get("file") in names),
            key=lambda one: float(one[0]),
        )
        pictures: list[bytes] = []
        for place, (time_ms, name) in enumerate(shown):
            until_ms = shown[place + 1][0] if place + 1 < len(shown) else time_ms + 1000
            n = max(1, round((until_ms - time_ms) / 1000 * _FRAMES_PER_S))
            pictures += [archive.read(name)] * n
    return pictures[-_LONGEST_VIDEO_S * _FRAMES_PER_S :]
