"""Loads as the controller sees them: where their users are, whether they may be, and how they look while they run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from relgate.errors import UsageError
from relgate.load import profile
from relgate.measure.describe import describe, percent
from relgate.policy.loads import beyond
from relgate.references import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from relgate.policy import Gate
    from relgate.policy.loads import Load
    from relgate.settings import Run


def loads_of(run: Run, rules: Iterable[str]) -> dict[str, Load]:
    """Return the loads that these gates judge, by signal."""
    found: dict[str, Load] = {}
    for id_ in rules:
        signal = run.gates[id_].signal
        load = run.policy.signals[signal].load if signal is not None else None
        if signal is not None and load is not None:
            found[signal] = load
    return found


def refuse(run: Run, loads: Mapping[str, Load]) -> None:
    """Raise UsageError where a load must not be: at a target outside of the policy, or beyond its caps."""
    if not loads:
        return
    known = {_place(url) for url in _urls(run)}
    for side, url in (("candidate", run.candidate_url), ("baseline", run.baseline_url)):
        if url is not None and _place(url) not in known:
            raise UsageError(
                f"load: {url} is no target of the environment {run.environment_name}: nothing else is loaded. "
                f"Write it there as the {side}, or leave --gate-{side} out"
            )
    for name, load in loads.items():
        for problem in beyond(load, run.bake_s):
            raise UsageError(f"the load {name} {problem}")


def _urls(run: Run) -> list[str]:
    sides = [side for side in (run.environment.candidate, run.environment.baseline) if side is not None]
    return [resolve(url) for side in sides for url in (side.url, *side.instances)]


def _place(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def placed(run: Run) -> Callable[[Load], tuple[tuple[str, ...], profile.Requests]]:
    """Return what finds a load's users, or reads its profile: relative to the policy's file.

    It raises UsageError where there is no such file, or nothing to replay in it.
    """
    folder = Path(run.policy_name).absolute().parent

    def place(load: Load) -> tuple[tuple[str, ...], profile.Requests]:
        if load.profile is not None:
            path = folder / load.profile
            try:
                return (), profile.read(path.read_text(encoding="utf-8", errors="replace"), load.methods)
            except (OSError, ValueError) as error:
                raise UsageError(f"load: the profile {path} cannot be used: {error}") from error
        users = tuple(str((folder / one).resolve()) for one in load.users)
        missing = next((one for one in users if not Path(one).is_file()), None)
        if missing is not None:
            raise UsageError(f"load: there is no locustfile {missing}; users are relative to the policy's file")
        return users, ()

    return place


def beside_policy(run: Run, path: str | None) -> str | None:
    """Return a path of the policy, which is relative to the policy's file, as an absolute one."""
    return None if path is None else str((Path(run.policy_name).absolute().parent / path).resolve())


def lines(progress: Mapping[str, Any], rules: Mapping[str, Gate]) -> list[str]:
    """Return a line for each load: rate, P95 and errors of the last seconds on both sides, against the limits."""
    found = []
    for signal, sides in progress.items():
        limits = {rule.field: rule.fail[0].text for rule in rules.values() if rule.signal == signal and rule.fail}
        said = [f"{side} {_now(facts)}" for side, facts in sides.items()]
        against = ", ".join(f"{field} {text}" for field, text in limits.items())
        found.append(f"load {signal}: {'; '.join(said)}" + (f" (fails at {against})" if against else ""))
    return found


def _now(facts: Mapping[str, Any]) -> str:
    p95 = describe(facts["p95_s"], "time") if facts["p95_s"] is not None else "-"
    return f"{facts['rate_per_s']:.0f}/s, p95 {p95}, errors {percent(round(facts['errors'], 4))}"
