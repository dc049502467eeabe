"""Whether a probe's answer is what the policy's ``expect`` asks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from relgate.observe.streams import Expect
    from relgate.ports.observing import Hit

# Larger bodies are cut, and break an expectation about them: half a document is not the document.
KEEP_BYTES = 4 * 1024 * 1024


def broken(expect: Expect, hit: Hit) -> bool:
    """Whether a complete answer breaks the expectation. Answers that never came have a fault of their own."""
    if not any(low <= hit.status <= high for low, high in expect.status):
        return True
    if expect.content_type is not None:
        # Parameters such as charset say nothing about the type.
        came = (hit.content_type or "").split(";")[0].strip().lower()
        if came != expect.content_type.split(";")[0].strip().lower():
            return True
    if expect.contains is not None and expect.contains.encode() not in hit.body:
        return True
    return expect.json and not _is_json(hit.body)


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True
