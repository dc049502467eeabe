"""Objects under S3 Object Lock in compliance mode that name the head of a ledger: nobody removes them before their day.

One object a head: ``<prefix>/<ledger>/<sequence, ten digits>-<SHA-256>``, its content the head. Credentials are
those that boto3 finds. The bucket has to have been made with Object Lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from relgate.errors import SourceError, UsageError

if TYPE_CHECKING:
    from relgate.audit.record import Head

_EXTRA = "heads in S3 need the extra s3: pip install 'relgate[s3]'"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the heads of one ledger are. ``endpoint``: of an S3-compatible store, None for AWS."""

    bucket: str
    prefix: str
    endpoint: str | None = None


def put(head: Head, at: Place, retention_days: int) -> dict[str, Any]:
    """Store a head that nobody can remove for as long as records are kept; the body of the anchor's record.

    Raises:
        SourceError: the store refuses, or the object is not locked as asked.
        UsageError: boto3 is missing.

    """
    client, errors = _client(at.endpoint)
    bucket, name = at.bucket, f"{at.prefix}/{head.sequence:010}-{head.sha256}"
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=retention_days)
    try:
        stored = client.put_object(
            Bucket=bucket,
            Key=name,
            Body=f"{head.sequence}:{head.sha256}\n".encode(),
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=until,
            ChecksumAlgorithm="SHA256",
        )
        version = stored.get("VersionId")
        lock = client.head_object(Bucket=bucket, Key=name, **({} if version is None else {"VersionId": version}))
    except errors as error:
        raise SourceError(f"s3://{bucket}/{name}: {error}") from error
    mode, to = lock.get("ObjectLockMode"), lock.get("ObjectLockRetainUntilDate")
    if mode != "COMPLIANCE" or to is None or to < until:
        text = f"not locked in compliance mode until {until:%Y-%m-%d}, but {mode or 'not at all'} until {to}"
        raise SourceError(f"s3://{bucket}/{name}: {text}. Was the bucket made with Object Lock?")
    return {"by": "s3", "object": f"s3://{bucket}/{name}", "version": version, "until": f"{until:%Y-%m-%d}"}


def heads(at: Place) -> list[tuple[int, str]]:
    """Return sequence and SHA-256 of every head in a bucket, versions behind delete markers included.

    Raises:
        SourceError: the store refuses.
        UsageError: boto3 is missing.

    """
    client, errors = _client(at.endpoint)
    found = set()
    try:
        for page in client.get_paginator("list_object_versions").paginate(Bucket=at.bucket, Prefix=f"{at.prefix}/"):
            for version in page.get("Versions", ()):
                sequence, _, digest = version["Key"].removeprefix(f"{at.prefix}/").partition("-")
                if sequence.isdecimal() and len(digest) == 64:
                    found.add((int(sequence), digest))
    except errors as error:
        raise SourceError(f"s3://{at.bucket}: {error}") from error
    return sorted(found)


def _client(endpoint: str | None) -> tuple[Any, tuple[type[Exception], ...]]:
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise UsageError(_EXTRA) from error
    try:
        return boto3.client("s3", endpoint_url=endpoint), (BotoCoreError, ClientError)
    except (BotoCoreError, ValueError) as error:
        raise SourceError(f"S3 cannot be reached: {error}") from error
