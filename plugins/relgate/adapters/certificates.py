"""Certificates as a client sees them: one TLS handshake with a host, judged by OpenSSL."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any

from relgate.adapters.http import tls
from relgate.ports.observing import Access
from relgate.ports.preflight import Certificate, Shaken

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_S = 10.0
_CODES = {9: "not-yet-valid", 10: "expired", 62: "wrong-host", 64: "wrong-host"}
"""X509_V_ERR_* of OpenSSL's x509_vfy.h; 62 and 64: a name, an address that the certificate does not have."""


def shake(host: str, port: int, ca: str | None) -> Shaken:
    """Return how a handshake with a host went. Never raises for what the world does.

    ``ca``: path of a file with authorities beside those of the system.
    """
    name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        context = tls(Access(ca=ca))
    except (OSError, ValueError) as error:
        return Shaken(name, fault=f"authorities {ca}: cannot be read ({error})")
    try:
        with (
            socket.create_connection((host, port), timeout=TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=host) as wrapped,
        ):
            return Shaken(name, chain=_chain(wrapped))
    except ssl.SSLCertVerificationError as error:
        return Shaken(name, refused=(_CODES.get(error.verify_code, "untrusted"), error.verify_message))
    except TimeoutError:
        return Shaken(name, fault=f"no handshake within {TIMEOUT_S:g} s")
    except (OSError, ValueError) as error:
        return Shaken(name, fault=f"no handshake ({error})")


def _chain(wrapped: ssl.SSLSocket) -> tuple[Certificate, ...]:
    """Return the verified chain; the host's own certificate alone where this Python does not tell the others."""
    try:
        # Public since Python 3.13, and there as bytes only.
        infos = [one.get_info() for one in wrapped._sslobj.get_verified_chain()]  # type: ignore[attr-defined]  # noqa: SLF001
    except AttributeError:
        infos = [wrapped.getpeercert()]
    return tuple(_certificate(one) for one in infos)


def _certificate(info: Mapping[str, Any]) -> Certificate:
    subject = {key: value for part in info.get("subject", ()) for key, value in part}
    name = subject.get("commonName") or subject.get("organizationName") or "a certificate without a name"
    return Certificate(str(name), float(ssl.cert_time_to_seconds(info["notAfter"])))
