"""Secrets planted wherever a run can meet them; afterwards every byte that is left is searched for them."""

from __future__ import annotations

import base64
import gzip
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from relgate.adapters import ledgerkeys
from tests.adapters.servers import serving
from tests.plugin.conftest import Project

POLICY = """
relgate: 1
service: shop
redact: ['card=\\d{{4}}-\\d{{4}}']
ledger: {{key: env:SIGNER}}
environments:
  local:
    candidate:
      url: "{url}"
      headers: {{X-Api-Key: "env:HEADER_VALUE"}}
      auth: {{basic: {{user: "env:BASIC_USER", password: "env:BASIC_WORD"}}}}
      log: {{file: "{log}"}}
signals:
  requests: {{probe: {{rate: 20/s, get: [/echo], ids: {{look_up: 5}}}}}}
  health: {{poll: {{every: 300ms, get: /leaky}}}}
  number: {{json: {{every: 300ms, get: /leaky, pointer: /secret}}}}
gates:
  health: {{signal: health}}
  ids: {{signal: requests.ids}}
  logged: {{signal: requests.logged}}
  number: {{signal: number, fail: "> 1"}}
  own: {{signal: null, fail: "> 1"}}
  other: {{signal: null, fail: "> 1"}}
stages:
  - {{name: canary, bake: 3s, run: canary}}
"""

TESTS = """
import logging, os, warnings
import pytest
from relgate.values import Measurement
pytestmark = pytest.mark.canary
ALL = [os.environ[name] for name in ("HEADER_VALUE", "BASIC_WORD", "PIPELINE_TOKEN", "SIGNER")] + ["card=1234-5678"]
def test_gate(gate, gate_id):
    if gate_id in ("own", "other"): pytest.skip(" ".join(ALL))
    gate.judge(gate_id)
def test_own(gate):
    print(ALL); logging.getLogger().error("%s", ALL)
    assert ALL == [], f"https://user:{ALL[1]}@host/?token={ALL[2]} {ALL}"
def test_other(gate):
    gate.judge("other", Measurement("text", n=1, text=" ".join(ALL)))
@pytest.mark.parametrize("word", ALL)
def test_no_gate_at_all(word): raise OSError(word)
"""


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, str]:
    """Environment variable -> secret."""
    ledgerkeys.new(tmp_path / "away" / "key.pem")
    return {
        "HEADER_VALUE": "sesame open/4711+x",
        "BASIC_USER": "robot-of-the-pipeline",
        "BASIC_WORD": "correct horse&battery",
        "PIPELINE_TOKEN": "tok-0123456789abcdef",
        "SIGNER": (tmp_path / "away" / "key.pem").read_text(),
    }


def forms(secret: str) -> Iterator[bytes]:
    """A secret as it may stand in a file."""
    yield secret.encode()
    yield quote(secret, safe="").encode()
    yield base64.b64encode(secret.encode())
    yield json.dumps(secret)[1:-1].encode()


def contents(path: Path) -> Iterator[bytes]:
    """What a file says: its bytes, unpacked where they are packed, and what stands in it as Base64."""
    data = path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            data += b"".join(packed.read(name) for name in packed.namelist())
    if data[:2] == b"\x1f\x8b":
        data += gzip.decompress(data)
    yield data
    for found in re.findall(rb"[A-Za-z0-9+/]{24,}={0,2}", data):
        if len(found) % 4 == 0:
            yield base64.b64decode(found)


def test_no_secret_is_left_in_any_byte(project: Project, secrets: dict[str, str]) -> None:
    """Headers that a service sends back, log lines, URLs, assertions, skips, facts of the release, notes of people."""
    project.environment = dict(secrets)
    leak = {"status": "degraded", "secret": secrets["BASIC_WORD"], "more": [*secrets.values(), "card=1234-5678"]}
    with serving() as service:
        service.pages["/leaky"] = (200, "application/json", json.dumps(leak).encode())
        service.log = project.folder / "service.log"
        service.log.write_text("".join(f'{{"id": "x", "password": {json.dumps(one)}}}\n' for one in secrets.values()))
        project.write("relgate.yaml", POLICY.format(url=service.url, log=service.log))
        project.write("test_gates.py", TESTS)
        facts = [
            f"note={secrets['PIPELINE_TOKEN']}",
            f"ticket=OPS {secrets['HEADER_VALUE']}",
            "approver=card=1234-5678",
        ]
        ended = project.run(
            *[part for fact in facts for part in ("--gate-release", fact)],
            "--junitxml=reports/junit.xml",
            "--alluredir=reports/allure-results",
            "-v",
        )

    assert ended.code not in (0, 1), ended.out
    assert "decision.json" in [path.name for path in ended.runs[-1].iterdir()], ended.out
    assert any("/echo" in path for path, _, _ in service.requests), ended.out
    kept = (project.folder / "reports", project.folder / ".pytest_cache")
    files = [path for folder in kept for path in folder.rglob("*") if path.is_file()]
    needles = [form for one in secrets.values() for form in forms(one)] + [b"card=1234-5678"]
    needles.append(secrets["SIGNER"].splitlines()[1].encode())
    found = [(path.name, needle) for path in files for text in contents(path) for needle in needles if needle in text]
    assert not found, found
    assert [needle for needle in needles if needle in ended.out.encode()] == []
    assert {"ledger.jsonl", "decision.json", "decision.md", "junit.xml"} <= {path.name for path in files}
    assert any("allure-results" in str(path) for path in files)
    assert "test_no_gate_at_all[" in ended.out


def test_a_file_that_cannot_be_collected_tells_no_secret(project: Project) -> None:
    """pytest shows what it read there; reports repeat that."""
    project.environment = {"PIPELINE_TOKEN": "tok-0123456789abcdef"}
    project.write("test_gates.py", "import os\nraise OSError(os.environ['PIPELINE_TOKEN'])\n")
    ended = project.run("--junitxml=reports/junit.xml", "--alluredir=reports/allure-results")

    files = [path for path in (project.folder / "reports").rglob("*") if path.is_file()]
    assert ended.code in (2, 10)
    assert "could not be collected" in ended.reasons
    assert "[redacted]" in ended.out
    assert [path.name for path in files if b"tok-0123456789abcdef" in path.read_bytes()] == []
    assert "tok-0123456789abcdef" not in ended.out
