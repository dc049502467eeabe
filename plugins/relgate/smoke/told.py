"""A path that opened no page, as lines for a picture: its steps, what was found, what was asked and answered. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from relgate.ports.browsing import bare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_GOOD, _BAD, _PLAIN, _PALE = "darkgreen", "firebrick", "black", "dimgray"


def told(document: Mapping[str, Any], exchanges: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield lines with their colours.

    Args:
        document: of a path, as ``path.json`` has it.
        exchanges: what its HTTP client remembers, without secrets.

    """
    yield str(document["gate"]), _PLAIN
    yield "", _PLAIN
    for step in document["steps"]:
        took = "did not end" if step["took_s"] is None else f"{step['took_s']:.2f} s"
        bad = step["failed"] or step["took_s"] is None
        yield f"{'failed' if bad else 'done'}: {step['name']} ({took})", _BAD if bad else _GOOD
    for one in document["findings"]:
        yield f"{one['code']}: {one['what']}", _BAD if one["blocks"] else _PALE
    for problem in document["problems"]:
        yield f"problem: {problem}", _BAD
    for one in exchanges:
        yield "", _PLAIN
        colour = _BAD if int(one["status"]) >= 400 else _PLAIN
        yield f"{one['method']} {bare(str(one['url']))}: {one['status']} after {one['took_s']:.3f} s", colour
        yield from ((line, _PALE) for line in str(one.get("body", "")).splitlines()[:20])
