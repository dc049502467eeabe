"""A project with smoke paths, and the service that they walk on."""

from __future__ import annotations

import contextlib
import tempfile
from typing import TYPE_CHECKING

import pytest

from tests.plugin.conftest import Ended, Project
from tests.smoke.service import Service, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POLICY = """
relgate: 1
service: small
environments:
  test:
    candidate: {{url: "{url}"}}
{environment}
smoke:
  paths: [{paths}]
  accessibility: serious
  limits: {{inp: 5s}}
{smoke}
stages:
  - {{name: smoke, run: smoke}}
"""
HEAD = "import os, signal, time\nimport pytest\npytestmark = pytest.mark.smoke\n"


class Paths(Project):
    """A project whose gates are smoke paths."""

    service: Service

    def policy(self, *paths: str, environment: str = "", smoke: str = "", url: str | None = None) -> None:
        """Write the policy."""
        text = POLICY.format(url=url or self.service.url, paths=", ".join(paths), environment=environment, smoke=smoke)
        self.write("relgate.yaml", text)

    def paths(self, *tests: str, name: str = "test_smoke.py") -> None:
        """Write tests."""
        self.write(name, HEAD + "\n\n" + "\n\n".join(tests))

    def walk(self, *arguments: str) -> Ended:
        """Run a deciding session of smoke paths."""
        return self.run("-m", "smoke", *arguments)


@pytest.fixture
def service() -> Iterator[Service]:
    """A service of this test's own."""
    with running() as found:
        yield found


@contextlib.contextmanager
def _project(folder: Path, workers: int, service: Service) -> Iterator[Paths]:
    made = Paths(folder, workers)
    made.service = service
    made.write("pytest.toml", "[pytest]\nstrict = true\n")
    # A short name: Chromium makes a socket in it.
    with tempfile.TemporaryDirectory(prefix="rg-") as place:
        made.environment["TMPDIR"] = place
        yield made


@pytest.fixture(params=[0, 2], ids=["serial", "n2"])
def paths(request: pytest.FixtureRequest, tmp_path: Path, service: Service) -> Iterator[Paths]:
    """A project to be run serially and with two workers."""
    with _project(tmp_path, request.param, service) as made:
        yield made


@pytest.fixture
def alone(tmp_path: Path, service: Service) -> Iterator[Paths]:
    """A project to be run serially: for what a browser sees, which is the same on a worker."""
    with _project(tmp_path, 0, service) as made:
        yield made
