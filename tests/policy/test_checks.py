"""What has to hold between parts of a policy, each with the exact place of its fault."""

from __future__ import annotations

from itertools import count

import pytest

from relgate.policy import load
from tests.policy.samples import CONTRACT, SMALLEST, lines_of

GATE = '{signal: requests, quantile: 95%, fail: "> 2s"}'


def gate(text: str) -> str:
    """Return the smallest policy with another gate."""
    return SMALLEST.replace(GATE, text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            gate("{signal: request, quantile: 95%, fail: '> 2s'}"),
            '5:31: gates.latency-p95.signal: unknown signal "request": did you mean "requests"?',
        ),
        (
            gate("{signal: requests.latncy, quantile: 95%, fail: '> 2s'}"),
            (
                '5:31: gates.latency-p95.signal: requests is a probe signal without a field "latncy": '
                'did you mean "latency"?'
            ),
        ),
        (
            gate("{signal: requests, quantile: 95%, fail: '> 5%'}"),
            (
                '5:62: gates.latency-p95.fail: requests.latency is a duration: expected > 2000ms, got "> 5%", '
                "which is a share"
            ),
        ),
        (
            gate("{signal: requests.errors, fail: ['> 5%', '> 2000ms']}"),
            (
                '5:63: gates.latency-p95.fail[1]: requests.errors is a share: expected > 0.5%, got "> 2000ms", '
                "which is a duration"
            ),
        ),
        (
            gate("{signal: requests.errors, fail: '> 5'}"),
            (
                '5:54: gates.latency-p95.fail: requests.errors is a share: expected > 0.5%, got "> 5", '
                "which is a plain number"
            ),
        ),
        (
            gate("{signal: requests, fail: '> 2s'}"),
            "5:9: gates.latency-p95: requests.latency needs a quantile, for example quantile: 95%",
        ),
        (
            gate("{signal: requests.errors, quantile: 95%, fail: '> 2%'}"),
            "5:48: gates.latency-p95.quantile: requests.errors has no quantiles: only a latency has",
        ),
        (
            gate("{signal: requests, quantile: 95%}"),
            '5:9: gates.latency-p95: requests.latency needs a limit, for example fail: "> 2000ms"',
        ),
        (
            gate("{signal: requests, quantile: 100%, fail: '> 2s'}"),
            '5:51: gates.latency-p95.quantile: expected a share above 0% and below 100%, got "100%"',
        ),
        (
            gate("{signal: requests, quantile: 95%, fail: '> 2s', confidence: 50%}"),
            '5:82: gates.latency-p95.confidence: expected a share above 50% and below 100%, got "50%"',
        ),
        (
            gate("{signal: requests, quantile: 95%, fail: '> 2x baseline'}"),
            '5:62: gates.latency-p95.fail: no environment has a baseline to compare "> 2x baseline" with',
        ),
        (
            gate("{signal: requests, quantile: 95%, fail: '> 2s', warn: '> 3s'}"),
            '5:76: gates.latency-p95.warn: "> 3s" never warns: fail "> 2s" comes first',
        ),
        (
            gate("{signal: requests, quantile: 95%, fail: '> 2s, 3 in a row'}"),
            (
                "5:62: gates.latency-p95.fail: requests.latency is computed from many observations: expected for 5m "
                'and not in a row, got "> 2s, 3 in a row"'
            ),
        ),
        (
            gate("{signal: requests, quantile: 95%, fail: down}"),
            '5:62: gates.latency-p95.fail: requests.latency is a number: expected > 2000ms, got "down"',
        ),
        (
            gate("{quantile: 95%, fail: '> 2s'}"),
            "5:9: gates.latency-p95: a gate with limits needs a signal, or null if your own test measures",
        ),
        (
            gate("{signal: null, fail: ['> 2s', '> 5%']}"),
            "5:9: gates.latency-p95: the limits of a gate must measure one thing, got time and share",
        ),
        (
            gate("{signal: requests, quantile: 95%, fail: '> 2s', expect: release}"),
            "5:70: gates.latency-p95.expect: requests.latency is not a version: expect means nothing here",
        ),
        (
            gate("{signal: requests, quantile: 95%, fail: '> 2s', over: max}"),
            "5:70: gates.latency-p95.over: requests.latency is not a series of numbers: over means nothing here",
        ),
        (
            SMALLEST.replace("latency-p95:", "canary:"),
            "5:9: gates.canary: canary is the name of a family: a gate needs another id",
        ),
        (
            SMALLEST.replace("{name: canary}", "{name: canary}, {name: canary}"),
            '6:33: stages[1].name: the stage "canary" stands twice, first as stages[0]: rename one',
        ),
        (
            SMALLEST.replace("{name: canary}", "{name: canary, require: [latency-p59, canari]}"),
            '6:35: stages[0].require[0]: unknown gate or family "latency-p59": did you mean "latency-p95"?',
        ),
        (
            SMALLEST.replace("{name: canary}", "{name: canary, during: freeze}"),
            '6:33: stages[0].during: unknown phase "freeze": there are none',
        ),
        (
            f"{SMALLEST.rstrip()}\nnotify: {{team: {{to: env:CHAT, stages: [canary, cannary]}}}}\n",
            '7:48: notify.team.stages[1]: unknown stage "cannary": did you mean "canary"?',
        ),
        (
            SMALLEST.replace("{name: canary}", "{name: canary, bake: 1m, warmup: 60s}"),
            "6:43: stages[0].warmup: the warmup must be shorter than the bake: nothing would be left to judge",
        ),
        (
            SMALLEST.replace("{probe: {rate: 20/s, get: /}}", "{promql: up}").replace(
                'quantile: 95%, fail: "> 2s"', "fail: '> 2'"
            ),
            "3:16: environments.here: the signal requests asks prometheus: here needs prometheus: {url: ...}",
        ),
        (
            SMALLEST.replace("{probe: {rate: 20/s, get: /}}", "{alerts: {from: alertmanager}}").replace(
                'quantile: 95%, fail: "> 2s"', "fail: any"
            ),
            "3:16: environments.here: the signal requests asks alertmanager: here needs alertmanager: {url: ...}",
        ),
        (
            SMALLEST.replace("rate: 20/s, get: /", "rate: 20/s"),
            "4:22: signals.requests.probe: probe needs one of get, requests",
        ),
        (
            SMALLEST.replace("{probe: {rate: 20/s, get: /}}", "{probe: {rate: 20/s, get: /}, poll: {get: /}}"),
            "4:51: signals.requests.poll: probe and poll exclude each other: keep one",
        ),
        (
            SMALLEST.replace("get: /}}", "get: /}, every: 5s}"),
            "4:51: signals.requests.every: every stands here only beside promql",
        ),
        (
            SMALLEST.replace("{name: canary}", "{name: canary, bake: 2m, warmup: found}"),
            "6:43: stages[0].warmup: a warmup that is found may last 120s: the bake must be longer",
        ),
        (
            SMALLEST.replace("{name: canary}", "{name: canary, warmup: fond}"),
            '6:33: stages[0].warmup: expected a duration such as 30s, or found, got "fond"',
        ),
        (
            SMALLEST.replace("{name: canary}", "{name: canary, look_every: 500ms}"),
            '6:37: stages[0].look_every: expected a duration of at least 1s, got "500ms"',
        ),
        (
            SMALLEST + "risk: {false_rollback: 50%}\n",
            '7:24: risk.false_rollback: expected a share above 0% and below 50%, got "50%"',
        ),
        (
            SMALLEST + "noise: {host_drift: 3%}\n",
            "7:1: noise: noise needs the key over: how long that difference lasts: its correlation time",
        ),
        (
            SMALLEST.replace(
                'url: "http://127.0.0.1:8000"', 'url: "http://h", instances: ["http://a", "http://b", "http://a"]'
            ),
            "3:88: environments.here.candidate.instances[2]: the instance stands twice: remove one",
        ),
        (
            gate("{signal: requests, quantile: al, fail: '> 2s'}"),
            '5:51: gates.latency-p95.quantile: expected a share such as 95% or 0.5%, got "al"',
        ),
        (
            gate("{signal: requests, quantile: all, fail: '> 2s'}"),
            (
                "5:62: gates.latency-p95.fail: the whole of requests.latency is compared with the baseline: "
                'expected > baseline + 5%, got "> 2s"'
            ),
        ),
        (
            gate("{signal: requests, quantile: all}"),
            '5:9: gates.latency-p95: requests.latency needs a limit, for example fail: "> baseline + 5%"',
        ),
        (
            gate("{signal: requests, quantile: 95%, fail: '> 2s', weight: 0}"),
            "5:78: gates.latency-p95.weight: expected a number above 0 and at most 1000, got 0",
        ),
        (
            gate("{signal: null, weight: 2}"),
            (
                "5:37: gates.latency-p95.weight: a gate without a signal is not judged by chance: "
                "weight means nothing here"
            ),
        ),
        (
            gate("{signal: requests.throughput, fail: '< 5/s', worse_by: 20%}"),
            (
                "5:67: gates.latency-p95.worse_by: requests.throughput is no latency and no error rate: "
                "worse_by means nothing here"
            ),
        ),
        (
            gate("{signal: requests, quantile: 95%, fail: '> 2s', worse_by: 20%}"),
            (
                "5:70: gates.latency-p95.worse_by: worse_by stands beside a fail limit of the baseline, "
                "such as > baseline + 5%"
            ),
        ),
        (
            gate("{signal: requests, quantile: 95%, fail: '> 2s', worse_by: 0%}"),
            '5:80: gates.latency-p95.worse_by: expected a share above zero, got "0%"',
        ),
        (
            SMALLEST.replace("20/s", "0/s"),
            '4:36: signals.requests.probe.rate: expected a rate above zero, got "0/s"',
        ),
    ],
    ids=count(1),
)
def test_each_fault_has_its_place_and_its_sentence(text: str, fault: str) -> None:
    """One mistake gives one message, at its line and column, with its key path."""
    assert lines_of(text)[0] == f"relgate.yaml:{fault}"
    assert len(lines_of(text)) == (2 if "canari" in text else 1)


PHASES = """\
phases:
  release:
    gates:
      latency-p95: {CHANGE}
"""


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ('fail: "> 3s"', '24:27: GATE.fail: a phase may only tighten: "> 3s" is looser than "> 2000ms"'),
        ("on_fail: hold", "24:30: GATE.on_fail: a phase may only tighten: on_fail is rollback outside of it"),
        ("severity: minor", "24:31: GATE.severity: a phase may only tighten: severity is critical outside of it"),
        ("confidence: 90%", "24:33: GATE.confidence: a phase may only tighten: confidence is 0.95 outside of it"),
    ],
)
def test_a_phase_may_only_tighten(change: str, fault: str) -> None:
    """Looser limits, effects and demands in a phase are faults."""
    text = CONTRACT + PHASES.replace("CHANGE", change)
    assert lines_of(text) == [f"relgate.yaml:{fault}".replace("GATE", "phases.release.gates.latency-p95")]


def test_a_phase_is_changed_in_one_place_only() -> None:
    """The same gate changed in ``phases`` and in its own ``during`` is a fault, as is an unknown gate."""
    text = CONTRACT.replace('fail: "> 2000ms"}', 'fail: "> 2000ms", during: {release: {fail: "> 1s"}}}')
    assert lines_of(text + PHASES.replace("{CHANGE}", '{fail: "> 1s"}')) == [
        (
            "relgate.yaml:24:7: phases.release.gates.latency-p95: latency-p95 is changed twice in release, "
            "here and in its during: keep one"
        )
    ]
    assert lines_of(CONTRACT + PHASES.replace("latency-p95", "latency").replace("{CHANGE}", "{}")) == [
        'relgate.yaml:24:7: phases.release.gates.latency: unknown gate "latency": did you mean "latency-p95"?'
    ]


def test_a_gate_that_no_stage_requires_needs_no_server() -> None:
    """The server of a signal is asked for only where a stage depends on it; the contract's sample shows it."""
    assert load(CONTRACT).environments["staging"].prometheus is None
    assert lines_of(CONTRACT.replace("memory-growth]", "memory-growth, queue]")) == [
        (
            "relgate.yaml:4:3: environments.staging: the signal queue-depth asks prometheus: staging needs "
            "prometheus: {url: ...}"
        )
    ]


def test_one_mistake_gives_one_message() -> None:
    """What hangs on a faulty value is passed over: a broken signal does not make its gates faulty as well."""
    assert len(lines_of(SMALLEST.replace("20/s", "fast"))) == 1
    assert len(lines_of(SMALLEST.replace("probe:", "prob:"))) == 1
    assert len(lines_of(SMALLEST.replace("95%", "95"))) == 1
    assert len(lines_of(SMALLEST.replace("{name: canary}", "{name: canary, bake: long, warmup: 1m}"))) == 1


@pytest.mark.parametrize(
    "limit",
    ["> baseline + 50ms", "< 0.9x baseline", "> baseline + 5% for 5m", "> 2s", ">= 20ms"],
)
def test_the_whole_distribution_is_compared_by_a_factor_only(limit: str) -> None:
    """A shift, a lower bound, a stretch and an absolute limit say nothing about a whole distribution."""
    text = CONTRACT.replace('95%, fail: "> 2000ms"', f'all, fail: "> baseline + 5%", warn: "{limit}"')
    assert lines_of(text) == [
        (
            "relgate.yaml:15:89: gates.latency-p95.warn: the whole of requests.latency is compared with the baseline: "
            f'expected > baseline + 5%, got "{limit}"'
        )
    ]


@pytest.mark.parametrize("limit", ["> baseline + 5%", "> 1.05x baseline", ">= 105% of baseline", "> baseline"])
def test_every_factor_of_the_baseline_goes_with_the_whole_distribution(limit: str) -> None:
    """All ways to write how many times the baseline is too much."""
    gates = load(CONTRACT.replace('95%, fail: "> 2000ms"', f'all, fail: "{limit}"')).gates
    assert gates["latency-p95"].whole
    assert gates["latency-p95"].needs_baseline


def test_a_release_that_keeps_the_limit_can_be_promoted() -> None:
    """``worse_by`` may be what the widest relative fail limit allows, and no less."""
    limits = '["> 2s", "> baseline + 5%", "> 1.2x baseline for 5m"]'
    text = CONTRACT.replace('fail: "> 2000ms"', f"fail: {limits}, worse_by: WORSE")
    assert load(text.replace("WORSE", "20%")).gates["latency-p95"].worse_by == 0.2
    assert lines_of(text.replace("WORSE", "19%")) == [
        (
            "relgate.yaml:15:129: gates.latency-p95.worse_by: "
            'fail "> 1.2x baseline for 5m" keeps what is worse by 20%: worse_by must be at least that'
        )
    ]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            "{gates: {error-rate: {worse_by: 300%}}}",
            "gates.error-rate.worse_by: a phase may only tighten: worse_by is 200%",
        ),
        ("{risk: {false_rollback: 6%}}", "risk.false_rollback: a phase may only tighten: false_rollback is 5%"),
        ("{risk: {false_promotion: 2%}}", "risk.false_promotion: a phase may only tighten: false_promotion is 1%"),
    ],
)
def test_a_phase_takes_no_more_risk(change: str, fault: str) -> None:
    """Smaller risks and a smaller ``worse_by`` are tighter, larger ones are faults; none means the fail limit's own."""
    text = CONTRACT + f"risk: {{false_promotion: 1%}}\nphases: {{release: {change}}}\n"
    (line,) = lines_of(text)
    assert line.endswith(f"phases.release.{fault} outside of it")


def test_a_phase_with_nothing_in_it_is_a_fault() -> None:
    """It would look as if something were tighter."""
    assert lines_of(CONTRACT + "phases: {release: {}}\n") == [
        "relgate.yaml:21:10: phases.release: a phase needs gates or risk: what is tighter in it?"
    ]
