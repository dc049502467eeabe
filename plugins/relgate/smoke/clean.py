"""Takes secrets out of the files that a browser leaves: traces (zip), HAR, consoles, bodies of answers.

Texts are redacted as everything is; in JSON every string by itself, so that the document stays whole, and the values of
what is called like a secret (``Cookie``, ``password``, ``token``) whatever they are. What is neither text nor a zip is
left out when a secret stands in it. Pictures cannot be searched: ``shown`` tells whether a page had a secret on it.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from relgate.policy.texts import SENSITIVE
from relgate.report.redact import MASK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from relgate.report.redact import Redactor

LEFT_OUT = b"[left out: a secret stands in it]"
_JSON = (".json", ".har", ".trace", ".network", ".stacks", ".jsonl")
_LINES = (".trace", ".network", ".jsonl")
_PICTURES = (".png", ".jpeg", ".jpg", ".webp", ".gif", ".ico", ".woff", ".woff2", ".ttf", ".otf")
_VALUES = ("value", "text")
# A name that is a secret's, and names that only sound like it.
_HARMLESS = re.compile(r"(?i)autocomplete|csrf-?token-?name|tokens?_?type|expires|placeholder|label")


@dataclass
class Cleaner:
    """Cleans files with one redactor. ``shown``: whether a secret stood, readable, in a snapshot of a page."""

    redactor: Redactor
    shown: bool = field(default=False)

    def file(self, path: Path) -> None:
        """Clean a file in its place; what cannot be cleaned is removed."""
        try:
            content = path.read_bytes()
            cleaned = self.content(path.name, content)
        except Exception:  # noqa: BLE001  # a zip that is damaged, encrypted, endless: whatever it is, it is not kept
            path.unlink(missing_ok=True)
            return
        if cleaned != content:
            path.write_bytes(cleaned)

    def content(self, name: str, content: bytes) -> bytes:
        """Return the content of a file of that name without secrets."""
        if zipfile.is_zipfile(io.BytesIO(content)):
            return self._zip(content)
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            return LEFT_OUT if self._has_secret(content) else content
        if name.endswith(_JSON) or text.lstrip()[:1] in ("{", "["):
            return self._json(name, text).encode()
        return self.redactor.text(text).encode()

    def _zip(self, content: bytes) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
            for entry in old.infolist():
                inner = old.read(entry)
                if not entry.filename.endswith(_PICTURES):
                    inner = self.content(entry.filename, inner)
                new.writestr(self.redactor.text(entry.filename), inner)
        return out.getvalue()

    def _json(self, name: str, text: str) -> str:
        """Clean a JSON document, or a document in each line."""
        try:
            if not name.endswith(_LINES):
                return json.dumps(self.value(json.loads(text)), ensure_ascii=False)
        except (ValueError, RecursionError):
            pass
        return "\n".join(self._line(name, line) for line in text.split("\n"))

    def _line(self, name: str, line: str) -> str:
        try:
            plain = json.loads(line)
        except (ValueError, RecursionError):
            return self.redactor.text(line)
        if isinstance(plain, dict) and plain.get("type") == "log":
            # The action's parameters say what was typed, and there it is known into which field.
            plain["message"] = _TYPED.sub(rf"\1({MASK})", str(plain.get("message")))
        if isinstance(plain, dict) and plain.get("type") == "frame-snapshot" and name.endswith(".trace"):
            self.shown = self.shown or any(
                self.redactor.text(one) != one for one in readable(plain["snapshot"]["html"])
            )
        return json.dumps(self.value(plain), ensure_ascii=False)

    def value(self, plain: Any, name: str = "") -> Any:
        """Return a JSON value without secrets. ``name``: what it is called where it stands."""
        if isinstance(plain, str):
            return MASK if plain and _secret(name) else self._text(plain)
        if isinstance(plain, dict):
            called = plain.get("name")
            cleaned = {}
            for key, item in plain.items():
                own = called if key in _VALUES and isinstance(called, str) else key
                if key in _VALUES and (name == "cookies" or SENSITIVE.search(str(plain.get("selector", "")))):
                    own = "secret"  # A cookie, whatever it is called; what was typed into a field for a password.
                cleaned[self.redactor.text(key)] = self.value(item, own)
            return cleaned
        if isinstance(plain, list):
            hidden = _hides(plain)
            return [
                self.value({**item, **hidden} if hidden and isinstance(item, dict) else item, name) for item in plain
            ]
        return plain

    def _text(self, text: str) -> str:
        """Clean a text, which may itself be JSON or a form: the body of a request."""
        if text[:1] in ("{", "[") and len(text) < 1_000_000:
            try:
                inner = json.loads(text)
            except (ValueError, RecursionError):
                return self.redactor.text(text)
            return json.dumps(self.value(inner), ensure_ascii=False) if isinstance(inner, dict | list) else text
        return self.redactor.text(_form(text))

    def _has_secret(self, content: bytes) -> bool:
        text = content.decode("latin-1")
        return self.redactor.text(text) != text


_TYPED = re.compile(r"^(\s*(?:fill|type|press|pressSequentially|insertText))\(.*\)$", re.DOTALL)


def _hides(html: list[Any]) -> dict[str, str]:
    """Return what replaces the values of a field in a snapshot of a page that shows dots instead of them."""
    attributes = html[1] if len(html) > 1 and isinstance(html[1], dict) else {}
    if html[:1] != ["INPUT"] or str(attributes.get("type", "")).lower() != "password":
        return {}
    return {key: MASK for key in ("value", "__playwright_value_") if attributes.get(key)}


def _secret(name: str) -> bool:
    return bool(SENSITIVE.search(name)) and not _HARMLESS.search(name)


_PAIR = re.compile(r"(?P<name>[A-Za-z0-9_.%\[\]-]{1,60})=(?P<value>[^&\s\"'<>;]+)")


def _form(text: str) -> str:
    """Mask the values of what is called like a secret in the body of a form."""
    if "=" not in text or len(text) > 100_000:
        return text
    return _PAIR.sub(lambda found: f"{found['name']}={MASK}" if _secret(found["name"]) else found[0], text)


def readable(html: Any) -> Iterator[str]:
    """Yield what a person could read in a snapshot of a page: texts, and values of fields that do not hide them.

    A snapshot is a tree: a text, or ``[tag, attributes, child, child...]``; other lists refer to earlier snapshots.
    """
    if isinstance(html, str):
        yield html
    elif isinstance(html, list) and html and isinstance(html[0], str):
        attributes = html[1] if len(html) > 1 and isinstance(html[1], dict) else {}
        if html[0].upper() in ("SCRIPT", "STYLE", "HEAD"):
            return
        if str(attributes.get("type", "")).lower() not in ("password", "hidden"):
            yield from (str(attributes[key]) for key in ("value", "__playwright_value_") if key in attributes)
        for child in html[2:]:
            yield from readable(child)
