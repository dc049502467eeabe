"""Kinds of findings: what is said about every finding of one code. Tables of them stand beside the checks."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """What is said about every finding of one code. ``watch``: what a policy can leave out with all that it finds."""

    blocks: bool
    why: str
    do: str
    watch: str = ""


def blocks(why: str, do: str, watch: str = "") -> Fault:
    """Return a kind that fails its gate."""
    return Fault(blocks=True, why=why, do=do, watch=watch)


def warns(why: str, do: str, watch: str = "") -> Fault:
    """Return a kind that warns."""
    return Fault(blocks=False, why=why, do=do, watch=watch)
