"""Migration tools by command: what they print, how they fail, which database they are led to."""

from __future__ import annotations

import os
import shlex
import sys
import time
from typing import TYPE_CHECKING

import pytest

from relgate.adapters.command import CommandTool
from relgate.adapters.sqlite import SqliteServer
from relgate.errors import SourceError
from tests.adapters.histories import NAMES, command_script

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server() -> Iterator[SqliteServer]:
    """Scratch databases on SQLite."""
    with SqliteServer() as made:
        yield made


def python(code: str) -> str:
    """A command that runs a line of Python."""
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"


def test_the_environment_leads_to_the_scratch_database(
    tmp_path: Path, server: SqliteServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DATABASE_URL of the caller is replaced, and what a program needs to know is there."""
    monkeypatch.setenv("DATABASE_URL", "sqlite:///production.db")
    names = "DATABASE_URL", "RELGATE_SQLALCHEMY_URL", "RELGATE_REVISION", "RELGATE_DIRECTION"
    code = f"import os, sys; print(*[os.environ[name] for name in {names}], sys.argv[1])"
    tool, scratch = CommandTool(f"{python(code)} '<{{revision}}>'", None, "x", cwd=tmp_path), server.create()
    words = tool.move(scratch, "a b", "up").output.split(" ")
    assert words[0].startswith("sqlite://")
    assert words[0].endswith(scratch.url.removeprefix("sqlite"))
    assert words[1:] == [scratch.url, "a", "b", "up", "<a", "b>\n"]


def test_a_command_that_fails(tmp_path: Path, server: SqliteServer) -> None:
    """Its exit code and the last thing that it said; what it printed is kept."""
    code = "import sys; print('working'); print('no such\\nthing', file=sys.stderr); sys.exit(3)"
    ran = CommandTool(python(code), None, "x", cwd=tmp_path).move(server.create(), "a", "up")
    assert ran.failure is not None
    assert ran.failure.text.endswith("ended with 3: thing")
    assert "working" in ran.output


def test_a_command_that_hangs_is_killed_with_its_children(tmp_path: Path, server: SqliteServer) -> None:
    """Nothing of it lives on."""
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open('pid', 'w').write(str(child.pid)); print('waiting', flush=True); time.sleep(60)"
    )
    ran = CommandTool(python(code), None, "x", cwd=tmp_path, timeout_s=3).move(server.create(), "a", "up")
    assert ran.failure is not None
    assert "was killed" in ran.failure.text
    assert ran.output == "waiting\n"
    assert _gone(int((tmp_path / "pid").read_text()))


def _gone(pid: int) -> bool:
    """Whether a process ends, soon; a zombie has."""
    for _ in range(100):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:  # noqa: PTH123
                if stat.read().rpartition(")")[2].split()[0] == "Z":
                    return True
            os.kill(pid, 0)
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


def test_a_missing_program_is_a_failure(tmp_path: Path, server: SqliteServer) -> None:
    """Never an exception."""
    ran = CommandTool("no-such-program", None, "x", cwd=tmp_path).move(server.create(), "a", "up")
    assert ran.failure is not None
    assert "no-such-program cannot be started" in ran.failure.text


def test_without_a_way_back(tmp_path: Path, server: SqliteServer) -> None:
    """No command for it: no revision has one."""
    tool = CommandTool("x", None, f"{command_script(tmp_path)} list", cwd=tmp_path)
    assert [revision.way_back for revision in tool.revisions()] == [False] * 4
    failure = tool.move(server.create(), "a", "down").failure
    assert failure is not None
    assert "leads down" in failure.text


def test_a_failed_step_is_not_noted(tmp_path: Path, server: SqliteServer) -> None:
    """relgate's own books follow what succeeded."""
    call = command_script(tmp_path)
    tool, scratch = CommandTool(f"{call} up {{revision}}", None, f"{call} list", cwd=tmp_path), server.create()
    assert tool.applied(scratch) == ()
    assert tool.move(scratch, "orders", "up").failure is None
    assert tool.move(scratch, "orders", "up").failure is not None
    assert tool.move(scratch, "total", "up").failure is None
    assert tool.applied(scratch) == ("total",)


def test_applied_by_command(tmp_path: Path, server: SqliteServer) -> None:
    """Whether it prints all or the last, the heads are told."""
    listing = f"{command_script(tmp_path)} list"
    tool = CommandTool("x", "x", listing, python(f"print(*{NAMES[:3]!r}, 'unknown', sep='\\n')"), cwd=tmp_path)
    assert tool.applied(server.create()) == ("index", "unknown")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("nonsense", "on each line, found 'nonsense'"),
        ('["a"]', "expected an object with an id"),
        ('{"id": ""}', "expected an object with an id"),
        ('{"id": "a", "down": "b"}', "expected down to be a list"),
        ('{"id": "a", "message": 1}', "expected message to be text"),
        ('{"id": "a", "irreversible": {}}', "expected irreversible ="),
    ],
)
def test_a_list_that_cannot_be_read(line: str, text: str, tmp_path: Path) -> None:
    """What cannot be read is no revision."""
    with pytest.raises(SourceError, match=text):
        CommandTool("x", "x", python(f"print({line!r})"), cwd=tmp_path).revisions()


def test_what_a_list_says(tmp_path: Path) -> None:
    """Everything that a revision may say."""
    more = '"release": "1", "way_back": false, "irreversible": {"reason": "r"}'
    line = f'{{"id": "b", "down": ["a"], "after": ["c"], {more}}}'
    (revision,) = CommandTool("x", "x", python(f"print({line!r})"), cwd=tmp_path).revisions()
    assert (revision.down, revision.after, revision.release, revision.way_back) == (("a",), ("c",), "1", False)
    assert revision.declared is not None
    assert revision.declared.reason == "r"
