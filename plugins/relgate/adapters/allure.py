"""Labels, severity, links and figures of a gate for Allure reports. Imported only where allure-pytest is active."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import allure

from relgate.adapters import allurefiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from relgate.policy import Gate
    from relgate.values import GateResult


def sweep(folder: Path, clean: Callable[[str], str]) -> None:
    """Take secrets out of result files: allure-pytest formats exceptions itself and stores parameters in clear text.

    Files that are not UTF-8 text are left as they are.
    """
    for path in folder.glob("*"):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        cleaned = clean(text)
        if cleaned != text:
            path.write_text(cleaned, encoding="utf-8")


def attach(files: Sequence[Path]) -> None:
    """Attach evidence, which holds no secret any more."""
    for path in files:
        allure.attach.file(str(path), name=path.name, extension=path.suffix.removeprefix("."))


def announce(rule: Gate, stage: str, release: Mapping[str, str]) -> None:
    """Say which gate a test is before it judges, so that a crash is filed under it too."""
    allure.dynamic.epic("release")
    allure.dynamic.feature(rule.family)
    allure.dynamic.story(rule.id)
    allure.dynamic.parent_suite(stage)
    allure.dynamic.suite(rule.family)
    allure.dynamic.label("gate", rule.id)
    allure.dynamic.label("stage", stage)
    allure.dynamic.severity(rule.severity)
    if rule.owner:
        allure.dynamic.label("owner", rule.owner)
    if rule.description:
        allure.dynamic.description(rule.description)
    for key, value in release.items():
        allure.dynamic.label(f"release.{key}", value)
    for kind, name, url in (("link", "runbook", rule.runbook), ("issue", "ticket", release.get("ticket"))):
        # Whatever is no address of a page would be one to run in a reader's browser (javascript:).
        if url is not None and url.startswith(("https://", "http://")):
            allure.dynamic.link(url, link_type=kind, name=name)


def describe(result: GateResult) -> None:
    """Attach what a gate observed. Figures are no identity: ``excluded`` keeps a test's history in one line."""
    allure.dynamic.label("verdict", result.verdict.value)
    figures = {
        "observed": result.observed,
        "unit": result.unit,
        "limit": result.limit,
        "baseline": result.baseline,
        "n": result.n,
        "interval": result.interval,
    }
    for name, value in figures.items():
        if value not in (None, ""):
            allure.dynamic.parameter(name, value, excluded=True)
    lines = [result.message, *(f"next: {step}" for step in result.next_steps)]
    lines += [f"evidence: {digest}" for digest in result.evidence]
    allure.attach(
        "\n".join(lines), name=f"verdict: {result.verdict.value}", attachment_type=allure.attachment_type.TEXT
    )


def finish(folder: Path, run_folder: Path, content: Mapping[str, Any], head: tuple[int, str]) -> None:
    """Put the decision on top of the report, and bring every result in line with it.

    Raises:
        OSError: the results cannot be written; the decision is recorded by then, and stands.

    """
    folder.mkdir(parents=True, exist_ok=True)
    decision = content["decision"]
    reasons = [f"{one['gate'] or 'stage'}: {one['text']}" for one in content["reasons"][:50]]
    title = f"{decision.upper()}: {content['service']} {content['stage']}, run {content['run_id']}"
    if decision != "promote":
        allure.global_error("\n".join([title, *reasons]))
    for name, kind in (("decision.md", allure.attachment_type.TEXT), ("decision.json", allure.attachment_type.JSON)):
        if (run_folder / name).is_file():
            allure.global_attach.file(str(run_folder / name), name=f"{decision}: {name}", attachment_type=kind)
    allurefiles.settle(folder, content, run_folder / "evidence")
    allurefiles.surroundings(folder, content, os.environ, head)
