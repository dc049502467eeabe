"""What a run is told from outside - files, environment, options, the clock - frozen once, on the controller.

Everything below works on the ``Run`` that is made here; workers get the same one and never look at the clock, the
options or the files themselves.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from relgate.codec import rfc3339
from relgate.errors import UsageError
from relgate.measure.drift import Noise
from relgate.measure.noise import ASSUMED
from relgate.policy import Environment, Gate, Policy, Stage, Target, load
from relgate.policy.compress import MOST, compressed, said
from relgate.policy.units import parse_duration
from relgate.references import headers_of, resolve
from relgate.report.redact import Redactor
from relgate.secrecy import demand, secrets_of

RELEASE_KEY_FOR_VERSION = "version"
RUN_ID = "RELGATE_RUN_ID"
"""The environment variable with which a rollout names the run of a stage before it begins."""

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{7,79}")


@dataclass(frozen=True, slots=True)
class Options:
    """The ``--gate-*`` options as they were given; None where they were not."""

    policy: str
    environment: str | None = None
    stage: str | None = None
    candidate: str | None = None
    baseline: str | None = None
    bake: str | None = None
    compress: str | None = None
    release: tuple[str, ...] = ()
    reports: str = "reports"
    observe_only: bool = False
    families: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """One judgment of one stage: fixed before the first gate, the same on the controller and on every worker.

    ``texts``: the policy files by name, so that a worker reads what the controller read. ``release``: facts of the
    release under judgment. ``overrides``: what the command line changed against the policy, as sentences.
    ``candidate_instances``, ``baseline_instances``: the URLs that probes ask in turn; none where a side is one.
    ``noise``: what two equal sides differ by. ``carried``: gate id -> evidence of earlier holds of this release.
    ``waived``: gate id -> id of the waiver that holds. ``compress``: what all waits of the policy are divided by.
    """

    id: str
    folder: str
    started_s: float
    policy_name: str
    texts: dict[str, str]
    environment_name: str
    stage_name: str
    candidate_url: str
    baseline_url: str | None
    bake_s: float
    release: dict[str, str]
    overrides: tuple[str, ...] = ()
    observe_only: bool = False
    command: tuple[str, ...] = field(default=())
    candidate_instances: tuple[str, ...] = ()
    baseline_instances: tuple[str, ...] = ()
    noise: Noise = ASSUMED
    carried: dict[str, tuple[float, float]] = field(default_factory=dict)
    waived: dict[str, str] = field(default_factory=dict)
    compress: float = 1.0

    def before(self, gate: str) -> tuple[float, float]:
        """Evidence of harm and of health that a gate goes on from: 1 and 1 for a release that was not held before."""
        return self.carried.get(gate, (1.0, 1.0))

    @cached_property
    def policy(self) -> Policy:
        """The policy of this run, with its waits divided by ``compress``."""
        policy = load(self.texts[self.policy_name], name=self.policy_name, read=self.texts.__getitem__)
        return compressed(policy, self.compress)

    @property
    def stage(self) -> Stage:
        """The stage under judgment."""
        return self.policy.stage(self.stage_name)

    @property
    def environment(self) -> Environment:
        """The environment under observation."""
        return self.policy.environment(self.environment_name)

    @cached_property
    def gates(self) -> dict[str, Gate]:
        """The gates of the stage's families, and those that it requires by name, as they are during its phase."""
        return self.policy.running(self.stage)

    @cached_property
    def redactor(self) -> Redactor:
        """What takes this run's secrets out of texts.

        Made once, before the first gate: a test may take a variable out of the environment, and its mask must stay.
        """
        return Redactor(self.secrets, self.policy.redact)

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """Everything that nothing persisted may hold: of the environment, and of every part of the policy."""
        demand(self.policy, self.environment)
        return secrets_of(self.policy, self.environment)

    @property
    def path(self) -> Path:
        """The folder that this run writes to."""
        return Path(self.folder)

    @property
    def version(self) -> str | None:
        """The version under judgment, from ``--gate-release version=...``."""
        return self.release.get(RELEASE_KEY_FOR_VERSION)

    def to_json(self) -> str:
        """Text for a worker."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The run of ``to_json``."""
        plain = json.loads(text)
        for name in ("overrides", "command", "candidate_instances", "baseline_instances"):
            plain[name] = tuple(plain[name])
        plain["noise"] = Noise(**plain["noise"])
        plain["carried"] = {gate: (harm, health) for gate, (harm, health) in plain["carried"].items()}
        return cls(**plain)


def read_policy(path: str | Path) -> tuple[Policy, dict[str, str]]:
    """Load a policy file and everything that it extends.

    Returns:
        The policy, and the text of each file that was read, by the name it was asked for.

    Raises:
        PolicyError: the policy has faults.
        UsageError: the file cannot be read.

    """
    texts: dict[str, str] = {}

    def read(name: str) -> str:
        texts[name] = Path(name).read_text(encoding="utf-8")
        return texts[name]

    try:
        text = read(str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise UsageError(
            f"policy {path}: cannot be read ({reason}). Pass --gate-policy FILE or run: relgate init"
        ) from error
    return load(text, name=str(path), read=read), texts


def make_run(options: Options, command: tuple[str, ...] = ()) -> Run:
    """Freeze a run: reads the policy, the clock and the options once, and makes the run's own folder.

    Raises:
        PolicyError: the policy has faults.
        UsageError: an option does not fit the policy, or the reports folder cannot be written.

    """
    policy, texts = read_policy(options.policy)
    compress = _compress(options.compress)
    policy = compressed(policy, compress)
    environment = policy.environment(options.environment or _only("environment", list(policy.environments)))
    stage = policy.stage(options.stage or _default_stage(policy, options.families))
    overrides = [] if compress == 1 else [said(compress)]
    bake_s = stage.bake_s
    if options.bake is not None:
        try:
            bake_s = parse_duration(options.bake)
        except ValueError as error:
            raise UsageError(f"--gate-bake: {error}") from error
        overrides.append(f"bake {options.bake} instead of the policy's {stage.bake_s:g}s (--gate-bake)")
    if options.observe_only:
        overrides.append("observe only: the exit code is pytest's own (--gate-observe-only)")
    overrides += _other_sides(options, environment)
    candidate_url = _url("candidate", options.candidate or resolve(environment.candidate.url))
    baseline_url = _baseline_url(options, environment)
    candidate_instances = _instances("candidate", options.candidate, environment.candidate)
    baseline_instances = _instances("baseline", options.baseline, environment.baseline)
    _refuse_one_for_both(environment, {candidate_url, *candidate_instances}, {baseline_url, *baseline_instances})
    release = release_of(options.release)
    started_s = time.time()
    run_id = os.environ.pop(RUN_ID, "") or new_run_id(started_s)  # Of this run only: sessions inside of it have theirs.
    if not _RUN_ID.fullmatch(run_id):
        raise UsageError(f"{RUN_ID}: expected a run id such as {new_run_id(started_s)}, got {run_id!r}. Unset it")
    return Run(
        id=run_id,
        folder=str(_make_folder(Path(options.reports).absolute(), run_id)),
        started_s=started_s,
        policy_name=str(options.policy),
        texts=texts,
        environment_name=environment.name,
        stage_name=stage.name,
        candidate_url=candidate_url,
        baseline_url=baseline_url,
        bake_s=bake_s,
        release=release,
        overrides=tuple(overrides),
        observe_only=options.observe_only,
        command=command,
        candidate_instances=candidate_instances,
        baseline_instances=baseline_instances,
        compress=compress,
    )


def new_run_id(now_s: float) -> str:
    """Return an id that no other run has, and that sorts by time."""
    return f"{rfc3339(now_s)[:23].replace('-', '').replace(':', '')}Z-{secrets.token_hex(4)}"


def _compress(given: str | None) -> float:
    """Return what waits are divided by."""
    try:
        factor = 1.0 if given is None else float(given)
    except ValueError:
        factor = 0.0
    if not 1 <= factor <= MOST:
        raise UsageError(f"--gate-compress: expected a number from 1 to {MOST:g}, got {given!r}")
    return factor


def _other_sides(options: Options, environment: Environment) -> list[str]:
    """What ``--gate-candidate`` and ``--gate-baseline`` change, as sentences."""
    found = []
    for side, url in (("candidate", options.candidate), ("baseline", options.baseline)):
        target: Target | None = getattr(environment, side)
        without = f" instead of the policy's {len(target.instances)} instances" if target and target.instances else ""
        if url is not None:
            found.append(f"{side} {url}{without} (--gate-{side})")
    return found


def _instances(side: str, option: str | None, target: Target | None) -> tuple[str, ...]:
    """The URLs that probes ask in turn; none when the command line names one URL for the side."""
    if option is not None or target is None:
        return ()
    urls = tuple(_url(side, resolve(url)) for url in target.instances)
    twice = next((url for url in urls if urls.count(url) > 1), None)
    if twice is not None:
        raise UsageError(f"two instances of the {side} are both {twice}: one would count for two. Remove one")
    return urls


def _refuse_one_for_both(environment: Environment, candidate: set[str], baseline: set[str | None]) -> None:
    """Refuse a URL that both sides ask, unless their headers tell them apart."""
    other = environment.baseline or environment.candidate
    both = min(candidate & baseline, default=None, key=str)
    if both is not None and headers_of(environment.candidate) == headers_of(other):
        raise UsageError(f"candidate and baseline are both {both}: nothing could be compared. Name two, or no baseline")


def _baseline_url(options: Options, environment: Environment) -> str | None:
    url = options.baseline or (resolve(environment.baseline.url) if environment.baseline else None)
    return None if url is None else _url("baseline", url)


def _url(side: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or re.search(r"\s", url):
        raise UsageError(f"--gate-{side}: expected a URL like https://canary.example, got {url!r}")
    return url.rstrip("/")


def _only(what: str, names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    option = "--gate-env" if what == "environment" else "--gate-stage"
    raise UsageError(f"the policy has {len(names)} {what}s ({', '.join(names)}): choose one with {option}")


def _default_stage(policy: Policy, families: tuple[str, ...]) -> str:
    """The only stage, or the only one that runs the families of ``-m``."""
    fitting = [stage.name for stage in policy.stages if not families or set(stage.run) & set(families)]
    if not fitting:
        raise UsageError(f"no stage of the policy runs {', '.join(families)}: it has {_stages(policy)}")
    return _only("stage", fitting)


def _stages(policy: Policy) -> str:
    return ", ".join(f"{stage.name} (runs {', '.join(stage.run)})" for stage in policy.stages)


def release_of(pairs: tuple[str, ...]) -> dict[str, str]:
    """Return the facts of ``--gate-release``; UsageError for one that has no key, or stands twice."""
    release: dict[str, str] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key.strip():
            raise UsageError(f"--gate-release: expected KEY=VALUE like version=1.2.3, got {pair!r}")
        if key.strip() in release:
            raise UsageError(
                f"--gate-release: {key.strip()} is given twice, as {release[key.strip()]!r} and {value.strip()!r}"
            )
        release[key.strip()] = value.strip()
    return release


def _make_folder(reports: Path, run_id: str) -> Path:
    at_fault = folder = reports / run_id
    try:
        folder.mkdir(parents=True)
        at_fault = reports / "latest"
        beside = reports / f".latest-{run_id}"
        beside.symlink_to(run_id)
        beside.replace(at_fault)
    except OSError as error:
        text = f"{at_fault}: cannot be made ({error.strerror}). Pass --gate-reports DIR to write elsewhere"
        raise UsageError(text) from error
    return folder
