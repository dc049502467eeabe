"""Routers by command: what is taken for an answer."""

from __future__ import annotations

import shlex
import sys

import pytest

from relgate.adapters.router_command import CommandRouter
from relgate.errors import SourceError
from tests.adapters.routers import MOVED


def router(code: str, timeout_s: float = 20.0) -> CommandRouter:
    """One whose two commands run a piece of Python."""
    words = f"{sys.executable} -c {shlex.quote(code)}"
    return CommandRouter(words, words, MOVED, timeout_s)


@pytest.mark.parametrize(
    "printed",
    ["", "5 %", "null", "[]", "{}", '{"candidate": "0.5"}', '{"candidate": true}', '{"candidate": NaN}',
     '{"candidate": 5}', '{"candidate": -0.1}', '{"candidate": 0.5} trailing'],
)  # fmt: skip
def test_only_a_share_is_an_answer(printed: str) -> None:
    """Silence is not 0, a percentage is not a share, NaN is nothing."""
    with pytest.raises(SourceError, match="expected"):
        router(f"print({printed!r})").read()


def test_what_else_is_said_is_kept() -> None:
    """For whoever reads the record."""
    split = router('print(\'{"candidate": 0.05, "pool": "eu"}\')').read()
    assert (split.candidate, split.said["pool"]) == (0.05, "eu")


def test_a_command_that_fails_or_hangs_is_an_error() -> None:
    """With its last words; one that hangs is killed with all that it started."""
    with pytest.raises(SourceError, match="ended with 3: no such pool"):
        router("import sys; print('no such pool', file=sys.stderr); sys.exit(3)").set(0.5)
    with pytest.raises(SourceError, match=r"was not done after 0.5 s and was killed"):
        router("import time; time.sleep(60)", timeout_s=0.5).read()
    with pytest.raises(SourceError, match="cannot be started"):
        CommandRouter("/no/such/program", "/no/such/program", MOVED, 5.0).read()


def test_what_a_command_is_told() -> None:
    """The documented variables."""
    told = router(
        "import json, os; given = {k: v for k, v in os.environ.items() if 'RELGATE' in k}; "
        "print(json.dumps({'candidate': 0, **given}))"
    ).read()
    assert {key: value for key, value in told.said.items() if key != "candidate"} == {
        "RELGATE_ROLLOUT": "r-1",
        "RELGATE_SERVICE": "tiny",
        "RELGATE_ENVIRONMENT": "here",
        "RELGATE_VERSION": "2",
        "RELGATE_PREVIOUS": "1",
        "RELGATE_IMAGE": "registry/tiny@sha256:2",
    }
