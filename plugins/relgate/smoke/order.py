"""In which order paths run when some come after others. Pure.

A path runs after all that it needs, and otherwise where it stood. Those that need nothing come first: what is waited
for has then had the most time to finish.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class OrderError(ValueError):
    """Paths cannot be put in order; the text names them."""


def depths(needs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return for each path how many others come before it, one after the other; 0 for one that needs none.

    ``needs``: path -> the paths that it comes after; one that is no key needs nothing.

    Raises:
        OrderError: paths wait for each other.

    """
    found: dict[str, int] = {}

    def depth(path: str, above: tuple[str, ...]) -> int:
        if path in above:
            circle = (*above[above.index(path) :], path)
            raise OrderError(f"paths wait for each other: {' after '.join(circle)}. Remove one @pytest.mark.after")
        if path not in found:
            found[path] = max((depth(one, (*above, path)) + 1 for one in needs.get(path, ())), default=0)
        return found[path]

    for path in needs:
        depth(path, ())
    return found


def unknown(needs: Mapping[str, Sequence[str]], known: Sequence[str]) -> str | None:
    """Return what is wrong with the names that paths come after; None where each is a path of the policy."""
    for path, names in needs.items():
        for name in names:
            if name not in known:
                return f"{path} comes after {name!r}, which is no path of the policy: it has {', '.join(known)}"
    return None
