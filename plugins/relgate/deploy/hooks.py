"""Commands of the policy that a rollout runs at its turns. What they print is evidence; how they end is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relgate.adapters import programs
from relgate.adapters.router_command import variables
from relgate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from relgate.ports.traffic import Moved

TIMEOUT_S = 600.0
_KEPT = 2000


class Hooks:
    """``commands``: name to command line, references resolved. ``timeout_s``: how long each may take."""

    def __init__(self, commands: Mapping[str, str], moved: Moved, timeout_s: float = TIMEOUT_S) -> None:
        self._commands = dict(commands)
        self._moved = moved
        self._timeout_s = timeout_s

    def has(self, name: str) -> bool:
        """Whether the policy names such a command."""
        return name in self._commands

    def must(self, name: str, **facts: str) -> str:
        """Run a command and return the end of what it printed.

        Raises:
            SourceError: there is none, or it failed.

        """
        if name not in self._commands:
            raise SourceError(f"the policy has no hook {name}")
        try:
            printed = programs.run(self._commands[name], variables(self._moved) | facts, self._timeout_s)
        except SourceError as error:
            raise SourceError(f"hook {name}: {error}") from error
        return printed[-_KEPT:]

    def tell(self, name: str, **facts: str) -> str | None:
        """Run a command that nothing depends on, if there is one; return why it failed, None when it did not."""
        if name not in self._commands:
            return None
        try:
            self.must(name, **facts)
        except SourceError as error:
            return str(error)
        return None
