"""The commands on stored runs: ``relgate report``, ``replay`` and ``docs``. None of them changes a decision."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from relgate.errors import SourceError, UsageError

if TYPE_CHECKING:
    import argparse

EXIT_UNVERIFIED = 30


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to the parser."""
    report = commands.add_parser("report", help="write a stored run's report.html anew, or its Allure report")
    _run_of(report)
    report.add_argument("--allure", action="store_true", help="one HTML file by Allure 3 or 2, whichever is there")
    report.add_argument("--out", metavar="FILE", help="where to write (default: into the run's folder)")
    report.set_defaults(command=_report)

    replay = commands.add_parser(
        "replay", help="judge a stored run again, under another policy: what would it have decided?"
    )
    _run_of(replay)
    replay.add_argument("--gate-policy", metavar="FILE", dest="policy", help="policy (default: the run's own)")
    replay.add_argument("--gate-stage", metavar="NAME", dest="stage", help="stage (default: the run's own)")
    replay.add_argument("--json", action="store_true", help="print the document that decision.json would be")
    replay.set_defaults(command=_replay)
    _add_docs(commands)


def _add_docs(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    docs = commands.add_parser("docs", help="write an announcement, retrospective, postmortem or success metrics")
    docs.add_argument("kind", choices=("announcement", "retrospective", "postmortem", "metrics"), help="which document")
    _run_of(docs)
    docs.add_argument("--templates", metavar="DIR", help="your own templates, asked before ours (postmortem.md, ...)")
    docs.add_argument("--out", metavar="FILE", help="where to write (default: the terminal)")
    docs.set_defaults(command=_docs)


def _run_of(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", nargs="?", default="latest", metavar="RUN", help="run id (default: the newest)")
    command.add_argument("--reports", metavar="DIR", default="reports", help="where runs leave their records")


def _report(given: argparse.Namespace) -> int:
    reports, folder = Path(given.reports), _folder(given)
    if given.allure:
        from relgate.adapters.allurereport import generate

        print(generate(folder, Path(given.out) if given.out else folder / "allure.html", os.environ))
        return 0
    from relgate.inputs import read
    from relgate.pages.write import report
    from relgate.report import page
    from relgate.run import recorded, write_durably

    found = recorded(reports, given.run)
    if found.content is None or found.head is None:
        print("\n".join(found.lines), file=sys.stderr)
        return found.exit_code
    run, _ = read(folder)
    path = Path(given.out) if given.out else folder / page.NAME
    try:
        write_durably(path, report(run, found.content, *found.head).encode())
    except OSError as error:
        raise UsageError(f"--out: {path} cannot be written ({error.strerror})") from error
    print(path)
    return 0


def _replay(given: argparse.Namespace) -> int:
    from relgate.replay import lines, out, replay

    for option, value in (("--gate-policy", given.policy), ("--gate-stage", given.stage)):
        if value is not None and not value.strip():
            raise UsageError(f"{option}: expected a value, got an empty text. Is a variable of the pipeline not set?")
    try:
        done = replay(Path(given.reports), given.run, given.policy, given.stage)
    except SourceError as error:
        print(f"relgate: {error}", file=sys.stderr)
        return EXIT_UNVERIFIED
    if given.json:
        print(out(done), end="")
    else:
        print("\n".join(lines(done)))
    if done.doubt is not None:
        print(f"relgate: the recorded decision does not come out again: {done.doubt}", file=sys.stderr)
        return EXIT_UNVERIFIED
    return 0


def _docs(given: argparse.Namespace) -> int:
    from relgate.papers import paper

    templates = Path(given.templates) if given.templates else None
    if templates is not None and not templates.is_dir():
        raise UsageError(f"--templates: {templates} is no folder")
    text = paper(given.kind, Path(given.reports), given.run, templates)
    if given.out is None:
        print(text, end="")
        return 0
    try:
        Path(given.out).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--out: {given.out} cannot be written ({error.strerror})") from error
    print(given.out)
    return 0


def _folder(given: argparse.Namespace) -> Path:
    folder: Path = (Path(given.reports) / given.run).resolve()
    if not folder.is_dir():
        raise UsageError(f"there is no run {given.run} in {given.reports}. Pass --reports DIR")
    return folder
