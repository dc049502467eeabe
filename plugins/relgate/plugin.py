"""pytest hooks in lifecycle order. Without a policy, or in a session that selects no gates, all of them do nothing.

A session decides when ``--gate-policy`` or another ``--gate-*`` option is on the command line, or when
``gate_policy`` is set in the configuration and ``-m`` names a family of gates. Only the controller decides;
workers judge and report.
"""

from __future__ import annotations

import re
import sys
import traceback
from typing import TYPE_CHECKING

import pytest

from relgate.fixtures import RUN, gate, observation

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator

    from relgate.session import Controller

__all__ = ["gate", "observation"]

CONTROLLER: pytest.StashKey[Controller] = pytest.StashKey()

FAMILIES = {
    "canary": "the new version against its limits and against the one that it replaces, in the same window",
    "migration": "what a migration does to a database, and whether it can be taken back",
    "preflight": "what must be true before a rollout begins",
    "smoke": "critical user paths",
    "load": "the release under load",
    "postdeploy": "what must stay true after a rollout",
}
OPTIONS = (
    ("policy", "FILE", "release policy; without one relgate does nothing"),
    ("env", "NAME", "environment of the policy to observe"),
    ("stage", "NAME", "stage of the policy to decide about"),
    ("candidate", "URL", "where the release under judgment answers, instead of the policy's"),
    ("baseline", "URL", "where the release that it replaces answers, instead of the policy's"),
    ("bake", "DURATION", "how long to observe (10m, 90s), instead of the policy's; recorded as an override"),
    ("reports", "DIR", "where runs leave their records (default: reports)"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of relgate; each can also be set in the [tool.pytest] table (gate_policy = ...)."""
    group = parser.getgroup("relgate", "release gates")
    for name, metavar, text in OPTIONS:
        group.addoption(f"--gate-{name}", metavar=metavar, default=None, help=text)
        parser.addini(f"gate_{name}", text, type="string", default="")
    text = "a fact of the release (version=1.2.3, commit=..., image=...); repeatable"
    group.addoption("--gate-release", metavar="KEY=VALUE", action="append", default=[], help=text)
    parser.addini("gate_release", text, type="args", default=[])
    text = "decide, record and report, but exit as plain pytest does"
    group.addoption("--gate-observe-only", action="store_true", default=False, help=text)
    parser.addini("gate_observe_only", text, type="bool", default=False)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register markers; in a session that decides, freeze the run.

    First of all plugins: others are told where this run's results belong before they read their options.
    """
    config.addinivalue_line("markers", "gate(id): a release gate; id where it is not the test's name")
    for family, text in FAMILIES.items():
        config.addinivalue_line("markers", f"{family}: release gates: {text}")
    workerinput = getattr(config, "workerinput", None)
    if workerinput is not None:
        if "relgate" in workerinput:
            from relgate.session import join

            config.stash[RUN] = join(config, workerinput["relgate"])
    elif _decides(config):
        from relgate.session import Controller

        config.stash[CONTROLLER] = controller = Controller.prepare(config, selected_families(config))
        config.stash[RUN] = controller.run


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one generic test of each gate that a policy defines on a signal."""
    if metafunc.function.__name__ == "test_gate" and "gate_id" in metafunc.fixturenames:
        run = metafunc.config.stash.get(RUN, None)
        rules = [rule for rule in run.gates.values() if rule.signal is not None] if run is not None else []
        marked = [pytest.param(rule.id, id=rule.id, marks=getattr(pytest.mark, rule.family)) for rule in rules]
        metafunc.parametrize("gate_id", marked)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what uses the gate fixture, so that ``-m "not gate"`` leaves it out."""
    if "gate" in getattr(item, "fixturenames", ()):
        item.add_marker("gate")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """A conftest that calls ``sys.exit(0)`` would end a session that was to decide before it begins."""
    try:
        return (yield)
    except SystemExit as error:
        if not _given(early_config.known_args_namespace):
            raise
        raise pytest.UsageError(
            f"a conftest ended the process (sys.exit({error.code})): nothing was decided"
        ) from error


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """Have the last word about the exit code of a session that decides, however it ends."""
    try:
        code = yield
    except pytest.UsageError:
        raise
    except BaseException as error:
        controller = config.stash.get(CONTROLLER, None)
        if controller is None:
            raise
        controller.crashed(error)
        traceback.print_exception(error)
        return controller.last_word(1)
    controller = config.stash.get(CONTROLLER, None)
    if controller is not None:
        return controller.last_word(int(code or 0))  # type: ignore[call-overload]
    if config.option.collectonly and _asked(config) and not code:
        sys.stderr.write("relgate: --collect-only judges nothing, so nothing was decided: hold (exit 10)\n")
        return 10
    return code


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """Keep the decision's exit status, whatever other plugins do at the end."""
    controller = session.config.stash.get(CONTROLLER, None)
    if controller is None:
        return (yield)
    result: object = None
    with controller.finishing(session):
        result = yield
    return result


def selected_families(config: pytest.Config) -> tuple[str, ...]:
    """The families that ``-m`` asks for; one behind ``not`` is not asked for."""
    expression = re.sub(r"\bnot\s+\w+", "", config.option.markexpr or "")
    return tuple(family for family in FAMILIES if re.search(rf"\b{family}\b", expression))


def _decides(config: pytest.Config) -> bool:
    return _asked(config) and not (config.option.collectonly or config.option.help or config.option.version)


def _asked(config: pytest.Config) -> bool:
    return _given(config.option) or bool(config.getini("gate_policy") and selected_families(config))


def _given(options: argparse.Namespace) -> bool:
    """Whether an option of relgate is on the command line; an empty one too, which is said to be a mistake."""
    named = (getattr(options, f"gate_{name}", None) is not None for name, _, _ in OPTIONS)
    return any(named) or bool(getattr(options, "gate_release", None))
