"""Who runs this: what the CI's environment says, and otherwise user and host, stated as that."""

from __future__ import annotations

import getpass
import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def actor(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return ``source`` (github, gitlab, host), ``name``, and what the CI says about the job.

    None of it is proven: whoever may change the environment of the process may change it.
    """
    if environment.get("GITHUB_ACTIONS") == "true":
        return _github(environment)
    if environment.get("GITLAB_CI") == "true":
        return _gitlab(environment)
    return {"source": "host", "name": f"{_user()}@{socket.gethostname()}"}


def _github(environment: Mapping[str, str]) -> dict[str, str]:
    server, repository, run = (environment.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    found = {
        "source": "github",
        "name": environment.get("GITHUB_TRIGGERING_ACTOR") or environment.get("GITHUB_ACTOR", ""),
        "repository": repository,
        "workflow": environment.get("GITHUB_WORKFLOW_REF", ""),
        "commit": environment.get("GITHUB_SHA", ""),
        "run": f"{server}/{repository}/actions/runs/{run}" if run else "",
        "attempt": environment.get("GITHUB_RUN_ATTEMPT", ""),
    }
    return {key: value for key, value in found.items() if value}


def _gitlab(environment: Mapping[str, str]) -> dict[str, str]:
    found = {
        "source": "gitlab",
        "name": environment.get("GITLAB_USER_LOGIN", ""),
        "repository": environment.get("CI_PROJECT_PATH", ""),
        "workflow": environment.get("CI_CONFIG_PATH", ""),
        "commit": environment.get("CI_COMMIT_SHA", ""),
        "run": environment.get("CI_JOB_URL", ""),
        "attempt": environment.get("CI_PIPELINE_ID", ""),
    }
    return {key: value for key, value in found.items() if value}


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # No entry for this user, as in many containers.
        return str(os.getuid())
