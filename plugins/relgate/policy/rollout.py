"""Rollouts in a policy: how traffic moves from the old version to the new one, where it is set, and what is run beside.

What belongs to a place (the router) stands in its environment; what belongs to the way of releasing stands under
``rollout:``.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from relgate.policy import texts
from relgate.policy.base import Frozen
from relgate.policy.grammar import Key, ListOf, MapOf, Record, Whole, Words

Strategy = Literal["canary", "rolling", "blue-green"]
RouterKind = Literal["haproxy", "nginx", "kubectl", "command"]
ROUTERS: tuple[RouterKind, ...] = get_args(RouterKind)


class Router(Frozen):
    """Where traffic is set, and where it is seen that it lands so.

    ``url``: where users come in. ``version_path``, ``pointer``, ``header``: what is asked there, and where in the
    answer the version stands: a JSON pointer of the body, or a header. ``asks``: how many requests prove a share.
    ``health``: a path that answers 2xx when the service is well. ``settings``: of the kind, as written: its texts may
    be references. ``instances``: name to URL, of a rolling strategy.
    """

    kind: RouterKind
    settings: Mapping[str, Any]
    url: str
    version_path: str
    pointer: str | None = None
    header: str | None = None
    asks: int = 200
    health: str | None = None
    instances: Mapping[str, str] = {}


class Rollout(Frozen):
    """How a service moves from one version to the next.

    ``stages``: names of those that take part, in order; none: all of the policy. ``watch_every_s``: between two looks
    at the router while gates run. ``rto_s``: how long going back may take. ``standby_s``: how long the old version
    waits behind the new one. ``hooks``: name to command.
    """

    strategy: Strategy = "canary"
    stages: tuple[str, ...] = ()
    watch_every_s: float = 5.0
    rto_s: float = 300.0
    standby_s: float | None = None
    hooks: Mapping[str, str] = {}


_HAPROXY = Record(
    "haproxy",
    (
        Key("socket", texts.FREE, "the runtime API: a path, host:port, or env:NAME", required=True),
        Key("backend", texts.FREE, "the backend whose weights are set", required=True),
        Key("candidate", ListOf(texts.LABEL), "its servers of the new version", "candidate"),
        Key("baseline", ListOf(texts.LABEL), "its servers of the old version", "baseline"),
    ),
)

_NGINX = Record(
    "nginx",
    (
        Key("include", texts.FREE, "the file that relgate writes and nginx includes in `http`", required=True),
        Key("candidate", texts.FREE, "the upstream of the new version", "candidate"),
        Key("baseline", texts.FREE, "the upstream of the old version", "baseline"),
        Key("test", texts.FREE, "the command that checks the configuration", "nginx -t"),
        Key("reload", texts.FREE, "the command that takes it over", "nginx -s reload"),
    ),
)

_KUBECTL = Record(
    "kubectl",
    (
        Key("candidate", texts.LABEL, "the deployment of the new version", required=True),
        Key("baseline", texts.LABEL, "the deployment of the old version", required=True),
        Key("replicas", Whole(1, 10_000), "pods of both together; shares are parts of it", required=True),
        Key("namespace", texts.LABEL, "where they are", "that of the context"),
        Key("context", texts.FREE, "which cluster", "the current one"),
        Key("container", texts.LABEL, "whose image is set; beside it `--gate-release image=...` says which"),
        Key("timeout", texts.INTERVAL, "how long pods may take to be ready", "5m"),
    ),
)

_COMMAND = Record(
    "command",
    (
        Key("set", texts.FREE, "a command that gives the candidate RELGATE_SHARE of the traffic", required=True),
        Key("read", texts.FREE, 'a command that prints what is in force: {"candidate": 0.05}', required=True),
        Key("timeout", texts.INTERVAL, "how long either may take", "1m"),
    ),
)

ROUTER = Record(
    "a router",
    (
        Key("url", texts.URL, "where users come in", required=True),
        Key(
            "version",
            Record(
                "version",
                (
                    Key("get", texts.WEB_PATH, "what is asked through the router", required=True),
                    Key("pointer", texts.POINTER, "where the version stands in the JSON body"),
                    Key("header", texts.HEADER, "which header of the answer has it"),
                ),
                exactly_one=("pointer", "header"),
            ),
            "how an answer says which version gave it",
            required=True,
        ),
        Key("asks", Whole(20, 10_000), "requests that prove where traffic lands", "200"),
        Key("health", texts.WEB_PATH, "what must answer 2xx through the router after going back"),
        Key("instances", MapOf(texts.LABEL, texts.URL), "of a rolling strategy: server name to where it answers"),
        Key("haproxy", _HAPROXY, "HAProxy, over its runtime API"),
        Key("nginx", _NGINX, "nginx, by a file that it includes"),
        Key("kubectl", _KUBECTL, "two deployments behind one Kubernetes service"),
        Key("command", _COMMAND, "anything else"),
    ),
    exactly_one=ROUTERS,
)

HOOKS = {
    "deploy": "before the first step that gives the candidate traffic: start the new version",
    "replace": "of a rolling strategy: put RELGATE_VERSION on RELGATE_INSTANCE",
    "flags": "when going back: switch the release's flags off",
    "restore": "when going back, once the old version has all traffic: restore the database",
    "notify": "at begin, promote, hold, rollback, restored and complete (RELGATE_EVENT)",
    "page": "when a person is needed: a hold, a way back that is unsafe, too slow or not proven",
    "retire": "after the last step: take the old version away",
}

SHAPE = Record(
    "rollout",
    (
        Key("strategy", Words(get_args(Strategy)), "how the new version takes over", "canary"),
        Key("stages", ListOf(texts.LABEL), "the stages that take part, in order", "all"),
        Key("watch_every", texts.INTERVAL, "between two looks at the router while gates run", "5s"),
        Key("rto", texts.INTERVAL, "how long going back may take", "5m"),
        Key("standby", texts.INTERVAL, "how long the old version waits behind the new one; beside blue-green", "none"),
        Key(
            "hooks",
            Record("hooks", tuple(Key(name, texts.FREE, text) for name, text in HOOKS.items())),
            "commands that are run, without a shell",
        ),
    ),
)
