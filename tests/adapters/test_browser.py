"""Which browser is taken, and how pictures are compared. What a browser does is tested in tests/smoke."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from relgate.adapters.browser import CHOSEN, Chromium, ffmpeg, launch, of_system
from relgate.adapters.pixels import TOLERANCE, difference
from relgate.errors import SourceError, UsageError


def program(folder: Path, name: str) -> str:
    """Write a program that does nothing."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_the_browser_of_the_environment_comes_before_that_of_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CHROME_BIN, then the usual names."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("CHROME_BIN", raising=False)
    assert of_system() is None
    assert of_system() is None
    chrome = program(tmp_path / "bin", "google-chrome")
    assert of_system() == chrome
    chromium = program(tmp_path / "bin", "chromium")
    assert of_system() == chromium
    own = program(tmp_path, "my-chrome")
    monkeypatch.setenv("CHROME_BIN", own)
    assert of_system() == own


def test_a_chosen_browser_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one is not taken in its place."""
    monkeypatch.setenv(CHOSEN, "/nowhere/chrome")
    with pytest.raises(UsageError, match=f"{CHOSEN} is /nowhere/chrome, which is no program"):
        launch(None)  # type: ignore[arg-type]  # it is not asked


def test_ffmpeg_of_playwright_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has none."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    assert ffmpeg() is None
    found = program(tmp_path / "ffmpeg-1011", "ffmpeg-linux")
    assert ffmpeg() == found


def picture(path: Path, size: tuple[int, int], colour: tuple[int, int, int], *dots: tuple[int, int]) -> Path:
    """Draw a picture of one colour with black dots."""
    image = Image.new("RGB", size, colour)
    for dot in dots:
        image.putpixel(dot, (0, 0, 0))
    image.save(path)
    return path


def test_pictures_differ_by_the_share_of_their_pixels(tmp_path: Path) -> None:
    """Equal ones by nothing, one dot in a hundred by 1 %."""
    one = picture(tmp_path / "a.png", (10, 10), (200, 200, 200))
    two = picture(tmp_path / "b.png", (10, 10), (200, 200, 200), (3, 4))
    shown = tmp_path / "d.png"

    assert difference(one, one, shown) == 0
    assert difference(one, two, shown) == pytest.approx(0.01)
    with Image.open(shown) as marked:
        assert marked.getpixel((3, 4)) == (220, 0, 0)


def test_shades_within_the_tolerance_do_not_count(tmp_path: Path) -> None:
    """In the channel that differs most."""
    one = picture(tmp_path / "a.png", (4, 4), (100, 100, 100))
    near = picture(tmp_path / "b.png", (4, 4), (100, 100 + TOLERANCE, 100))
    far = picture(tmp_path / "c.png", (4, 4), (100, 101 + TOLERANCE, 100))

    assert difference(one, near, tmp_path / "d.png") == 0
    assert difference(one, far, tmp_path / "d.png") == 1


def test_a_page_that_became_longer_differs_where_it_did(tmp_path: Path) -> None:
    """Also where the new part is white or black."""
    one = picture(tmp_path / "a.png", (10, 10), (255, 255, 255))
    for colour in ((255, 255, 255), (0, 0, 0), (9, 9, 9)):
        longer = Image.new("RGB", (10, 20), colour)
        longer.paste(Image.open(one), (0, 0))
        longer.save(tmp_path / "b.png")
        assert difference(one, tmp_path / "b.png", tmp_path / "d.png") == 0.5, colour
        assert difference(tmp_path / "b.png", one, tmp_path / "d.png") == 0.5, colour


def test_a_driver_that_misses_a_library_says_which(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And what to install: Playwright itself says that a connection was closed."""
    driver = tmp_path / "node"
    lost = "error while loading shared libraries: libatomic.so.1: cannot open shared object file"
    driver.write_text(f"#!/bin/sh\necho '{lost}' >&2\nexit 127\n")
    driver.chmod(0o755)
    monkeypatch.setenv("PLAYWRIGHT_NODEJS_PATH", str(driver))

    with pytest.raises(SourceError, match=r"libatomic\.so\.1.*apt-get install libatomic1"):
        Chromium()
