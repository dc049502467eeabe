"""The ``relgate`` command. Exit codes: 0 done or promote, 4 somebody's fault, 10, 20, 30 decisions."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from relgate import __version__, auditcli, excuses, reporting
from relgate.errors import PolicyError, RelgateError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

EXIT_USAGE = 4
POLICY = "relgate.yaml"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    commands = parser()
    given = commands.parse_args(arguments)
    if given.command is None:
        commands.print_help()
        return EXIT_USAGE
    try:
        code: int = given.command(given)
    except PolicyError as error:
        print(error, file=sys.stderr)
        print(f"{len(error.faults)} fault{'s' * (len(error.faults) != 1)}", file=sys.stderr)
        return EXIT_USAGE
    except RelgateError as error:
        print(f"relgate: {error}", file=sys.stderr)
        return EXIT_USAGE
    except BrokenPipeError:
        return EXIT_USAGE  # The reader went away (| head): nothing of use can be said to it any more.
    return code


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    relgate = argparse.ArgumentParser(
        prog="relgate",
        description="Release gates as pytest tests: promote, hold or rollback, with a record to prove it.",
    )
    relgate.add_argument("--version", action="version", version=f"relgate {__version__}")
    relgate.set_defaults(command=None)
    commands = relgate.add_subparsers(title="commands", metavar="COMMAND")

    init = commands.add_parser("init", help="write a first policy and first gates into a repository; never overwrites")
    init.add_argument("folder", nargs="?", default=".", metavar="DIR", help="repository (default: here)")
    init.add_argument("--service", metavar="NAME", help="name of the service (default: the folder's)")
    init.add_argument(
        "--candidate", metavar="URL", default="http://127.0.0.1:8000", help="where the new release answers"
    )
    init.add_argument("--baseline", metavar="URL", help="where the release that it replaces answers")
    init.add_argument("--health", metavar="PATH", default="/health", help="health endpoint (default: /health)")
    init.add_argument(
        "--path", metavar="PATH", action="append", dest="paths", help="path to probe; repeatable (default: /)"
    )
    init.set_defaults(command=_init)

    check = commands.add_parser("check", help="name every fault of a policy at once; exit 4 if there is any")
    check.add_argument("policy", nargs="?", default=POLICY, metavar="POLICY", help=f"policy file (default: {POLICY})")
    check.add_argument("--reports", metavar="DIR", default="reports", help="where the ledger's waivers are looked for")
    check.set_defaults(command=_check)

    explain = commands.add_parser("explain", help="what a gate measures, its limits, what it will see, what to do")
    explain.add_argument("gate", metavar="GATE", nargs="?", help="gate id; without one, all gates in a line each")
    explain.add_argument("--policy", default=POLICY, metavar="FILE", help=f"policy file (default: {POLICY})")
    explain.add_argument(
        "--stage",
        metavar="NAME",
        help="stage whose phase and bake count (default: the first; foresight: all that run it)",
    )
    explain.add_argument("--rate", metavar="RATE", help="requests to each side, such as 50/s (default: the signal's)")
    explain.add_argument("--bake", metavar="DURATION", help="how long to observe (default: the stage's)")
    explain.add_argument(
        "--error-rate", metavar="SHARE", default="0.1%", help="share of errors that is usual (default: 0.1%%)"
    )
    explain.set_defaults(command=_explain)

    demo = commands.add_parser("demo", help="judge the example shop on this machine: a good release and a slow one")
    demo.add_argument(
        "--release", metavar="NAME", action="append", help="release of the shop; repeatable (default: good, slow)"
    )
    demo.add_argument("--list", action="store_true", help="list the shop's releases and end")
    demo.add_argument("--bake", metavar="DURATION", help="how long to observe each (default: the shop policy's)")
    demo.add_argument("--reports", metavar="DIR", default="reports", help="where runs leave their records")
    demo.set_defaults(command=_demo)

    decision = commands.add_parser(
        "decision", help="print a run's decision and exit with its code; no record is a hold"
    )
    decision.add_argument("run", nargs="?", default="latest", metavar="RUN", help="run id (default: the newest)")
    decision.add_argument("--reports", metavar="DIR", default="reports", help="where runs leave their records")
    decision.add_argument("--ledger", metavar="PLACE", help="folder or env:NAME of the ledger (default: the reports)")
    decision.add_argument("--json", action="store_true", help="print decision.json")
    decision.set_defaults(command=_decision)

    sweep = commands.add_parser("sweep", help="remove what smoke paths created that died before they could")
    sweep.add_argument(
        "--policy", "--gate-policy", default=POLICY, metavar="FILE", help=f"policy file (default: {POLICY})"
    )
    sweep.add_argument("--reports", metavar="DIR", default="reports", help="where runs leave their records")
    sweep.add_argument(
        "--candidate", metavar="URL", action="append", default=[], help="a further service to ask; repeatable"
    )
    sweep.set_defaults(command=_sweep)

    new = commands.add_parser("new", help="write a test to begin with: relgate new smoke checkout")
    new.add_argument("kind", choices=["smoke"], help="what is written")
    new.add_argument("name", metavar="NAME", help="of the path, with small letters, digits and -")
    new.add_argument("folder", nargs="?", default=".", metavar="DIR", help="repository (default: here)")
    new.set_defaults(command=_new)

    auditcli.add(commands)
    excuses.add(commands)
    _add_backtest(commands)
    reporting.add(commands)
    _add_rollout(commands)

    schema = commands.add_parser("schema", help="JSON Schema of the policy, for editors")
    schema.set_defaults(command=_schema)
    return relgate


def _add_backtest(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    backtest = commands.add_parser(
        "backtest", help="how often, and how fast, a policy decides right: simulated releases, or stored bakes again"
    )
    backtest.add_argument(
        "policy", nargs="?", default=POLICY, metavar="POLICY", help=f"policy file (default: {POLICY})"
    )
    backtest.add_argument("--reports", metavar="DIR", help="judge the stored bakes of DIR again, simulate nothing")
    backtest.add_argument("--worlds", metavar="NAMES", help="kinds of noise, with commas (default: bursty,iid)")
    backtest.add_argument("--effects", metavar="NAMES", help="what releases do worse (default: none,+20%%,2x)")
    backtest.add_argument("--runs", type=int, metavar="N", help="releases of each kind (default: 100)")
    backtest.add_argument("--rate", metavar="RATE", help="requests to each side (default: the busiest probe's)")
    backtest.add_argument("--bake", metavar="DURATION", help="how long each bakes (default: the stage's)")
    backtest.add_argument("--seed", type=int, metavar="N", help="the same seed gives the same releases (default: 1)")
    backtest.add_argument("--stage", metavar="NAME", help="stage (default: the recorded one, or the first)")
    backtest.add_argument("--env", metavar="NAME", help="environment (default: the recorded one, or the first)")
    backtest.add_argument("--json", metavar="FILE", help="also write the figures to FILE")
    backtest.set_defaults(command=_backtest)


def _add_rollout(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    rollout = commands.add_parser(
        "rollout",
        help="all stages of a policy in turn: traffic, gates, promote, hold or rollback; resumable",
        description="Exit codes: 0 promoted to the end, 10 hold, 20 rolled back, 30 not recorded, 4 could not begin.",
    )
    words = ("status", "pause", "resume", "abort", "rollback")
    rollout.add_argument(
        "word",
        nargs="?",
        choices=words,
        help="what to do with the newest rollout, from another terminal (default: begin)",
    )
    rollout.add_argument("--gate-policy", metavar="FILE", default=POLICY, help=f"policy file (default: {POLICY})")
    rollout.add_argument("--gate-env", metavar="NAME", help="environment of the policy (default: the only one)")
    rollout.add_argument(
        "--gate-release",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a fact of the release; version is needed",
    )
    rollout.add_argument(
        "--gate-reports", metavar="DIR", default="reports", help="where records are (default: reports)"
    )
    rollout.add_argument("--resume", action="store_true", help="go on with a rollout that was killed, held or paused")
    rollout.add_argument(
        "--compress",
        metavar="N",
        type=float,
        default=1.0,
        help="divide bakes, waits, intervals and `for 5m` by N; recorded as an override",
    )
    rollout.add_argument(
        "--exit-on-hold", action="store_true", help="end with 10 at a hold instead of waiting hold_for"
    )
    rollout.add_argument("--detach", action="store_true", help="go on in the background when the terminal is closed")
    rollout.add_argument("--pytest", metavar="ARGS", default="", help="further options of pytest, such as paths")
    rollout.add_argument("--to", metavar="VERSION", help="rollback: the version to be at afterwards")
    rollout.add_argument("--reason", metavar="TEXT", default="", help="why; recorded")
    rollout.add_argument("--actor", metavar="NAME", help="who asks (default: what the CI or the system says)")
    rollout.set_defaults(command=_rollout)


def _init(given: argparse.Namespace) -> int:
    from relgate.scaffold import Answers, init

    folder = Path(given.folder)
    answers = Answers(
        service=given.service or folder.resolve().name,
        candidate=given.candidate,
        baseline=given.baseline,
        health=given.health,
        paths=tuple(given.paths or ("/",)),
    )
    done = init(folder, answers)
    for name in done.written:
        print(f"wrote {name}")
    for name in done.kept:
        print(f"kept  {name} (it was there already)")
    for line in done.advice:
        print(f"to do: {line}")
    print("next: edit relgate.yaml, then run: relgate check && pytest -m canary")
    return 0


def _check(given: argparse.Namespace) -> int:
    from relgate.settings import read_policy

    policy, _ = read_policy(given.policy)
    counts = f"{len(policy.signals)} signals, {len(policy.gates)} gates, {len(policy.stages)} stages"
    expired = excuses.expired(policy, given.policy, Path(given.reports))
    if expired:
        print("\n".join(expired), file=sys.stderr)
        return EXIT_USAGE
    print(f"{given.policy}: good. {policy.service}: {counts}, sha256 {policy.sha256[:16]}")
    return 0


def _explain(given: argparse.Namespace) -> int:
    from relgate.explain import Supposed, explain, overview
    from relgate.policy import units
    from relgate.settings import read_policy

    supposed = Supposed(
        _above_zero("--rate", units.parse_rate, given.rate),
        _above_zero("--bake", units.parse_duration, given.bake),
        _above_zero("--error-rate", units.parse_share, given.error_rate) or 0.0,
    )
    policy, _ = read_policy(given.policy)
    stage = policy.stage(given.stage) if given.stage else policy.stages[0]
    if given.gate is None:
        print("\n".join(overview(policy, stage)))
        return 0
    stages = (stage,) if given.stage else policy.stages
    print("\n".join(explain(policy, stage, given.gate, supposed, stages)))
    return 0


def _above_zero(option: str, parse: Callable[[str], float], text: str | None) -> float | None:
    """Return what an option says; None where it was not given. Raises UsageError for nothing, or no such quantity."""
    if text is None:
        return None
    try:
        value = parse(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error
    if value <= 0:
        raise UsageError(f"{option}: expected more than nothing, got {text}")
    return value


def _demo(given: argparse.Namespace) -> int:
    from relgate import demo

    known = demo.releases()
    if given.list:
        width = max(map(len, known))
        print("\n".join(f"{name.ljust(width)}  {text}" for name, text in known.items()))
        return 0
    wanted = given.release or ["good", "slow"]
    reports = Path(given.reports).absolute()
    codes = {}
    for name in wanted:
        print(f"\n=== shop release {name!r}: {known.get(name, 'unknown')}", flush=True)
        codes[name] = demo.judge_release(name, reports, lambda text: print(text, flush=True), bake=given.bake)
    print("\nreports:", reports)
    for name, code in codes.items():
        print(f"  {name}: {_NAMES.get(code, f'exit {code}')}")
    if len(wanted) == 1:
        return codes[wanted[0]]
    # A demo of several ran well when each ended in a decision, whichever; a session that broke is no demo.
    return next((code for code in codes.values() if code not in _DECIDED), 0)


_DECIDED = (0, 10, 20)
_LEFT = 10
_NAMES = {0: "promote", 10: "hold", 20: "rollback", 30: "not recorded"}


def _decision(given: argparse.Namespace) -> int:
    from relgate import ledgers
    from relgate.run import recorded

    book = None if given.ledger is None else ledgers.at(given.ledger, Path(given.reports))
    found = recorded(Path(given.reports), given.run, book)
    if given.json and found.content is not None:
        print(json.dumps(found.content, indent=2))
    else:
        print("\n".join(found.lines))
    return found.exit_code


def _backtest(given: argparse.Namespace) -> int:
    from relgate.backtest import command
    from relgate.settings import read_policy

    wanted = command.Wanted(
        reports=None if given.reports is None else Path(given.reports),
        worlds=given.worlds,
        effects=given.effects,
        runs=given.runs,
        rate=given.rate,
        bake=given.bake,
        seed=given.seed,
        stage=given.stage,
        environment=given.env,
        json=None if given.json is None else Path(given.json),
    )
    command.backtest(read_policy(given.policy)[0], wanted, sys.stdout, sys.stderr)
    return 0


def _sweep(given: argparse.Namespace) -> int:
    from relgate.settings import read_policy
    from relgate.sweeping import sweep_all

    done = sweep_all(read_policy(given.policy)[0], Path(given.reports), tuple(given.candidate))
    for line in done.left:
        print(f"left    {line}")
    for path in done.alive:
        print(f"in use  {path}")
    print(f"{done.removed} removed, {len(done.left)} left")
    return _LEFT if done.left else 0


def _new(given: argparse.Namespace) -> int:
    from relgate.scaffold import new_path

    done = new_path(Path(given.folder), given.name)
    for name in done.written:
        print(f"wrote {name}")
    for line in done.advice:
        print(f"to do: {line}")
    return 0


def _rollout(given: argparse.Namespace) -> int:
    import shlex

    from relgate.deploy import command
    from relgate.deploy.begin import Wanted
    from relgate.settings import release_of

    if not 1 <= given.compress <= 100_000:
        raise UsageError(f"--compress: expected a number from 1 to 100000, got {given.compress:g}")
    if given.to is not None and given.word != "rollback":
        raise UsageError("--to belongs to: relgate rollout rollback --to VERSION")
    wanted = Wanted(
        policy=given.gate_policy,
        environment=given.gate_env,
        release=release_of(tuple(given.gate_release)),
        reports=Path(given.gate_reports),
        resume=given.resume,
        compress=given.compress,
        wait=not given.exit_on_hold,
        pytest=tuple(shlex.split(given.pytest)),
        actor=given.actor,
    )
    if given.word == "status":
        return command.status(wanted)
    if given.word is not None:
        return command.order(wanted, given.word, given.reason, given.to)
    return command.detach(wanted, sys.argv[1:]) if given.detach else command.roll_out(wanted)


def _schema(given: argparse.Namespace) -> int:  # noqa: ARG001
    from relgate.policy import json_schema

    print(json.dumps(json_schema(), indent=2))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UsageError as error:
        sys.exit(str(error))
