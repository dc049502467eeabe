"""Where a release is observed: both sides of an environment, its servers, and how noisy its hosts are.

``env:NAME`` and ``file:PATH`` stay references: no model ever holds a secret.
"""

from collections.abc import Mapping

from pydantic import Field

from relgate.policy.base import Frozen
from relgate.policy.rollout import Router
from relgate.values import Side


class Auth(Frozen):
    """How one side is asked for access. Secrets are references (``env:NAME``, ``file:PATH``), never clear text.

    At most one of ``bearer``, ``user`` with ``password``, and ``header`` (header name to reference) is set.
    """

    bearer: str | None = None
    user: str | None = None
    password: str | None = None
    header: Mapping[str, str] = {}


class Target(Frozen):
    """One side of an environment: where it answers and how it is asked.

    ``url`` is what is polled and scraped. ``instances``: the URLs that probes ask in turn instead of it; empty when the
    side is asked as one. ``log_file``: path of its log. ``log_url``: where its log answers over HTTP, with ``{id}`` for
    what is searched. ``log_command``: prints its lines as they come. ``log_query``: asks Loki for them. ``database``: a
    reference to the URL of its PostgreSQL.
    """

    url: str
    instances: tuple[str, ...] = ()
    headers: Mapping[str, str] = {}
    auth: Auth | None = None
    log_file: str | None = None
    log_url: str | None = None
    log_command: str | None = None
    log_query: str | None = None
    database: str | None = None


class Server(Frozen):
    """A Prometheus, an Alertmanager or a Loki."""

    url: str
    headers: Mapping[str, str] = {}
    auth: Auth | None = None


class Tls(Frozen):
    """How certificates are checked. ``ca``: path of a file with further authorities."""

    verify: bool = True
    ca: str | None = None


class Noise(Frozen):
    """How much two equal instances differ, as the author knows it.

    ``host_drift``: standard deviation of the slow difference of one instance, in log scale (0.03: 3 %). ``over_s``: its
    correlation time. ``bursts_s``: how long pauses and bursts of errors last.
    """

    host_drift: float = Field(ge=0, le=1)
    over_s: float = Field(gt=0)
    bursts_s: float = Field(default=2.0, gt=0)


class Environment(Frozen):
    """Where a release is observed. An ``auth`` for both sides has been copied into each side that has none.

    ``noise`` None: nobody has declared any. ``router`` None: traffic is not set by relgate here.
    """

    name: str
    candidate: Target
    baseline: Target | None = None
    tls: Tls = Tls()
    prometheus: Server | None = None
    alertmanager: Server | None = None
    loki: Server | None = None
    labels: Mapping[Side, str] = {"candidate": "candidate", "baseline": "baseline"}
    noise: Noise | None = None
    router: Router | None = None
    read_only: bool = False
