"""Exploring the API as the controller sees it: start its process, show progress, wait for its end.

The process is one of its own: generating loads libraries that take time and memory, and its end takes whatever it holds
with it. It gets its plan through a pipe, since the plan holds secrets.
"""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.child import Child
from relgate.errors import SourceError
from relgate.policy.api import EXPLORED
from relgate.references import headers_of, is_secret, resolve, resolve_all

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from relgate.child import Screen
    from relgate.policy import Target
    from relgate.settings import Run


class Exploring:
    """The exploration of one run.

    Args:
        run: the frozen run.
        gates: ids of the gates that will judge; only what they need is explored.
        screen: where progress goes, None for nowhere.

    """

    def __init__(self, run: Run, gates: Collection[str], screen: Screen | None) -> None:
        self._run = run
        self._wanted = sorted(id_ for id_ in run.gates if id_ in gates and id_ in EXPLORED)
        self._screen = screen

    def explore(self) -> None:
        """Explore until the end; nothing to do where no gate wants it.

        Raises:
            SourceError: the process cannot be started, or ended without a result.

        """
        if not self._wanted:
            return
        self._say(f"exploring the API of {self._run.candidate_url} ({len(self._wanted)} gates)")
        with Child("relgate.explore", json.dumps(self._plan()), "the explorer") as child:
            said = child.follow(
                self._say,
                "request",
                "the explorer ended before its result was written",
                "the API could not be explored",
            )
            self._say(f"explored: {said}")

    def _plan(self) -> dict[str, Any]:
        run, api = self._run, self._run.policy.api
        if api is None:
            raise SourceError("the policy has gates on an API and no api")
        environment = run.environment
        login = None
        if api.login is not None:
            login = {**api.login.model_dump(), "json_body": resolve_all(api.login.json_body)}
        return {
            "run_id": run.id,
            "folder": str(run.path / "evidence"),
            "run": str(run.path),
            "environment": run.environment_name,
            "project": str(Path(run.policy_name).absolute().parent),
            "wanted": self._wanted,
            "seed": zlib.crc32(run.id.encode()) if api.seed is None else api.seed,
            "api": {**api.model_dump(), "headers": {}, "login": login},
            "read_only": environment.read_only,
            "verify": environment.tls.verify,
            "ca": environment.tls.ca,
            "candidate": self._side(run.candidate_url, environment.candidate, api.headers),
            "baseline": None
            if run.baseline_url is None
            else self._side(run.baseline_url, environment.baseline or environment.candidate, api.headers),
            "secrets": [*run.secrets],
            "redact": list(run.policy.redact),
        }

    def _side(self, url: str, target: Target, more: Mapping[str, str]) -> dict[str, Any]:
        """Return where a side answers, and the headers of its requests: as they are, and as a shell has them."""
        headers = {**headers_of(target), **{name: resolve(value) for name, value in more.items()}}
        shown = {name: in_shell(value) for name, value in {**target.headers, **more}.items()}
        auth = target.auth
        if auth is not None and auth.bearer is not None:
            shown.setdefault("Authorization", f"Bearer {in_shell(auth.bearer)}")
        elif auth is not None and auth.user is not None and auth.password is not None:
            pair = f"{in_shell(auth.user)}:{in_shell(auth.password)}"
            shown.setdefault("Authorization", f"Basic $(printf %s {pair} | base64)")
        elif auth is not None:
            shown |= {name: in_shell(value) for name, value in auth.header.items()}
        return {"url": url, "headers": headers, "shown": shown}

    def _say(self, text: str) -> None:
        if self._screen is not None:
            self._screen.write_line(f"relgate: {self._run.redactor.text(text)}")


def in_shell(value: str) -> str:
    """Return a value as it stands between a shell's double quotes: a reference becomes a variable or a file's text."""
    kind, _, name = value.partition(":")
    if not is_secret(value):
        return re.sub(r'(["\\`$])', r"\\\1", value)
    return f"${name}" if kind == "env" else f"$(cat {name})"
