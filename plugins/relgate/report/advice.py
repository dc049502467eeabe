"""What to do about a gate that did not pass: the policy's own steps first, then what its kind usually needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relgate.policy.api import EXPLORED
from relgate.policy.smoke import is_path
from relgate.values import Verdict

if TYPE_CHECKING:
    from relgate.policy import Gate

BY_KIND: dict[str, tuple[str, ...]] = {
    "quantile": (
        "compare slow traces of the candidate with the baseline's: one endpoint, or all of them?",
        "look at what changed in queries, caches and calls to other services",
    ),
    "share": (
        "group the candidate's error logs by endpoint and exception",
        "check its configuration, its secrets and what it depends on",
    ),
    "throughput": ("check the candidate's worker count and connection limits, and whether it sheds load",),
    "capacity": (
        "compare evidence/capacity.svg with an earlier run: one step, or all of them?",
        "look for what is shared at the knee: connection pools, locks, threads, the database's processors",
    ),
    "ids": (
        "send one request by hand and look at the header: curl -i URL",
        "check that the middleware that sets the id runs for error answers too",
    ),
    "health": (
        "read the health answer stored as evidence: it names the component",
        "read the candidate's start-up log",
    ),
    "version": (
        "check that the deployment finished and that the candidate URL reaches the new build",
        "check caches between here and there",
    ),
    "gauge": ("look at the metric over the window, candidate beside baseline",),
    "growth": ("take a heap profile of the candidate and compare it with the baseline's",),
    "trend": ("let it run longer: a trend is a leak only if it does not level off",),
    "counter": ("look at what the counter counts in the candidate's logs over the window",),
    "patterns": (
        "search the candidate's log for the pattern: which request writes it, and what did the user see?",
        "an error that is logged and answered with 200 is still an error: look for what was caught and swallowed",
    ),
    "statements": (
        "compare its plan on both sides: EXPLAIN (ANALYZE, BUFFERS) with the same parameters",
        "look for an index that is missing, statistics that are old, and locks that it waits for",
    ),
    "value": (),
    "findings": ("read the findings in the run's evidence/migrations.md: each says where, why and what to do",),
}

_BEFORE = ("read the run's evidence/preflight.md: it says what was asked, what came, and what to do",)
_EXPLORED = ("read the findings in the run's evidence/api.md: each has a command that shows it again",)
_OF_PATHS = (
    "look into evidence/smoke/ of the run, in the folder of this gate: screenshot, console, network, http.json",
    "open the trace: playwright show-trace trace.zip",
)

_BY_VERDICT: dict[Verdict, tuple[str, ...]] = {
    Verdict.INCONCLUSIVE: ("give it more evidence: a longer bake, a higher probe rate, or a wider margin",),
    Verdict.ERROR: ("it could not be measured: read the message, mend the source, run the stage again",),
    Verdict.MISSING: ("run the stage without -k, --deselect and -x, and look for skips",),
}


def next_steps(gate: Gate, verdict: Verdict) -> tuple[str, ...]:
    """Steps for a person, most specific first; none for a gate that passed."""
    if verdict is Verdict.PASS:
        return ()
    runbook = (f"runbook: {gate.runbook}",) if gate.runbook else ()
    usual = BY_KIND[gate.kind]
    if gate.id in EXPLORED:
        usual = _EXPLORED
    elif is_path(gate):
        usual = _OF_PATHS
    elif gate.kind == "findings" and gate.family == "preflight":
        usual = _BEFORE
    general = _BY_VERDICT.get(verdict, usual)
    return gate.next_steps + runbook + (general if not gate.next_steps else ())
