"""A request as one line for a shell, that shows the fault without us. Secrets stand in it as ``$VARIABLES``. Pure."""

from __future__ import annotations

import re
import shlex
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relgate.ports.exploring import Ask

LONGEST = 4_000


def line(url: str, ask: Ask, shown: Sequence[tuple[str, str]], other: str | None = None) -> str:
    """Return the command.

    Args:
        url: of the side that is asked.
        ask: the request.
        shown: headers that are added to every request, their values as they stand between a shell's double quotes.
        other: of the side to ask the same, for a difference.

    """
    words = ["curl -si"]
    if ask.method == "HEAD":
        words = ["curl -sI"]
    elif ask.method != ("GET" if ask.body is None else "POST"):
        words.append(f"-X {ask.method}")
    ours = {name.lower() for name, _ in shown}
    own = [(name, value) for name, value in ask.headers if name.lower() not in ours]
    words += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in own]
    words += [f'-H "{name}: {value}"' for name, value in shown]
    head = ""
    if ask.body is not None:
        text = ask.body.decode("utf-8", "backslashreplace")
        if not _plain(text) or text.encode("utf-8", "replace") != ask.body:
            head = f"printf {shlex.quote(_escaped(ask.body))} | "
            words.append("--data-binary @-")
        else:
            words.append(f"--data-raw {shlex.quote(text)}")
    if other is None:
        command = f"{head}{' '.join(words)} {shlex.quote(url + ask.path)}"
    else:
        sides = f"{shlex.quote(other)} {shlex.quote(url)}"
        command = f'for side in {sides}; do {head}{" ".join(words)} "$side"{shlex.quote(ask.path)}; echo; done'
    return command if len(command) <= LONGEST else _shorter(command)


def sequence(url: str, asks: Sequence[Ask], shown: Sequence[tuple[str, str]], link: tuple[str, str] | None) -> str:
    """Return a command that makes a thing and asks for it, by the id that it has got.

    Args:
        url: of the side that is asked.
        asks: what makes the thing, and what asks for it.
        shown: as for ``line``.
        link: the field of the first answer that names the thing, and what it was; None: both requests as they were.

    """
    first, last = line(url, asks[0], shown), line(url, asks[-1], shown)
    quoted = quote(link[1], safe="") if link is not None else ""
    if link is None or not quoted or f"/{quoted}" not in asks[-1].path:
        return f"{first}; {last}"
    field = shlex.quote(f'"{link[0]}": *"*[^",}}]*')
    taken = f"ID=$({first.replace('curl -si', 'curl -s', 1)} | grep -o {field} | head -1 | sed 's/.*: *\"*//')"
    return f"{taken}; " + last.replace(f"/{quoted}", "/'\"$ID\"'" if "'" in last.rsplit(" ", 1)[-1] else '/"$ID"')


def _plain(text: str) -> bool:
    """Whether all letters survive being shown and copied."""
    return not any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Cn", "Co") for letter in text)


def _escaped(body: bytes) -> str:
    """Return bytes as printf's format: what is not plain ASCII as octal."""
    return "".join(
        "%%" if byte == 0x25 else chr(byte) if 0x20 <= byte < 0x7F and byte != 0x5C else f"\\{byte:03o}"
        for byte in body
    )


def _shorter(command: str) -> str:
    """Replace long repetitions of one letter by a command that makes them; what is still too long stays as it is."""

    def made(match: re.Match[str]) -> str:
        return f"'\"$(printf '%{len(match[0])}s' | tr ' ' {match[1]})\"'"

    return re.sub(r"([A-Za-z0-9])\1{200,}", made, command)
