"""nginx by one file that its configuration includes in ``http``: the file divides requests between two upstreams.

    include /etc/nginx/relgate.conf;
    server {
        location / { proxy_pass http://$relgate_upstream; }
        add_header X-Relgate-Share $relgate_share always;
    }

Open source nginx has no way to be asked for its weights. The file therefore carries the share in a variable, the
server shows it in a header, and what is read back is that header: what the running workers say, not what lies on disk.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from relgate.adapters import programs
from relgate.errors import SourceError
from relgate.ports.traffic import Split

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

HEADER = "x-relgate-share"
_TIMEOUT_S = 30.0
_AGREE = 5

_TEXT = """\
# Written by relgate; changed by hand it is overwritten.
split_clients "$request_id" $relgate_upstream {{
{parts}
}}
map $host $relgate_share {{
    default "{share:.4f}";
}}
"""


class Nginx:
    """Writes the file, checks it, has it taken over. Fills the port ``Traffic``.

    Args:
        include: the file.
        upstreams: names of the candidate's and the baseline's.
        test: the command that checks the configuration.
        reload: the command that takes it over.
        ask: sends one request over a new connection and returns the headers of the answer (lower-case names), None
            without one.

    """

    name = "nginx"

    def __init__(
        self,
        include: Path,
        upstreams: tuple[str, str],
        test: str,
        reload: str,
        ask: Callable[[], Mapping[str, str] | None],
    ) -> None:
        self._include = include
        self._upstreams = upstreams
        self._test = test
        self._reload = reload
        self._ask = ask

    def set(self, share: float) -> None:
        """Write, check, reload; wait until no worker answers with another share. A file that is refused is put back."""
        if abs(share * 10_000 - round(share * 10_000)) > 1e-9:
            raise SourceError(f"nginx divides by hundredths of a percent: {share:.6%} cannot be set")
        before = self._include.read_bytes() if self._include.exists() else None
        self._write(render(share, self._upstreams).encode())
        try:
            programs.run(self._test, {}, _TIMEOUT_S)
        except SourceError:
            self._write(before or render(0.0, self._upstreams).encode())
            raise
        programs.run(self._reload, {}, _TIMEOUT_S)
        until = time.monotonic() + _TIMEOUT_S
        while not self._agree(share):
            if time.monotonic() > until:
                raise SourceError(f"nginx does not show a share of {share:.4f} {_TIMEOUT_S:g} s after its reload")
            time.sleep(0.05)

    def read(self) -> Split:
        """Return the share that running workers show; several in a row must agree."""
        seen = [self._shown() for _ in range(_AGREE)]
        if None in seen or len(set(seen)) != 1:
            raise SourceError(f"nginx shows {HEADER}: {', '.join(map(str, seen))}: expected one share, {_AGREE} times")
        return Split(float(seen[0] or 0.0), {HEADER: seen[0]})

    def _agree(self, share: float) -> bool:
        return all(self._shown() == round(share, 4) for _ in range(_AGREE))

    def _shown(self) -> float | None:
        headers = self._ask()
        try:
            return None if headers is None else float(headers[HEADER])
        except (KeyError, ValueError):
            return None

    def _write(self, data: bytes) -> None:
        """Replace the file whole: nginx may read it at any moment."""
        draft = self._include.with_name(f".{self._include.name}.draft")
        try:
            with draft.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._include)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise SourceError(f"{self._include}: cannot be written ({error.strerror})") from error


def render(share: float, upstreams: tuple[str, str]) -> str:
    """Return the text of the file; split_clients knows no 0%, and ``*`` is all the rest."""
    candidate, baseline = upstreams
    parts = [f"    {share * 100:.2f}% {candidate};"] if 0 < share < 1 else []
    parts.append(f"    * {candidate if share >= 1 else baseline};")
    return _TEXT.format(parts="\n".join(parts), share=share)
