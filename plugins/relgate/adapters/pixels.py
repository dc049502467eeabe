"""How much two pictures differ, with Pillow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relgate.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

TOLERANCE = 16
"""Of 255, in the channel that differs most: what smoothed edges of letters differ by from one start to the next."""


def difference(first: Path, second: Path, shown: Path) -> float:
    """Return the share of pixels that differ; write a picture of them, red on the pale first one.

    Pictures of different sizes differ wherever only one of them is.

    Raises:
        UsageError: the extra is not installed.
        OSError: a picture cannot be read or written.

    """
    try:
        from PIL import Image, ImageChops
    except ImportError as error:
        raise UsageError("comparing pictures needs Pillow: pip install 'relgate[smoke]'") from error
    with Image.open(first) as one, Image.open(second) as two:
        size = (max(one.width, two.width), max(one.height, two.height))
        grounds = [Image.new("RGB", size, colour) for colour in ("white", "black")]
        for ground, picture in zip(grounds, (one, two), strict=True):
            ground.paste(picture.convert("RGB"), (0, 0))
        left, right = grounds
        bands = ImageChops.difference(left, right).split()
        most = ImageChops.lighter(ImageChops.lighter(bands[0], bands[1]), bands[2])
        both = (0, 0, min(one.width, two.width), min(one.height, two.height))
        differs = Image.new("L", size, 255)  # Where only one of them is, they differ whatever it shows.
        differs.paste(most.point([255 if level > TOLERANCE else 0 for level in range(256)]).crop(both), (0, 0))
        pale = Image.blend(left, Image.new("RGB", size, "white"), 0.7)
        pale.paste(Image.new("RGB", size, (220, 0, 0)), mask=differs)
        pale.save(shown)
        return differs.histogram()[255] / (size[0] * size[1])
