"""The shape of a whole policy as its author writes it: every key, what it does, and what holds without it."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from relgate.policy import texts
from relgate.policy.api import SHAPE as API
from relgate.policy.audiences import AUDIENCE
from relgate.policy.grammar import Flag, Key, ListOf, MapOf, Nullable, Number, Record, Whole, Words
from relgate.policy.ledger import SHAPE as LEDGER
from relgate.policy.loads import WARM_UP
from relgate.policy.matrix import ROW
from relgate.policy.migrations import SHAPE as MIGRATIONS
from relgate.policy.model import FAMILIES, OnFail, Over, Severity
from relgate.policy.preflight import SHAPE as PREFLIGHT
from relgate.policy.rollout import ROUTER
from relgate.policy.rollout import SHAPE as ROLLOUT
from relgate.policy.smoke import SHAPE as SMOKE
from relgate.policy.sources import HEADERS, SIGNAL

BASIC = Record(
    "basic",
    (
        Key("user", texts.HEADER_VALUE, "the user's name, or a reference", required=True),
        Key("password", texts.SECRET, "a reference to the password", required=True),
    ),
)

AUTH = Record(
    "auth",
    (
        Key("bearer", texts.SECRET, "a reference to a bearer token"),
        Key("basic", BASIC, "user and password"),
        Key("header", MapOf(texts.HEADER, texts.SECRET, least=1), "header names to references"),
    ),
    exactly_one=("bearer", "basic", "header"),
)

LOG = Record(
    "log",
    (
        Key("file", texts.FILE, "path of the service's log on this machine, or env:NAME"),
        Key("get", texts.URL, "URL of a log that answers over HTTP; `{id}` in it becomes the id that is searched"),
        Key("command", texts.FREE, "a command that prints lines as they come and does not end: kubectl logs -f"),
        Key("loki", texts.FREE, "a LogQL query of log lines; $side becomes the environment's label of the side"),
    ),
    exactly_one=("file", "get", "command", "loki"),
)

TARGET = Record(
    "a side",
    (
        Key("url", texts.URL, "where it answers", required=True),
        Key("instances", ListOf(texts.URL), "URLs that probes ask in turn, at the same total rate", "url alone"),
        Key("headers", HEADERS, "headers of every request to this side"),
        Key("auth", AUTH, "how to get in", "the environment's auth"),
        Key("log", LOG, "where its log lies"),
        Key("database", texts.SECRET, "a reference to the URL of its PostgreSQL, for statements"),
    ),
)

SERVER = Record(
    "a server",
    (
        Key("url", texts.URL, "where it answers", required=True),
        Key("headers", HEADERS, "headers of every request to it"),
        Key("auth", AUTH, "how to get in", "none: the service's auth is never sent to it"),
    ),
)

RISK = Record(
    "risk",
    (
        Key(
            "false_rollback",
            texts.RISK,
            "the chance that a whole rollout rolls back a release that keeps its limits; all its gates share it",
            "1 - confidence",
        ),
        Key(
            "false_promotion",
            texts.RISK,
            "the chance that a release is promoted that is worse by a gate's worse_by",
            "1 - confidence",
        ),
    ),
)

NOISE = Record(
    "noise",
    (
        Key("host_drift", texts.SHARE, "standard deviation of the slow difference of one instance", required=True),
        Key("over", texts.INTERVAL, "how long that difference lasts: its correlation time", required=True),
        Key("bursts", texts.INTERVAL, "how long pauses and bursts of errors last", "2s"),
    ),
)

ENVIRONMENT = Record(
    "an environment",
    (
        Key("candidate", TARGET, "the release under judgment", required=True),
        Key("baseline", TARGET, "the release that it replaces, observed side by side"),
        Key("auth", AUTH, "how to get in on both sides; a side's own auth wins"),
        Key(
            "tls",
            Record(
                "tls",
                (
                    Key("verify", Flag(), "whether certificates are checked", "true"),
                    Key("ca", texts.FILE, "a file with further authorities"),
                ),
            ),
            "how certificates are checked",
        ),
        Key("prometheus", SERVER, "needed by promql, and by alerts from prometheus"),
        Key("alertmanager", SERVER, "needed by alerts from alertmanager"),
        Key("loki", SERVER, "needed by a log of loki"),
        Key(
            "labels",
            Record(
                "labels",
                (
                    Key("candidate", texts.FREE, "what $side becomes for the candidate", "candidate"),
                    Key("baseline", texts.FREE, "what $side becomes for the baseline", "baseline"),
                ),
            ),
            "what $side becomes in promql",
        ),
        Key(
            "noise",
            NOISE,
            "how much equal instances differ here; all of it replaces the policy's",
            "the policy's noise",
        ),
        Key("router", ROUTER, "where traffic is set, and where users come in; needed by relgate rollout"),
        Key("read_only", Flag(), "whether paths must not change anything here", "false"),
    ),
)

_FAIL = Key("fail", ListOf(texts.LIMIT), "what is bad: one limit or several", "by the rule kind")
_WARN = Key("warn", ListOf(texts.LIMIT), "what is worth a warning, reached before fail", "by the rule kind")
_ON_FAIL = Key(
    "on_fail", Words(get_args(OnFail)), "what a failure decides", "rollback; hold in preflight and with expect"
)
_SEVERITY = Key(
    "severity", Words(get_args(Severity)), "how grave it is", "critical when on_fail is rollback, else normal"
)
_CONFIDENCE = Key("confidence", texts.CONFIDENCE, "how sure a verdict must be", "the policy's confidence")
_WORSE_BY = Key(
    "worse_by", texts.WORSE_BY, "how much worse than the baseline must never be promoted", "the fail limit itself"
)
_SAMPLES = Key("min_samples", Whole(1, 1_000_000_000), "fewer samples than this are inconclusive", "by the rule")

CHANGE = Record(
    "a change of a gate",
    tuple(
        replace(key, default="as outside of the phase")
        for key in (_FAIL, _WARN, _ON_FAIL, _SEVERITY, _CONFIDENCE, _WORSE_BY, _SAMPLES)
    ),
)

GATE = Record(
    "a gate",
    (
        Key(
            "signal", Nullable(texts.SIGNAL), "signal or signal.field; null when a test of yours brings the measurement"
        ),
        Key("quantile", texts.QUANTILE, "which quantile of a latency, or all at once; needed there, wrong elsewhere"),
        _FAIL,
        _WARN,
        _ON_FAIL,
        _SEVERITY,
        Key("family", Words(FAMILIES), "which run it belongs to", "canary"),
        _CONFIDENCE,
        Key("weight", Number(1000), "its part of the chance of a false rollback, beside the other gates", "1"),
        _WORSE_BY,
        _SAMPLES,
        Key("over", Words(get_args(Over)), "how a gauge's observations become one number", "each is judged by itself"),
        Key("expect", texts.FREE, "the version to be served; release is the one given by --gate-release", "release"),
        Key("next_steps", ListOf(texts.FREE), "what to do when it fails"),
        Key("owner", texts.FREE, "who looks after it"),
        Key("description", texts.FREE, "what it protects"),
        Key("runbook", texts.URL, "where it is written down what to do"),
        Key("warmup", texts.DURATION, "observations of the first moments that do not count", "the stage's warmup"),
        Key("watch", Flag(), "whether it is judged in every stage that observes, at every look", "false"),
        Key("during", MapOf(texts.NAME, CHANGE), "what is tighter in a phase"),
    ),
)

PHASE = Record(
    "a phase",
    (
        Key("gates", MapOf(texts.NAME, CHANGE), "what is tighter: gate id to change"),
        Key("risk", RISK, "smaller risks", "the policy's risk"),
    ),
)

STAGE = Record(
    "a stage",
    (
        Key("name", texts.LABEL, "its name, as in --gate-stage", required=True),
        Key("traffic", texts.SHARE, "the share of traffic that the candidate gets"),
        Key("bake", texts.DURATION, "how long it is observed", "10m when one of its gates has a signal, otherwise 0s"),
        Key(
            "warmup",
            texts.WARMUP,
            "the part of bake at its beginning that does not count; found: the data say, at most 120s",
            "0s",
        ),
        Key("warm_up", WARM_UP, "requests that are sent to the candidate before the bake; they are not judged", "none"),
        Key("look_every", texts.LOOK, "how often unfinished evidence is looked at", "5s"),
        Key("marks", ListOf(texts.DURATION), "moments of the bake at which a rollout records how it stands"),
        Key("run", ListOf(Words(FAMILIES)), "the families that run", "canary"),
        Key("require", ListOf(texts.NAME), "gate ids and families that must report", "the families that run"),
        Key("during", texts.NAME, "the phase whose tighter limits hold"),
        Key("watch", Flag(), "whether watched gates are judged in it; false: only outside of the rollout", "true"),
    ),
)

POLICY = Record(
    "the policy",
    (
        Key("relgate", Whole(1, 1), "the version of this language: 1", required=True),
        Key("service", texts.SERVICE, "the service's name", required=True),
        Key("extends", ListOf(texts.FILE), "policies to build on, relative to this file; own keys win"),
        Key("confidence", texts.CONFIDENCE, "how sure a verdict must be", "95%"),
        Key("risk", RISK, "how often a decision may be wrong", "1 - confidence, both"),
        Key("noise", NOISE, "how much equal instances differ, where it is known", "not declared"),
        Key("hold_for", texts.INTERVAL, "how long a hold may last", "24h"),
        Key("then", Words(get_args(OnFail)), "what a hold becomes after that", "rollback"),
        Key("redact", ListOf(texts.PATTERN), "more patterns to remove from all that is written down"),
        Key("ledger", LEDGER, "where and how decisions are recorded"),
        Key("environments", MapOf(texts.LABEL, ENVIRONMENT, least=1), "where releases are observed", required=True),
        Key("signals", MapOf(texts.NAME, SIGNAL), "what is observed"),
        Key("migrations", MIGRATIONS, "where migrations come from"),
        Key("preflight", PREFLIGHT, "what must be true before a rollout begins"),
        Key("api", API, "the API that is explored"),
        Key("smoke", SMOKE, "critical paths of users, walked in a browser and over HTTP"),
        Key("notify", MapOf(texts.NAME, AUDIENCE), "who is told what happens: audience to addresses and events"),
        Key("gates", MapOf(texts.NAME, GATE), "what is judged"),
        Key("matrix", ListOf(ROW, single=False), "what is done about a failure, by severity and users, and how soon"),
        Key("phases", MapOf(texts.NAME, PHASE), "times of tighter limits"),
        Key("stages", ListOf(STAGE, single=False), "the steps of a rollout", required=True),
        Key("rollout", ROLLOUT, "how relgate rollout goes through them"),
    ),
)
