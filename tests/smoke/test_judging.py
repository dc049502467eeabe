"""What pages said -> findings, by the policy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relgate.policy.smoke import Allow, Limits, Smoke
from relgate.ports.browsing import Difference, Document, Failed, Measured, Said, Seen, Violation, bare, origin
from relgate.smoke.faults import FAULTS
from relgate.smoke.pages import judge, shown, starved, vitals

CANDIDATE = "https://shop.example"
GOOD = tuple(
    {
        "content-security-policy": "default-src 'self'; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }.items()
)
POLICY = Smoke(paths=("home",))


def codes(seen: Seen, policy: Smoke = POLICY) -> list[str]:
    """Return the codes of what is found."""
    return [one.code for one in judge("smoke-home", seen, policy, CANDIDATE)]


def document(**changed: str | None) -> Seen:
    """A page with good headers, some of them changed or, with None, gone."""
    headers = dict(GOOD) | {name.replace("_", "-"): value for name, value in changed.items()}
    kept = tuple((name, value) for name, value in headers.items() if value is not None)
    return Seen(documents=[Document(f"{CANDIDATE}/", 200, kept)])


def test_a_page_with_good_headers_is_clean() -> None:
    """frame-ancestors stands for X-Frame-Options."""
    assert codes(document()) == []
    assert codes(document(content_security_policy="default-src 'self'")) == ["header-missing"]


@pytest.mark.parametrize("name", ["x_content_type_options", "referrer_policy"])
def test_a_header_that_is_gone_is_found(name: str) -> None:
    """Once for each page."""
    assert codes(document(**{name: None})) == ["header-missing"]


@pytest.mark.parametrize(
    ("csp", "weak"),
    [
        ("default-src 'self' 'unsafe-inline'; frame-ancestors 'none'", True),
        ("default-src 'self'; script-src 'self' 'unsafe-inline'; frame-ancestors 'none'", True),
        ("default-src 'self' 'unsafe-inline'; script-src 'self'; frame-ancestors 'none'", False),
        ("script-src 'unsafe-inline' 'nonce-abc'; frame-ancestors 'none'", False),
    ],
)
def test_a_policy_that_allows_inline_scripts_warns(csp: str, weak: bool) -> None:
    """Unless what counts for scripts forbids them, or a nonce makes the browser ignore the word."""
    found = judge("g", document(content_security_policy=csp), POLICY, CANDIDATE)
    assert [(one.code, one.blocks) for one in found] == ([("header-weak", False)] if weak else [])


def test_pages_of_others_are_not_judged() -> None:
    """Their headers and their requests are their business."""
    seen = Seen(
        documents=[Document("https://pay.example/", 200, ())],
        failed=[Failed(f"{CANDIDATE}/", "https://cdn.example/x.js", "GET", "script", 404)],
    )
    assert codes(seen) == []


def test_requests_that_fail_are_found_once_each() -> None:
    """A status from 400 on, or no answer; not the page itself, not what was left, not an icon nobody asked for."""
    page = f"{CANDIDATE}/"
    seen = Seen(
        failed=[
            Failed(page, f"{CANDIDATE}/gone.css?v=1", "GET", "stylesheet", 404),
            Failed(page, f"{CANDIDATE}/gone.css?v=2", "GET", "stylesheet", 404),
            Failed(page, f"{CANDIDATE}/api", "GET", "fetch", 0, "net::ERR_EMPTY_RESPONSE"),
            Failed(page, f"{CANDIDATE}/api", "GET", "fetch", 0, "net::ERR_ABORTED"),
            Failed(page, f"{CANDIDATE}/login", "POST", "document", 401),
            Failed(page, f"{CANDIDATE}/favicon.ico", "GET", "other", 404),
        ]
    )
    assert codes(seen) == ["request-failed", "request-failed"]


def test_the_console_repeats_no_request() -> None:
    """A line about a request of the candidate is left out; one about somebody else's is all there is."""
    text = "Failed to load resource: the server responded with a status of 404 ()"
    seen = Seen(
        said=[
            Said("console", f"{CANDIDATE}/", text, f"{CANDIDATE}/gone.css"),
            Said("console", f"{CANDIDATE}/", text, "https://cdn.example/gone.css"),
            Said("exception", f"{CANDIDATE}/", "TypeError: null"),
        ]
    )
    assert codes(seen) == ["console-error", "exception"]


def test_mixed_content_is_told_by_the_request_and_by_the_browser() -> None:
    """What was loaded, and what the browser stopped."""
    seen = Seen(
        insecure=[(f"{CANDIDATE}/", "http://shop.example/pixel.png?u=1")],
        said=[Said("console", f"{CANDIDATE}/", "Mixed Content: The page at ... was blocked")],
    )
    assert codes(seen) == ["mixed-content", "mixed-content"]


@pytest.mark.parametrize(
    ("impact", "blocks"), [("minor", False), ("moderate", False), ("serious", True), ("critical", True)]
)
def test_the_impact_from_which_accessibility_blocks_is_the_policys(impact: str, blocks: bool) -> None:
    """Lighter ones warn."""
    seen = Seen(violations=[Violation(f"{CANDIDATE}/", "label", impact, "has no label", "#q", 2)])  # type: ignore[arg-type]
    (found,) = judge("g", seen, POLICY, CANDIDATE)
    assert found.blocks is blocks
    assert "at #q and 1 more" in found.what


def test_the_worst_page_of_a_path_counts() -> None:
    """One finding for each Web Vital, which names the page."""
    seen = Seen(measured=[Measured(f"{CANDIDATE}/{n}", "lcp", n * 1.0) for n in (1, 4, 3)])
    (found,) = judge("g", seen, POLICY, CANDIDATE)
    assert found.what == "/4: LCP 4.00 s, limit 2.50 s"


@given(
    st.lists(
        st.tuples(st.sampled_from(["lcp", "cls", "inp"]), st.floats(0, 100), st.sampled_from([0.0, 0.5, 200.0])),
        max_size=20,
    ),
    st.floats(0.001, 50),
)
def test_a_vital_over_the_limit_is_found_or_not_decidable(
    measured: list[tuple[str, float, float]], limit: float
) -> None:
    """Whatever the order: a finding where a visit is over it even without the browser's wait, else a problem."""
    seen = Seen(measured=[Measured(f"{CANDIDATE}/", *one) for one in measured])  # type: ignore[arg-type]
    policy = POLICY.model_copy(update={"limits": Limits(lcp_s=limit, cls=limit, inp_s=limit)})
    over = {name for name, value in vitals(seen).items() if value > limit}
    proven = {name for name, value, waited_s in measured if value > limit and value - waited_s > limit}

    found = {one.code.partition("-")[0] for one in judge("g", seen, policy, CANDIDATE)}
    unsure = {why.split(": ")[1].split()[0].lower() for why in starved(seen, policy)}

    assert found == proven
    assert unsure == over - proven


def test_what_a_busy_machine_adds_is_nobodys_fault() -> None:
    """One line with what was measured, the limit and the wait; nothing where the policy looks away."""
    seen = Seen(measured=[Measured(f"{CANDIDATE}/", "inp", 0.248, 0.1)])

    (why,) = starved(seen, POLICY)

    assert why.startswith("/: INP 248 ms, limit 200 ms, of which the browser may have waited 100 ms for a processor")
    assert starved(seen, POLICY.model_copy(update={"without": ("vitals",)})) == ()


def test_differences_warn_and_say_how_much() -> None:
    """Above the policy's share; one that nobody could see is said too."""
    seen = Seen(differences=[Difference("/a", 0.009), Difference("/b", 0.5), Difference("/c", None, "no baseline")])
    found = judge("g", seen, POLICY, CANDIDATE)
    assert [(one.code, one.blocks) for one in found] == [("looks-different", False), ("not-compared", False)]
    assert found[0].what == "/b: 50 % of its pixels differ, limit 1 %"


def test_what_is_known_does_not_count() -> None:
    """By kind and text; and a watch can be left out."""
    seen = Seen(said=[Said("console", f"{CANDIDATE}/a", "old banner"), Said("console", f"{CANDIDATE}/b", "new fault")])
    policy = POLICY.model_copy(update={"allow": (Allow(code="console-error", contains="banner", reason="known"),)})
    assert [one.what for one in judge("g", seen, policy, CANDIDATE)] == ["/b: new fault"]
    assert codes(seen, POLICY.model_copy(update={"without": ("console",)})) == []


def test_every_watch_has_a_finding_and_every_finding_its_words() -> None:
    """The table is whole."""
    from relgate.policy.smoke import WATCHES

    assert {fault.watch for fault in FAULTS.values() if fault.watch} == set(WATCHES)
    assert all(fault.why and fault.do for fault in FAULTS.values())


@pytest.mark.parametrize(
    ("vital", "value", "text"), [("lcp", 1.234, "LCP 1.23 s"), ("cls", 0.1, "CLS 0.1"), ("inp", 0.048, "INP 48 ms")]
)
def test_vitals_are_shown_as_people_write_them(vital: str, value: float, text: str) -> None:
    """With their units."""
    assert shown(vital, value) == text


def test_origins_are_compared_with_their_ports() -> None:
    """Whether they are written or not."""
    assert origin("https://a.example") == origin("https://A.example:443/x?y")
    assert origin("http://a.example") != origin("https://a.example")
    assert origin("ws://a.example/ws") == origin("http://a.example")
    assert origin("data:,x") == ""
    assert bare("http://a/b?c#d") == "http://a/b"
