"""Correlation ids in logs: found, not found, and could not be looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from relgate.adapters.http import Endpoint
from relgate.adapters.log import EndpointLog, FileLog
from relgate.errors import SourceError
from relgate.ports.observing import Access
from tests.adapters.servers import refused_url, serving

if TYPE_CHECKING:
    from pathlib import Path


def test_ids_written_since_the_start_are_found(tmp_path: Path) -> None:
    """What stood in the log before is another run's and does not count."""
    path = tmp_path / "service.jsonl"
    path.write_text('{"id": "old"}\n')
    log = FileLog(str(path))
    with path.open("a") as file:
        file.write('{"id": "new"}\n')

    assert frozenset({"new"}) == log.find(["old", "new", "never"])


def test_an_id_across_a_read_boundary_is_found(tmp_path: Path) -> None:
    """A large log is read in pieces; an id that lies across two of them counts."""
    path = tmp_path / "service.jsonl"
    log = FileLog(str(path))
    path.write_bytes(b"x" * ((1 << 20) - 3) + b"across" + b"y" * 100)

    assert frozenset({"across"}) == log.find(["across"])


def test_a_rotated_log_is_read_from_its_beginning(tmp_path: Path) -> None:
    """After rotation the new file is shorter than the place where reading would start."""
    path = tmp_path / "service.jsonl"
    path.write_text("old line\n" * 100)
    log = FileLog(str(path))
    path.replace(tmp_path / "service.jsonl.1")
    path.write_text("new\n")

    assert frozenset({"new"}) == log.find(["new"])


def test_a_missing_log_is_an_error_not_a_no(tmp_path: Path) -> None:
    """A log that cannot be read says nothing about ids."""
    with pytest.raises(SourceError, match="cannot be read"):
        FileLog(str(tmp_path / "none.jsonl")).find(["a"])


def find(url: str, ids: list[str]) -> frozenset[str]:
    """Ask a log endpoint once."""
    endpoint = Endpoint(url, Access(), 1.0)
    try:
        return EndpointLog(endpoint, url).find(ids)
    finally:
        endpoint.close()


def test_an_endpoint_is_asked_for_each_id() -> None:
    """With ``{id}`` in the URL, 404 means that the id is not logged."""
    with serving() as service:
        service.pages["/logs/a"] = (200, "application/json", b'[{"id": "a"}]')
        service.pages["/logs/c"] = (200, "application/json", b"[]")

        assert frozenset({"a"}) == find(f"{service.url}/logs/{{id}}", ["a", "b", "c"])


def test_an_endpoint_without_a_place_for_the_id_is_searched() -> None:
    """Without ``{id}`` one answer holds the newest lines."""
    with serving() as service:
        service.pages["/logs"] = (200, "text/plain", b"id=a\nid=b\n")

        assert frozenset({"a"}) == find(f"{service.url}/logs", ["a", "c"])


def test_a_failing_endpoint_is_an_error_not_a_no() -> None:
    """500, or nobody there, says nothing about ids."""
    with serving() as service:
        service.pages["/logs"] = (500, "text/plain", b"id=a")
        with pytest.raises(SourceError, match="500"):
            find(f"{service.url}/logs", ["a"])
    with pytest.raises(SourceError, match="connect"):
        find(refused_url(), ["a"])
