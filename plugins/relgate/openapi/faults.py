"""Every kind of fault that exploring an API finds: code -> whether it blocks, why it matters, what to do. Pure."""

from __future__ import annotations

from relgate.kinds import Fault, blocks, warns

ERRORS = "api-errors"
SCHEMA = "api-schema"
IDS = "api-ids"
CORRELATION = "api-correlation"
DIFFERENTIAL = "api-differential"


_DOCUMENT = "clients are written and generated from the document"
_BOTH = "mend the service, or the document if that is how it should be"
_OLD = "clients that work today break"
_ON_PURPOSE = "keep it for a release beside the new one; what is meant to change goes into `api.ignore` or `exclude`"

FAULTS: dict[str, dict[str, Fault]] = {
    ERRORS: {
        "server-error": blocks(
            "a request that anybody can send makes the service fail", "find the exception in the log and handle it"
        ),
        "no-answer": blocks(
            "the connection broke before there was an answer: a crashed worker, or one that was killed",
            "look for a crash, a limit or a proxy at that moment",
        ),
        "too-slow": blocks("one request occupies a worker for longer than the timeout", "bound the work of a request"),
    },
    SCHEMA: {
        "undocumented-status": blocks(f"{_DOCUMENT}: nobody handles this status", _BOTH),
        "wrong-content-type": blocks(f"{_DOCUMENT}: they parse something else", _BOTH),
        "wrong-header": blocks(f"{_DOCUMENT}: they rely on the header", _BOTH),
        "wrong-body": blocks(f"{_DOCUMENT}: they cannot read this body", _BOTH),
        "not-json": blocks(f"{_DOCUMENT}: the body cannot be parsed", _BOTH),
        "breach": blocks(_DOCUMENT, _BOTH),
    },
    IDS: {
        "id-missing": blocks("nobody can ask for what was made", "answer with the id that reading it takes"),
        "not-found": blocks(
            "what was made cannot be read: it was not stored, or under another id", "store, then answer"
        ),
        "other-id": blocks("the answer is about another thing than the one asked for", "read by the id in the path"),
        "content-lost": blocks("what a user sent is stored as something else", "store what was accepted, or refuse it"),
        "content-changed": warns("what was said when it was made is not what is read", "answer with what was stored"),
        "not-removed": blocks("what was removed can still be read", "remove it everywhere, caches too"),
        "remove-fails": blocks("what was made cannot be removed", "mend the removal"),
    },
    CORRELATION: {
        "no-id": blocks(
            "nobody can find the log lines of a failed request", "set the header in the outermost layer, for errors too"
        ),
        "id-twice": blocks("one id leads to the log lines of several requests", "make an id for each request"),
        "id-differs": blocks("the id that a user reports is not the one in the log", "put one id into header and body"),
    },
    DIFFERENTIAL: {
        "status-class": blocks(f"{_OLD}: the same request had another outcome", _ON_PURPOSE),
        "status": warns("clients that look at the exact status notice", _ON_PURPOSE),
        "field-removed": blocks(f"{_OLD}: they read this field", _ON_PURPOSE),
        "type-changed": blocks(f"{_OLD}: they expect another type", _ON_PURPOSE),
        "field-added": warns("clients that refuse unknown fields notice", "see that it is meant to be public"),
        "content-type": blocks(f"{_OLD}: they parse something else", _ON_PURPOSE),
        "slower": warns("the same requests take longer than before", "the latency gates judge it under real load"),
    },
}
