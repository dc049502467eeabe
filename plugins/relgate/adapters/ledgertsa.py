"""RFC 3161 time stamps over the head of a ledger: made by an authority, verified offline with its certificates.

A token proves that the head was there at its time. It lies beside the ledger (``anchors/<sequence>.tsr``), so it
cannot show what was cut off after it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.adapters.durable import write_durably
from relgate.codec import rfc3339, sha256
from relgate.errors import SourceError, UsageError

if TYPE_CHECKING:
    from relgate.audit.record import Head

ANCHORS = "anchors"
TIMEOUT_S = 30.0
_EXTRA = "time stamps need the extra audit: pip install 'relgate[audit]'"


def stamp(head: Head, url: str, ca: str, folder: Path) -> dict[str, Any]:
    """Ask an authority for a token over a head, verify it, keep it; the body of the anchor's record.

    Raises:
        SourceError: the authority does not answer, or with a token that does not verify.
        UsageError: the extra is missing, or the certificates cannot be read.

    """
    import httpx

    try:
        from rfc3161_client import TimestampRequestBuilder
    except ImportError as error:
        raise UsageError(_EXTRA) from error
    request = TimestampRequestBuilder().data(said(head)).build()
    headers = {"Content-Type": "application/timestamp-query"}
    try:
        answer = httpx.post(url, content=request.as_bytes(), headers=headers, timeout=TIMEOUT_S)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise SourceError(f"the time-stamping authority does not answer ({type(error).__name__}: {error})") from error
    when = verify(head, answer.content, Path(ca))
    path = folder / ANCHORS / f"{head.sequence}.tsr"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, answer.content)
    return {"by": "rfc3161", "file": f"{ANCHORS}/{path.name}", "file_sha256": sha256(answer.content), "time": when}


def verify(head: Head, token: bytes, ca: Path) -> str:
    """Return the time (RFC 3339) that a token proves for a head.

    Raises:
        SourceError: the token is not one over this head, or not of this authority.
        UsageError: the extra is missing, or the certificates cannot be read.

    """
    try:
        from cryptography.x509 import load_pem_x509_certificates
        from rfc3161_client import VerifierBuilder, decode_timestamp_response
    except ImportError as error:
        raise UsageError(_EXTRA) from error
    try:
        certificates = load_pem_x509_certificates(ca.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"{ca}: expected the authority's certificates in PEM ({error})") from error
    builder = VerifierBuilder()
    for certificate in certificates:
        builder = builder.add_root_certificate(certificate)
    try:
        response = decode_timestamp_response(token)
        builder.build().verify_message(response, said(head))
    except Exception as error:  # The library has one kind of error for each step.
        raise SourceError(f"the time stamp does not verify ({type(error).__name__}: {error})") from error
    return rfc3339(response.tst_info.gen_time.timestamp())


def said(head: Head) -> bytes:
    """Return the bytes that anchors vouch for: ``<sequence>:<SHA-256>`` and LF."""
    return f"{head.sequence}:{head.sha256}\n".encode()
