"""What the prober sends: the routes of a plan's probes, and fresh correlation ids."""

from __future__ import annotations

import random
from itertools import count
from typing import TYPE_CHECKING

from relgate.observe import expect
from relgate.observe.prober import Lane
from relgate.observe.streams import Probe
from relgate.ports.observing import Access, Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from relgate.observe.plan import Plan
    from relgate.observe.streams import Ids, ProbeRequest, Target


def routes(plan: Plan) -> tuple[Route, ...]:
    """Return every request of every instance of every side of every probe, the probes outermost."""
    return tuple(
        _route(probe, request, target, url)
        for probe in plan.streams
        if isinstance(probe, Probe)
        for _, target in plan.sides.present()
        for url in target.probed
        for request in probe.requests
    )


def lanes(plan: Plan) -> tuple[Lane, ...]:
    """Return one lane for each probe; its numbers of routes are indices into ``routes``."""
    found: list[Lane] = []
    number = count()
    for probe in plan.streams:
        if not isinstance(probe, Probe):
            continue
        numbers = {
            side: tuple(tuple(next(number) for _ in probe.requests) for _ in target.probed)
            for side, target in plan.sides.present()
        }
        ids = probe.ids
        make_id = id_maker(ids) if ids is not None and ids.send else None
        found.append(Lane(probe.rate_per_s, numbers, probe.in_flight, make_id, ids.header if ids is not None else ""))
    return tuple(found)


def _route(probe: Probe, request: ProbeRequest, target: Target, url: str) -> Route:
    own = {header.name.lower() for header in request.headers}
    headers = [(h.name, h.value) for h in target.headers if h.name.lower() not in own]
    headers += [(h.name, h.value) for h in request.headers]
    return Route(
        method=request.method,
        url=join_url(url, request.path),
        access=Access(tuple(headers), target.verify, target.ca),
        body=request.body.encode() if request.body is not None else None,
        timeout_s=probe.timeout_s,
        http=probe.http,
        id_header=probe.ids.header if probe.ids is not None and probe.ids.facts else None,
        keep_bytes=expect.KEEP_BYTES if request.expect.needs_body else 0,
    )


def join_url(base: str, path: str) -> str:
    """Append a path to a server's URL, which may have a path itself."""
    return f"{base.rstrip('/')}/{path.lstrip('/')}"


def id_maker(ids: Ids) -> Callable[[], str]:
    """Return a maker of ids: UUIDs of version 4 (RFC 9562) or trace contexts (W3C, sampled)."""
    # Seeded by the system: ids must be new in every run, but a system call for each would cost the prober time.
    source = random.Random()

    def uuid() -> str:
        digits = f"{source.getrandbits(128):032x}"
        variant = "89ab"[int(digits[16], 16) & 3]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"

    def traceparent() -> str:
        # All zeros is not a valid trace or parent id.
        return f"00-{source.getrandbits(128) or 1:032x}-{source.getrandbits(64) or 1:016x}-01"

    return traceparent if ids.style == "traceparent" else uuid
