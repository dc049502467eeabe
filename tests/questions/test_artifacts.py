"""Real files, a real git repository, a real service: what of a release agrees, and what does not."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from relgate.values import Findings
from tests.adapters.servers import serving
from tests.questions.runs import asked, run_of, said, verdict

SBOM = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "version": 1,
    "metadata": {"component": {"type": "application", "name": "shop", "version": "1.5.0"}},
    "components": [
        {"type": "library", "name": "starlette", "version": "1.0.0", "purl": "pkg:pypi/starlette@1.0.0"},
        {"type": "library", "name": "onlytests", "version": "2", "scope": "excluded"},
    ],
}
XML = """<?xml version="1.0"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.5" version="1">
  <metadata><component type="application"><name>shop</name><version>1.5.0</version></component></metadata>
  <components><component type="library"><name>starlette</name></component></components>
</bom>
"""


def found(folder: Path, gate: str, keys: str, url: str = "http://127.0.0.1:9", **release: str) -> Findings:
    """What comes of one gate of artifacts, for version 1.5.0 unless the release says otherwise."""
    facts = {"version": "1.5.0", **release}
    return asked(run_of(folder, f"{{artifacts: {keys}}}", url, **facts), gate)


def built(folder: Path) -> Path:
    """Two artifacts and the file of their sums."""
    dist = folder / "dist"
    dist.mkdir()
    lines = []
    for name in ("shop.whl", "shop.tar.gz"):
        (dist / name).write_bytes(name.encode() * 1000)
        lines.append(f"{hashlib.sha256(name.encode() * 1000).hexdigest()}  {name}\n")
    (dist / "SHA256SUMS").write_text("".join(lines))
    return dist


def test_files_that_are_what_their_sums_say_pass(tmp_path: Path) -> None:
    """As sha256sum writes them; and what else lies there must be named too."""
    dist = built(tmp_path)
    keys = "{checksums: dist/SHA256SUMS, covers: dist/*}"
    one = found(tmp_path, "checksums", keys)
    assert (verdict(one), one.checked) == ("pass", 2), said(one)

    (dist / "extra.whl").write_text("x")
    one = found(tmp_path, "checksums", keys)
    assert verdict(one) == "fail"
    assert "not-covered: dist/extra.whl is in no file of sums" in said(one)


def test_a_file_that_was_changed_fails(tmp_path: Path) -> None:
    """By one byte."""
    dist = built(tmp_path)
    with (dist / "shop.whl").open("ab") as file:
        file.write(b"x")
    one = found(tmp_path, "checksums", "{checksums: dist/SHA256SUMS}")
    assert verdict(one) == "fail"
    assert "not-the-sum: shop.whl has " in said(one)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dist/shop.whl.sha256", "{sum}"),
        ("dist/shop.whl.sha256", "{SUM}\r\n"),
        ("dist/sums", "SHA256 (shop.whl) = {sum}\n"),
        ("dist/sums", "# made today\n{sum} *shop.whl\n"),
    ],
)
def test_other_forms_of_sums_are_read(tmp_path: Path, name: str, text: str) -> None:
    """BSD's, binary mode, one sum alone."""
    dist = built(tmp_path)
    digest = hashlib.sha256((dist / "shop.whl").read_bytes()).hexdigest()
    (tmp_path / name).write_text(text.format(sum=digest, SUM=digest.upper()))
    one = found(tmp_path, "checksums", f"{{checksums: {name}}}")
    assert (verdict(one), one.checked) == ("pass", 1), said(one)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        f"{'0' * 64}  missing.whl",
        f"{'0' * 63}  shop.whl",
        f"{'0' * 64}  ../../etc/passwd",
        f"{'0' * 64}  /etc/passwd",
        "0" * 64,
    ],
)
def test_sums_that_cannot_be_checked_are_an_error(tmp_path: Path, text: str) -> None:
    """Empty, garbled, of a file that is not there, or outside."""
    dist = built(tmp_path)
    (dist / "sums").write_text(text)
    assert verdict(found(tmp_path, "checksums", "{checksums: dist/sums}")) == "error"
    assert verdict(found(tmp_path, "checksums", "{checksums: dist/nowhere}")) == "error"
    assert verdict(found(tmp_path, "checksums", "{checksums: dist/SHA256SUMS, covers: nothing/*}")) == "error"


@pytest.mark.parametrize("text", [json.dumps(SBOM), XML], ids=["json", "xml"])
def test_a_good_list_of_components_passes(tmp_path: Path, text: str) -> None:
    """CycloneDX as JSON and as XML."""
    (tmp_path / "sbom").write_text(text)
    one = found(tmp_path, "sbom", "{sbom: sbom}")
    assert verdict(one) == "pass", said(one)
    assert "other-version: sbom is about shop 1.5.0" in said(found(tmp_path, "sbom", "{sbom: sbom}", version="1.6.0"))


@pytest.mark.parametrize(
    ("text", "expected", "says"),
    [
        (json.dumps(SBOM | {"components": []}), "fail", "lists-nothing"),
        (json.dumps(SBOM | {"compoments": []}), "fail", "not-valid"),
        (json.dumps(SBOM | {"components": [{"name": "x"}]}), "fail", "'type' is a required property"),
        (json.dumps(SBOM | {"serialNumber": "urn:1"}), "fail", "not-valid: sbom is no CycloneDX 1.6: $.serialNumber"),
        (json.dumps(SBOM | {"specVersion": "9.9"}), "error", "CycloneDX '9.9' is not known here"),
        (json.dumps(SBOM | {"bomFormat": "SPDX"}), "error", "bomFormat is not CycloneDX"),
        ("{}", "error", "bomFormat is not CycloneDX"),
        ("", "error", "expected JSON or XML"),
        (json.dumps(SBOM)[:-20], "error", "expected JSON or XML"),
        (XML.replace("library", "liberry"), "fail", "not-valid: sbom is no CycloneDX 1.5: line 4"),
        (XML.replace('<?xml version="1.0"?>', "<!DOCTYPE x [<!ENTITY y 'z'>]>"), "error", "no document type"),
        ("<html></html>", "error", "expected a CycloneDX document"),
    ],
)
def test_a_bad_list_of_components_does_not(tmp_path: Path, text: str, expected: str, says: str) -> None:
    """Not valid fails, what cannot be read is an error."""
    (tmp_path / "sbom").write_text(text)
    one = found(tmp_path, "sbom", "{sbom: sbom}")
    assert verdict(one) == expected, said(one)
    assert says in said(one)
    assert verdict(found(tmp_path, "sbom", "{sbom: [sbom, nowhere]}")) in ("fail", "error")


def test_attributions_name_what_is_inside(tmp_path: Path) -> None:
    """A component that is not named is a warning, an empty file fails, a missing one is an error."""
    (tmp_path / "sbom.json").write_text(json.dumps(SBOM))
    keys = "{sbom: sbom.json, attributions: attributions.txt}"
    assert verdict(found(tmp_path, "attributions", keys)) == "error"
    (tmp_path / "attributions.txt").write_text("Starlette: BSD-3-Clause\n")
    assert verdict(found(tmp_path, "attributions", keys)) == "pass"
    (tmp_path / "attributions.txt").write_text("something else\n")
    one = found(tmp_path, "attributions", keys)
    assert (verdict(one), said(one)) == ("warn", "not-attributed: starlette is not named")
    (tmp_path / "attributions.txt").write_text("\n")
    assert verdict(found(tmp_path, "attributions", keys)) == "fail"
    (tmp_path / "sbom.json").write_text("{")
    (tmp_path / "attributions.txt").write_text("starlette\n")
    assert verdict(found(tmp_path, "attributions", keys)) == "error"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Changes\n\n## 1.5.0\n\n- it can export\n\n## 1.4.0\n\n- it can import\n", "pass"),
        ("Release v1.5.0\n\nIt can export.\n", "pass"),
        ("1.5.0\n=====\n\nIt can export.\n\n1.4.0\n=====\n", "pass"),
        ("# Changes\n\n## 1.5.0\n\n## 1.4.0\n\n- it can import\n", "fail"),
        ("## 1.5.0\n\n### Added\n\n<!-- to do -->\n\n## 1.4.0\n\n- it can import\n", "fail"),
        ("## 1.5.0.1\n\n- it can export\n", "fail"),
        ("## 11.5.0\n\n- it can export\n", "fail"),
        ("## 1.5.0-rc.1\n\n- it can export\n", "fail"),
        ("", "fail"),
    ],
)
def test_notes_name_the_release_and_say_something(tmp_path: Path, text: str, expected: str) -> None:
    """Of another release they are none."""
    (tmp_path / "notes.md").write_text(text)
    assert verdict(found(tmp_path, "notes", "{notes: notes.md}")) == expected


def test_without_a_version_nothing_agrees(tmp_path: Path) -> None:
    """And notes that cannot be read are an error."""
    (tmp_path / "notes.md").write_text("1.5.0\nall\n")
    repository(tmp_path, "fix: a")
    for gate, keys in (
        ("notes", "{notes: notes.md}"),
        ("versions", "{versions: {n: {file: notes.md, pattern: '^([0-9.]+)$'}}}"),
        ("bump", "{bump: 'v{version}'}"),
    ):
        assert "no-version" in said(asked(run_of(tmp_path, f"{{artifacts: {keys}}}"), gate))


def test_unreadable_notes_are_no_answer(tmp_path: Path) -> None:
    """The gate's question raises what it says."""
    with pytest.raises(Exception, match=r"notes.md: cannot be read \(No such file or directory\)"):
        found(tmp_path, "notes", "{notes: notes.md}")


def git(folder: Path, *words: str) -> str:
    """Run git without anybody's configuration."""
    who = {f"GIT_{role}_{key}": "a@b" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", **who}
    return subprocess.run(
        ["git", *words], cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


def repository(folder: Path, *messages: str) -> None:
    """Make a repository whose commits say this; a message ``tag NAME`` is a tag on the commit before."""
    folder.mkdir(exist_ok=True)
    git(folder, "init", "-q", "-b", "main")
    for message in messages:
        if message.startswith("tag "):
            git(folder, "tag", message.removeprefix("tag "))
        else:
            git(folder, "commit", "-q", "--allow-empty", "-m", message)


@pytest.mark.parametrize(
    ("messages", "version", "expected", "says"),
    [
        (["feat: a", "tag v1.4.0", "feat: b", "fix: c"], "1.5.0", "pass", "2 commits since 1.4.0"),
        (["feat: a", "tag v1.4.0", "feat: b", "tag v1.5.0"], "1.5.0", "pass", ""),
        (["feat: a", "tag v1.4.0", "feat: b"], "1.4.1", "fail", "asks for a new minor version, 1.4.1 is patch"),
        (["feat: a", "tag v1.4.0", "feat: b"], "v1.5.0", "fail", "no-semver"),
        (["feat: a", "tag v1.4.0", "fix: b", "tag v1.5.0-rc.1", "fix: c"], "1.4.1", "pass", "2 commits since 1.4.0"),
        (["feat: a", "tag v1.4.0"], "1.5.0", "fail", "nothing-new"),
        (["feat: a", "tag v1.4.0", "stuff"], "1.4.1", "fail", "kind-unknown"),
        (["feat: a", "tag v1.4.0", "fix: b", "tag shop-9.0.0"], "1.4.1", "pass", ""),
        (["feat: a"], "0.1.0", "pass", "the first release"),
        (["feat: a", "tag v1.5.0"], "1.0.0", "fail", "not-above"),
    ],
)
def test_the_bump_fits_the_commits(tmp_path: Path, messages: list[str], version: str, expected: str, says: str) -> None:
    """Since the last release that leads to the commit."""
    repository(tmp_path, *messages)
    one = found(tmp_path, "bump", "{bump: 'v{version}'}", version=version)
    assert verdict(one) == expected, said(one)
    assert says in said(one)


def test_a_clone_without_its_past_tells_nothing(tmp_path: Path) -> None:
    """Neither a shallow one, nor one without tags, nor a folder without a repository."""
    keys = "{bump: 'v{version}'}"
    repository(tmp_path / "all", "feat: a", "tag v1.4.0", "feat: b", "feat: c")
    with pytest.raises(Exception, match="not a git repository"):
        found(tmp_path, "bump", keys)
    source = f"file://{tmp_path / 'all'}"
    git(tmp_path, "clone", "-q", "--depth", "1", source, "shallow")
    with pytest.raises(Exception, match="the clone is shallow"):
        found(tmp_path / "shallow", "bump", keys)
    git(tmp_path, "clone", "-q", "--no-tags", source, "untagged")
    with pytest.raises(Exception, match="no tag v{version} of a release before 1.5.0"):
        found(tmp_path / "untagged", "bump", keys)
    with pytest.raises(Exception, match="git ref '0123456' in"):
        found(tmp_path / "all", "bump", keys, commit="0123456")


def test_the_version_is_the_same_everywhere(tmp_path: Path) -> None:
    """In TOML, YAML, JSON and text, in answers of the service, and on the tag."""
    repository(tmp_path, "feat: a", "tag v1.5.0")
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.5.0"\n')
    (tmp_path / "Chart.yaml").write_text("version: 1.5.0\nappVersion: 1.10\n")
    (tmp_path / "app.py").write_text('__version__ = "1.5.0"\n')
    with serving() as service:
        service.pages["/api/version"] = (200, "application/json", b'{"version": "1.5.0"}')
        service.pages["/"] = (200, "text/html", b"<footer>shop 1.5.0</footer>")
        keys = f"""{{versions: {{
            package: {{file: pyproject.toml, pointer: /project/version}},
            chart: {{file: Chart.yaml, pointer: /version}}, code: {{file: app.py, pattern: '^__version__ = "(.+)"$'}},
            api: {{get: /api/version, pointer: /version}},
            other: {{get: '{service.url}/api/version', pointer: /version}},
            page: {{get: /, pattern: 'shop ([0-9.]+)'}}, tag: {{tag: 'v{{version}}'}}}}}}"""
        one = found(tmp_path, "versions", keys, service.url)
        assert (verdict(one), one.checked) == ("pass", 7), said(one)

        service.pages["/"] = (200, "text/html", b"<header>shop 1.5.0</header><footer>shop 1.4.0</footer>")
        one = found(tmp_path, "versions", keys, service.url)
        assert (verdict(one), said(one)) == ("fail", "other-version: page says 1.4.0, the release is 1.5.0")

        service.pages["/"] = (503, "text/html", b"<footer>shop 1.5.0</footer>")
        one = found(tmp_path, "versions", keys, service.url)
        assert (verdict(one), said(one)) == ("error", "page: /: HTTP 503")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "fix: b")
    one = found(tmp_path, "versions", "{versions: {tag: {tag: 'v{version}'}}}")
    assert (verdict(one), said(one)[:33]) == ("fail", "not-tagged: tag: v1.5.0 is not on")


@pytest.mark.parametrize(
    ("place", "expected", "says"),
    [
        ("{file: a.yaml, pointer: /v}", "pass", ""),
        ("{file: a.json, pointer: /v}", "fail", "says 1.50, the release is 1.5"),
        ("{file: a.json, pointer: /w}", "error", "nothing stands at /w in a.json"),
        ("{file: a.json, pointer: /l}", "error", "expected a text at /l in a.json, got list"),
        ("{file: a.txt, pointer: /v}", "error", "is not JSON"),
        ("{file: a.txt, pattern: 'v([0-9]+)'}", "error", "matches nothing in a.txt"),
        ("{file: nowhere, pattern: 'v([0-9]+)'}", "error", "cannot be read"),
        ("{file: bad.toml, pointer: /v}", "error", "place: "),
        ("{get: /, pointer: /v}", "error", "place: /: connect"),
    ],
)
def test_numbers_stay_as_they_are_written(tmp_path: Path, place: str, expected: str, says: str) -> None:
    """1.50 is not 1.5; and what cannot be read is an error."""
    (tmp_path / "a.yaml").write_text("v: 1.5\n")
    (tmp_path / "a.json").write_text('{"v": 1.50, "l": []}')
    (tmp_path / "a.txt").write_text("nothing")
    (tmp_path / "bad.toml").write_text("v = ")
    one = found(tmp_path, "versions", f"{{versions: {{place: {place}}}}}", version="1.5")
    assert verdict(one) == expected, said(one)
    assert says in said(one)


def test_headers_of_the_candidate_do_not_go_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL of another host is asked without them."""
    monkeypatch.setenv("SHOP_TOKEN", "a-token-of-the-candidate")
    with serving() as own, serving() as other:
        for service in (own, other):
            service.pages["/v"] = (200, "application/json", b'{"v": "1.5.0"}')
        keys = f"{{versions: {{a: {{get: /v, pointer: /v}}, b: {{get: '{other.url}/v', pointer: /v}}}}}}"
        auth = ', auth: {bearer: "env:SHOP_TOKEN"}'
        run = run_of(tmp_path, f"{{artifacts: {keys}}}", own.url, auth, version="1.5.0")
        assert verdict(asked(run, "versions")) == "pass"
        assert own.requests[0][1]["Authorization"] == "Bearer a-token-of-the-candidate"
        assert "Authorization" not in other.requests[0][1]


def test_without_the_library_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no list of components passes."""
    (tmp_path / "sbom.json").write_text(json.dumps(SBOM))
    monkeypatch.setitem(sys.modules, "cyclonedx.exception", None)
    one = found(tmp_path, "sbom", "{sbom: sbom.json}")
    assert verdict(one) == "error"
    assert "pip install 'relgate[preflight]'" in said(one)
