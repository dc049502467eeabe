"""The ledger in a policy: where records are kept, who signs them, what vouches for them outside, for how long.

Without ``ledger:`` records go unsigned into ``ledger.jsonl`` in the reports folder, and say so.
"""

from __future__ import annotations

import math
import re

from relgate.policy import texts
from relgate.policy.base import Frozen
from relgate.policy.grammar import Flag, Key, ListOf, Record, Text, matching
from relgate.policy.units import full, shown

DEFAULT_RETENTION_DAYS = 2557
"""Seven years."""

_RETENTION = r"[1-9][0-9]{0,4}[dwy]"
_DAYS = {"d": 1.0, "w": 7.0, "y": 365.25}


def _retention(raw: object) -> int:
    """Return the days of ``7y``, ``90d`` or ``52w``, rounded up."""
    if not isinstance(raw, str) or not re.search(full(_RETENTION), raw):
        raise ValueError(f"expected a time such as 7y or 400d, got {shown(raw)}")
    return math.ceil(int(raw[:-1]) * _DAYS[raw[-1]])


RETENTION = Text("a time in days, weeks or years", full(_RETENTION), _retention, ("7y", "400d"))
KEY = matching(
    "a reference to a key: env:NAME, file:PATH, or a KMS URI,",
    r"env:[A-Za-z_][A-Za-z0-9_]*|file:[^\x00-\x1f]+|(?:awskms|gcpkms|hv):[^\x00-\x20]+",
    "file:/run/secrets/relgate.pem",
    show=False,
)
BUCKET = matching("a bucket's name", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "acme-release-heads")


class Tsa(Frozen):
    """A time-stamping authority (RFC 3161). ``ca``: PEM file with its certificates, to verify what it answers."""

    url: str
    ca: str


class GitTag(Frozen):
    """Signed tags in a repository. ``key``: path of an SSH key; ``remote``: pushed to, None to push nowhere."""

    repository: str = "."
    key: str
    remote: str | None = None


class Bucket(Frozen):
    """A bucket with Object Lock in compliance mode. ``endpoint``: of an S3-compatible store, None for AWS."""

    bucket: str
    prefix: str = "relgate"
    endpoint: str | None = None


class Anchors(Frozen):
    """What vouches for the head of the ledger outside of it, after every decision."""

    rfc3161: Tsa | None = None
    git: GitTag | None = None
    s3: Bucket | None = None
    sigstore: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The anchors that are asked for."""
        asked = {"rfc3161": self.rfc3161, "git": self.git, "s3": self.s3, "sigstore": self.sigstore}
        return tuple(name for name, wanted in asked.items() if wanted)


class Ledger(Frozen):
    """How decisions are recorded.

    ``store``: a folder, or a reference to a database's URL; None for the reports folder. ``key``: a reference to what
    signs. ``protected``: stages and environments that only a signed ledger may record.
    """

    store: str | None = None
    key: str | None = None
    protected: tuple[str, ...] = ()
    retention_days: int = DEFAULT_RETENTION_DAYS
    anchors: Anchors = Anchors()


SHAPE = Record(
    "ledger",
    (
        Key("store", texts.FILE, "a folder, or env:NAME with the URL of a PostgreSQL", "the reports folder"),
        Key("key", KEY, "what signs: env:NAME, file:PATH (mode 0600), or a KMS URI", "records are unsigned"),
        Key("protected", ListOf(texts.LABEL), "stages and environments that are never recorded unsigned", "none"),
        Key("retention", RETENTION, "how long records are to be kept; stated in every start record", "7y"),
        Key(
            "anchors",
            Record(
                "anchors",
                (
                    Key(
                        "rfc3161",
                        Record(
                            "rfc3161",
                            (
                                Key("url", texts.URL, "the time-stamping authority", required=True),
                                Key("ca", texts.FILE, "a PEM file with its certificates", required=True),
                            ),
                        ),
                        "a time stamp over the head",
                    ),
                    Key(
                        "git",
                        Record(
                            "git",
                            (
                                Key("key", texts.FILE, "the SSH key that signs tags", required=True),
                                Key("repository", texts.FILE, "the repository", "the current folder"),
                                Key("remote", texts.LABEL, "the remote that tags are pushed to", "none"),
                            ),
                        ),
                        "a signed tag that names the head",
                    ),
                    Key(
                        "s3",
                        Record(
                            "s3",
                            (
                                Key("bucket", BUCKET, "a bucket with Object Lock", required=True),
                                Key("prefix", texts.SERVICE, "what the names of objects begin with", "relgate"),
                                Key("endpoint", texts.URL, "an S3-compatible store", "AWS"),
                            ),
                        ),
                        "an object that nobody can remove before the retention ends",
                    ),
                    Key("sigstore", Flag(), "a signature in sigstore's public log", "false"),
                ),
            ),
            "what vouches for the head outside of the ledger, after every decision",
            "none",
        ),
    ),
    needs={"protected": "key"},
)
