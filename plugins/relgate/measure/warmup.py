"""When a candidate has warmed up: found by the data, block by block.

A process that was just started fills caches and pools; it is slow and gets faster. A release that is slow stays slow.
So the warm-up lasts while the excess of the candidate over the baseline is *falling*: until the slope through WINDOW
blocks is no longer below zero by FALLING standard errors. The window that first does not fall is the first that counts.
For a release that does not warm up that is the first window, and nothing is lost: fewer blocks decide nothing anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from relgate.measure.contrast import Blocks

if TYPE_CHECKING:
    from relgate.measure.contrast import Block
    from relgate.measure.seconds import Second
    from relgate.values import Floats

WINDOW = 8
"""Blocks of a window."""

FALLING = 1.0
"""Standard errors: one in six windows of a steady release looks like falling and costs it one block."""


def falling(excess: Floats) -> bool:
    """Whether a series falls: the least-squares slope is below zero by more than FALLING of its standard errors."""
    x = np.arange(excess.size) - (excess.size - 1) / 2
    slope = float(x @ excess / (x @ x))
    left = excess - excess.mean() - slope * x
    error = float(np.sqrt(left @ left / (excess.size - 2) / (x @ x)))
    return slope < -FALLING * error


class WarmUp:
    """Watches seconds until the warm-up is over. ``longest_s``: when it is over whatever the data say."""

    def __init__(self, block_s: int, longest_s: float) -> None:
        self._block_s, self._longest_s = block_s, longest_s
        self._blocks = Blocks(1, (None,), block_s)
        self._excess: list[float] = []
        self.over_s: float | None = None
        """Seconds that do not count; None while that is not known."""

    def see(self, second: Second) -> float | None:
        """Take the next second; return ``over_s``."""
        if self.over_s is not None:
            return self.over_s
        block = self._blocks.see(second.candidate_s, second.baseline_s)
        if block is not None:
            self._close(block)
        return self.over_s

    def _close(self, block: Block) -> None:
        self._excess.append(float(block.excess[0, 0]) if np.isfinite(block.variance[0, 0]) else np.nan)
        begin = len(self._excess) - WINDOW
        if begin < 0:
            return
        window = np.array(self._excess[begin:])
        begin_s = float(begin * self._block_s)
        if begin_s >= self._longest_s or not np.isfinite(window).all() or not falling(window):
            self.over_s = min(begin_s, self._longest_s)
