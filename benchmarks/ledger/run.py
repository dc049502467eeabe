"""How fast the ledger is, as ratios within one run, and whether it loses anything when writers are killed.

    python benchmarks/ledger/run.py                 # appends and verification
    python benchmarks/ledger/run.py --kills 1000    # eight writers, killed at random

Appends: beside a loop that writes the same lines with one fsync each, in turns of 500, so that both see the same disk.
Verification: beside a loop that takes the SHA-256 of each line; both in processor time.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

from relgate.adapters import ledgerkeys
from relgate.adapters.ledger import Ledger
from relgate.adapters.ledgerfile import FileStore
from relgate.audit.chain import read, split, walk
from relgate.audit.record import EMPTY, compose

TURN = 500


def body(number: int) -> dict[str, object]:
    """A record of middling length: a decision with four gates."""
    row = {"id": "latency-p95", "verdict": "pass", "observed": 0.1234 + number, "limit": "> 2000ms", "n": 12000}
    release = {"version": f"1.{number}", "commit": hashlib.sha1(b"%d" % number).hexdigest()}
    return {"run_id": f"r{number}", "release": release, "decision": "promote", "gates": [row] * 4}


def appends(folder: Path, count: int, *, signed: bool) -> tuple[float, float]:
    """Seconds of relgate's appends and of the plain loop."""
    signer = ledgerkeys.new(folder / f"key-{signed}.pem") if signed else None
    place = folder / f"ledger-{signed}"
    book = Ledger(FileStore(place), place, signer, ledgerkeys.verifier(place) if signed else None)
    plain = os.open(folder / f"plain-{signed}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    ours = theirs = 0.0
    for turn in range(count // TURN):
        begin = time.perf_counter()
        for number in range(TURN):
            book.append("gate-decision", 1.0, body(turn * TURN + number))
        ours += time.perf_counter() - begin
        lines = [raw + b"\n" for _, raw in islice(book.store.newest(), TURN)]
        begin = time.perf_counter()
        for line in lines:
            os.write(plain, line)
            os.fsync(plain)
        theirs += time.perf_counter() - begin
    os.close(plain)
    return ours, theirs


def verification(folder: Path, count: int, *, signed: bool) -> tuple[float, float, int]:
    """Processor seconds of relgate's verification and of the plain loop, and the bytes that both read."""
    signer = ledgerkeys.new(folder / f"verify-{signed}.pem") if signed else None
    if signer is not None:
        signer.publish(folder)
    tail, parts = replace(EMPTY, ledger="benchmark"), []
    for number in range(count):
        line, tail = compose(tail, "gate-decision", float(number), body(number), (signer,) if signer else ())
        parts.append(line)
    data = b"".join(parts)
    begin = time.process_time()
    seen = sum(1 for _ in walk(split(data)[0], EMPTY, ledgerkeys.verifier(folder) if signed else None))
    ours = time.process_time() - begin
    assert seen == count
    begin = time.process_time()
    for line in data.split(b"\n"):
        hashlib.sha256(line).hexdigest()
    return ours, time.process_time() - begin, len(data)


def ed25519(count: int) -> float:
    """Processor seconds of bare Ed25519 verifications, by cryptography."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key, message = Ed25519PrivateKey.generate(), b"x" * 1000
    signature, public = key.sign(message), key.public_key()
    begin = time.process_time()
    for _ in range(count):
        public.verify(signature, message)
    return time.process_time() - begin


def constant(folder: Path, count: int) -> tuple[float, float]:
    """Median seconds of an append to an empty ledger and to one of ``count`` records."""
    found = []
    for records in (0, count):
        place = folder / f"constant-{records}"
        place.mkdir()
        tail, parts = replace(EMPTY, ledger="benchmark"), []
        for number in range(records):
            line, tail = compose(tail, "gate-decision", float(number), body(number))
            parts.append(line)
        (place / "ledger.jsonl").write_bytes(b"".join(parts))
        book, took = Ledger(FileStore(place), place), []
        for number in range(200):
            begin = time.perf_counter()
            book.append("gate-decision", 1.0, body(number))
            took.append(time.perf_counter() - begin)
        assert read((place / "ledger.jsonl").read_bytes()).fault is None
        found.append(sorted(took)[100])
    return found[0], found[1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--appends", type=int, default=10_000)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="relgate-ledger-") as name:
        folder = Path(name)
        if given.kills:
            from tests.adapters.test_ledgerkills import kill_writers

            acknowledged, wrong = kill_writers(folder / "book", given.kills, given.seed)
            print(
                f"{given.kills} kills of eight writers: {acknowledged} records acknowledged, lost or wrong: {wrong or 'none'}"
            )
            return
        for signed in (False, True):
            kind = "signed" if signed else "unsigned"
            ours, theirs = appends(folder, given.appends, signed=signed)
            print(
                f"{given.appends} {kind} appends: {given.appends / ours:.0f}/s, plain fsync loop "
                f"{given.appends / theirs:.0f}/s: {ours / theirs:.2f} times its time"
            )
        limit = ed25519(given.records)
        for signed in (False, True):
            ours, theirs, size = verification(folder, given.records, signed=signed)
            with_keys = (
                f", {ours / (theirs + limit):.2f} times SHA-256 and one Ed25519 verification a line" if signed else ""
            )
            print(
                f"{given.records} {'signed' if signed else 'unsigned'} records ({size / 1e6:.0f} MB) verified in {ours:.1f} s of "
                f"processor time, plain SHA-256 loop {theirs:.2f} s: {ours / theirs:.0f} times its time{with_keys}"
            )
        empty, full = constant(folder, given.records)
        print(
            f"an append to {given.records} records takes {full / empty:.2f} times one to an empty ledger (medians of 200)"
        )


if __name__ == "__main__":
    main()
