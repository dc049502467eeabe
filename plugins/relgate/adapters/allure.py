"""Labels, severity and figures of a gate for Allure reports. Imported only where allure-pytest is active."""

from __future__ import annotations

from typing import TYPE_CHECKING

import allure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

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


def announce(gate: str, family: str, severity: str, description: str | None) -> None:
    """Say which gate a test is before it judges, so that a crash is filed under it too."""
    allure.dynamic.epic("release")
    allure.dynamic.feature(family)
    allure.dynamic.story(gate)
    allure.dynamic.label("gate", gate)
    allure.dynamic.severity(severity)
    if description:
        allure.dynamic.description(description)


def describe(result: GateResult, stage: str, release: Mapping[str, str]) -> None:
    """Attach what a gate observed. Figures are no identity: ``excluded`` keeps a test's history in one line."""
    allure.dynamic.parent_suite(stage)
    allure.dynamic.label("stage", stage)
    allure.dynamic.label("verdict", result.verdict.value)
    for key in ("version", "commit", "image"):
        if key in release:
            allure.dynamic.label(f"release.{key}", release[key])
    figures = {
        "observed": result.observed,
        "limit": result.limit,
        "baseline": result.baseline,
        "n": result.n,
        "interval": result.interval,
    }
    for name, value in figures.items():
        if value not in (None, ""):
            allure.dynamic.parameter(name, value, excluded=True)
    lines = [result.message, *(f"next: {step}" for step in result.next_steps)]
    allure.attach(
        "\n".join(lines), name=f"verdict: {result.verdict.value}", attachment_type=allure.attachment_type.TEXT
    )
