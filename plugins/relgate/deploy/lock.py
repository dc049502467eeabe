"""One rollout of a service in an environment at a time: a lock that dies with its owner, however that ends."""

from __future__ import annotations

import fcntl
import json
import os
import re
from typing import TYPE_CHECKING, Self

from relgate.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


class Lock:
    """Holds ``reports/rollouts/<service>.<environment>.lock`` (flock) while entered; children do not inherit it."""

    def __init__(self, reports: Path, service: str, environment: str) -> None:
        self._what = f"{service} in {environment}"
        self._path = reports / "rollouts" / f"{re.sub(r'[^A-Za-z0-9._-]', '_', f'{service}.{environment}')}.lock"
        self._file = -1

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UsageError(
                f"{self._path}: cannot be written ({error.strerror}): no rollout without a lock"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = self.owner()
            os.close(self._file)
            self._file = -1
            raise UsageError(
                f"a rollout of {self._what} is running (process {owner}): wait for it, or abort it"
            ) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps({"pid": os.getpid()}).encode(), 0)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def owner(self) -> str:
        """Return the process that holds or held it, as it wrote itself down."""
        try:
            return str(json.loads(self._path.read_text(encoding="utf-8"))["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            return "unknown"

    def taken(self) -> bool:
        """Whether somebody holds it now."""
        try:
            file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(file)
        return False
