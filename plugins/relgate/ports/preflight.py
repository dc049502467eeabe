"""What is asked before a rollout, as values: what a command answered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Output:
    """What a command did. ``code``: None where it did not end by itself. ``fault``: why it cannot be believed.

    ``out`` and ``err`` are whole unless ``cut`` says that the middle of one was left out.
    """

    code: int | None
    out: str = ""
    err: str = ""
    fault: str | None = None
    cut: bool = False
    took_s: float = 0.0
