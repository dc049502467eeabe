"""What an installed relgate costs a project that has no policy: plain pytest on 2,000 trivial tests, with and without it.

Runs the two in turn, A B A B, and compares them pair by pair, so that a machine whose speed drifts does not matter.

    python benchmarks/overhead/run.py [PAIRS]
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HEAVY = (
    "numpy",
    "scipy",
    "pydantic",
    "yaml",
    "httpx",
    "pycurl",
    "prometheus_client",
    "locust",
    "playwright",
    "sqlalchemy",
)
COLLECT = f"""
import sys, pytest
pytest.main(["--collect-only", "-qq", "-p", "no:hypothesispytest"])
print("HEAVY", [name for name in {HEAVY!r} if name in sys.modules])
"""


def seconds(folder: Path, *options: str) -> float:
    """Processor time of a whole run, user and system: what others do on the machine hardly changes it."""
    before = os.times()
    subprocess.run(
        [sys.executable, "-m", "pytest", "-qq", "-p", "no:cacheprovider", *options],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pytest.toml").write_text("[pytest]\nstrict = true\n")
        for number in range(20):
            tests = "\n".join(f"def test_{test}():\n    assert True\n" for test in range(100))
            (folder / f"test_{number}.py").write_text(tests)
        seconds(folder)
        ratios, without, withs = [], [], []
        for pair in range(pairs):
            order = [(), ("-p", "no:relgate.plugin")]
            times = {options: seconds(folder, *options) for options in (order if pair % 2 else order[::-1])}
            withs.append(times[order[0]])
            without.append(times[order[1]])
            ratios.append(times[order[0]] / times[order[1]])
        ratios.sort()
        print(f"with relgate    median {statistics.median(withs):.3f} s")
        print(f"without relgate median {statistics.median(without):.3f} s")
        print(
            f"ratio           median {statistics.median(ratios):.3f}, quartiles {ratios[len(ratios) // 4]:.3f} to {ratios[-len(ratios) // 4]:.3f} ({pairs} pairs)"
        )
        found = subprocess.run([sys.executable, "-c", COLLECT], cwd=folder, capture_output=True, text=True, check=False)
        print(
            "heavy libraries imported by --collect-only:", found.stdout.strip().splitlines()[-1].removeprefix("HEAVY ")
        )


main()
