"""The shapes of signals: where observations come from. One record a kind; ``document`` has the rest of a policy."""

from __future__ import annotations

from typing import get_args

from relgate.policy import texts
from relgate.policy.grammar import AnyJson, Either, Flag, Key, ListOf, MapOf, Record, Whole, Words
from relgate.policy.loads import LOAD
from relgate.policy.model import HealthFormat, Unit

HEADERS = MapOf(texts.HEADER, texts.HEADER_VALUE)
UNIT = Words(get_args(Unit))
INSTANCE_LABEL = Key(
    "instance_label",
    texts.LABEL_NAME,
    "the label that names instances: one series for each of its values",
    "one series is asked for",
)
_BY_SUFFIX = "by the metric's suffix: _bytes, _seconds, _ratio, otherwise count"

EXPECT = Record(
    "expect",
    (
        Key("status", ListOf(texts.STATUS), "statuses that count as success", "200-299"),
        Key("content_type", texts.FREE, "how the content type must begin"),
        Key("contains", texts.FREE, "a text that the body must contain"),
        Key("json", Flag(), "whether the body must be JSON", "false"),
    ),
)

REQUEST = Record(
    "a request",
    (
        Key("path", texts.WEB_PATH, "the path, with its query", required=True),
        Key("method", Words(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")), "the HTTP method", "GET"),
        Key("headers", HEADERS, "headers of this request; they win over the probe's"),
        Key("body", texts.ANY_TEXT, "the body as text, or env:NAME or file:PATH"),
        Key("json", AnyJson(), "the body as JSON; sets the content type"),
        Key("expect", EXPECT, "what the answer must be", "the probe's expect"),
    ),
    at_most_one=("body", "json"),
)

IDS = Record(
    "ids",
    (
        Key("header", texts.HEADER, "the header that carries the correlation id", "X-Correlation-ID"),
        Key("send", Flag(), "whether the probe sends an id of its own", "true"),
        Key("echo", Flag(), "whether the answer must carry the id that was sent", "false"),
        Key("format", texts.PATTERN, "any, uuid, traceparent or a regular expression", "any"),
        Key("look_up", Whole(1, 10_000), "how many ids are searched for in the service's log", "50"),
    ),
)

PROBE = Record(
    "probe",
    (
        Key("rate", texts.RATE, "requests sent to each side, whatever it answers", required=True),
        Key("get", ListOf(texts.WEB_PATH), "paths to get in turn, the short form of requests"),
        Key("requests", ListOf(REQUEST, single=False), "requests to send in turn"),
        Key("headers", HEADERS, "headers of every request"),
        Key("timeout", texts.INTERVAL, "after this long without a complete answer the request has failed", "10s"),
        Key("http", Words(("1.1", "2", "2-prior-knowledge"), {1.1: "1.1", 2: "2"}), "the HTTP version", '"1.1"'),
        Key("connections", Whole(1, 10_000), "most requests in flight", "256"),
        Key("expect", EXPECT, "what every answer must be", "a status of 200-299"),
        Key("ids", IDS, "correlation ids", "sent as X-Correlation-ID"),
    ),
    exactly_one=("get", "requests"),
)

POLL = Record(
    "poll",
    (
        Key("get", texts.WEB_PATH, "the path of the health endpoint", required=True),
        Key("every", texts.INTERVAL, "time between two questions", "5s"),
        Key("timeout", texts.INTERVAL, "after this long without an answer the service is failing", "5s"),
        Key("format", Words(get_args(HealthFormat)), "how the body says its state", "auto"),
        Key("components", ListOf(texts.FREE), "components that must be there and healthy or degraded"),
        Key("max_age", texts.INTERVAL, "a timestamp in the body older than this makes the answer stale", "no limit"),
        Key("version", texts.POINTER, "where in the body the version stands", "the usual places"),
    ),
)

SCRAPE = Record(
    "scrape",
    (
        Key("metric", texts.METRIC, "the metric's name on the page", required=True),
        Key("get", texts.WEB_PATH, "the path of the metrics page", "/metrics"),
        Key("every", texts.INTERVAL, "time between two scrapes", "5s"),
        Key("labels", MapOf(texts.LABEL_NAME, texts.FREE), "labels that the series must have"),
        INSTANCE_LABEL,
        Key("unit", UNIT, "what the number measures", _BY_SUFFIX),
    ),
)

PROMQL = Record(
    "promql",
    (
        Key("query", texts.FREE, "the query; $side becomes the environment's label of the side", required=True),
        INSTANCE_LABEL,
        Key("every", texts.INTERVAL, "time between two queries", "15s"),
        Key("unit", UNIT, "what the number measures", "count"),
    ),
)

JSON_VALUE = Record(
    "json",
    (
        Key("get", texts.WEB_PATH, "the path of the document", required=True),
        Key("pointer", texts.POINTER, "where in the document the number stands", required=True),
        Key("every", texts.INTERVAL, "time between two questions", "5s"),
        Key("unit", UNIT, "what the number measures", "count"),
    ),
)

ALERTS = Record(
    "alerts",
    (
        Key("every", texts.INTERVAL, "time between two questions", "15s"),
        Key("from", Words(("prometheus", "alertmanager")), "who is asked", "prometheus"),
        Key(
            "match",
            MapOf(texts.LABEL_NAME, texts.FREE),
            "labels that an alert must have to count",
            "every alert counts",
        ),
    ),
)

LOG = Record(
    "a log",
    (
        Key("match", texts.PATTERN, "the lines that count", "errors: level error and above, in JSON or in plain words"),
        Key(
            "requests",
            texts.PATTERN,
            "lines of which each is one request: rates of both sides are compared per request",
            "per second, and per line where the candidate writes fewer lines",
        ),
        Key("every", texts.INTERVAL, "time between two looks", "1s"),
    ),
)

STATEMENTS = Record(
    "statements",
    (
        Key(
            "command",
            texts.FREE,
            "prints statements as JSON lines: statement, calls, total_ms; RELGATE_SIDE names the side",
            "pg_stat_statements of each side's database",
        ),
        Key("every", texts.INTERVAL, "time between two looks", "5s"),
    ),
)

SIGNAL = Record(
    "a signal",
    (
        Key("probe", PROBE, "requests at a fixed rate"),
        Key("load", LOAD, "a load of both sides by Locust"),
        Key("poll", POLL, "a health endpoint"),
        Key("scrape", SCRAPE, "a metric on the service's Prometheus page"),
        Key("promql", Either(texts.FREE, PROMQL), "a query to Prometheus"),
        Key("json", JSON_VALUE, "a number in a JSON document of the service"),
        Key("alerts", ALERTS, "how many alerts fire"),
        Key("log", LOG, "lines of each side's log"),
        Key("statements", STATEMENTS, "what a database's statements cost"),
        Key("every", texts.INTERVAL, "beside a promql text: time between two queries", "15s"),
        Key("unit", UNIT, "beside a promql text: what the number measures", "count"),
    ),
    exactly_one=("probe", "load", "poll", "scrape", "promql", "json", "alerts", "log", "statements"),
    needs={"every": "promql", "unit": "promql"},
)
