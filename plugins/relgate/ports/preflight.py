"""What is asked before a rollout, as values: what a command answered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Output:
    """What a command did. ``code``: None where it did not end by itself. ``fault``: why it cannot be believed.

    ``out`` and ``err`` are whole unless ``cut`` says that the middle of one was left out.
    """

    code: int | None
    out: str = ""
    err: str = ""
    fault: str | None = None
    cut: bool = False
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate of a chain, and when it ends (Unix seconds)."""

    name: str
    until_s: float


@dataclass(frozen=True, slots=True)
class Shaken:
    """How a TLS handshake ended. ``host``: name and port. ``fault``: why there was none.

    ``refused``: code and text of why the certificate is not good. ``chain``: the certificates that were verified, the
    host's own first.
    """

    host: str
    fault: str | None = None
    refused: tuple[str, str] | None = None
    chain: tuple[Certificate, ...] = ()


@dataclass(frozen=True, slots=True)
class Space:
    """What is free at a path, shares of all that can be used; ``files`` None where their number has no limit."""

    path: str
    free: float | None = None
    files: float | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer over HTTP to one question. ``origin``: of the page that asks, None for none.

    ``asks_for``: the method that it asks to be allowed. ``headers``: lower-case names, as they came. ``fault``: why
    there is no answer.
    """

    method: str
    path: str
    origin: str | None
    code: int | None
    headers: tuple[tuple[str, str], ...] = ()
    fault: str | None = None
    asks_for: str | None = None

    def header(self, name: str) -> str | None:
        """Return a header's values as one, None without any."""
        found = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(found) if found else None


@dataclass(frozen=True, slots=True)
class Sbom:
    """A list of components. ``spec``: version of CycloneDX. ``faults``: where it is not valid, and why.

    ``subject``: name and version of what it is about, empty where it does not say. ``components``: names.
    """

    spec: str
    faults: tuple[str, ...]
    subject: tuple[str, str]
    components: tuple[str, ...]
