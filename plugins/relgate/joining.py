"""How an xdist worker takes part in a run. It loads what judges, and nothing of what only the controller does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from relgate.collector import GateItems
from relgate.paths import PathItems
from relgate.settings import Run

if TYPE_CHECKING:
    import pytest


def join(config: pytest.Config, text: str) -> Run:
    """Take the controller's run over on a worker."""
    run = Run.from_json(text)
    place_allure_results(config, run)
    worker: Any = config
    config.pluginmanager.register(GateItems(run, worker.workerinput["workerid"]), "relgate-items")
    config.pluginmanager.register(PathItems(run), "relgate-paths")
    return run


def place_allure_results(config: pytest.Config, run: Run) -> None:
    """Where allure-pytest is here and was not told where to write, its results belong to this run's."""
    if getattr(config.option, "allure_report_dir", run) in (None, ""):
        config.option.allure_report_dir = str(run.path / "allure-results")
