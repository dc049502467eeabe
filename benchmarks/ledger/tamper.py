"""Harms a ledger of 1,000 records in every way there is, and counts what is not found.

    python -m benchmarks.ledger.tamper                # each byte flipped; lines dropped, swapped, doubled, cut
    python -m benchmarks.ledger.tamper --script 40    # so many harmed archives, read by their own verify.sh

The ledger is that of 500 real runs, start and decision, signed. Each byte has one of its bits flipped (drawn, seeded).
A harm is read from the record before it on, whose state is known: what stands before is not looked at a million times.
Where the lines behind it do not give it away it counts as not found, but for the head that an anchor keeps.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import redirect_stdout
from io import StringIO
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relgate.adapters import ledger, ledgerkeys
from relgate.audit.chain import placed, read, split, walk
from relgate.audit.record import EMPTY, RecordError
from relgate.cli import main as relgate
from tests.audit.runs import Team, unpack
from tests.test_export import cut, sums

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LINES = 1000
BEHIND = 3
"""Lines behind a harm that are read: the first of them names the SHA-256 of what was harmed."""


class Book:
    """A whole ledger: its lines with LF, the state before each, and how it is verified."""

    def __init__(self, reports: Path) -> None:
        self.data = (reports / "ledger.jsonl").read_bytes()
        self.verify = ledgerkeys.verifier(reports)
        chain = read(self.data, self.verify)
        assert chain.fault is None
        assert len(chain.records) == LINES
        self.head = chain.head
        self.lines = self.data.splitlines(keepends=True)
        self.tails = [EMPTY, *(record.tail for record in chain.records)]

    def found(self, at: int, harmed: bytes, behind: int) -> str:
        """Return how a harm at a line is found. ``harmed``: what stands there; ``behind``: the first line after it."""
        to_end = behind + BEHIND >= LINES
        window = harmed + b"".join(self.lines[behind : behind + BEHIND])
        lines, torn = split(window) if to_end else (placed(window), b"")
        tail = self.tails[at]
        try:
            for record in walk(lines, tail, self.verify):
                tail = record.tail
        except RecordError:
            return "by itself"
        if torn:
            return "as a torn write"
        return "by the head alone" if to_end and tail.head != self.head else "NOT FOUND"


BOOK: Book


def flips(at: int) -> Counter[str]:
    """Flip a bit of each byte of a line, its LF too."""
    rng, line, counts = random.Random(at), BOOK.lines[at], Counter[str]()
    for place in range(len(line)):
        harmed = bytearray(line)
        harmed[place] ^= 1 << rng.randrange(8)
        counts[BOOK.found(at, bytes(harmed), at + 1)] += 1
    return counts


def harms(at: int) -> Iterator[tuple[str, bytes, int]]:
    """Yield what can be done to a line: its name, what stands there then, and the first line after it."""
    line = BOOK.lines[at]
    if at + 1 < LINES:
        yield "dropped", b"", at + 1
        yield "swapped with the next", BOOK.lines[at + 1] + line, at + 2
    yield "doubled", line * 2, at + 1
    yield "cut within", line[: len(line) // 2], LINES
    yield "cut before", b"", LINES


def line_harms(at: int) -> Counter[tuple[str, str]]:
    """Do it all to one line."""
    return Counter((name, BOOK.found(at, harmed, behind)) for name, harmed, behind in harms(at))


def counted(work: Callable[[int], Counter[Any]]) -> Counter[Any]:
    """Add up over all lines, on all cores."""
    total = Counter[Any]()
    with get_context("fork").Pool() as pool:
        for done, counts in enumerate(pool.imap_unordered(work, range(LINES), chunksize=4), 1):
            total += counts
            if done % 100 == 0:
                print(f"  {done} of {LINES} lines", file=sys.stderr, flush=True)
    return total


def scripts(team: Team, count: int) -> Counter[str]:
    """Harm archives of the ledger, and ask relgate's reading and verify.sh: how often they say the same."""
    packed = team.folder / "audit.tar.gz"
    period = ["--from", "2020-01-01", "--to", "2099-12-31", "--output", str(packed)]
    with redirect_stdout(StringIO()):
        assert relgate(["audit", "export", *period, "--reports", str(team.reports)]) == 0
    unpack(packed, team.folder)
    folder, said = team.folder / "audit", Counter[str]()
    whole, head = {}, f"{BOOK.head.sequence}:{BOOK.head.sha256}"
    for name in ("ledger.jsonl", "manifest.json", "SHA256SUMS"):
        whole[name] = (folder / name).read_bytes()
    rng = random.Random(count)
    said[f"whole, with its head: exit {script(folder, '--head', head)}"] += 1
    said[f"whole, without: exit {script(folder)}"] += 1
    for number in range(count):
        at = rng.randrange(LINES - 1)
        kinds = [(name, harmed, behind) for name, harmed, behind in harms(at) if name != "cut before"]
        flipped = bytearray(BOOK.lines[at])
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
        name, harmed, behind = [*kinds, ("a byte flipped", bytes(flipped), at + 1)][number % (len(kinds) + 1)]
        (folder / "ledger.jsonl").write_bytes(b"".join(BOOK.lines[:at]) + harmed + b"".join(BOOK.lines[behind:]))
        sums(folder)
        said[f"{name}: exit {script(folder, '--head', head)}"] += 1
        print(f"  {number + 1} of {count} archives", file=sys.stderr, flush=True)
        for part, content in whole.items():
            (folder / part).write_bytes(content)
    shutil.rmtree(folder / "runs" / max(path.name for path in (folder / "runs").iterdir()))
    cut(folder, 2)
    sums(folder)
    said[f"cut at the end, with its head: exit {script(folder, '--head', head)}"] += 1
    said[f"cut at the end, without: exit {script(folder)} (3: cannot exclude a cut)"] += 1
    return said


def script(folder: Path, *arguments: str) -> int:
    """Run the archive's script."""
    return subprocess.run(["sh", str(folder / "verify.sh"), *arguments], capture_output=True, check=False).returncode


def main() -> int:
    """Make the ledger, harm it, and print what was found and how."""
    global BOOK  # What the processes of the pool are forked with.
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--script", type=int, default=0, metavar="N", help="harm N archives instead")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="relgate-tamper-") as name:
        team = Team(Path(name))
        for number in range(LINES // 2):
            team.judge(version=f"1.{number}")
        assert ledger.read(team.reports).fault is None
        BOOK = Book(team.reports)
        print(f"{LINES} records, {len(BOOK.data)} bytes")
        if given.script:
            counts = scripts(team, given.script)
            print("\n".join(f"{text}: {times}" for text, times in sorted(counts.items())))
            return 0
        by_line = counted(line_harms)
        print("\n".join(f"{what}, found {how}: {times}" for (what, how), times in sorted(by_line.items())))
        by_byte = counted(flips)
        print("\n".join(f"a byte flipped, found {how}: {times}" for how, times in sorted(by_byte.items())))
        return 1 if "NOT FOUND" in {*by_byte, *(how for _, how in by_line)} else 0


if __name__ == "__main__":
    sys.exit(main())
