"""What came of one question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relgate.values import Findings


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one question. ``text``: what was answered, for the evidence."""

    findings: Findings
    text: str = ""
