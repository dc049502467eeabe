"""Kinds of findings: what is said about every finding of one code. Tables of them stand beside the checks."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """What is said about every finding of one code."""

    blocks: bool
    why: str
    do: str


def blocks(why: str, do: str) -> Fault:
    """Return a kind that fails its gate."""
    return Fault(blocks=True, why=why, do=do)


def warns(why: str, do: str) -> Fault:
    """Return a kind that warns."""
    return Fault(blocks=False, why=why, do=do)
