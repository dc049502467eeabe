"""How raw samples lie on disk: what the recorder writes and what judging and replaying read.

A recording is one folder with ``observation.json`` (the manifest) and one file a stream, named by its SHA-256 once
it is complete. Request streams are little-endian records of ``REQUEST``; all others are JSON lines. Both clocks are
kept: the monotonic one orders samples and gives durations, the wall clock says when that was.
"""

from __future__ import annotations

import numpy as np

SCHEMA = 1
MANIFEST = "observation.json"

REQUEST = np.dtype(
    [
        ("intended_ns", "<i8"),  # monotonic: when the request was due
        ("started_ns", "<i8"),  # monotonic: when the recorder really sent it
        ("finished_ns", "<i8"),  # monotonic: when the answer was complete
        ("wall_ns", "<i8"),  # Unix time of the intended start
        ("status", "<u2"),  # HTTP code, 0 without an answer
        ("fault", "u1"),  # one of FAULTS
        ("path", "<u2"),  # index into the stream's paths
        ("instance", "<u2"),  # index into the stream's instances
        ("size", "<u4"),  # bytes of the body
    ]
)

FAULTS = (
    "none",
    "timeout",  # no complete answer within the probe's timeout
    "connect",  # refused, unreachable, name not found
    "tls",
    "protocol",  # reset, truncated, not HTTP
    "expectation",  # an answer, but not what the policy's `expect` asks
    "recorder",  # the recorder could not send it in time: says nothing about the service
)
