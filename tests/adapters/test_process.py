"""Commands of a policy: what they print is kept, and nothing of them outlives its time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from relgate.adapters import process

PYTHON = sys.executable


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pid: int) -> bool:
    """Whether a process ends soon."""
    for _ in range(200):
        if not alive(pid):
            return True
        time.sleep(0.05)
    return False


def test_a_command_gives_its_code_and_both_outputs(tmp_path: Path) -> None:
    """In the folder that it is run in, with the variables that it is told."""
    script = "import os, sys; print(os.getcwd(), os.environ['TOLD']); print('no', file=sys.stderr); sys.exit(3)"
    output = process.run(f'{PYTHON} -c "{script}"', tmp_path, {"TOLD": "yes"}, 60)

    assert (output.code, output.fault, output.cut) == (3, None, False)
    assert output.out == f"{tmp_path} yes\n"
    assert output.err == "no\n"


def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    """A semicolon is a word like any other."""
    assert process.run("echo a; echo b", tmp_path, {}, 60).out == "a; echo b\n"


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("no-such-tool-here -x", "no-such-tool-here is not installed"),
        ("echo 'open", "is no command line"),
        ("  ''  ", "cannot be run|is not installed"),
        ("/", "cannot be run"),
    ],
)
def test_what_cannot_be_started_is_a_fault(command: str, fault: str, tmp_path: Path) -> None:
    """And never an exception."""
    output = process.run(command, tmp_path, {}, 60)

    assert output.code is None
    assert output.fault is not None
    assert any(part in output.fault for part in fault.split("|"))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The tool is not to blame for it."""
    output = process.run("echo hello", tmp_path / "gone", {}, 60)

    assert output.fault is not None
    assert "the folder" in output.fault


def test_a_time_limit_ends_the_command_and_its_children(tmp_path: Path) -> None:
    """A child of it in the background would go on working on a release that is being decided about."""
    script = tmp_path / "slow.sh"
    script.write_text("#!/bin/sh\nsleep 600 &\necho $!\necho started\nwait\n")
    script.chmod(0o755)
    output = process.run(str(script), tmp_path, {}, 1.0)

    assert output.code is None
    assert output.fault is not None
    assert "was not done after 1 s and was killed" in output.fault
    assert gone(int(output.out.splitlines()[0]))


def test_what_a_command_leaves_behind_is_ended_and_waits_for_nobody(tmp_path: Path) -> None:
    """A daemon that holds the output open would hold a reader of pipes for ever."""
    script = tmp_path / "leaves.sh"
    script.write_text("#!/bin/sh\nsleep 600 &\necho $!\n")
    script.chmod(0o755)
    output = process.run(str(script), tmp_path, {}, 60)

    assert output.code == 0
    assert gone(int(output.out))


def test_a_long_output_keeps_its_beginning_and_its_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And says that the middle is left out."""
    monkeypatch.setattr(process, "KEPT_BYTES", 100)
    output = process.run(f"{PYTHON} -c \"print('a' * 200 + 'z' * 200)\"", tmp_path, {}, 60)

    assert output.cut
    assert output.out.startswith("a" * 50 + "\n[")
    assert output.out.endswith("z\n")


def test_a_command_that_prints_without_end_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Before the disk is full."""
    monkeypatch.setattr(process, "MOST_BYTES", 1 << 20)
    output = process.run("yes", tmp_path, {}, 60)

    assert output.fault is not None
    assert "printed more than 1 MiB and was killed" in output.fault


def test_a_command_does_not_inherit_the_options_of_this_pytest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A test run of the policy runs what the policy says, not what was deselected here."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing")
    assert "PYTEST_ADDOPTS" not in process.run("env", tmp_path, {}, 60).out


def test_a_killed_owner_takes_its_command_along(tmp_path: Path) -> None:
    """Whoever asked is dead: nobody would stop it at its time limit."""
    ask = (
        "from pathlib import Path; from relgate.adapters import process; "
        f"process.run('sh -c \"echo $$ > {tmp_path}/pid; exec sleep 600\"', Path('.'), {{}}, 900)"
    )
    owner = subprocess.Popen([PYTHON, "-c", ask], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    pid_file = tmp_path / "pid"
    for _ in range(400):
        if pid_file.exists() and pid_file.read_text().strip():
            break
        time.sleep(0.05)
    owner.kill()
    owner.wait()

    assert gone(int(pid_file.read_text()))
