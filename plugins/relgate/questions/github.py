"""Who approved a run of GitHub Actions whose job waited for it (an environment with required reviewers).

``GET /repos/{owner}/{repo}/actions/runs/{id}`` names the commit that the run is of, and ``.../approvals`` who let it go
on (REST API, version 2022-11-28). An approval there is one of that commit: it counts where the release is that commit.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from relgate.adapters.http import Endpoint
from relgate.errors import SourceError
from relgate.ports.observing import Access
from relgate.preflight.people import APPROVAL, Said
from relgate.references import resolve

if TYPE_CHECKING:
    from relgate.policy.people import GitHub
    from relgate.settings import Run

FACT = "github-run"
_RUN = "GITHUB_RUN_ID"
_TIMEOUT_S = 10.0


def approvals(wanted: GitHub, run: Run) -> list[Said]:
    """Return who approved the run of GitHub Actions that this is part of.

    Raises:
        SourceError: nobody says which run it is, or GitHub does not tell who approved it.
        UsageError: the token is not set.

    """
    number = run.release.get(FACT) or os.environ.get(_RUN, "")
    if not number.isdecimal():
        raise SourceError(f"which run of GitHub Actions? expected {_RUN}, or --gate-release {FACT}=ID")
    headers = (("Authorization", f"Bearer {resolve(wanted.token)}"), ("X-GitHub-Api-Version", "2022-11-28"))
    base = f"{resolve(wanted.api).rstrip('/')}/repos/{wanted.repo}/actions/runs/{number}"
    endpoint = Endpoint(base, Access(headers), _TIMEOUT_S, "application/vnd.github+json")
    try:
        commit = _asked(endpoint, base)
        reviews = _asked(endpoint, f"{base}/approvals")
    finally:
        endpoint.close()
    try:
        about = (("commit", str(commit["head_sha"])),)
        approved = [one for one in reviews if one["state"] == "approved"]
        return [Said(APPROVAL, str(one["user"]["login"]), run.started_s, about) for one in approved]
    except (LookupError, TypeError) as error:
        raise SourceError(
            f"{base}: expected a run and its approvals as GitHub tells them, got something else"
        ) from error


def _asked(endpoint: Endpoint, url: str) -> Any:
    reply = endpoint.ask(url=url)
    if reply.fault is not None:
        raise SourceError(f"{url}: GitHub does not tell who approved ({reply.fault})")
    try:
        return json.loads(reply.text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{url}: expected JSON, got {reply.text[:80]!r}") from error
