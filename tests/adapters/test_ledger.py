"""The ledger: concurrent writers, torn tails, full disks, kills, keys."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from relgate.adapters import ledger, ledgerkeys
from relgate.adapters.ledger import Ledger
from relgate.adapters.ledgerfile import FileStore
from relgate.audit.chain import read
from relgate.audit.record import Head, Verify
from relgate.errors import SourceError

WRITER = """
import sys
from pathlib import Path
from relgate.adapters import ledger
for number in range(25):
    ledger.append(Path(sys.argv[1]), "run-started", 0.0, {"writer": sys.argv[2], "number": number})
"""


def test_records_follow_one_another(tmp_path: Path) -> None:
    """Each append returns the head that a reader finds, and where its line begins."""
    first = ledger.append(tmp_path, "run-started", 0.0, {"run_id": "a"})
    second = ledger.append(tmp_path, "gate-decision", 1.0, {"run_id": "a"}, after=first)

    chain = ledger.read(tmp_path)
    assert (first.sequence, second.sequence) == (1, 2)
    assert [(record.head, record.start) for record in chain.records] == [(first, 0), (second, second.start)]
    assert chain.fault is None


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    """Four processes, a hundred records, one unbroken chain."""
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(name)]) for name in range(4)]
    assert [writer.wait(timeout=60) for writer in writers] == [0] * 4

    chain = ledger.read(tmp_path)
    assert chain.fault is None
    assert len(chain.records) == 100
    for name in range(4):
        mine = [record.body["number"] for record in chain.records if record.body["writer"] == str(name)]
        assert mine == list(range(25))


def test_threads_of_one_process_lose_nothing(tmp_path: Path) -> None:
    """Each append locks for itself."""

    def write(name: int) -> None:
        for number in range(20):
            ledger.append(tmp_path, "run-started", 0.0, {"writer": name, "number": number})

    threads = [threading.Thread(target=write, args=(name,)) for name in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    chain = ledger.read(tmp_path)
    assert chain.fault is None
    assert len(chain.records) == 100


@pytest.mark.parametrize("torn", [b'{"half":', b"\0" * 5000, b'{"payload":"\0\0"}\n', b"x" * 200_000])
def test_a_torn_tail_is_kept_aside_and_noted(tmp_path: Path, torn: bytes) -> None:
    """Power loss in the middle of a write: found, recorded, never silently cut."""
    ledger.append(tmp_path, "run-started", 0.0, {"run_id": "a"})
    with (tmp_path / ledger.NAME).open("ab") as file:
        file.write(torn)

    ledger.append(tmp_path, "run-started", 1.0, {"run_id": "b"})

    chain = ledger.read(tmp_path)
    assert chain.fault is None
    assert [record.kind for record in chain.records] == ["run-started", "recovery", "run-started"]
    assert (tmp_path / chain.records[1].body["kept_as"]).read_bytes() == torn


def test_a_ledger_that_is_nothing_but_torn_begins_anew_and_says_so(tmp_path: Path) -> None:
    """The very first write was cut short."""
    (tmp_path / ledger.NAME).write_bytes(b'{"payl')

    ledger.append(tmp_path, "run-started", 1.0, {"run_id": "b"})

    assert [record.kind for record in ledger.read(tmp_path).records] == ["recovery", "run-started"]


def test_a_broken_chain_is_not_continued(tmp_path: Path) -> None:
    """Appending to a forged ledger would make it look sound."""
    path = tmp_path / ledger.NAME
    ledger.append(tmp_path, "run-started", 0.0, {"run_id": "a"})
    forged = path.read_bytes() * 2
    path.write_bytes(forged)

    with pytest.raises(SourceError, match="expected sequence 2, got 1"):
        ledger.append(tmp_path, "run-started", 1.0, {"run_id": "c"})
    assert path.read_bytes() == forged


def test_a_ledger_of_the_first_form_is_not_continued(tmp_path: Path) -> None:
    """One message that says what to do."""
    (tmp_path / ledger.NAME).write_bytes(b'{"body":{},"schema":1,"sequence":1}\n')

    with pytest.raises(SourceError, match="plain record of schema 1.*--gate-reports"):
        ledger.append(tmp_path, "run-started", 1.0, {})
    assert "schema 1" in (ledger.read(tmp_path).fault or "")


def test_a_run_checks_everything_from_its_own_start_on(tmp_path: Path) -> None:
    """What others appended meanwhile has to be whole; what was before was checked by those before."""
    started = ledger.append(tmp_path, "run-started", 0.0, {"run_id": "a"})
    ledger.append(tmp_path, "run-started", 0.0, {"run_id": "b"})
    ledger.append(tmp_path, "run-started", 0.0, {"run_id": "c"})
    path = tmp_path / ledger.NAME
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])

    with pytest.raises(SourceError, match="ledger line 2: expected sequence 2, got 3"):
        ledger.append(tmp_path, "gate-decision", 1.0, {"run_id": "a"}, after=started)


@pytest.mark.parametrize("harm", ["removed", "emptied", "another", "shorter"])
def test_a_ledger_without_the_start_takes_no_decision(tmp_path: Path, harm: str) -> None:
    """The decision goes into the ledger that has its start, or nowhere."""
    ledger.append(tmp_path, "run-started", 0.0, {"run_id": "0"})
    started = ledger.append(tmp_path, "run-started", 0.0, {"run_id": "a"})
    path = tmp_path / ledger.NAME
    first = path.read_bytes().splitlines(keepends=True)[0]
    path.unlink()
    if harm == "emptied":
        path.write_bytes(b"")
    elif harm == "another":
        ledger.append(tmp_path, "run-started", 0.0, {"run_id": "0"})
        ledger.append(tmp_path, "run-started", 0.0, {"run_id": "a"})
    elif harm == "shorter":
        path.write_bytes(first)

    with pytest.raises(SourceError, match="record 2 of this run is gone"):
        ledger.append(tmp_path, "gate-decision", 1.0, {"run_id": "a"}, after=started)


def test_a_full_disk_leaves_the_chain_whole(tmp_path: Path) -> None:
    """A write that does not fit is taken back and said to have failed."""
    ledger.append(tmp_path, "run-started", 0.0, {"run_id": "a"})
    before = (tmp_path / ledger.NAME).read_bytes()
    code = (
        "import resource, signal, sys; from pathlib import Path; from relgate.adapters import ledger\n"
        "from relgate.errors import SourceError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 40},) * 2)\n"
        "try: ledger.append(Path(sys.argv[1]), 'gate-decision', 1.0, {'run_id': 'a'})\n"
        "except SourceError as error: print(error); sys.exit(7)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)

    assert ended.returncode == 7, ended.stderr
    assert "cannot be written" in ended.stdout
    assert (tmp_path / ledger.NAME).read_bytes() == before


def test_a_folder_that_is_a_file_is_an_error_of_the_world(tmp_path: Path) -> None:
    """No traceback for a path that cannot be."""
    (tmp_path / "reports").write_text("")

    with pytest.raises(SourceError, match="cannot be written"):
        ledger.append(tmp_path / "reports", "run-started", 0.0, {})


@pytest.mark.parametrize("size", [1, 10, 16_300, 16_384, 65_536, 200_000])
def test_the_end_is_found_whatever_the_length_of_lines(tmp_path: Path, size: int) -> None:
    """Backwards in blocks: lines shorter and longer than one."""
    heads = [ledger.append(tmp_path, "run-started", 0.0, {"text": "x" * (size + number)}) for number in range(7)]

    newest = list(Ledger(FileStore(tmp_path), tmp_path).newest())
    assert [record.head for record in newest] == heads[::-1]
    assert [record.start for record in newest] == [head.start for head in heads[::-1]]


def test_reading_backwards_stops_where_the_chain_is_broken(tmp_path: Path) -> None:
    """What is older than the break is not believed."""
    for number in range(4):
        ledger.append(tmp_path, "run-started", 0.0, {"number": number})
    path = tmp_path / ledger.NAME
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))
    seen: list[int] = []

    with pytest.raises(SourceError, match="expected sequence"):
        seen.extend(record.body["number"] for record in Ledger(FileStore(tmp_path), tmp_path).newest())
    assert seen == [3, 2]


# --- keys


def signed(folder: Path, name: str = "key.pem") -> Ledger:
    """A ledger whose records are signed with a new key."""
    signer = ledgerkeys.new(folder / name)
    signer.publish(folder)
    return Ledger(FileStore(folder), folder, signer, ledgerkeys.verifier(folder))


def test_a_signed_ledger_verifies_with_the_key_beside_it(tmp_path: Path) -> None:
    """And with no other."""
    book = signed(tmp_path)
    book.append("run-started", 0.0, {"run_id": "a"})
    book.append("gate-decision", 0.0, {"run_id": "a"})

    assert book.read().fault is None
    key = book.read().records[0].key
    assert book.signer is not None
    assert key == book.signer.key
    assert "not one of the keys" in (_verified(book, ledgerkeys.verifier(tmp_path, ["0" * 64])) or "")
    (tmp_path / "keys" / f"{key}.pem").unlink()
    assert "public key cannot be read" in (_verified(book, ledgerkeys.verifier(tmp_path)) or "")


def _verified(book: Ledger, verify: Verify) -> str | None:
    return Ledger(book.store, book.folder, None, verify).read().fault


def test_a_key_under_anothers_name_is_refused(tmp_path: Path) -> None:
    """A file's name says nothing; the id is computed."""
    book, other = signed(tmp_path), ledgerkeys.new(tmp_path / "other.pem")
    book.append("run-started", 0.0, {})
    assert book.signer is not None
    (tmp_path / "keys" / f"{book.signer.key}.pem").write_bytes(other.pem)

    assert "is not the key of that id" in (_verified(book, ledgerkeys.verifier(tmp_path)) or "")


def test_a_signed_ledger_is_never_gone_on_with_unsigned_or_by_another_key(tmp_path: Path) -> None:
    """Otherwise cutting the tail and writing another one would need no key."""
    signed(tmp_path).append("run-started", 0.0, {})

    with pytest.raises(SourceError, match="this record is not signed"):
        ledger.append(tmp_path, "run-started", 0.0, {})
    with pytest.raises(SourceError, match="keys change by a rotation only"):
        signed(tmp_path, "other.pem").append("run-started", 0.0, {})


def test_signing_may_begin_in_an_unsigned_ledger(tmp_path: Path) -> None:
    """From there on it is signed."""
    ledger.append(tmp_path, "run-started", 0.0, {})
    signed(tmp_path).append("run-started", 0.0, {})

    assert [record.key is None for record in ledger.read(tmp_path).records] == [True, False]


def test_a_signature_that_was_changed_or_taken_off_is_seen(tmp_path: Path) -> None:
    """Also of the last line, which no later one names."""
    book = signed(tmp_path)
    book.append("run-started", 0.0, {})
    path = tmp_path / ledger.NAME
    whole = path.read_bytes()
    place = whole.index(b'"sig":"') + 7
    path.write_bytes(whole[:place] + (b"A" if whole[place : place + 1] != b"A" else b"B") + whole[place + 1 :])
    assert "does not fit" in (book.read().fault or "")
    with pytest.raises(SourceError, match="does not fit"):
        book.append("run-started", 0.0, {})

    begin = whole.index(b'"signatures":[') + 14
    path.write_bytes(whole[:begin] + b"]}\n")
    assert "signed by nobody" in (book.read().fault or "")


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """0600 and 0400 are a secret; 0644 is none."""
    ledgerkeys.new(tmp_path / "key.pem")
    assert ledgerkeys.from_file(tmp_path / "key.pem").key
    (tmp_path / "key.pem").chmod(0o640)

    with pytest.raises(Exception, match="expected mode 0600, got 0640"):
        ledgerkeys.from_file(tmp_path / "key.pem")


def test_a_key_file_is_never_overwritten_and_rubbish_is_no_key(tmp_path: Path) -> None:
    """One line each, and the content of the file is never repeated."""
    (tmp_path / "key.pem").write_text("hunter2hunter2")
    (tmp_path / "key.pem").chmod(0o600)

    with pytest.raises(Exception, match="File exists"):
        ledgerkeys.new(tmp_path / "key.pem")
    with pytest.raises(Exception, match="private Ed25519 key") as raised:
        ledgerkeys.from_file(tmp_path / "key.pem")
    assert "hunter2" not in str(raised.value)


def test_a_head_without_a_place_is_not_gone_on_from(tmp_path: Path) -> None:
    """A head from a file of another run says nothing about where."""
    ledger.append(tmp_path, "run-started", 0.0, {})

    with pytest.raises(SourceError, match="without a place"):
        ledger.append(tmp_path, "gate-decision", 0.0, {}, after=Head(1, "0" * 64))


def test_a_first_form_of_rubbish_is_told(tmp_path: Path) -> None:
    """Any bytes at the end of the file: a message, nothing appended."""
    for data in (b"\n", b"{}\n", b"[]\n", b'"x"\n', b"\xff\xfe\n", b"1" * 5000 + b"\n"):
        (tmp_path / ledger.NAME).write_bytes(data)
        with pytest.raises(SourceError, match="Nothing was appended"):
            ledger.append(tmp_path, "run-started", 0.0, {})
        assert read(data).fault is not None
