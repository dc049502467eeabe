"""Who has to agree to a release, in a policy: facts that it must state, approvals by its type, statements of people."""

from collections.abc import Mapping
from typing import Any

from relgate.policy import texts
from relgate.policy.base import Frozen
from relgate.policy.grammar import Flag, Key, ListOf, MapOf, Record, Whole, matching


class GitHub(Frozen):
    """Where approvals of runs of GitHub Actions are read. ``repo``: ``owner/name``; ``token``: a reference."""

    repo: str
    token: str
    api: str = "https://api.github.com"


class Approvals(Frozen):
    """Who must approve. ``least``: type of the release -> how many people.

    ``excluded``: facts of the release that name people who cannot approve it: its author, its deployer. ``people``:
    name of a person -> other names of the same person; where there are any, nobody else can approve. ``review``: types
    whose review after the release is called due. ``github``: where approvals are read beside the ledger.
    """

    least: Mapping[str, int]
    excluded: tuple[str, ...] = ("author", "deployer")
    people: Mapping[str, tuple[str, ...]] = {}
    review: tuple[str, ...] = ()
    github: GitHub | None = None


class Statement(Frozen):
    """A statement of a person that must be there. ``max_age_s``: None for any age.

    ``any_release``: it need not name the release.
    """

    max_age_s: float | None = None
    any_release: bool = False


FACT = matching("a name of a fact", r"[A-Za-z][A-Za-z0-9_.-]{0,49}", "version", "ticket")

_GITHUB = Record(
    "github",
    (
        Key(
            "repo",
            matching("owner/name", r"[A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100}", "acme/shop"),
            "whose runs",
            required=True,
        ),
        Key("token", texts.SECRET, "a token that may read them (actions: read)", required=True),
        Key("api", texts.URL, "where GitHub's API answers", "https://api.github.com"),
    ),
)

APPROVALS = Record(
    "approvals",
    (
        Key("least", MapOf(texts.LABEL, Whole(1, 20), least=1), "type of the release to people", required=True),
        Key("not", ListOf(FACT), "facts that name people who cannot approve", "author, deployer"),
        Key("people", MapOf(texts.LABEL, ListOf(texts.FREE), least=1), "who can approve, and other names of theirs"),
        Key("review", ListOf(texts.LABEL), "types whose review is due after the release"),
        Key("github", _GITHUB, "count who approved this run of GitHub Actions, beside who did in the ledger"),
    ),
)

STATEMENT = Record(
    "a statement",
    (
        Key("max_age", texts.INTERVAL, "how old it may be", "any age"),
        Key("any_release", Flag(), "whether it counts without naming the release", "false"),
    ),
)


def build_approvals(raw: dict[str, Any]) -> Approvals:
    """Return the value of parsed approvals without faults."""
    names = {"not": "excluded"}
    given = {names.get(key, key): value for key, value in raw.items() if key != "github"}
    return Approvals(**given, github=GitHub(**raw["github"]) if "github" in raw else None)


def build_statements(raw: dict[str, Any]) -> dict[str, Statement]:
    """Return the values of parsed statements without faults."""
    names = {"max_age": "max_age_s"}
    return {name: Statement(**{names.get(key, key): value for key, value in one.items()}) for name, one in raw.items()}


def check_approvals(raw: Any) -> list[tuple[tuple[str | int, ...], str]]:
    """Return what the keys of parsed approvals mean together, and do not: path below ``approvals``, and the fault."""
    if not isinstance(raw, dict):
        return []
    found: list[tuple[tuple[str | int, ...], str]] = []
    least, review, people = raw.get("least"), raw.get("review", ()), raw.get("people")
    if isinstance(least, dict) and isinstance(review, tuple):
        unknown = [(index, name) for index, name in enumerate(review) if isinstance(name, str) and name not in least]
        found += [(("review", index), f"{name} is no type under least") for index, name in unknown]
    if isinstance(people, dict):
        owner: dict[str, str] = {}
        for name, others in people.items():
            for other in (name, *(others if isinstance(others, tuple) else ())):
                if isinstance(other, str) and owner.setdefault(same(other), name) != name:
                    found.append((("people", name), f"{other} is {owner[same(other)]} already: one person counts once"))
    return found


def same(name: str) -> str:
    """Return a name in the form in which names are compared: ``@Ann`` and ``ann`` are one person's."""
    return " ".join(name.split()).removeprefix("@").casefold()
