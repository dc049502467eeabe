"""Documents from Jinja templates, ours or a team's own: values are escaped for Markdown, templates run in a sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.errors import UsageError
from relgate.measure.describe import describe, percent
from relgate.report.escape import markdown

if TYPE_CHECKING:
    from collections.abc import Mapping

TEMPLATES = Path(__file__).parent.parent / "templates" / "docs"


def render(name: str, values: Mapping[str, Any], own: Path | None = None) -> str:
    """Return a document.

    Args:
        name: announcement, retrospective, postmortem, metrics.
        values: what the template may use.
        own: a team's folder of templates, asked before ours; it may extend ours (``{% extends "postmortem.md" %}``).

    Raises:
        UsageError: Jinja is not installed, there is no such template, or it has a fault.

    """
    try:
        import jinja2
        import jinja2.sandbox
    except ImportError as error:
        raise UsageError(f"documents need Jinja: pip install 'relgate[docs]' ({error})") from error
    folders = [str(folder) for folder in (own, TEMPLATES) if folder is not None]
    environment = jinja2.sandbox.SandboxedEnvironment(
        loader=jinja2.FileSystemLoader(folders),
        undefined=jinja2.StrictUndefined,
        finalize=_escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["seconds"] = lambda value: "none yet" if value is None else describe(value, "time")
    environment.filters["percent"] = lambda value: "none yet" if value is None else percent(round(value, 4))
    try:
        return environment.get_template(f"{name}.md").render(**values)
    except jinja2.TemplateError as error:
        where = f", line {error.lineno}" if isinstance(error, jinja2.TemplateSyntaxError) else ""
        raise UsageError(f"template {name}.md{where}: {error}") from error


def _escaped(value: object) -> object:
    """Return what a template prints: any text as text, whatever it came from."""
    return markdown(value) if isinstance(value, str) else value
