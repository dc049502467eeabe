"""Where rollouts happen in tests: a real HAProxy between two tiny services, a policy with bakes of a second or two."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from examples.shop.haproxy import HAProxy
from relgate.adapters.ledger import Ledger
from relgate.adapters.ledgerfile import FileStore
from relgate.deploy.journal import bodies
from relgate.rollout.journal import rollouts, tell
from relgate.run import recorded
from tests.rollout.tiny import Tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Self

    from relgate.rollout.journal import Told

POLICY = """\
relgate: 1
service: tiny
hold_for: {hold_for}
then: {then}
environments:
  here:
    candidate: {{url: "{candidate}"}}
    baseline: {{url: "{baseline}"}}
    router:
      url: "{entrance}"
      version: {{get: /version, pointer: /version}}
      health: /health
      asks: 40
      {instances}
      haproxy: {{socket: "{socket}", backend: shop}}
signals:
  health: {{poll: {{every: 200ms, get: /health}}}}
gates:
  health: {{signal: health.status, fail: [down], watch: true, on_fail: {on_fail}, severity: critical}}
rollout: {{{strategy}, watch_every: 300ms, rto: 20s, hooks: {hooks}}}
stages:
{stages}
"""

STAGES = """\
  - {name: tenth, traffic: 10%, bake: BAKE}
  - {name: half, traffic: 50%, bake: BAKE, marks: [500ms]}
  - {name: all, traffic: 100%, bake: BAKE}
"""

PYTEST = "-p relgate.plugin --pyargs relgate_suites.gates -q -p no:cacheprovider"


@dataclass
class Field:
    """A router, two versions, a folder. ``policy``: values of ``POLICY`` that differ from the usual ones.

    ``name``: of the folder for records.
    """

    folder: Path
    policy: dict[str, str] = field(default_factory=dict)
    name: str = "reports"

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            self.candidate = opened.enter_context(Tiny("2"))
            self.baseline = opened.enter_context(Tiny("1"))
            self.proxy = opened.enter_context(HAProxy(self.baseline.url, self.candidate.url, 0))
            self._opened = opened.pop_all()
        self._started: list[subprocess.Popen[str]] = []
        self.write()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
                process.communicate()
        self._opened.close()

    def write(self, **changed: str) -> None:
        """Write the policy, some values changed."""
        self.policy |= changed
        usual = {"hold_for": "2s", "then": "rollback", "on_fail": "rollback", "hooks": "{}", "stages": STAGES}
        usual |= {"instances": "", "strategy": "strategy: canary"}
        places = {
            "candidate": self.candidate.url,
            "baseline": self.baseline.url,
            "entrance": self.proxy.url,
            "socket": str(self.proxy.socket_path),
        }
        values = usual | places | self.policy
        values["stages"] = values["stages"].replace("BAKE", self.policy.get("bake", "1s"))
        (self.folder / "relgate.yaml").write_text(POLICY.format(**values))
        (self.folder / "pytest.toml").write_text("[pytest]\nstrict = true\n")

    @property
    def reports(self) -> Path:
        """Where records are left."""
        return self.folder / self.name

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Begin ``relgate rollout`` with these words."""
        command = [sys.executable, "-m", "relgate.cli", "rollout", *words, "--gate-reports", str(self.reports)]
        process = subprocess.Popen(
            [*command, f"--pytest={PYTEST}"],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Other plugins of this environment take longer to load than a bake lasts.
            env={**_environment(), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        )
        self._started.append(process)
        return process

    def run(self, *words: str) -> tuple[int, str]:
        """Exit code and words of ``relgate rollout``."""
        return self.end(self.start(*words))

    def end(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        """Wait for the end of one."""
        try:
            said, _ = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            raise
        return process.returncode, said

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Begin a rollout of version 2."""
        return self.start("--gate-release", "version=2", *words)

    def roll(self, *words: str) -> tuple[int, str]:
        """Roll version 2 out to the end."""
        return self.end(self.begin(*words))

    def told(self) -> Told:
        """The newest rollout as its journal tells it."""
        records = bodies(Ledger(FileStore(self.reports), self.reports))
        return tell(records, rollouts(records, "tiny", "here")[-1])

    def events(self) -> list[str]:
        """Its events in order, notes left out."""
        return [body["event"] for body in self.told().bodies if body["event"] != "note"]

    def notes(self) -> list[dict[str, Any]]:
        """The details of its notes."""
        return [dict(body["details"]) for body in self.told().bodies if body["event"] == "note"]

    def share(self) -> float:
        """What the router gives to version 2 now."""
        weights = self.proxy.weights()
        return weights["candidate"] / sum(weights.values())

    def wait(self, holds: Callable[[], bool], process: subprocess.Popen[str]) -> None:
        """Wait until something holds; a minute is only for giving up."""
        until = time.monotonic() + 60
        while not holds():
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < until, "it never came to hold"
            time.sleep(0.05)

    def reached(self, event: str, times: int = 1) -> Callable[[], bool]:
        """Whether an event stands in the journal so many times."""

        def there() -> bool:
            try:
                return self.events().count(event) >= times
            except IndexError:
                return False

        return there

    def check_promotions(self) -> None:
        """Every promotion in the journal has its own run, whose verified record says promote."""
        for body in self.told().bodies:
            if body["event"] == "promote":
                content = recorded(self.reports, body["judged"]).content
                assert content is not None
                assert (content["decision"], content["stage"]) == ("promote", body["stage"])


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
