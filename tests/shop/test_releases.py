"""Tests that each release shows its fault over HTTP, and that good shows none of them.

Statistical ones count events with margins of at least five standard deviations; none asserts how long a request took.
"""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from examples import shop as shop_package
from examples.shop.behaviours import MEDIAN_S, Backend, Behaviours
from examples.shop.releases import RELEASES
from examples.shop.run import ShopProcess, start
from tests.shop.traffic import HEALTH_PATHS, ORDER, get, log_lines, logged, metric, statuses

if TYPE_CHECKING:
    from collections.abc import Callable


SHOP = Path(shop_package.__file__).parent


def _wait_for(what: Callable[[], bool], within_s: float = 30.0) -> bool:
    until = time.monotonic() + within_s
    while not what():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _durations_ms(shop: ShopProcess, path: str) -> list[float]:
    return sorted(line["duration_ms"] for line in log_lines(shop) if line.get("path") == path)


def test_good_answers_everything_without_error(good: ShopProcess) -> None:
    """Of 500 API requests none fails, and health is well throughout."""
    assert set(statuses(good, "/api/products", 500)) == {200}
    assert {get(good, path).status_code for path in HEALTH_PATHS} == {200}


def test_slow_takes_longer_in_the_middle_and_at_the_end() -> None:
    """By their own logs, P50 and P90 of slow lie above those of good that ran beside it."""
    with start("good", seed=1) as good, start("slow", seed=2) as slow:
        for _ in range(5):  # in turns: what disturbs the machine disturbs both
            statuses(good, "/api/products", 40, at_once=2)
            statuses(slow, "/api/products", 40, at_once=2)
        assert _wait_for(lambda: all(len(_durations_ms(shop, "/api/products")) == 200 for shop in (good, slow)))
        of_good, of_slow = _durations_ms(good, "/api/products"), _durations_ms(slow, "/api/products")
    assert of_slow[100] > 1.08 * of_good[100]
    assert of_slow[180] > 1.05 * of_good[180]


def test_tail_has_a_few_very_slow_answers() -> None:
    """With a fifth of calls twelve times as long, 15 of 200 answers (37 expected) take three times the median."""
    with start("tail", changes=["tail_share=0.2"], seed=5) as shop:
        statuses(shop, "/api/products", 200, at_once=4)
        assert _wait_for(lambda: len(_durations_ms(shop, "/api/products")) == 200)
        durations = _durations_ms(shop, "/api/products")
    assert sum(duration > 3 * durations[100] for duration in durations) >= 15


def test_stalls_block_the_whole_process() -> None:
    """While one handler waits, nobody is served: a request that does nothing takes as long as the stall."""
    with (
        start("stalls", changes=["stall_every_s=1.5"]) as shop,
        httpx.Client(base_url=shop.url) as client,
    ):
        longest = 0.0
        until = time.monotonic() + 5
        while time.monotonic() < until:
            begun = time.monotonic()
            client.get("/health/live")
            longest = max(longest, time.monotonic() - begun)
            if longest > 0.4:
                break
        else:
            pytest.fail(f"no stall in 5 s; the longest answer took {longest:.3f} s")


def test_errors_fail_one_request_in_a_hundred() -> None:
    """Of 1200 requests 12 fail on average: none has P < 1e-5, more than 40 is 8 standard deviations off."""
    with start("errors", seed=11) as shop:
        failed = [status for status in statuses(shop, "/api/products", 1200) if status != 200]
        assert set(failed) == {500}
        assert 1 <= len(failed) <= 40
        # One backend call a request: the log agrees with what callers saw.
        assert _wait_for(lambda: sum(line.get("status") == 500 for line in log_lines(shop)) == len(failed))


def test_leak_keeps_growing() -> None:
    """Resident memory rises by more than 30 MB, which 10 s at 6 MB a second and some requests bring about."""
    with start("leak") as shop:
        before = metric(shop, "process_resident_memory_bytes")
        statuses(shop, "/api/products", 100)
        assert _wait_for(lambda: metric(shop, "process_resident_memory_bytes") > before + 30e6)


def test_leak_per_request_is_real() -> None:
    """Without the background task, 200 requests that keep 400 kB each (80 MB) leave at least 50 MB behind."""
    with start("good", changes=["leak_per_request=400000"]) as leaking, start("good") as good:
        growth = {}
        for name, shop in (("leaking", leaking), ("good", good)):
            statuses(shop, "/api/products", 50)
            before = metric(shop, "process_resident_memory_bytes")
            statuses(shop, "/api/products", 200)
            growth[name] = metric(shop, "process_resident_memory_bytes") - before
    assert growth["leaking"] > 50e6
    assert growth["good"] < 25e6


def test_cpu_hungry_burns_processor_time() -> None:
    """A hundred requests cost at least 0.6 s of processor time more than with good (they burn 1 s)."""
    spent = {}
    with start("cpu-hungry") as hungry, start("good") as good:
        for name, shop in (("hungry", hungry), ("good", good)):
            before = metric(shop, "process_cpu_seconds_total")
            statuses(shop, "/api/products", 100)
            spent[name] = metric(shop, "process_cpu_seconds_total") - before
    assert spent["hungry"] > spent["good"] + 0.6


def test_backlog_grows() -> None:
    """Forty orders stay in the queue of backlog; good has packed them all soon."""
    with start("backlog") as shop, httpx.Client(base_url=shop.url) as client:
        for _ in range(40):
            assert client.post("/api/orders", json=ORDER).status_code == 202
        assert metric(shop, "queue_depth") >= 30
        assert get(shop, "/api/stats").json()["queue"]["depth"] >= 30


def test_good_packs_what_it_is_given(good: ShopProcess, client: httpx.Client) -> None:
    """The queue of good runs empty."""
    for _ in range(40):
        client.post("/api/orders", json=ORDER)
    assert _wait_for(lambda: metric(good, "queue_depth") == 0)


def test_no_correlation_ids() -> None:
    """No answer has one, whatever was sent; the log still has it."""
    with start("no-correlation-ids") as shop:
        sent = {"X-Correlation-ID": "probe-7"}
        for path in ("/", "/api/products", "/api/products/999999", "/nowhere", "/health"):
            assert "x-correlation-id" not in get(shop, path, headers=sent).headers
        assert logged(shop, correlation_id="probe-7", path="/health")["status"] == 200


def test_no_correlation_ids_on_errors() -> None:
    """Good answers have one, errors do not: a gate that asks only for good ones sees nothing."""
    with (
        start("no-correlation-ids-on-errors", changes=["error_share=0.5"]) as shop,
        httpx.Client(base_url=shop.url) as c,
    ):
        answers = [c.get("/api/products") for _ in range(40)] + [c.get("/nowhere"), c.get("/api/products/999999")]
    assert {answer.status_code for answer in answers} == {200, 404, 500}
    assert all(("x-correlation-id" in answer.headers) == (answer.status_code < 400) for answer in answers)


def test_shared_correlation_ids() -> None:
    """All answers have the same well-formed id, on errors too, whatever was sent."""
    with start("shared-correlation-ids") as shop:
        paths = ("/", "/api/products", "/nowhere", "/api/version")
        ids = {
            get(shop, path, headers={"X-Correlation-ID": f"p{n}"}).headers["x-correlation-id"]
            for n, path in enumerate(paths)
        }
    assert len(ids) == 1
    uuid.UUID(ids.pop())


def test_no_correlation_ids_in_logs() -> None:
    """Answers echo the id, the log knows nothing of it."""
    with start("no-correlation-ids-in-logs") as shop:
        assert (
            get(shop, "/api/products", headers={"X-Correlation-ID": "probe-9"}).headers["x-correlation-id"] == "probe-9"
        )
        assert logged(shop, path="/api/products")["correlation_id"] != "probe-9"


@pytest.mark.parametrize(("release", "pattern"), [("flapping", "--+" * 4), ("failing-streaks", "---+++++++++" * 2)])
def test_health_fails_in_its_pattern(release: str, pattern: str) -> None:
    """Errors and good answers alternate per path as the replicas do; everything else works."""
    with start(release) as shop:
        for path in ("/api/health/system", "/health"):
            codes = [get(shop, path).status_code for _ in pattern]
            assert "".join("+" if code == 200 else "-" for code in codes) == pattern
            assert set(codes) == {200, 500}
        assert {get(shop, path).status_code for path in ("/health/ready", "/health/live", "/api/products")} == {200}


def test_stale_health_does_not_move(good: ShopProcess) -> None:
    """Timestamp and latencies stay what they were at the start, though the moment passes; good's move."""
    with start("stale-health") as shop:
        for path in ("/api/health/system", "/health"):
            assert get(shop, path).json() == get(shop, path).json()
    assert get(good, "/health").json() != get(good, "/health").json()


def test_wrong_version_is_wrong_everywhere() -> None:
    """Deployed as 1.5.0, it says 1.4.0 in API, health, metrics, page and log."""
    with start("wrong-version", version="1.5.0") as shop:
        assert get(shop, "/api/version").json()["version"] == "1.4.0"
        assert get(shop, "/api/health/system").json()["version"] == "1.4.0"
        assert 'version="1.4.0"' in get(shop, "/metrics").text
        assert '<span id="version">1.4.0</span>' in get(shop, "/").text
        assert "1.5.0" not in shop.log.read_text(encoding="utf-8")


def test_slow_start_is_slow_at_first() -> None:
    """By its own log, the first answer lies far above the later ones; seed 10 begins with a draw near the median."""
    assert Backend(Behaviours(), 10).draw_s() == pytest.approx(MEDIAN_S, rel=0.15)
    with start("slow-start", changes=["slow_start_s=3"], seed=10) as shop:
        get(shop, "/api/products/1")
        assert _wait_for(lambda: (get(shop, "/status").json()["uptime_seconds"]) > 3)
        for _ in range(20):
            get(shop, "/api/products/2")
        assert _wait_for(lambda: len(_durations_ms(shop, "/api/products/2")) == 20)
        (first,) = _durations_ms(shop, "/api/products/1")
        assert first > 1.5 * _durations_ms(shop, "/api/products/2")[10]


def test_rubbish_answers_everything_with_a_page() -> None:
    """200 and HTML, on the API, on health and on what does not exist; none of it is ours."""
    with start("rubbish") as shop:
        for path in ("/", "/api/products", "/api/health/system", "/metrics", "/nowhere"):
            answer = get(shop, path)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
            assert "It works!" in answer.text
            assert "x-correlation-id" not in answer.headers
        assert httpx.post(shop.url + "/api/orders", json=ORDER).text == get(shop, "/").text


def test_crash_dies_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It works, then the process is gone with an error code."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # a process that dies like this leaves its files behind
    assert RELEASES["crash"].behaviours.crash_after_s > 0
    with start("crash", changes=["crash_after_s=1.5"]) as shop:
        assert get(shop, "/api/products").status_code == 200
        assert _wait_for(lambda: shop.returncode is not None)
        assert shop.returncode == 70


def test_no_answer_tells_which_release_it_is() -> None:
    """A gate cannot cheat: the name of the release is in no answer and in no log line."""
    with start("tail", version="1.5.0") as shop:
        texts = [get(shop, path).text for path in ("/", "/api/version", "/metrics", "/api/stats", *HEALTH_PATHS)]
        texts.append(json.dumps(log_lines(shop)))
    assert not any('"tail"' in text or "release=" in text for text in texts)


def test_every_release_of_the_table_has_a_reader() -> None:
    """The README lists every release with its description and the gates that stop it."""
    readme = (SHOP / "README.md").read_text(encoding="utf-8")
    for name, release in RELEASES.items():
        gates = ", ".join(f"`{gate}`" for gate in release.caught_by) or "-"
        assert f"| `{name}` | {release.description} | {gates} |" in readme
