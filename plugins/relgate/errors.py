"""Errors by whose fault they are: the policy's author, the world, or the caller.

The message of each is complete: what was expected, what came, where, and what to do. Nobody has to read a
traceback to mend a policy.
"""

from __future__ import annotations

from dataclasses import dataclass


class RelgateError(Exception):
    """Base of all errors that relgate raises on purpose."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a policy.

    ``line`` and ``column`` count from 1; 0 means that the fault has no place in the text (an empty file).
    """

    message: str
    path: str = ""
    line: int = 0
    column: int = 0
    file: str = ""

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return ": ".join(part for part in (where, self.path, self.message) if part)


class PolicyError(RelgateError):
    """A policy cannot be used; carries every fault that was found, in the order of the text."""

    def __init__(self, faults: tuple[Fault, ...] | list[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class SourceError(RelgateError):
    """The world did not give what was asked: unreachable, late, truncated, killed, or not readable."""


class UsageError(RelgateError):
    """The caller asked for something that cannot be: a wrong option, an unknown stage, a missing extra."""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message; the name of its kind where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
