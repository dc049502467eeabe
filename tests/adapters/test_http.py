"""Questions over HTTP: whatever the world does becomes a fact."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.adapters.http import Endpoint, JsonSource, PollSource, number, resolve_pointer
from relgate.ports.observing import Access
from tests.adapters.servers import certificate, refused_url, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.adapters.servers import Service


@pytest.fixture
def service() -> Iterator[Service]:
    """Run a service for one test."""
    with serving() as running:
        yield running


def poll(url: str, access: Access | None = None, timeout_s: float = 2.0) -> dict[str, Any]:
    """Ask an endpoint once."""
    source = PollSource(Endpoint(url, access or Access(), timeout_s))
    try:
        return source.read()
    finally:
        source.close()


def value(service: Service, pointer: str, page: bytes, code: int = 200) -> dict[str, Any]:
    """Return what a JSON source makes of a page."""
    service.pages["/stats"] = (code, "application/json", page)
    source = JsonSource(Endpoint(f"{service.url}/stats", Access(), 2.0), pointer)
    try:
        return source.read()
    finally:
        source.close()


def test_a_poll_keeps_the_whole_answer(service: Service) -> None:
    """Code, body and the headers that health gates look at are kept; others are not."""
    facts = poll(f"{service.url}/ok")

    assert (facts["code"], facts["body"], facts["error"]) == (200, '{"status": "healthy"}', None)
    assert {"content-type", "date"} == set(facts["headers"])


def test_a_poll_asks_past_caches(service: Service) -> None:
    """A cached health answer is the health of long ago."""
    poll(f"{service.url}/ok")

    ((_, headers, _),) = service.requests
    assert headers["Cache-Control"] == "no-cache"


def test_a_server_error_is_an_answer(service: Service) -> None:
    """503 with a body is what a health endpoint says when it is down."""
    service.pages["/down"] = (503, "application/json", b'{"status": "down"}')

    facts = poll(f"{service.url}/down")

    assert (facts["code"], facts["body"], facts["error"]) == (503, '{"status": "down"}', None)


@pytest.mark.parametrize(
    ("path", "fault"),
    [("/reset", "protocol"), ("/truncated", "protocol"), ("/garbage", "protocol"), ("/hang", "timeout")],
)
def test_a_broken_answer_is_an_error_of_its_class(service: Service, path: str, fault: str) -> None:
    """No complete answer: the code is None and the error begins with its class."""
    facts = poll(service.url + path, timeout_s=0.3)

    assert None is facts["code"]
    assert facts["error"].startswith(f"{fault}: ")


def test_nobody_listening_is_a_connect_error() -> None:
    """A refused connection is told apart from a broken answer."""
    assert poll(refused_url())["error"].startswith("connect: ")


def test_a_self_signed_certificate_is_a_tls_error_unless_it_is_trusted(tmp_path: Path) -> None:
    """TLS is verified; an own authority or ``verify: false`` make it pass, a missing file does not."""
    ca, context = certificate(tmp_path)
    with serving(context) as service:
        url = service.url.replace("http:", "https:") + "/ok"
        kinds = (Access(), Access(ca=str(ca)), Access(verify=False), Access(ca=str(tmp_path / "none.pem")))
        facts = [poll(url, access) for access in kinds]

    assert [fact["code"] for fact in facts] == [None, 200, 200, None]
    assert [fact["error"].partition(":")[0] for fact in facts if fact["error"]] == ["tls", "tls"]


def test_the_connection_is_used_again_after_a_failure(service: Service) -> None:
    """A source that failed once is asked again and answers."""
    source = PollSource(Endpoint(f"{service.url}/flaky", Access(), 2.0))
    first = source.read()
    service.pages["/flaky"] = (200, "text/plain", b"here")
    second = source.read()
    source.close()

    assert (first["code"], second["code"]) == (404, 200)


def test_a_number_is_found_by_pointer(service: Service) -> None:
    """The number at the pointer is the value."""
    facts = value(service, "/queue/0/depth", b'{"queue": [{"depth": 17}]}')

    assert (facts["value"], facts["fault"]) == (17.0, None)


@pytest.mark.parametrize(
    ("page", "code"),
    [
        (b'{"depth": null}', 200),
        (b'{"depth": true}', 200),
        (b'{"depth": "17"}', 200),
        (b'{"depth": [17]}', 200),
        (b'{"depth": NaN}', 200),
        (b'{"depth": -Infinity}', 200),
        (b'{"depth": 1e999}', 200),
        (b'{"depth": 1' + b"0" * 400 + b"}", 200),
        (b"{}", 200),
        (b"[]", 200),
        (b"", 200),
        (b"<html>", 200),
        (b"[" * 100_000, 200),
        (b'{"depth": 17}', 500),
        (b'{"depth": 17}', 204),
    ],
)
def test_anything_but_a_finite_number_is_a_fault(service: Service, page: bytes, code: int) -> None:
    """None, booleans, text, NaN, infinity, nothing there, no JSON, and any code but 200 give no number."""
    facts = value(service, "/depth", page if code != 204 else b"", code)

    assert None is facts["value"]
    assert facts["fault"]
    json.dumps(facts, allow_nan=False)


@given(st.floats())
def test_a_number_is_finite_or_a_fault(candidate: float) -> None:
    """NaN and infinities never become a value."""
    facts = number(candidate)

    assert (facts["value"] is None) == (facts["fault"] is not None)
    json.dumps(facts, allow_nan=False)


_KEYS = st.text(alphabet="ab~/0 ", max_size=4)
_DOCUMENTS = st.recursive(
    st.integers(), lambda inner: st.lists(inner, min_size=1) | st.dictionaries(_KEYS, inner, min_size=1), max_leaves=8
)


@given(_DOCUMENTS, st.data())
def test_every_place_of_a_document_has_a_pointer_that_finds_it(document: Any, data: st.DataObject) -> None:
    """Escaping and resolving a pointer are inverse (RFC 6901)."""
    place, pointer = document, ""
    while isinstance(place, dict | list) and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        pointer += "/" + str(key).replace("~", "~0").replace("/", "~1")
        place = place[key]

    assert place == resolve_pointer(document, pointer)


@pytest.mark.parametrize("pointer", ["depth", "/01", "/-", "/-1", "/9", "/a", "/0/x"])
def test_a_pointer_to_nothing_is_a_lookup_error(pointer: str) -> None:
    """Leading zeros, negative and missing places are nothing, not the nearest something."""
    with pytest.raises(LookupError):
        resolve_pointer([1], pointer)
