"""From lines of a log to patterns: what of a line is the message, and which of its words only vary. Pure.

Two steps. ``pattern`` takes out of one line what is a value by its looks: numbers, ids, addresses, quoted texts, times.
``merged`` then looks at many such texts of both sides together and takes out the words that vary: where texts of one
length are equal but for one word, and ``VARIES`` different words stand there, that word is a value too. Neither knows
which side a line is of, so that the split of a pattern's lines over the sides stays what a test may be made of. The
order of lines does not matter.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

ANY = "<*>"
LONGEST = 400
"""Characters of a pattern; what follows says more about the values than about the fault."""
VARIES = 4
"""Words that stand at one place before the place counts as a value: two messages that differ in a word are two."""

_MESSAGE = ("message", "msg", "event", "log", "body", "text", "error", "exception")
_KIND = ("exception", "exc_info", "stack", "traceback", "error")
_TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
_VALUES = re.compile(
    "|".join(
        (
            _TIME,
            r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b",
            r"\b[\w.+-]+@[\w-]+\.[\w.]+\b",
            r"'[^'\s][^']{0,200}'|\"[^\"]{0,200}\"",
            r"\b0x[0-9a-fA-F]+\b",
            r"(?<![\w])(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{8,}(?![\w])",
            r"(?<![A-Za-z_])[+-]?\d+(?:[.,:]\d+)*",
        )
    )
)


def message(line: str) -> str:
    """Return what a line says: of a JSON object its message and the last line of its exception, else the line."""
    try:
        entry = json.loads(line) if line.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        entry = None
    if not isinstance(entry, dict):
        return line
    said = _first(entry, _MESSAGE)
    if said is None:
        return line
    why = _first(entry, _KIND)
    last = "" if why is None or why == said else why.strip().rpartition("\n")[2]
    return f"{said}: {last}" if last else said


def _first(entry: dict[str, Any], names: tuple[str, ...]) -> str | None:
    return next((entry[name] for name in names if isinstance(entry.get(name), str) and entry[name].strip()), None)


def pattern(line: str) -> str:
    """Return the pattern of one line: its message in one line, with ``<*>`` in the place of values."""
    text = " ".join(_VALUES.sub(ANY, message(line)).split())
    return text[:LONGEST] or ANY


def merged(patterns: Iterable[str]) -> dict[str, str]:
    """Return each pattern's common form: itself, or one with ``<*>`` where many like it have different words."""
    form = {text: tuple(text.split(" ")) for text in patterns}
    longest = max((len(words) for words in form.values()), default=0)
    for place in range(longest):
        groups: defaultdict[tuple[tuple[str, ...], tuple[str, ...]], set[str]] = defaultdict(set)
        for words in form.values():
            # A text of one or two words has nothing in common with others once one of them is left out.
            if len(words) > max(2, place):
                groups[words[:place], words[place + 1 :]].add(words[place])
        for text, words in form.items():
            if len(words) > max(2, place) and len(groups[words[:place], words[place + 1 :]] - {ANY}) >= VARIES:
                form[text] = (*words[:place], ANY, *words[place + 1 :])
    return {text: " ".join(words) for text, words in form.items()}
