"""Real files with real-looking secrets, in a folder and in a git repository."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import pytest

from relgate.adapters import leaks
from relgate.values import Findings
from tests.questions.runs import asked, run_of, said, verdict
from tests.questions.test_artifacts import git

# Written in two parts: a scan of this repository must not find them here.
AWS = "AKIA" + "IOSFODNN7QWERTYU"
PASSWORD = "hunter2" + "Hunter2!"
SETTINGS = f'DEBUG = True\npassword = "{PASSWORD}"\n'


def found(folder: Path, keys: str = "tree: src") -> Findings:
    """What a scan of the folder finds."""
    return asked(run_of(folder, f"{{secrets: {{{keys}}}}}"), "secrets")


def source(folder: Path, **files: str | bytes) -> Path:
    """A folder with files; two underscores are a dot."""
    made = folder / "src"
    made.mkdir(exist_ok=True)
    for name, content in {"app__py": "print(1)\n", **files}.items():
        data = content if isinstance(content, bytes) else content.encode()
        (made / name.replace("__", ".")).write_bytes(data)
    return made


def test_a_secret_is_found_with_its_place_and_never_repeated(tmp_path: Path) -> None:
    """Neither in what is said nor in what is kept, as text or as a hash."""
    source(tmp_path, settings__py=SETTINGS, deploy__sh=f"export KEY={AWS}\n")
    run = run_of(tmp_path, "{secrets: {tree: src}}")
    one = asked(run, "secrets")
    assert verdict(one) == "fail"
    assert sorted((place.path, place.line) for place in one.findings) == [("deploy.sh", 1), ("settings.py", 2)]
    assert "AWS Access Key in deploy.sh, line 1" in said(one)
    from relgate import questions

    assert run.policy.preflight is not None
    answer = questions.of(run.policy.preflight, run)["preflight-secrets"]()
    everything = repr(answer)
    for secret in (AWS, PASSWORD):
        assert secret not in everything
        assert hashlib.sha1(secret.encode()).hexdigest() not in everything  # noqa: S324  what detect-secrets keeps


def test_a_clean_tree_passes(tmp_path: Path) -> None:
    """And says how many files were looked at; pictures are none of them."""
    source(tmp_path, readme__md="# it\n", icon__png=b"\x89PNG\0", data=b"\0\1\2")
    one = found(tmp_path)
    assert (verdict(one), one.checked, one.expected) == ("pass", 2, 2), said(one)
    assert "2 files are of kinds that hold no text" in said(one)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("tree: nowhere", "expected a folder"),
        ("tree: src, known: nowhere.json", "cannot be read as a baseline of detect-secrets"),
        ("tree: src, known: src/app.py", "cannot be read as a baseline of detect-secrets"),
        ("tree: src, without: NoSuchDetector", "unknown detector NoSuchDetector: there are AWSKeyDetector"),
        ("tree: src, timeout: 1ms", "was not done after 0.001 s"),
    ],
)
def test_a_scan_that_cannot_be_is_no_pass(tmp_path: Path, keys: str, says: str) -> None:
    """Its question raises what is wrong."""
    source(tmp_path)
    with pytest.raises(Exception, match=says):
        found(tmp_path, keys)


def test_what_is_not_read_is_an_error(tmp_path: Path) -> None:
    """Too large, in another encoding, nothing at all; what the policy excludes is not missed."""
    latin = "passwört".encode("latin-1")
    utf16 = "password".encode("utf-16")
    source(tmp_path, latin__txt=latin, wide__txt=utf16, big__txt=b"x" * (leaks.MOST_BYTES + 1))
    one = found(tmp_path)
    assert (verdict(one), one.checked, one.expected) == ("error", 1, 4)
    for text in ("latin.txt was not read: it is not UTF-8", "it is UTF-16", "it is larger than 5 MiB"):
        assert text in said(one)
    assert verdict(found(tmp_path, "tree: src, exclude: ['*.txt']")) == "pass"
    one = found(tmp_path, "tree: src, exclude: ['*']")
    assert (verdict(one), said(one)) == ("error", "no file was looked at")


def test_in_a_repository_what_git_ignores_is_not_released(tmp_path: Path) -> None:
    """What it has and would take is looked at, in commits or not."""
    made = source(tmp_path, __gitignore=".env\n", __env=SETTINGS, gone__py=SETTINGS)
    git(made, "init", "-q")
    git(made, "add", ".")
    git(made, "commit", "-q", "-m", "feat: all")
    assert {one.path for one in found(tmp_path).findings} == {"gone.py"}
    (made / "gone.py").unlink()
    assert verdict(found(tmp_path)) == "pass"
    (made / "new.py").write_text(SETTINGS)
    assert {one.path for one in found(tmp_path).findings} == {"new.py"}


def test_what_somebody_has_looked_at_is_excused(tmp_path: Path) -> None:
    """Marked as no secret in a baseline of detect-secrets; what is only listed there is not."""
    source(tmp_path, settings__py=SETTINGS)
    entry = {
        "type": "Secret Keyword",
        "filename": "settings.py",
        "hashed_secret": hashlib.sha1(PASSWORD.encode()).hexdigest(),  # noqa: S324  the form of detect-secrets
        "line_number": 2,
    }
    known = tmp_path / "src" / ".secrets.baseline"
    for state, expected in ((None, "fail"), (True, "fail"), (False, "warn")):
        marked = entry if state is None else {**entry, "is_secret": state}
        known.write_text(json.dumps({"version": "1.5.0", "results": {"settings.py": [marked]}}))
        one = found(tmp_path, "tree: src, known: src/.secrets.baseline")
        assert verdict(one) == expected, said(one)


def test_nothing_of_the_tree_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules in it that are called like Python's own, wherever pytest was started."""
    made = source(tmp_path, settings__py=SETTINGS, json__py="raise SystemExit", detect_secrets__py="raise SystemExit")
    assert verdict(found(tmp_path)) == "fail"
    monkeypatch.chdir(made)
    assert verdict(found(tmp_path)) == "fail"


def test_detectors_can_be_left_out(tmp_path: Path) -> None:
    """By name."""
    source(tmp_path, settings__py=SETTINGS)
    assert verdict(found(tmp_path, "tree: src, without: KeywordDetector")) == "pass"


def test_without_the_library_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing passes."""
    source(tmp_path)
    missing = tmp_path / "missing"
    missing.mkdir()
    (missing / "detect_secrets.py").write_text("raise ImportError\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(missing), *map(os.path.abspath, sys.path)]))
    with pytest.raises(Exception, match=r"pip install 'relgate\[preflight\]'"):
        found(tmp_path)
