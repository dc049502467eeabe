"""Smoke paths in a policy: which there are, what their pages must keep, and who they act as.

Each name in ``paths`` is a gate ``smoke-<name>``, which needs no entry under ``gates:``; one there changes how grave it
is, what it decides, who looks after it. A path has no limit of its own: one finding that blocks fails it.
"""

from collections.abc import Mapping
from typing import Literal, Protocol, get_args

from relgate.policy import texts
from relgate.policy.base import Frozen
from relgate.policy.grammar import Flag, Key, ListOf, MapOf, Number, Record, Text, Words, matching

PREFIX = "smoke-"
WALKED = "users can walk this path to its end, and its pages keep what they must"
"""What the gate of a path protects."""
Impact = Literal["minor", "moderate", "serious", "critical"]
Watch = Literal["console", "exceptions", "requests", "headers", "mixed-content", "accessibility", "vitals"]
Allowed = Literal[
    "console-error",
    "exception",
    "request-failed",
    "header-missing",
    "header-weak",
    "mixed-content",
    "accessibility",
    "write-refused",
]

IMPACTS: tuple[Impact, ...] = get_args(Impact)
WATCHES: tuple[Watch, ...] = get_args(Watch)
HEADERS = ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "X-Frame-Options")
"""Asked of every page. ``frame-ancestors`` in a Content-Security-Policy stands for X-Frame-Options."""


class Judged(Protocol):
    """A gate of the policy, as far as it is looked at here."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def kind(self) -> str:
        """What it is judged by."""


class Login(Frozen):
    """A request that turns user and password into a bearer token. ``user``, ``password``: names of JSON fields.

    ``token``: JSON pointer to the token in the answer.
    """

    post: str
    user: str = "email"
    password: str = "password"  # noqa: S105  the name of a field
    token: str = "/token"  # noqa: S105  where it stands


class Account(Frozen):
    """Somebody whom a path may act as. ``password``, ``bearer``: references. ``login`` None: no token is fetched."""

    user: str | None = None
    password: str | None = None
    bearer: str | None = None
    login: Login | None = None


class Allow(Frozen):
    """What is known and accepted: findings of a kind whose text contains something, with the reason."""

    code: Allowed
    contains: str
    reason: str


class Limits(Frozen):
    """Web Vitals: the worst page of a path counts. ``lcp_s``, ``inp_s``: seconds; ``cls``: layout shift, no unit."""

    lcp_s: float = 2.5
    cls: float = 0.1
    inp_s: float = 0.2


class Sink(Frozen):
    """Where relgate listens for the service. ``listen``: ``HOST:PORT``, port 0 for a free one, or a reference.

    ``url``: how the service reaches it, None for the address itself.
    """

    listen: str = "127.0.0.1:0"
    url: str | None = None


class Smoke(Frozen):
    """The smoke paths of a service.

    ``accessibility``: the impact of axe from which a violation blocks; lighter ones warn. ``visual``: share of
    pixels (0 to 1) that may differ from the baseline. ``step_s``: of each action in a step. ``wait_s``: for a path that
    another one comes after.
    """

    paths: tuple[str, ...]
    accounts: Mapping[str, Account] = {}
    limits: Limits = Limits()
    headers: tuple[str, ...] = HEADERS
    accessibility: Impact = "serious"
    visual: float = 0.01
    allow: tuple[Allow, ...] = ()
    without: tuple[Watch, ...] = ()
    step_s: float = 10.0
    wait_s: float = 60.0
    video: bool = True
    mail: Sink | None = None
    webhooks: Sink | None = None

    @property
    def gates(self) -> tuple[str, ...]:
        """Ids of the gates that a policy with these paths has."""
        return tuple(f"{PREFIX}{name}" for name in self.paths)


def gate_ids(paths: object) -> tuple[str, ...]:
    """Return the ids of the gates of parsed ``paths``; none where they have a fault."""
    return tuple(f"{PREFIX}{name}" for name in paths if isinstance(name, str)) if isinstance(paths, tuple) else ()


def is_path(gate: Judged) -> bool:
    """Whether a gate is that of a smoke path."""
    return gate.kind == "findings" and gate.id.startswith(PREFIX)


def _listen(raw: object) -> str:
    """Return ``HOST:PORT`` or a reference; ValueError for a port that there is not."""
    text = str(_ADDRESS.parse(raw))
    if not texts.REFERENCE.match(text) and int(text.rpartition(":")[2]) > 65535:
        raise ValueError(f"expected a port up to 65535, got {text}")
    return text


PATH = matching("a path's name of small letters, digits and -", r"[a-z][a-z0-9-]{0,79}", "checkout")
_ADDRESS = matching(
    "an address to listen on",
    rf"[A-Za-z0-9.-]{{1,100}}:[0-9]{{1,5}}|{texts.REFERENCE.pattern.removesuffix(chr(92) + 'Z')}",
    "127.0.0.1:2525",
    "env:MAIL_SINK",
)
LISTEN = Text("an address to listen on", _ADDRESS.pattern, _listen, ("127.0.0.1:2525", "env:MAIL_SINK"))

_LOGIN = Record(
    "login of an account",
    (
        Key("post", texts.WEB_PATH, "where user and password are sent as JSON", required=True),
        Key("user", texts.NAME, "the field of the user", "email"),
        Key("password", texts.NAME, "the field of the password", "password"),
        Key("token", texts.POINTER, "where the answer has the token", "/token"),
    ),
)
_ACCOUNT = Record(
    "an account",
    (
        Key("user", texts.HEADER_VALUE, "its name or e-mail, or a reference"),
        Key("password", texts.SECRET, "a reference to its password"),
        Key("bearer", texts.SECRET, "a reference to a bearer token, instead of a login"),
        Key("login", _LOGIN, "how to get a bearer token; beside user and password"),
    ),
    needs={"login": "password", "password": "user"},
)
_LIMITS = Record(
    "limits of pages",
    (
        Key("lcp", texts.INTERVAL, "largest contentful paint", "2500ms"),
        Key("cls", Number(10), "cumulative layout shift", "0.1"),
        Key("inp", texts.INTERVAL, "interaction to next paint", "200ms"),
    ),
)
_ALLOW = Record(
    "what is allowed",
    (
        Key("code", Words(get_args(Allowed)), "the kind of finding", required=True),
        Key("contains", texts.FREE, "what its text contains", required=True),
        Key("reason", texts.FREE, "why it is accepted", required=True),
    ),
)


def _sink(title: str) -> Record:
    return Record(
        title,
        (
            Key("listen", LISTEN, "address and port to listen on; port 0 is a free one", "127.0.0.1:0"),
            Key("url", texts.URL, "how the service reaches it", "the address itself"),
        ),
    )


SHAPE = Record(
    "smoke",
    (
        Key("paths", ListOf(PATH), "names of the paths: `checkout` is the gate smoke-checkout", required=True),
        Key("accounts", MapOf(texts.NAME, _ACCOUNT), "whom paths act as"),
        Key("limits", _LIMITS, "Web Vitals; the worst page of a path counts"),
        Key("headers", ListOf(texts.HEADER), "headers that every page must have", ", ".join(HEADERS)),
        Key("accessibility", Words(IMPACTS), "the impact from which a violation that axe finds blocks", "serious"),
        Key("visual", texts.SHARE, "the share of pixels that may differ from the baseline before it warns", "1%"),
        Key("allow", ListOf(_ALLOW), "known findings that do not count"),
        Key("without", ListOf(Words(WATCHES)), "what pages are not watched for"),
        Key("step", texts.INTERVAL, "how long one action may take", "10s"),
        Key("wait", texts.INTERVAL, "how long a path waits for the one that it comes after", "60s"),
        Key(
            "video",
            Flag(),
            "whether a path that failed leaves a video, where ffmpeg is installed; takes pictures on every path",
            "true",
        ),
        Key("mail", _sink("mail"), "an SMTP server of relgate's own, for mails of the service"),
        Key("webhooks", _sink("webhooks"), "an HTTP server of relgate's own, for calls of the service"),
    ),
)
