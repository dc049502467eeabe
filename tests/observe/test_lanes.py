"""What the prober sends."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from relgate.observe.lanes import id_maker, join_url, lanes, routes
from relgate.observe.streams import Header, Ids, Probe, ProbeRequest, Sides, Target
from tests.observe.test_plan import PLAN

if TYPE_CHECKING:
    from relgate.observe.plan import Plan


def test_lanes_point_at_their_routes() -> None:
    """Each side and request of each probe has a route of its own."""
    probe = Probe("one", 1.0, (ProbeRequest("/a"), ProbeRequest("/b")))
    plan = replace(
        PLAN, sides=Sides(Target("http://new/x/"), Target("http://old")), streams=(probe, replace(probe, name="two"))
    )

    urls = [[["http://new/x/a", "http://new/x/b"]], [["http://old/a", "http://old/b"]]]
    assert urls_of(plan) == [urls, urls]


def test_every_instance_of_a_side_has_its_routes() -> None:
    """Instances are asked instead of the side's URL, with the side's headers; sides may have different numbers."""
    header = Header("X-Env", "new")
    target = Target("http://new", (header,), instances=("http://pod-1", "http://pod-2/"))
    probe = Probe("one", 1.0, (ProbeRequest("/a"), ProbeRequest("/b")))
    plan = replace(PLAN, sides=Sides(target, Target("http://old")), streams=(probe,))

    assert urls_of(plan) == [
        [
            [["http://pod-1/a", "http://pod-1/b"], ["http://pod-2/a", "http://pod-2/b"]],
            [["http://old/a", "http://old/b"]],
        ]
    ]
    assert [route.access.headers for route in routes(plan)] == [(("X-Env", "new"),)] * 4 + [()] * 2


def urls_of(plan: Plan) -> list[list[list[list[str]]]]:
    """Return the URLs that the lanes point at: lane, side, instance, request."""
    found = routes(plan)
    return [
        [[[found[number].url for number in numbers] for numbers in side] for side in lane.routes.values()]
        for lane in lanes(plan)
    ]


def test_a_requests_own_header_replaces_its_sides() -> None:
    """The narrower header wins, whatever its case; both are not sent."""
    target = Target("http://new", (Header("X-Env", "side"), Header("X-Other", "side")))
    probe = Probe("one", 1.0, (ProbeRequest("/a", headers=(Header("x-env", "own"),)),))

    (route,) = routes(replace(PLAN, sides=Sides(target), streams=(probe,)))

    assert route.access.headers == (("X-Other", "side"), ("x-env", "own"))


def test_ids_are_uuids_of_version_4_and_differ() -> None:
    """Every request has an id that it shares with no other."""
    make = id_maker(Ids())
    found = {make() for _ in range(1000)}

    assert len(found) == 1000
    assert all(uuid.UUID(text).version == 4 and str(uuid.UUID(text)) == text for text in found)
    assert {uuid.UUID(text).variant for text in found} == {uuid.RFC_4122}


def test_trace_contexts_are_valid() -> None:
    """Version 00, a trace id, a parent id, sampled (W3C Trace Context)."""
    make = id_maker(Ids(style="traceparent"))

    assert all(re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", make()) for _ in range(100))


@pytest.mark.parametrize(
    ("base", "path"), [("http://a", "/x"), ("http://a/", "/x"), ("http://a/", "x"), ("http://a", "x")]
)
def test_paths_are_appended_with_one_slash(base: str, path: str) -> None:
    """A base with or without a slash at its end is the same base."""
    assert join_url(base, path) == "http://a/x"
