"""Files of the pages, under names that change with their content: ``shop.css`` is served as ``shop.1a2b3c4d.css``.

Such a name may be cached for ever, and a page always gets the files that it was built with. A name of another build is
not found. The plain names are there too, for people; those are asked for again every time.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"
FOR_EVER = "public, max-age=31536000, immutable"
HERO = "hero.webp"


def _named(plain: str, content: bytes) -> str:
    stem, dot, kind = plain.rpartition(".")
    return f"{stem}.{hashlib.sha256(content).hexdigest()[:8]}{dot}{kind}"


NAMES = {path.name: _named(path.name, path.read_bytes()) for path in sorted(FOLDER.iterdir()) if path.is_file()}
"""Plain name -> name with the hash of its content (8 hex digits of SHA-256)."""
PLAIN = {named: plain for plain, named in NAMES.items()}


def address(name: str) -> str:
    """Return where pages find the file with this plain name. Raises KeyError when there is none."""
    return f"/static/{NAMES[name]}"


def of_previous_build(name: str) -> str:
    """Return the same out of the list of the build before, in which the style sheet was another one."""
    if name != "shop.css":
        return address(name)
    # The bug of release `stale-asset`: pages are rendered with that list.
    return "/static/" + _named(name, (FOLDER / name).read_bytes() + b"\n")


def picture(category: str) -> str:
    """Return where the picture of a category is, or the one for goods of no known category."""
    name = f"{category.lower()}.svg"
    return address(name if name in NAMES else "goods.svg")


class Assets(StaticFiles):
    """Serves the folder under both names."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file, or 404 (as an exception, which becomes the shop's own answer)."""
        plain = PLAIN.get(path, path)
        if plain == HERO:
            await asyncio.sleep(scope["app"].state.shop.settings.behaviours.hero_delay_s)
        answer = await super().get_response(plain, scope)
        answer.headers["Cache-Control"] = FOR_EVER if path in PLAIN else "no-cache"
        return answer
