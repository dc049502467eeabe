"""The rolling strategy as a router: a share is how many instances run the new version, one replaced at a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx

from relgate.adapters.entrance import version_of
from relgate.errors import SourceError
from relgate.ports.traffic import Split

if TYPE_CHECKING:
    from collections.abc import Mapping

    from relgate.deploy.hooks import Hooks
    from relgate.policy.rollout import Router
    from relgate.ports.traffic import Instances, Moved

_UP_S = 60.0


class Rolling:
    """Takes an instance out, has the hook ``replace`` put the other version on it, and puts it back when it answers.

    Fills the port ``Traffic``. Instances are replaced in the order of the policy, and go back in the other one.
    """

    name = "rolling"

    def __init__(self, servers: Instances, urls: Mapping[str, str], router: Router, moved: Moved, hooks: Hooks) -> None:
        self._servers = servers
        self._urls = dict(urls)
        self._router = router
        self._moved = moved
        self._hooks = hooks

    def set(self, share: float) -> None:
        """Replace what runs the wrong version; the others serve meanwhile."""
        count = round(share * len(self._urls))
        if abs(count - share * len(self._urls)) > 1e-6:
            raise SourceError(
                f"{share:.4%} of {len(self._urls)} instances is no whole number: change the stage's traffic"
            )
        new = list(self._urls)[:count]
        wanted = {name: self._moved.version if name in new else self._moved.previous for name in self._urls}
        back = [name for name in reversed(self._urls) if name not in new]
        for name in (*new, *back):
            if self._version(name) != wanted[name] or name not in self._servers.serving():
                self._replace(name, wanted[name])

    def read(self) -> Split:
        """Return the part of the instances that run the new version; each must serve, with one of both versions."""
        found = {name: self._version(name) for name in self._urls}
        silent = [name for name in found if name not in self._servers.serving()]
        strange = [
            name for name, version in found.items() if version not in (self._moved.version, self._moved.previous)
        ]
        if silent or strange:
            raise SourceError(f"instances out of the traffic: {silent}; with no version of this rollout: {strange}")
        new = sum(version == self._moved.version for version in found.values())
        return Split(new / len(found), {"instances": found})

    def _replace(self, name: str, version: str) -> None:
        self._servers.take_out(name)
        if self._version(name) != version:
            self._hooks.must("replace", RELGATE_INSTANCE=name, RELGATE_VERSION=version)
        until = time.monotonic() + _UP_S
        while self._version(name) != version:
            if time.monotonic() > until:
                raise SourceError(f"{name} does not answer as {version} {_UP_S:g} s after it was replaced")
            time.sleep(0.1)
        self._servers.put_back(name)

    def _version(self, name: str) -> str:
        try:
            url = self._urls[name].rstrip("/") + self._router.version_path
            return version_of(httpx.get(url, timeout=5.0, trust_env=False), self._router)
        except httpx.HTTPError:
            return ""
