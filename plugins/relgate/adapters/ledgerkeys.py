"""Keys that sign records, by securesystemslib: a PEM file, an environment variable, or a key management service.

A key's id is securesystemslib's: the SHA-256 of the canonical JSON of the public key. Public keys lie beside the ledger
as ``keys/<id>.pem``; whoever verifies for others holds them against ids that came another way.
"""

from __future__ import annotations

import base64
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relgate.audit.record import PAYLOAD_TYPE
from relgate.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from relgate.audit.record import Verify

KEYS = "keys"
SERVICES = {"awskms": "AWSSigner", "gcpkms": "GCPSigner", "hv": "VaultSigner"}
"""Schemes of key management services, and what reaches each in securesystemslib."""

_MODES = (0o600, 0o400)
_EXTRA = "signed records need the extra audit: pip install 'relgate[audit]'"


@dataclass(frozen=True, slots=True)
class KeySigner:
    """A private key. ``key``: id of its public key; ``pem``: the public key as PEM."""

    key: str
    pem: bytes
    _signer: Any

    def sign(self, payload: bytes) -> str:
        """Return the Base64 signature of a DSSE envelope around ``payload``. Raises SourceError."""
        from securesystemslib.dsse import Envelope

        try:
            signature = Envelope(payload, PAYLOAD_TYPE, {}).sign(self._signer)
        except Exception as error:  # Each service raises its own.
            raise SourceError(f"key {self.key[:16]}: cannot sign ({error})") from error
        return base64.b64encode(bytes.fromhex(signature.signature)).decode()

    def publish(self, folder: Path) -> Path:
        """Write the public key beside a ledger. Raises OSError."""
        path = folder / KEYS / f"{self.key}.pem"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            draft.write_bytes(self.pem)
            draft.replace(path)
        return path


def from_pem(pem: bytes, where: str) -> KeySigner:
    """Return the signer of a private key in PEM.

    Raises:
        UsageError: it is no private Ed25519 key without a passphrase; the message never repeats it.

    """
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from securesystemslib.signer import CryptoSigner
    except ImportError as error:
        raise UsageError(_EXTRA) from error
    try:
        private = load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:
        text = "expected a private Ed25519 key in PEM without a passphrase; make one with: relgate audit key new FILE"
        raise UsageError(f"{where}: {text}") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise UsageError(f"{where}: expected an Ed25519 key, got another kind")
    return _signer(CryptoSigner(private))


def from_file(path: Path) -> KeySigner:
    """Return the signer of a private key in a file that only its owner can read.

    Raises:
        UsageError: it cannot be read, others can read it, or it is no such key.

    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode not in _MODES:
            raise UsageError(f"{path}: expected mode 0600, got {mode:04o}: others can read the key. chmod 600 {path}")
        return from_pem(path.read_bytes(), str(path))
    except OSError as error:
        raise UsageError(f"{path}: the key cannot be read ({error.strerror})") from error


def from_service(uri: str) -> KeySigner:
    """Return the signer of a key management service's key, by its URI (awskms:, gcpkms:, hv:).

    Raises:
        UsageError: the service, or what reaches it, is not there.

    """
    try:
        from securesystemslib import signer as module
    except ImportError as error:
        raise UsageError(_EXTRA) from error
    scheme, _, rest = uri.partition(":")
    try:
        found, public = getattr(module, SERVICES[scheme]).import_(rest)
        return _signer(module.Signer.from_priv_key_uri(found, public))
    except Exception as error:  # Each service raises its own.
        raise UsageError(f"{scheme}: the key cannot be used ({type(error).__name__}: {error})") from error


def new(path: Path) -> KeySigner:
    """Make a key and write it to a new file with mode 0600.

    Raises:
        UsageError: the file is there already, or cannot be written.

    """
    try:
        from securesystemslib.signer import CryptoSigner
    except ImportError as error:
        raise UsageError(_EXTRA) from error
    made = CryptoSigner.generate_ed25519()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "wb") as file:
            file.write(made.private_bytes)
    except OSError as error:
        raise UsageError(f"{path}: the key cannot be written ({error.strerror})") from error
    return _signer(made)


def verifier(folder: Path, trusted: Collection[str] | None = None) -> Verify:
    """Return what checks signatures with the public keys in ``folder``/keys.

    Args:
        folder: where the ledger's side files are.
        trusted: ids of keys that may sign; None for any key whose public half lies there.

    """
    known: dict[str, Any] = {}

    def verify(payload: bytes, key: str, signature: str) -> str | None:
        if trusted is not None and key not in trusted:
            return "not one of the keys that are trusted"
        if key not in known:
            known[key] = _public(folder / KEYS / f"{key}.pem", key)
        if isinstance(known[key], str):
            return str(known[key])
        return _check(known[key], payload, key, signature)

    return verify


def _check(public: Any, payload: bytes, key: str, signature: str) -> str | None:
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError
    from securesystemslib.signer import Signature

    try:
        given = {key: Signature(key, base64.b64decode(signature).hex())}
        Envelope(payload, PAYLOAD_TYPE, given).verify([public], 1)
    except VerificationError:
        return "does not fit"
    return None


def _public(path: Path, key: str) -> Any:
    """Return the public key of that id, or a text that says why there is none."""
    try:
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
        from securesystemslib.signer import SSlibKey
    except ImportError:
        return _EXTRA
    try:
        public = SSlibKey.from_crypto(load_pem_public_key(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        return f"its public key cannot be read from {path} ({getattr(error, 'strerror', None) or error})"
    return public if public.keyid == key else f"{path} is not the key of that id"


def key_id(pem: bytes) -> str:
    """Return the id of a public key in PEM. Raises UsageError."""
    try:
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
        from securesystemslib.signer import SSlibKey
    except ImportError as error:
        raise UsageError(_EXTRA) from error
    try:
        return str(SSlibKey.from_crypto(load_pem_public_key(pem)).keyid)
    except (ValueError, TypeError) as error:
        raise UsageError(f"expected a public key in PEM ({error})") from error


def _signer(signer: Any) -> KeySigner:
    public = signer.public_key
    return KeySigner(public.keyid, _pem(public), signer)


def _pem(public: Any) -> bytes:
    """Return a public key as PEM: securesystemslib keeps Ed25519 keys as hexadecimal digits, the others as PEM."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    text = str(public.keyval["public"])
    if public.keytype != "ed25519":
        return text.encode()
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
