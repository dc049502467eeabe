"""One record of a ledger as bytes: a DSSE envelope around an in-toto Statement, both in RFC 8785 form.

The statement's subject is what the record is about, by digest; its predicate has the record's place in the chain, its
time, the key that signs it, and the body. What signs and what verifies comes from outside: no cryptography here but
SHA-256.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from relgate.codec import canonical, rfc3339, sha256

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Kind = Literal[
    "run-started",
    "gate-decision",
    "override",
    "waiver",
    "approval",
    "attestation",
    "rollout-step",
    "rollback",
    "recovery",
    "key-rotation",
    "anchor",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
GENESIS = "0" * 64
"""What the first record names as the SHA-256 of the line before."""

CONTEXT = "context"
"""What the body of a decision's record has beside what decision.json says."""

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE = "https://relgate.dev/attestation/{kind}/v1"
_PREDICATE = re.compile(r"https://relgate\.dev/attestation/(?P<kind>[a-z-]+)/v1\Z")

SubjectIs = Literal["digests", "facts", "ledger"]
_KEYS = {"ledger", "sequence", "previous", "time", "clock_back_s", "key", "subject_is", "body"}
_SHA256 = re.compile(r"(?:sha256:|.*@sha256:)?(?P<hex>[0-9a-f]{64})\Z")
_LONG_NUMBER = re.compile(rb"[:,\[]-?[0-9]{16}")
_COMMIT = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_ABOUT_LEDGER = ("recovery", "key-rotation", "anchor")

Verify = Callable[[bytes, str, str], str | None]
"""(payload, key id, Base64 signature) -> what is wrong with the signature, or None."""


class Signer(Protocol):
    """Something that signs; ``key`` is the id of its public key."""

    @property
    def key(self) -> str:
        """Id of the public key."""

    def sign(self, payload: bytes) -> str:
        """Return the Base64 signature of the envelope's pre-authentication encoding. Raises SourceError."""

    def publish(self, folder: Path) -> Path:
        """Leave the public key beside the ledger. Raises OSError."""


class RecordError(ValueError):
    """A line is not the record that it should be; the text says why."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: how many records there are and the SHA-256 of the last line.

    ``start``: where that line begins in its store, where that is known: what comes after it is found without reading
    what came before.
    """

    sequence: int
    sha256: str
    start: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Tail:
    """What the next record needs to know about the one before.

    ``ledger``: the ledger's id. ``time``: of the last record, RFC 3339. ``key``: who signs next; None as long as
    nobody has signed.
    """

    head: Head
    ledger: str
    time: str | None = None
    key: str | None = None


EMPTY = Tail(Head(0, GENESIS), "")


@dataclass(frozen=True, slots=True)
class Record:
    """A record that was read. ``sha256``: of its line. ``keys``: of its signatures. ``key``: who signs the next one."""

    kind: Kind
    sequence: int
    previous: str
    ledger: str
    time: str
    clock_back_s: float
    body: dict[str, Any]
    subject: tuple[dict[str, Any], ...]
    keys: tuple[str, ...]
    key: str | None
    sha256: str
    start: int | None = None

    @property
    def head(self) -> Head:
        """The end of the chain when this was the last record."""
        return Head(self.sequence, self.sha256, self.start)

    @property
    def tail(self) -> Tail:
        """What the record after this one needs."""
        return Tail(self.head, self.ledger, self.time, self.key)


def compose(
    tail: Tail, kind: Kind, now_s: float, body: dict[str, Any], signers: tuple[Signer, ...] = ()
) -> tuple[bytes, Tail]:
    """Return the next line of a chain, with its LF, and the tail after it.

    Args:
        tail: end of the chain so far; its ``ledger`` is set, also for the first record.
        kind: what the record states.
        now_s: Unix time of the record. A time before that of the last record is recorded as such, never refused.
        body: JSON object without NaN.
        signers: who signs; two for a rotation, old key first.

    Raises:
        ValueError: the body has no canonical form.
        RecordError: a ledger that is signed would go on unsigned, or by another key.

    """
    keys = tuple(signer.key for signer in signers)
    _continues(tail.key, keys, kind)
    time = rfc3339(now_s)
    named, subject_is = subjects(kind, body, tail.head)
    predicate = {
        "ledger": tail.ledger,
        "sequence": tail.head.sequence + 1,
        "previous": tail.head.sha256,
        "time": time,
        "clock_back_s": _back_s(tail.time, time),
        "key": keys[0] if keys else None,
        "subject_is": subject_is,
        "body": body,
    }
    payload = canonical(
        {
            "_type": STATEMENT_TYPE,
            "subject": named,
            "predicateType": PREDICATE.format(kind=kind),
            "predicate": predicate,
        }
    )
    data = envelope(payload, signers)
    head = Head(tail.head.sequence + 1, sha256(data))
    return data + b"\n", Tail(head, tail.ledger, time, keys[-1] if keys else None)


def envelope(payload: bytes, signers: tuple[Signer, ...]) -> bytes:
    """Return the DSSE envelope of an in-toto statement in RFC 8785 bytes; nobody signs where there is no signer."""
    return canonical(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"keyid": signer.key, "sig": signer.sign(payload)} for signer in signers],
        }
    )


def parse(raw: bytes, verify: Verify | None = None) -> Record:
    """Return the record of a line (without its LF), checked by itself: form, digests, signatures.

    Args:
        raw: the line.
        verify: checks a signature; None leaves signatures unchecked.

    Raises:
        RecordError: the line is no record, or a signature does not fit.

    """
    outer = _object(raw)
    if set(outer) != {"payload", "payloadType", "signatures"} or outer["payloadType"] != PAYLOAD_TYPE:
        raise RecordError("not a DSSE envelope around an in-toto statement")
    payload, signatures = _decoded(outer["payload"]), _signatures(outer["signatures"])
    kind, predicate, subject = _statement(payload)
    keys = tuple(key for key, _ in signatures)
    _signed_as_said(kind, predicate, keys)
    if verify is not None:
        for key, signature in signatures:
            fault = verify(payload, key, signature)
            if fault is not None:
                raise RecordError(f"signature of {key[:16]}: {fault}")
    return Record(
        kind=kind,
        sequence=predicate["sequence"],
        previous=predicate["previous"],
        ledger=predicate["ledger"],
        time=predicate["time"],
        clock_back_s=predicate["clock_back_s"],
        body=predicate["body"],
        subject=tuple(subject),
        keys=keys,
        key=keys[-1] if keys else None,
        sha256=sha256(raw),
    )


def _statement(payload: bytes) -> tuple[Kind, dict[str, Any], list[dict[str, Any]]]:
    """Return kind, predicate and subject of a statement of ours."""
    statement = _object(payload)
    found = _PREDICATE.match(str(statement.get("predicateType")))
    predicate = statement.get("predicate")
    if statement.get("_type") != STATEMENT_TYPE or found is None or found["kind"] not in KINDS:
        raise RecordError(f"not a statement of relgate: predicate type {statement.get('predicateType')!r}")
    kind: Kind = found["kind"]
    if not isinstance(predicate, dict) or set(predicate) != _KEYS or not isinstance(predicate["body"], dict):
        raise RecordError("the predicate has not the keys of a record")
    for name, wanted in (("sequence", int), ("previous", str), ("ledger", str), ("time", str)):
        if type(predicate[name]) is not wanted:
            raise RecordError(f"{name}: expected {wanted.__name__}, got {predicate[name]!r}")
    about, subject_is = subjects(kind, predicate["body"], Head(predicate["sequence"] - 1, predicate["previous"]))
    if statement.get("subject") != about or predicate["subject_is"] != subject_is:
        raise RecordError("its subject is not what its body is about")
    return kind, predicate, about


def _signed_as_said(kind: Kind, predicate: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    """Refuse a record whose signatures are not those that it says it has."""
    if predicate["key"] != (keys[0] if keys else None):
        by = ", ".join(keys) or "nobody"
        raise RecordError(f"says that {predicate['key'] or 'nobody'} signed it; signed by {by}")
    if kind == "key-rotation" and (len(keys) != 2 or keys[1] != predicate["body"].get("new")):
        raise RecordError("a rotation that is not signed by both keys")
    if kind != "key-rotation" and len(keys) > 1:
        raise RecordError("signed by more than one key")


def follows(record: Record, tail: Tail) -> None:
    """Check that a record is the next one after a tail.

    Raises:
        RecordError: another place, another ledger, a line before it was changed, or another signer.

    """
    if record.sequence != tail.head.sequence + 1:
        raise RecordError(f"expected sequence {tail.head.sequence + 1}, got {record.sequence}")
    if record.previous != tail.head.sha256:
        raise RecordError(f"expected previous {tail.head.sha256}, got {record.previous}: a line before it was changed")
    if tail.ledger and record.ledger != tail.ledger:
        raise RecordError(f"belongs to ledger {record.ledger}, not to {tail.ledger}")
    if record.clock_back_s != _back_s(tail.time, record.time):
        raise RecordError("its time does not fit what it says about the clock")
    _continues(tail.key, record.keys, record.kind)


def subjects(kind: Kind, body: Mapping[str, Any], head: Head) -> tuple[list[dict[str, Any]], SubjectIs]:
    """Return what a record is about, by digest, and what kind of digests these are.

    A release is named by the digests among its facts: ``image`` and ``digest`` (``...@sha256:...``), ``bundle`` and
    ``commit``. A release that states none is named by the SHA-256 of its canonical facts. Records about the ledger
    itself are about the line before them.
    """
    if kind in _ABOUT_LEDGER:
        return [{"name": "ledger", "digest": {"sha256": head.sha256}}], "ledger"
    stated = body.get("release")
    facts = stated if isinstance(stated, dict) else {}
    found = []
    for name in ("image", "digest", "bundle"):
        match = _SHA256.match(str(facts.get(name, "")))
        if match is not None:
            found.append({"name": name, "digest": {"sha256": match["hex"]}})
    commit = str(facts.get("commit", ""))
    if _COMMIT.match(commit):
        found.append({"name": "commit", "digest": {"gitCommit": commit}})
    if found:
        return found, "digests"
    return [{"name": "release facts", "digest": {"sha256": sha256(canonical(facts))}}], "facts"


def _continues(key: str | None, keys: tuple[str, ...], kind: str) -> None:
    """A ledger may begin to be signed at any record; from then on every record is signed by the key in force."""
    if key is not None and keys[:1] != (key,):
        by = f"by {keys[0]}" if keys else "not signed"
        raise RecordError(f"the ledger is signed by {key}, this record is {by}: keys change by a rotation only")
    if kind == "key-rotation" and key is None:
        raise RecordError("a rotation in a ledger that nobody has signed")


def _back_s(before: str | None, time: str) -> float:
    """Return by how many seconds a clock went backwards; 0 where it did not. RFC 3339 times in UTC order as texts."""
    if before is None or time >= before:
        return 0
    from datetime import datetime

    try:
        return round((datetime.fromisoformat(before) - datetime.fromisoformat(time)).total_seconds(), 3)
    except (ValueError, TypeError) as error:
        raise RecordError(f"no time: {error}") from error


def _object(raw: bytes) -> dict[str, Any]:
    floats: list[str] = []

    def number(text: str) -> float:
        floats.append(text)
        return float(text)

    try:
        value = json.loads(raw, parse_float=number)
    except (ValueError, RecursionError) as error:
        raise RecordError("not JSON") from error
    if not isinstance(value, dict):
        raise RecordError("not a record")
    _no_earlier_schema(value)
    if not _surely_canonical(value, raw, floats):
        try:
            same = canonical(value) == raw
        except (ValueError, RecursionError):
            same = False
        if not same:
            raise RecordError("not in canonical form: the line was written by something else")
    return value


def _surely_canonical(value: Any, raw: bytes, floats: list[str]) -> bool:
    """Whether bytes are in RFC 8785 form, told fast; False where it takes the long way to know.

    Python's own compact form with sorted keys is that form for ASCII texts, whole numbers below 10^15, and other
    numbers that need no exponent: for these both write the shortest digits that give the number back.
    """
    if (
        not raw.isascii()
        or _LONG_NUMBER.search(raw)
        or any("e" in text.lower() or text.endswith(".0") for text in floats)
    ):
        return False
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() == raw


def _no_earlier_schema(value: dict[str, Any]) -> None:
    if "schema" in value and "sequence" in value:
        what = f"a plain record of schema {value['schema']!r}, as relgate wrote them before records were envelopes"
        raise RecordError(f"{what}. It is not migrated: keep the folder as it is and pass a new --gate-reports DIR")


def _decoded(text: object) -> bytes:
    try:
        data = base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RecordError("not Base64") from error
    if base64.b64encode(data).decode() != text:
        raise RecordError("not canonical Base64")
    return data


def _signatures(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list):
        raise RecordError("signatures are not a list")
    found = []
    for one in value:
        if not isinstance(one, dict) or set(one) != {"keyid", "sig"}:
            raise RecordError("a signature without key id or value")
        _decoded(one["sig"])
        found.append((str(one["keyid"]), str(one["sig"])))
    return tuple(found)
