"""Any other router by two commands: one sets the share, one prints what is in force.

Both get ``RELGATE_ROLLOUT``, ``RELGATE_SERVICE``, ``RELGATE_ENVIRONMENT``, ``RELGATE_VERSION`` (the candidate),
``RELGATE_PREVIOUS`` (the baseline), ``RELGATE_IMAGE`` (empty where nobody said) and, to set, ``RELGATE_SHARE``
(``0.05``) and ``RELGATE_PERCENT`` (``5``). ``read`` prints a JSON object: ``candidate`` is the share in force, 0 to 1;
what else it has is kept as evidence.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from relgate.adapters import programs
from relgate.errors import SourceError
from relgate.ports.traffic import Split

if TYPE_CHECKING:
    from relgate.ports.traffic import Moved


class CommandRouter:
    """Fills the port ``Traffic``."""

    name = "command"

    def __init__(self, set_: str, read: str, moved: Moved, timeout_s: float) -> None:
        self._set = set_
        self._read = read
        self._moved = moved
        self._timeout_s = timeout_s

    def set(self, share: float) -> None:
        """Run the command that sets it."""
        given = {"RELGATE_SHARE": f"{share:g}", "RELGATE_PERCENT": f"{share * 100:g}"}
        programs.run(self._set, variables(self._moved) | given, self._timeout_s)

    def read(self) -> Split:
        """Run the command that prints it, and take nothing for an answer but a share."""
        printed = programs.run(self._read, variables(self._moved), self._timeout_s)
        expected = f'{self._read}: expected {{"candidate": 0.05}}, found {printed[:200]!r}'
        try:
            said = json.loads(printed, parse_constant=_refuse)
            share = said["candidate"]
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(expected) from error
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise SourceError(expected)
        return Split(float(share), said)


def variables(moved: Moved) -> dict[str, str]:
    """Return what a command is told about a rollout by its environment."""
    return {
        "RELGATE_ROLLOUT": moved.rollout,
        "RELGATE_SERVICE": moved.service,
        "RELGATE_ENVIRONMENT": moved.environment,
        "RELGATE_VERSION": moved.version,
        "RELGATE_PREVIOUS": moved.previous,
        "RELGATE_IMAGE": moved.image or "",
    }


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")
