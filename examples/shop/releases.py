"""The releases of the shop: name -> what is said about it, and what its code does.

Gates are proven on them: a gate must let ``good`` pass and catch each of the others that is its business. The canary
gates of ``relgate.yaml`` see faults in figures; smoke paths (``smoke-*``) see those that only a visitor meets.
"""

from __future__ import annotations

from dataclasses import dataclass

from .behaviours import Behaviours


@dataclass(frozen=True, slots=True)
class Release:
    """One release. ``caught_by``: gates that must not let it pass (empty: none may complain)."""

    description: str
    behaviours: Behaviours
    caught_by: tuple[str, ...] = ()

    @property
    def for_smoke(self) -> bool:
        """Whether only smoke paths can find what is wrong: canary gates let it pass."""
        return any(gate.startswith("smoke-") for gate in self.caught_by)


RELEASES: dict[str, Release] = {
    "good": Release("does what it should", Behaviours()),
    "slow": Release(
        "every backend call takes 1.75 times as long: P50, P95 and P99 of requests rise by about half",
        # A request is the backend call plus 4 to 6 ms of own work and transport, hence 1.75 for + 50 % in all.
        Behaviours(stretch=1.75),
        ("latency-p50", "latency-p95", "latency-p99"),
    ),
    "tail": Release(
        "2.5 % of backend calls take 12 times as long: P99 about quadruples, P95 rises by about 10 %",
        Behaviours(tail_share=0.025, tail_factor=12.0),
        ("latency-p99",),
    ),
    "stalls": Release(
        "a blocking call on the event loop: nobody is served for 1 s in every 4 s",
        Behaviours(stall_every_s=4.0, stall_s=1.0),
        ("latency-p95", "latency-p99"),
    ),
    "errors": Release(
        "1 % of requests that call the backend end in an unhandled exception: 500",
        Behaviours(error_share=0.01),
        ("error-rate",),
    ),
    "swallowed-errors": Release(
        "5 % of requests meet an answer of the backend that the code cannot digest: it logs that and answers 200",
        Behaviours(swallowed_share=0.05),
        ("new-errors",),
    ),
    "leak": Release(
        "memory is never given back: 6 MB a second and 64 kB a request",
        Behaviours(leak_per_request=64 * 1024, leak_per_s=6_000_000),
        ("memory-growth",),
    ),
    "cpu-hungry": Release(
        "burns 10 ms of processor time a request, beside the waiting",
        Behaviours(cpu_s=0.010),
        ("cpu",),
    ),
    "backlog": Release(
        "the order worker takes 4 s for an order: the queue only grows",
        Behaviours(packing_s=4.0),
        ("queue-depth",),
    ),
    "no-correlation-ids": Release(
        "no answer has X-Correlation-ID",
        Behaviours(ids="missing"),
        ("correlation-ids",),
    ),
    "no-correlation-ids-on-errors": Release(
        "answers from 400 on lack X-Correlation-ID",
        Behaviours(ids="missing-on-errors"),
        ("correlation-ids",),
    ),
    "shared-correlation-ids": Release(
        "all answers have the same X-Correlation-ID: made once at import instead of once a request",
        Behaviours(ids="shared"),
        ("correlation-ids",),
    ),
    "no-correlation-ids-in-logs": Release(
        "answers have their X-Correlation-ID, the log has another one",
        Behaviours(logged_ids=False),
        ("correlation-in-logs",),
    ),
    "degraded": Release(
        "configured with a wrong mail relay: health is Degraded, everything works",
        Behaviours(mail_reachable=False),
        (),
    ),
    "down": Release(
        "expects database schema 8 where 7 is installed: health is Down with 503, pages still work",
        Behaviours(schema_needed=8),
        ("health", "health-errors"),
    ),
    "flapping": Release(
        "its health check asks three read replicas in turn, two of them gone: two errors, one good answer, and so on",
        Behaviours(replicas="--+"),
        ("health-errors",),
    ),
    "failing-streaks": Release(
        "as flapping, with three of twelve replicas gone: three errors in a row every now and then",
        Behaviours(replicas="---+++++++++"),
        ("health",),
    ),
    "stale-health": Release(
        "the health answer is computed once and cached for ever: its timestamp does not move",
        Behaviours(stale_health=True),
        ("health",),
    ),
    "wrong-version": Release(
        "built from the previous tag: reports the previous version everywhere",
        Behaviours(previous_version=True),
        ("version",),
    ),
    "slow-start": Release(
        "requests take 5 times as long right after the start, falling to normal within 20 s",
        Behaviours(slow_start_s=20.0, slow_start_factor=5.0),
        ("latency-p50", "latency-p95", "latency-p99"),  # unless the stage leaves out the first 20 s (``warmup: 20s``)
    ),
    "rubbish": Release(
        'answers 200 text/html "It works!" to everything',
        Behaviours(rubbish=True),
        ("health", "health-errors", "version", "correlation-ids", "error-rate"),
    ),
    "crash": Release(
        "dies 8 s after its start",
        Behaviours(crash_after_s=8.0),
        ("health", "readiness", "liveness", "error-rate", "throughput"),
    ),
    "dead-button": Release(
        "the button that orders does nothing: its type became `button`",
        Behaviours(dead_button=True),
        ("smoke-checkout",),
    ),
    "console-error": Release(
        "a script on every page looks for markup that was never merged, and throws",
        Behaviours(unmerged_script=True),
        ("smoke-home",),
    ),
    "broken-export": Release(
        "exports of orders ask for a column that was renamed: 500",
        Behaviours(renamed_column=True),
        ("smoke-export",),
    ),
    "no-websocket": Release(
        "the presence socket is closed as soon as it is open",
        Behaviours(presence_closes=True),
        ("smoke-presence", "smoke-home"),
    ),
    "no-security-headers": Release(
        "no answer has security headers: the layer that sets them was lost",
        Behaviours(security_headers=False),
        ("smoke-home",),
    ),
    "login-loops": Release(
        "who logs in is sent to log in again: the session is cleared after the login instead of before",
        Behaviours(session_cleared=True),
        ("smoke-login",),
    ),
    "slow-hero": Release(
        "the picture of the home page comes 4 s late",
        Behaviours(hero_delay_s=4.0),
        ("smoke-home",),
    ),
    "unlabelled-form": Release(
        "the quantity on a product's page has text beside it instead of a label",
        Behaviours(unlabelled_quantity=True),
        ("smoke-product",),
    ),
    "no-mail": Release(
        "mails wait for a worker that nobody starts: a password reset is accepted and never sent",
        Behaviours(mail_worker=False),
        ("smoke-password-reset",),
    ),
    "stale-asset": Release(
        "pages name the style sheet of the previous build: 404",
        Behaviours(previous_assets=True),
        ("smoke-home",),
    ),
}
