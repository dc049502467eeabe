"""The warm-up before a bake: requests to the candidate that nobody judges. What cannot be done is a hold."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from relgate.child import Child
from relgate.errors import SourceError
from relgate.observe.plan import Plan
from relgate.observe.store import open_recording
from relgate.observe.streams import Probe, ProbeRequest, Sides
from relgate.values import Requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from relgate.observe.streams import Target
    from relgate.policy.loads import WarmUp
    from relgate.settings import Run

FOLDER = "warm-up"
_GRACE_S = 30.0
_SENT = 0.9
_ANSWERED = 0.99


def warm_up(run: Run, asked: WarmUp, target: Target, say: Callable[[str], None]) -> None:
    """Send what the stage asks for, and wait until it is answered.

    Raises:
        SourceError: more than a tenth of it could not be sent, or more than 1 % of that was not answered at all.

    """
    paths = asked.paths or _probed(run) or ("/",)
    long_s = asked.requests / asked.rate_per_s
    say(f"warming {run.candidate_url} up: {asked.requests} requests at {asked.rate_per_s:g}/s, not judged")
    folder = run.path / FOLDER
    stream = Probe("warm-up", asked.rate_per_s, tuple(ProbeRequest(path) for path in paths))
    plan = Plan(run.id, str(folder), long_s, Sides(target), (stream,), redact=run.policy.redact)
    with Child("relgate.record", plan.to_json(), "the warm-up") as recorder:
        _wait(recorder, long_s)
    samples = open_recording(folder).evidence("warm-up", "errors").candidate
    sent = int(samples.usable.sum()) if isinstance(samples, Requests) else 0
    answered = int((samples.status > 0).sum()) if isinstance(samples, Requests) else 0
    if sent < _SENT * asked.requests:
        raise SourceError(
            f"the warm-up could not be done: only {sent} of {asked.requests} requests could be sent in time"
        )
    if answered < _ANSWERED * sent:
        raise SourceError(f"the warm-up could not be done: {answered} of {sent} requests were answered")


def _wait(recorder: Child, long_s: float) -> None:
    deadline = time.monotonic() + long_s + _GRACE_S
    while time.monotonic() < deadline:
        progress = recorder.progress(timeout_s=0.5)
        if progress is None and not recorder.alive():
            raise SourceError(f"the warm-up ended before it was done: {recorder.last_words()}")
        if progress is not None and "finished" in progress:
            if not progress["finished"]:
                raise SourceError(f"the warm-up could not be done: {progress.get('error')}")
            return
    raise SourceError(f"the warm-up did not end within {_GRACE_S:.0f} s after its time")


def _probed(run: Run) -> tuple[str, ...]:
    """Return what the policy's probes get: what a warm-up has to have touched before."""
    probes = [signal.probe for signal in run.policy.signals.values() if signal.probe is not None]
    paths = (request.path for probe in probes for request in probe.requests if request.method == "GET")
    return tuple(dict.fromkeys(paths))
