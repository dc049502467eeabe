"""The way back: evidence first, then the traffic, then the proof that the old version has all of it and is well.

Nothing here decides whether to go back; the machine refuses that where it is unsafe. Each part is recorded. What fails
after the traffic is back (flags, a database) leaves the rollout stranded: a hold for a person, with the users served.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from relgate.codec import sha256
from relgate.errors import SourceError
from relgate.run import write_durably

if TYPE_CHECKING:
    from pathlib import Path

    from relgate.deploy.hooks import Hooks
    from relgate.deploy.world import World
    from relgate.report.redact import Redactor

_TRIES = 3
_WELL = 3
_WELL_S = 30.0
_SAMPLE = 8  # At once: a router that does not answer may cost one timeout, users wait meanwhile.


@dataclass
class WayBack:
    """One way back. ``folder``: where evidence is kept. ``facts``: what the hooks are told."""

    world: World
    hooks: Hooks
    folder: Path
    clean: Redactor
    facts: dict[str, str] = field(default_factory=dict)

    def capture(self, why: str) -> dict[str, Any]:
        """Keep what is seen now, before anything is changed; what cannot be seen is kept as such. Never raises."""
        seen: dict[str, Any] = {"why": why, "at_s": round(time.time(), 3)}
        try:
            split = self.world.traffic.read()
            seen["router"] = {"candidate": split.candidate, "said": dict(split.said)}
        except SourceError as error:
            seen["router"] = {"error": str(error)}
        seen["versions"] = dict(self.world.entrance.versions(_SAMPLE))
        seen["unwell"] = self.world.entrance.unwell()
        data = json.dumps(self.clean.json(seen), sort_keys=True).encode()
        digest = sha256(data)
        try:
            write_durably(self.folder / f"evidence-{digest}.json", data)
        except OSError as error:
            return {"lost": str(error), "seen": seen}
        return {"sha256": digest, "seen": seen}

    def traffic(self) -> dict[str, Any]:
        """Give the old version everything and prove it; a router that fails is tried again.

        Raises:
            SourceError: it cannot be done, or not be proven.

        """
        for left in reversed(range(_TRIES)):
            try:
                return self.world.move(0.0).to_json()
            except SourceError:
                if not left:
                    raise
                time.sleep(0.5)
        raise AssertionError

    def well(self) -> dict[str, Any]:
        """Wait until what users get is well, several times in a row.

        Raises:
            SourceError: it is not, for half a minute.

        """
        until = time.monotonic() + _WELL_S
        row = 0
        while row < _WELL:
            why = self.world.entrance.unwell()
            row = 0 if why else row + 1
            if why and time.monotonic() > until:
                raise SourceError(f"the old version has the traffic but is not well: {why}")
            time.sleep(0.1)
        return {"well": _WELL}

    def undo(self) -> dict[str, str]:
        """Switch flags off and restore what the policy says.

        Raises:
            SourceError: a command failed.

        """
        return {name: self.hooks.must(name, **self.facts) for name in ("flags", "restore") if self.hooks.has(name)}
