"""A gate as a policy's preflight brings it."""

from __future__ import annotations

from relgate.policy.model import Gate

GATE = Gate(
    id="preflight-it",
    signal=None,
    field=None,
    kind="findings",
    dimension="count",
    on_fail="hold",
    severity="normal",
    family="preflight",
)
