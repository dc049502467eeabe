"""Request records -> values: the one place that says what the stored numbers mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from relgate.errors import SourceError
from relgate.observe.format import FAULTS, REQUEST
from relgate.values import Requests

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from numpy.typing import NDArray

_RECORDER = FAULTS.index("recorder")


def whole(data: bytes) -> int:
    """Return how many of these bytes are complete records: a file that is still being written may end anywhere."""
    return len(data) - len(data) % REQUEST.itemsize


def decode(data: bytes, manifest: Mapping[str, Any], stream: Mapping[str, Any], side: str) -> Requests:
    """Return the requests of whole records, in the order in which they are stored: that in which they ended.

    Args:
        data: a whole number of records.
        manifest: of the recording, finished or not.
        stream: the entry of the probe in it.
        side: whose requests they are.

    Raises:
        SourceError: a record names a fault, a path or an instance that does not exist.

    """
    records = np.frombuffer(data, dtype=REQUEST)
    paths = tuple(str(path) for path in stream["paths"])
    # Recordings made before instances existed do not name any; a load asks a side as one.
    load = stream.get("kind") == "load"
    instances = () if load else tuple(str(url) for url in manifest.get("instances", {}).get(side, ()))
    bounds = {"fault": len(FAULTS), "path": max(1, len(paths)), "instance": max(1, len(instances))}
    if load and not paths:
        del bounds["path"]  # Names of a load's requests are known only at its end.
    for name, bound in bounds.items():
        if len(records) and records[name].max() >= bound:
            raise SourceError(f"a request record of the {side} has a {name} that does not exist")
    start_ns = int(manifest["started"]["monotonic_ns"])
    usable = records["fault"] != _RECORDER
    return Requests(
        intended_s=(records["intended_ns"] - start_ns) / 1e9,
        latency_s=(records["finished_ns"] - records["intended_ns"]) / 1e9,
        lag_s=(records["started_ns"] - records["intended_ns"]) / 1e9,
        status=records["status"].astype(np.int64),
        failed=(records["fault"] != 0) & usable,
        usable=usable,
        path=records["path"].astype(np.int64),
        paths=paths,
        instance=records["instance"].astype(np.int64),
        instances=instances,
    )


def by_due_time(data: bytes) -> bytes:
    """Return whole records in the order in which their requests were due."""
    records: NDArray[np.void] = np.frombuffer(data, dtype=REQUEST)
    return records[np.argsort(records["intended_ns"], kind="stable")].tobytes()
