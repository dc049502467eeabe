"""``relgate init``: a first policy and first gates in a user's repository. Never overwrites anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from string import Template

from relgate.errors import UsageError
from relgate.policy import load

_TEMPLATES = Path(__file__).parent / "templates"
_FILES = {
    "relgate.yaml": "relgate.yaml",
    "conftest.py": "conftest.py.txt",
    "gates/test_release.py": "test_release.py.txt",
    "smoke/test_home.py": "test_home.py.txt",
    "pytest.toml": "pytest.toml",
}
_LOAD = {"load/users.py": "users.py.txt"}
_CONFIGURATIONS = ("pytest.toml", ".pytest.toml", "pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml")


@dataclass(frozen=True, slots=True)
class Answers:
    """What a first policy is made of; URLs without a trailing slash. ``load``: whether it loads the service."""

    service: str
    candidate: str
    baseline: str | None = None
    health: str = "/health"
    paths: tuple[str, ...] = ("/",)
    load: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """What ``init`` did: files that it wrote, files that were there, lines for a person to do."""

    written: tuple[str, ...]
    kept: tuple[str, ...]
    advice: tuple[str, ...]


def init(folder: Path, answers: Answers) -> Written:
    """Write policy, gates and pytest settings into ``folder``.

    Raises:
        UsageError: an answer does not fit into a policy, or the folder cannot be written.

    """
    values = _values(answers)
    load(Template((_TEMPLATES / "relgate.yaml").read_text(encoding="utf-8")).substitute(values))
    written, kept, advice = [], [], []
    configured = _configured(folder)
    for name, template in (_FILES | (_LOAD if answers.load else {})).items():
        path = folder / name
        if name == "pytest.toml" and configured is not None:
            advice.append(f'add to the pytest settings in {configured}: gate_policy = "relgate.yaml"')
            continue
        if path.exists():
            kept.append(name)
            continue
        text = (_TEMPLATES / template).read_text(encoding="utf-8")
        _write(path, Template(text).substitute(values) if "$" in text else text)
        written.append(name)
    return Written(tuple(written), tuple(kept), tuple(advice))


def new_path(folder: Path, name: str) -> Written:
    """Write the test of a new smoke path into ``folder``.

    Raises:
        UsageError: the name is none, or there is such a test already.

    """
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,79}", name):
        raise UsageError(f"expected a name of small letters, digits and - like check-out, got {name!r}")
    module = name.replace("-", "_")
    target = f"smoke/test_{module}.py"
    text = (_TEMPLATES / "test_path.py.txt").read_text(encoding="utf-8")
    if (folder / target).exists():
        raise UsageError(f"{folder / target} is there already: nothing was written")
    _write(folder / target, Template(text).substitute(name=name, function=module, title=name.replace("-", " ")))
    advice = (
        f"add {name} to smoke.paths in relgate.yaml: `smoke: {{paths: [{name}]}}`",
        "a stage that runs it: `- {name: smoke, run: smoke}`",
        "record the clicks: playwright codegen URL (docs/how-to/smoke.md)",
    )
    return Written((target,), (), advice)


def _values(answers: Answers) -> dict[str, str]:
    baseline = f'\n    baseline: {{url: "{answers.baseline}"}}' if answers.baseline else ""
    return {
        "service": _name(answers.service),
        "candidate": _plain(answers.candidate),
        "baseline": _plain(baseline),
        "health": _path(answers.health),
        "load": "" if answers.load else "# ",
        "paths": ", ".join(_path(path) for path in answers.paths),
        "latency": '["> 2000ms", "> 2x baseline"]' if answers.baseline else '"> 2000ms"',
    }


def _name(text: str) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")
    if not name:
        raise UsageError(f"--service: expected a name like shop-api, got {text!r}")
    return name


def _path(text: str) -> str:
    if not re.fullmatch(r"/[^\s\"'{}\[\],#]*", text):
        raise UsageError(f"expected a path like /api/items, got {text!r}")
    return f'"{text}"'


def _plain(text: str) -> str:
    if re.search(r'"[^"]*["\\]{2}', text):
        raise UsageError(f"expected a URL like https://canary.example, got {text!r}")
    return text


def _configured(folder: Path) -> str | None:
    """The file that configures pytest here already, if any."""
    for name in _CONFIGURATIONS:
        path = folder / name
        if path.exists() and (
            name in _CONFIGURATIONS[:3] or re.search(r"\[(tool[.:])?pytest", path.read_text(encoding="utf-8"))
        ):
            return name
    return None


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror})") from error
