"""``relgate demo``: the example shop, really started on this machine, and really judged by pytest."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BASELINE = "good"
VERSIONS = {"baseline": "1.4.0", "candidate": "1.5.0"}
_PYTEST_SETTINGS = Path(__file__).parent / "templates" / "demo.toml"


def releases() -> dict[str, str]:
    """The releases of the shop by name, with what is wrong with each.

    Raises:
        UsageError: the extra that the shop needs is not installed.

    """
    return {name: release.description for name, release in _shop_releases().items()}


def judge_release(
    name: str, reports: Path, say: Callable[[str], None], *, bake: str | None = None, pytest_options: Sequence[str] = ()
) -> int:
    """Start the shop as baseline and as release ``name``, run the canary gates on them, and stop both.

    Returns:
        The exit code of pytest: 0 promote, 10 hold, 20 rollback.

    Raises:
        UsageError: there is no such release, or the shop cannot be started.

    """
    known = releases()
    if name not in known:
        raise UsageError(f"unknown release {name!r}: the shop has {', '.join(known)}")
    # An example, not a part of the package: it is looked up when it is wanted.
    run = importlib.import_module("relgate_suites.shop.run")
    policy = Path(str(run.__file__)).parent / "relgate.yaml"
    reports.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        say(f"starting the shop: {VERSIONS['baseline']} as baseline, {VERSIONS['candidate']} ({name}) as candidate")
        urls, logs = {}, {}
        for side, release in (("baseline", BASELINE), ("candidate", name)):
            process = stack.enter_context(run.start(release, version=VERSIONS[side]))
            urls[side] = process.url
            logs[f"SHOP_{side.upper()}_LOG"] = str(process.log)
        command = [
            *(sys.executable, "-m", "pytest", "--pyargs", "relgate_suites.gates", "-m", "canary", "-q"),
            *(
                "-p",
                "no:cacheprovider",
                "-c",
                str(Path(__file__).parent / "templates" / "demo.toml"),
                f"--rootdir={Path.cwd()}",
            ),
            *("--gate-policy", str(policy), "--gate-reports", str(reports)),
            *("--gate-candidate", urls["candidate"], "--gate-baseline", urls["baseline"]),
            *("--gate-release", f"version={VERSIONS['candidate']}"),
            *(("--gate-bake", bake) if bake else ()),
            *pytest_options,
        ]
        environment = {key: value for key, value in os.environ.items() if key != "PYTEST_ADDOPTS"}
        return subprocess.run(command, check=False, env=environment | logs).returncode


def _shop_releases() -> Any:
    try:
        return importlib.import_module("relgate_suites.shop.releases").RELEASES
    except ImportError as error:
        raise UsageError(f"the demo needs the shop's libraries: pip install 'relgate[demo]' ({error})") from error
