"""What is provoked: one row for each part of the demands A2, A6, M3, D3, S2, and for what stops a release before it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trigger:
    """One fault and what a playbook asks for. ``changes``: behaviours of the candidate; ``gates``: who may see it.

    ``stages``: that take part, for what is no business of those before; ``fault``: of the migrations, by name.
    ``text``: further lines of the policy. ``kill``: the candidate is killed 5 s after it has traffic. ``amiss``: what
    is not as it should be before the release.
    """

    id: str
    book: str
    demand: str
    how: str
    changes: tuple[str, ...]
    gates: tuple[str, ...]
    stages: tuple[str, ...]
    decision: str = "rollback"
    compress: float = 20.0
    fault: str = ""
    text: str = ""
    kill: bool = False
    amiss: str = ""


_AURA = ("canary-5", "canary-50", "full")
_MESH = ("canary-10", "canary-25", "canary-50", "canary-100")
_MAGNUS = ("deploy", "everybody")
_SLIDE = ("canary-10", "ramp-50", "full")

ERRORS = ("error_share=0.2",)
DOWN = ("schema_needed=8",)
SLOW = ("search_s=3",)
LEAK = ("leak_per_s=30000000", "leak_cap=2000000000")
DOWN_HOW = "expects a database schema that is not installed: health says Down with 503, pages work"
ERRORS_HOW = "one call in five of its backend ends in an unhandled exception: 500"
BEFORE = ("before",)
ANY_TIME = 'preflight: {windows: {allow: ["Mon-Sun 00:00-23:59 UTC"]}}\n'
FROZEN = "preflight: {windows: {freeze: [{from: 2020-01-01 UTC, to: 2099-12-31 UTC, reason: year's end}]}}\n"
BOTH = ("error-rate", "latency-p95")
"""Where more than 5 % of requests fail, P95 is no answer at all: whichever gate sees it first."""
SLOW_HOW = "whoever reads products waits 3 s for a lock of the search index"
LOCKED = "one migration renames a column that the version before reads"

TRIGGERS = (
    Trigger("A2-down", "aura", "system health Down", DOWN_HOW, DOWN, ("health",), _AURA),
    Trigger(
        "A2-three",
        "aura",
        "three health checks failed in a row",
        "three of five read replicas that its health check asks in turn are gone: 500",
        ("replicas=---++",),
        ("health",),
        _AURA,
    ),
    Trigger(
        "A2-errors",
        "aura",
        "error rate > 300 % of baseline",
        "one call in 25 of its backend ends in an unhandled exception: 500",
        ("error_share=0.04",),
        ("error-rate",),
        _AURA,
        # A ratio to a baseline without an error is proven second by second: that takes its minutes.
        compress=4.0,
    ),
    Trigger(
        "A2-memory",
        "aura",
        "memory growth > 500 MB",
        "keeps 30 MB more each second",
        LEAK,
        ("memory-growth",),
        _AURA,
    ),
    Trigger("A2-p95", "aura", "P95 > 2000 ms", SLOW_HOW, SLOW, ("latency-p95",), _AURA),
    Trigger(
        "A4-ids",
        "aura",
        "correlation ids on every response",
        "answers without X-Correlation-ID",
        ("ids=missing",),
        ("correlation-ids",),
        _AURA,
    ),
    Trigger(
        "A5-half",
        "aura",
        "a migration that half-applied",
        "one migration adds a column and its index: killed between them it can neither go on nor back",
        (),
        ("migration-crash",),
        ("migrate", *_AURA),
        fault="stuck-after-crash",
    ),
    Trigger(
        "A6-down-stays",
        "aura",
        "Down and not back within 5 min",
        DOWN_HOW + "; judged after the rollout only",
        DOWN,
        ("health-lasting",),
        ("after",),
        text="stages: [{name: after, traffic: 100%, bake: 30m, run: postdeploy, require: [health-lasting]}]\n",
    ),
    Trigger(
        "A6-corruption",
        "aura",
        "data corruption",
        "prices in euros where cents are expected, status 200",
        ("wrong_prices=true",),
        ("data-integrity",),
        _AURA,
    ),
    Trigger(
        "A6-security",
        "aura",
        "security hole",
        "lists all orders to whoever asks",
        ("open_doors=true",),
        ("closed-doors",),
        _AURA,
    ),
    Trigger(
        "A6-oom",
        "aura",
        "out of memory",
        "gets SIGKILL 5 s after it has traffic, as from a kernel without memory",
        (),
        ("health", "error-rate", "providers", "liveness", "readiness", "data-integrity", "closed-doors"),
        _AURA,
        kill=True,
    ),
    Trigger(
        "A9-sum",
        "aura",
        "SHA-256 file matches",
        "the archive was changed by one byte after it was summed up",
        (),
        ("preflight-checksums",),
        (*BEFORE, *_AURA),
        decision="hold",
        amiss="sum",
    ),
    Trigger(
        "A9-version",
        "aura",
        "version agrees with the tag everywhere",
        "was built from the previous tag: page, health and API say 1.4.0",
        ("previous_version=true",),
        ("preflight-versions",),
        (*BEFORE, *_AURA),
        decision="hold",
    ),
    Trigger(
        "A10-certificate",
        "aura",
        "certificates not near expiry",
        "the certificate of the entrance ends in five days",
        (),
        ("preflight-certificates",),
        (*BEFORE, *_AURA),
        decision="hold",
        amiss="certificate",
    ),
    Trigger("M3-health", "mesh", "health failing > 2 min", DOWN_HOW, DOWN, ("health", "status"), _MESH),
    Trigger("M3-errors", "mesh", "error rate > 5 %", ERRORS_HOW, ERRORS, BOTH, _MESH),
    Trigger(
        "M3-p95",
        "mesh",
        "P95 > 2x baseline",
        "each call of its backend takes forty times as long: about 320 ms",
        ("stretch=40",),
        ("latency-p95",),
        _MESH,
    ),
    Trigger(
        "M3-alert",
        "mesh",
        "any critical alert fired",
        "background jobs fall twice a second: a real Prometheus fires AgentsFall",
        ("crashes_per_s=2",),
        ("critical-alerts",),
        _MESH,
    ),
    Trigger(
        "M3-agents",
        "mesh",
        "> 10 % of agents unhealthy",
        "a quarter of its 20 agents waits for a lock for ever",
        ("stuck_agents=0.25",),
        ("agents",),
        _MESH,
    ),
    Trigger(
        "M9-signature",
        "mesh",
        "signed artifacts",
        "the archive is signed by a key that nobody knows",
        (),
        ("preflight-signature",),
        (*BEFORE, *_MESH),
        decision="hold",
        amiss="signature",
    ),
    Trigger("D3-errors", "magnus", "error rate > 5 %", ERRORS_HOW, ERRORS, BOTH, _MAGNUS),
    Trigger(
        "D3-feature",
        "magnus",
        "critical feature broken",
        "exports ask for a column that was renamed: 500",
        ("renamed_column=true",),
        ("smoke-export",),
        ("smoke", "everybody"),
    ),
    Trigger(
        "D3-corruption",
        "magnus",
        "data corruption",
        "prices in euros where cents are expected, status 200",
        ("wrong_prices=true",),
        ("data-integrity",),
        _MAGNUS,
    ),
    Trigger(
        "D3-security",
        "magnus",
        "security hole",
        "lists all orders to whoever asks",
        ("open_doors=true",),
        ("closed-doors",),
        _MAGNUS,
    ),
    Trigger(
        "D3-slower",
        "magnus",
        "performance worse by > 50 %",
        "each call of its backend takes twenty times as long: about 160 ms",
        ("stretch=20",),
        ("latency-p95",),
        _MAGNUS,
    ),
    Trigger(
        "D4-shortcut",
        "magnus",
        "the shortcut of the three-release example",
        "nullable, backfill and required in one release",
        (),
        ("migration-n-1", "migration-locks", "migration-backfill", "migration-static"),
        ("migrate", *_MAGNUS),
        fault="three-releases-in-one",
    ),
    Trigger(
        "D9-headers",
        "magnus",
        "security headers",
        "no answer has security headers",
        ("security_headers=false",),
        ("preflight-headers",),
        (*BEFORE, *_MAGNUS),
        decision="hold",
    ),
    Trigger("S2-errors", "slidecraft", "error rate > 0.5 % for 5 min", ERRORS_HOW, ERRORS, ("error-rate",), _SLIDE),
    Trigger(
        "S2-p99",
        "slidecraft",
        "P99 > 5 s for 10 min",
        "whoever reads products waits 6 s for a lock of the search index",
        ("search_s=6",),
        ("latency-p99",),
        _SLIDE,
    ),
    Trigger(
        "S2-connections",
        "slidecraft",
        "> 10 database connection errors a minute",
        "asks a read replica that was switched off, four times a second",
        ("lost_connections_per_s=4",),
        ("connection-errors",),
        _SLIDE,
    ),
    Trigger(
        "S2-crashes",
        "slidecraft",
        "> 5 crashes a minute",
        "a background job falls twice a second and is restarted",
        ("crashes_per_s=2",),
        ("crashes",),
        _SLIDE,
    ),
    Trigger(
        "S2-queue",
        "slidecraft",
        "> 1000 queued for 15 min",
        "each order is put into the queue 400 times",
        ("retries=400", "packing_s=0.2"),
        ("queue-backlog",),
        _SLIDE,
    ),
    Trigger(
        "S3-schema",
        "slidecraft",
        "schema works for N and N-1",
        LOCKED,
        (),
        ("migration-n-1",),
        ("migrate", *_SLIDE),
        fault="renamed-column",
    ),
    Trigger(
        "S5-flag",
        "slidecraft",
        "new flags off at the start",
        "a new feature is on already; approved, and any time is in the window",
        (),
        ("preflight-flags",),
        (*BEFORE, *_SLIDE),
        decision="hold",
        text=ANY_TIME,
        amiss="flag",
    ),
    Trigger(
        "S12-errors",
        "slidecraft",
        "error patterns that blue does not have",
        "one call in twenty of its backend is logged as an error and answered with 200",
        ("swallowed_share=0.05",),
        ("new-errors",),
        _SLIDE,
        decision="hold",
    ),
    Trigger(
        "S12-queries",
        "slidecraft",
        "a query whose mean is over a second",
        "one search in fifty waits 1.5 s for a lock in the database",
        ("slow_statement_share=0.02", "slow_statement_s=1.5"),
        ("slow-queries",),
        _SLIDE,
        decision="hold",
    ),
    Trigger(
        "S16-incident",
        "slidecraft",
        "freeze while an incident is open",
        "an incident is open; approved, and any time is in the window",
        (),
        ("preflight-incidents",),
        ("before", *_SLIDE),
        decision="hold",
        text=ANY_TIME,
        amiss="incident",
    ),
    Trigger(
        "S16-freeze",
        "slidecraft",
        "deployment windows, freezes",
        "everything is frozen",
        (),
        ("preflight-window",),
        ("before", *_SLIDE),
        decision="hold",
        text=FROZEN,
    ),
    Trigger(
        "R4-flag",
        "releases",
        "feature flags",
        "a flag of the manifest is on that should be off",
        (),
        ("preflight-flags",),
        ("prepare", "promote"),
        decision="hold",
        amiss="flag",
    ),
    Trigger(
        "R3-unsafe",
        "releases",
        "SQL checked for safety",
        "one migration drops with CASCADE",
        (),
        ("migration-static",),
        ("migrate", "promote"),
        fault="drop-cascade",
    ),
)
GOOD = (
    # Ten, where health has to fail for two minutes: six seconds of a busy machine would be enough at twenty.
    Trigger("good-aura", "aura", "a good release, all stages", "nothing", (), (), (), "promote", 10.0),
    Trigger("good-mesh", "mesh", "a good release, all stages", "nothing", (), (), (), "promote", 10.0),
    Trigger("good-magnus", "magnus", "a good release, all stages", "nothing", (), (), (), "promote", 30.0),
    Trigger(
        "good-slidecraft",
        "slidecraft",
        "a good release, all stages; standby of 1 h instead of 24 h, and any time is in the window",
        "nothing",
        (),
        (),
        (),
        "promote",
        text=ANY_TIME + "rollout: {standby: 1h}\n",
    ),
    Trigger("good-releases", "releases", "a good release, all stages", "nothing", (), (), (), "promote"),
)
