"""The gates on a service that is not ours, with nothing but a policy: the example of examples/pypiserver."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

POLICY = Path(__file__).parents[1] / "examples" / "pypiserver" / "relgate.yaml"


@contextmanager
def serving(packages: Path) -> Iterator[str]:
    """A pypiserver that answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pypiserver", "run", "-i", "127.0.0.1", "-p", str(port), "--disable-fallback"]
    with subprocess.Popen([*command, str(packages)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(200):
                try:
                    httpx.get(f"{url}/health").raise_for_status()
                    break
                except httpx.HTTPError:
                    time.sleep(0.05)
            yield url
        finally:
            process.terminate()


def decide(folder: Path, candidate: str, baseline: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the gates that come with relgate, away from the checkout."""
    command = [sys.executable, "-m", "pytest", "--pyargs", "relgate_suites.gates", "-m", "canary", "-q"]
    command += ["-p", "no:cacheprovider", "--rootdir", str(folder), "-c", "/dev/null", "--gate-policy", str(POLICY)]
    command += ["--gate-candidate", candidate, "--gate-baseline", baseline, *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder with a package to serve."""
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "demo-1.0.tar.gz").write_bytes(b"not really an archive, but really served")
    return folder


def test_a_good_candidate_is_promoted(packages: Path, tmp_path: Path) -> None:
    """Two servers of the same version, for longer than the policy says: what else runs here must not decide."""
    with ExitStack() as stack:
        candidate, baseline = (stack.enter_context(serving(packages)) for _ in range(2))
        ended = decide(tmp_path, candidate, baseline, "--gate-bake", "45s")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "release decision: PROMOTE" in ended.stdout


def test_a_candidate_that_lost_its_packages_is_rolled_back(packages: Path, tmp_path: Path) -> None:
    """It answers, and its health endpoint says Ok: only the probe's expectation sees it."""
    empty = tmp_path / "empty"
    empty.mkdir()
    with ExitStack() as stack:
        candidate, baseline = stack.enter_context(serving(empty)), stack.enter_context(serving(packages))
        ended = decide(tmp_path, candidate, baseline)

    assert ended.returncode == 20, ended.stdout + ended.stderr
    assert "error-rate" in ended.stdout
