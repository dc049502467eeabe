"""From a policy to the router and the entrance that it names, references resolved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from relgate.adapters.entrance import Entrance
from relgate.adapters.haproxy import HAProxy, HAProxyServers, Runtime
from relgate.adapters.kubectl import Deployments, Kubectl
from relgate.adapters.nginx import Nginx
from relgate.adapters.router_command import CommandRouter
from relgate.deploy.rolling import Rolling
from relgate.deploy.world import World
from relgate.errors import UsageError
from relgate.ports.observing import Access
from relgate.references import auth_headers, resolve

if TYPE_CHECKING:
    from relgate.deploy.hooks import Hooks
    from relgate.policy import Environment
    from relgate.policy.rollout import Rollout, Router
    from relgate.ports.traffic import Moved, Traffic


def entrance_of(environment: Environment) -> Entrance:
    """Return the way in that users take.

    Raises:
        UsageError: the environment has no router, or a reference leads nowhere.

    """
    router = router_of(environment)
    headers = auth_headers(environment.baseline.auth if environment.baseline else environment.candidate.auth)
    access = Access(tuple(headers.items()), environment.tls.verify, environment.tls.ca)
    return Entrance(resolve(router.url), router, access)


def router_of(environment: Environment) -> Router:
    """Return the router of an environment; UsageError without one."""
    if environment.router is None:
        raise UsageError(f"the environment {environment.name} has no `router:`: nobody knows where traffic is set")
    return environment.router


def world_of(environment: Environment, rollout: Rollout, entrance: Entrance, moved: Moved, hooks: Hooks) -> World:
    """Return the world that a rollout moves.

    Raises:
        UsageError: the router cannot do what the strategy needs, or a reference leads nowhere.

    """
    router = router_of(environment)
    if rollout.strategy == "rolling":
        if router.kind != "haproxy" or not router.instances:
            raise UsageError(
                f"a rolling strategy takes servers of HAProxy one by one: {environment.name} needs a router with "
                "haproxy and instances"
            )
        servers = HAProxyServers(_runtime(router))
        urls = {name: resolve(url) for name, url in router.instances.items()}
        return World(Rolling(servers, urls, router, moved, hooks), entrance, moved)
    return World(_traffic(router, moved, entrance), entrance, moved)


def _runtime(router: Router) -> Runtime:
    return Runtime(resolve(router.settings["socket"]), resolve(router.settings["backend"]))


def _traffic(router: Router, moved: Moved, entrance: Entrance) -> Traffic:
    given = router.settings
    if router.kind == "haproxy":
        sides = (given.get("candidate", ("candidate",)), given.get("baseline", ("baseline",)))
        return HAProxy(_runtime(router), *sides)
    if router.kind == "nginx":
        upstreams = (given.get("candidate", "candidate"), given.get("baseline", "baseline"))
        test, reload = (
            resolve(given.get(key, text)) for key, text in (("test", "nginx -t"), ("reload", "nginx -s reload"))
        )
        return Nginx(Path(resolve(given["include"])), upstreams, test, reload, entrance.headers)
    if router.kind == "kubectl":
        names = ("candidate", "baseline", "replicas", "namespace", "context", "container")
        kept = {name: given[name] for name in names if name in given}
        return Kubectl(Deployments(**kept, timeout_s=given.get("timeout", 300.0)), moved.image)
    return CommandRouter(resolve(given["set"]), resolve(given["read"]), moved, given.get("timeout", 60.0))
