"""Follows the requests of a recording while it is made: every record once, at a cost that does not grow with the bake.

A look reads only what was appended since the one before. Records come in the order in which their requests *ended*, so
the requests of a stretch of time are complete only once the recorder says so: ``settled_s`` in its progress is the
moment (seconds since the bake began) before which nothing is open any more. Whoever judges a stretch earlier leaves
out its slowest requests.

What is read here has no digest yet. A verdict rests on the finished recording (``store``); this is for looks.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

from relgate.errors import SourceError
from relgate.observe.records import decode, whole
from relgate.observe.store import open_recording

if TYPE_CHECKING:
    from relgate.observe.store import Recording
    from relgate.values import Requests, Side


class _Place(NamedTuple):
    """An open file, and how far it has been read."""

    descriptor: int
    offset: int


class Tail:
    """The requests of a running (or finished) recording, as they come.

    Files are kept open: the recorder renames them when it is done, and what it wrote last is read all the same. Use it
    as a context manager, or call ``close``.

    Args:
        folder: as for ``store.open_recording``.

    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = folder
        self._recording: Recording | None = None
        self._places: dict[tuple[str, str], _Place] = {}

    def read(self, signal: str) -> list[tuple[Side, Requests]]:
        """Return what was recorded of a probe since the last read, for each side, the candidate first.

        A side of which nothing new has come has empty arrays. The end of a file may be half a record: it is left for
        the next read. Nothing is passed over by an error: the next read begins where this one did.

        Raises:
            SourceError: there is no recording (yet), the signal is no probe of it, or a file is missing, has shrunk, or
                holds what is no request.

        """
        try:
            return self._read(signal)
        except (OSError, ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
            raise SourceError(f"{self._folder}: the requests of {signal} cannot be read: {error!r}") from error

    def close(self) -> None:
        """Close the files. The next read begins anew."""
        for place in self._places.values():
            os.close(place.descriptor)
        self._places.clear()
        self._recording = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, signal: str) -> list[tuple[Side, Requests]]:
        if self._recording is None:
            self._recording = open_recording(self._folder, live=True)
        recording = self._recording
        stream = next((one for one in recording.manifest["streams"] if one["name"] == signal), None)
        if stream is None or stream["kind"] not in ("probe", "load"):
            raise SourceError(f"{self._folder}: {signal} is no probe and no load of this recording")
        found: list[tuple[Side, Requests]] = []
        moved: dict[tuple[str, str], _Place] = {}
        for side in stream["sides"]:
            place = self._places.get((signal, side)) or self._open(recording, signal, side)
            data = _appended(place)
            found.append((cast("Side", side), decode(data, recording.manifest, stream, side)))
            moved[signal, side] = place._replace(offset=place.offset + len(data))
        self._places |= moved
        return found

    def _open(self, recording: Recording, signal: str, side: str) -> _Place:
        wanted = (signal, side, "requests")
        entries: list[dict[str, Any]] = recording.manifest["files"]
        name = next(
            str(entry["file"]) for entry in entries if (entry["stream"], entry["side"], entry["role"]) == wanted
        )
        try:
            descriptor = os.open(recording.folder / Path(name).name, os.O_RDONLY)
        except OSError:
            # The recorder is about to finish and has renamed it: the manifest that is read next time says how.
            self._recording = None
            raise
        place = self._places[signal, side] = _Place(descriptor, 0)
        return place


def _appended(place: _Place) -> bytes:
    """Return the whole records after a place; SourceError when the file is shorter than what was read already."""
    size = os.fstat(place.descriptor).st_size
    if size < place.offset:
        raise SourceError(f"a file of requests has shrunk from {place.offset} to {size} bytes")
    data = os.pread(place.descriptor, size - place.offset, place.offset)
    return data[: whole(data)]
