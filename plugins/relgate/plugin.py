"""pytest hooks in lifecycle order. Without a policy, or in a session that selects no gates, all of them do nothing.

Only the controller decides; workers judge and report.
"""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING

import pytest

from relgate.asked import FAMILIES, OPTIONS, asked, decides, given, selected_families
from relgate.concluding import concluding
from relgate.fixtures import RUN, exploration, gate, migrations, observation
from relgate.paths import accounts, created, http, mailbox, page, path, webhook

if TYPE_CHECKING:
    from collections.abc import Generator

    from relgate.session import Controller

__all__ = [
    "accounts",
    "created",
    "exploration",
    "gate",
    "http",
    "mailbox",
    "migrations",
    "observation",
    "page",
    "path",
    "webhook",
]

CONTROLLER: pytest.StashKey[Controller] = pytest.StashKey()


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
    config.addinivalue_line("markers", "after(name, ...): a smoke path that comes after others, missing if one failed")
    for family, text in FAMILIES.items():
        config.addinivalue_line("markers", f"{family}: release gates: {text}")
    workerinput = getattr(config, "workerinput", None)
    if workerinput is not None:
        if "relgate" in workerinput:
            from relgate.joining import join

            config.stash[RUN] = join(config, workerinput["relgate"])
    elif decides(config):
        from relgate.session import Controller

        config.stash[CONTROLLER] = controller = Controller.prepare(config, selected_families(config))
        config.stash[RUN] = controller.run


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one generic test of each gate that a policy defines on a signal, or by what it asks before a rollout."""
    name = metafunc.function.__name__
    if name in ("test_gate", "test_preflight") and "gate_id" in metafunc.fixturenames:
        run = metafunc.config.stash.get(RUN, None)
        known = run.gates.values() if run is not None else ()
        asked_before = [rule for rule in known if rule.kind == "findings" and rule.family == "preflight"]
        rules = asked_before if name == "test_preflight" else [rule for rule in known if rule.signal is not None]
        marked = [pytest.param(rule.id, id=rule.id, marks=getattr(pytest.mark, rule.family)) for rule in rules]
        metafunc.parametrize("gate_id", marked)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what uses the gate fixture, so that ``-m "not gate"`` leaves it out; a watched gate runs in every family."""
    if "gate" not in getattr(item, "fixturenames", ()):
        return
    item.add_marker("gate")
    run = item.config.stash.get(RUN, None)
    if run is not None and run.stage.watches:
        from relgate.collector import declared_gate

        rule = run.gates.get(declared_gate(item) or "")
        for family in run.stage.run if rule is not None and rule.watch else ():
            item.add_marker(family)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Conclude a smoke path in the phase on whose report its verdict rides."""
    with concluding(item):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """A conftest that calls ``sys.exit(0)`` would end a session that was to decide before it begins."""
    try:
        return (yield)
    except SystemExit as error:
        if not given(early_config.known_args_namespace):
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
    if config.option.collectonly and asked(config) and not code:
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
