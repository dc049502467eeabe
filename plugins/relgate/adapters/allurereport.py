"""Makes the single-file Allure report of a run with Allure 3 (npm) or Allure 2 (Java), whichever is installed.

The report keeps its history beside the runs. It asks nobody: what Allure would tell about its use is switched off
(Allure 2) or taken out of the page (Allure 3 builds it in).
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from relgate.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TIMEOUT_S = 600
_NEITHER = (
    "neither Allure 3 nor Allure 2 is installed: npm install --global allure (Node 20 or later), or "
    "npm install --global allure-commandline (Java 8 or later)"
)
_ANALYTICS = re.compile(
    r"<script[^>]*\bsrc=[\"']?https?://[^>]*(?:googletagmanager|google-analytics)[^>]*>\s*</script>"
    r"|<script[^>]*>(?:(?!</script>).)*?(?:gtag\(|GoogleAnalyticsObject|googletagmanager\.com)(?:(?!</script>).)*?</script>",
    re.DOTALL | re.IGNORECASE,
)
_SHORT_SCRIPT = 4000
"""Characters: a script that only reports use is short; the report's own code is not."""


def generate(folder: Path, out: Path, environment: Mapping[str, str]) -> Path:
    """Write the report of a run's Allure results.

    Args:
        folder: of the run.
        out: file to write.
        environment: of the process; ``PATH`` and ``ALLURE`` say where Allure is.

    Returns:
        The file.

    Raises:
        UsageError: there are no results, or no Allure.
        SourceError: Allure failed.

    """
    results = folder / "allure-results"
    if not any(results.glob("*-result.json")):
        raise UsageError(f"{results}: no Allure results. Install relgate[allure] before the run")
    command = find(environment)
    kept = folder.parent / "allure-history"
    kept.mkdir(exist_ok=True)
    quiet = {**environment, "ALLURE_NO_ANALYTICS": "true", "DO_NOT_TRACK": "1"}
    with tempfile.TemporaryDirectory(prefix="relgate-allure-") as name:
        place = Path(name)
        history = place / "history"
        shutil.copytree(kept, history)
        make = _third if _version(command, quiet) >= 3 else _second
        made = make(command, results, place, history, quiet)
        _keep(history, kept, folder.name)
        text = without_analytics(made.read_text(encoding="utf-8"))
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    return out


def find(environment: Mapping[str, str]) -> str:
    """Return the command of Allure: what ``ALLURE`` names, on the path, or in ``node_modules`` here.

    Raises:
        UsageError: there is none.

    """
    here = Path.cwd() / "node_modules" / ".bin"
    path = environment.get("PATH", "")
    named = environment.get("ALLURE")
    if named:
        found = shutil.which(named, path=path)
        if found is None:
            raise UsageError(f"ALLURE: expected the command of Allure, got {named!r}, which is not there")
        return found
    found = shutil.which("allure", path=f"{path}:{here}")
    if found is None:
        raise UsageError(_NEITHER)
    return found


def without_analytics(text: str) -> str:
    """Return a report's page without the scripts that tell Allure's authors that it was opened."""
    return _ANALYTICS.sub(lambda found: "" if len(found[0]) < _SHORT_SCRIPT else found[0], text)


def _keep(history: Path, kept: Path, run: str) -> None:
    """Take the new history over, once for each run: a report that is made again is no other run."""
    runs = kept / "runs.txt"
    known = runs.read_text(encoding="utf-8").splitlines() if runs.is_file() else []
    if run not in known:
        shutil.copytree(history, kept, dirs_exist_ok=True)
        runs.write_text("\n".join([*known, run]) + "\n", encoding="utf-8")


def _version(command: str, environment: Mapping[str, str]) -> int:
    said = _run([command, "--version"], environment)
    number = re.search(r"(\d+)\.\d+", said)
    if number is None:
        raise SourceError(f"{command} --version: expected a version, got {said.strip()[:100]!r}")
    return int(number[1])


def _third(command: str, results: Path, place: Path, kept: Path, environment: Mapping[str, str]) -> Path:
    config = place / "allurerc.json"
    plain = {
        "name": _name(results),
        "output": str(place / "out"),
        "historyPath": str(kept / "history.jsonl"),
        "plugins": {"awesome": {"options": {"singleFile": True, "reportName": _name(results), "reportLanguage": "en"}}},
    }
    categories = results / "categories.json"
    if categories.is_file():
        plain["categories"] = {"rules": _rules(json.loads(categories.read_text(encoding="utf-8")))}
    config.write_text(json.dumps(plain), encoding="utf-8")
    _run([command, "generate", "--config", str(config), "--output", str(place / "out"), str(results)], environment)
    return _page(place / "out")


def _rules(categories: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    return [
        {
            "name": one["name"],
            "matchers": {"statuses": one["matchedStatuses"], "message": one["messageRegex"]},
        }
        for one in categories
    ]


def _second(command: str, results: Path, place: Path, kept: Path, environment: Mapping[str, str]) -> Path:
    """Make the report twice: only one in a folder leaves the history that the next one shows."""
    source = place / "results"
    shutil.copytree(results, source)
    if (kept / "history").is_dir():
        shutil.copytree(kept / "history", source / "history", dirs_exist_ok=True)
    _run([command, "generate", "--clean", "--output", str(place / "folder"), str(source)], environment)
    if (place / "folder" / "history").is_dir():
        shutil.rmtree(kept / "history", ignore_errors=True)
        shutil.copytree(place / "folder" / "history", kept / "history")
    single = ["--single-file", "--clean", "--output", str(place / "out")]
    _run([command, "generate", *single, str(source)], environment)
    return _page(place / "out")


def _name(results: Path) -> str:
    try:
        executor = json.loads((results / "executor.json").read_text(encoding="utf-8"))
        return str(executor["reportName"])[:120]
    except (OSError, ValueError, KeyError, TypeError):
        return results.parent.name


def _page(out: Path) -> Path:
    found = [out / "index.html", *sorted(out.glob("*/index.html"))]
    page = next((path for path in found if path.is_file()), None)
    if page is None:
        raise SourceError(f"{out}: Allure ended well and wrote no index.html")
    return page


def _run(command: Sequence[str], environment: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            command, env=dict(environment), capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SourceError(f"{command[0]}: cannot be run ({error})") from error
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise SourceError(f"{' '.join(command[:2])} ended with {done.returncode}: {' / '.join(last)[:600]}")
    return done.stdout
