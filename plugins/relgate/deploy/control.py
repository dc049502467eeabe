"""Orders from another terminal: one small file each in the rollout's folder, taken in the order of their names."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from relgate.errors import UsageError
from relgate.run import write_durably

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ("pause", "resume", "abort", "rollback")


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asks of a rollout. ``reason``: in their words, may be empty."""

    word: str
    actor: str
    reason: str = ""


class Control:
    """The folder of a rollout: orders to it, and how it stands."""

    def __init__(self, reports: Path, rollout: str) -> None:
        self.folder = reports / "rollouts" / rollout
        self._orders = self.folder / "orders"

    def make(self) -> None:
        """Make the folders. Raises UsageError where that is not possible."""
        try:
            self._orders.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{self._orders}: cannot be made ({error.strerror})") from error

    def give(self, order: Order) -> None:
        """Leave an order. Raises UsageError when it cannot be written."""
        plain = {"word": order.word, "actor": order.actor, "reason": order.reason}
        path = self._orders / f"{time.time_ns()}-{secrets.token_hex(3)}.json"
        try:
            write_durably(path, json.dumps(plain).encode())
        except OSError as error:
            raise UsageError(f"{path}: cannot be written ({error.strerror})") from error

    def take(self) -> Order | None:
        """Return the oldest order and remove it; one that cannot be read is removed and is none."""
        for path in sorted(self._orders.glob("[0-9]*.json")):
            try:
                plain = json.loads(path.read_text(encoding="utf-8"))
                order = Order(str(plain["word"]), str(plain["actor"]), str(plain.get("reason", "")))
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                order = Order("", "")
            path.unlink(missing_ok=True)
            if order.word in WORDS:
                return order
        return None

    def show(self, snapshot: dict[str, Any]) -> None:
        """Leave how it stands, for ``status``. Nothing depends on it: a failure is passed over."""
        draft = self.folder / ".live.draft"
        try:
            draft.write_text(json.dumps(snapshot), encoding="utf-8")
            draft.replace(self.folder / "live.json")
        except OSError:
            return

    def shown(self) -> dict[str, Any]:
        """Return what was last left, empty without."""
        try:
            found = json.loads((self.folder / "live.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}
