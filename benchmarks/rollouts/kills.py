"""Kills rollouts with SIGKILL at random moments, goes on with them, and counts what is left.

    python -m benchmarks.rollouts.kills --rollouts 200 --seed 1

Every rollout is real: pytest judges, HAProxy divides, the ledger is on disk. Two steps of one second each; one release
in four is bad. Ends with 1 at the first thing that must never be: traffic that no gate has earned, a rollout without an
end, a promotion without its verified record, a broken journal.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.rollout.field import Field
from tests.rollout.kills import STAGES, span_s, trial


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--rollouts", type=int, default=200)
    given.add_argument("--seed", type=int, default=1)
    given.add_argument("--first", type=int, default=0)
    options = given.parse_args()
    seen: Counter[str] = Counter()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="relgate-kills-") as folder, Field(Path(folder)) as field:
        field.write(stages=STAGES, bake="1s")
        within_s = span_s(field)
        for number in range(options.first, options.first + options.rollouts):
            seen += trial(field, number, within_s, options.seed)
            seen["rollouts"] += 1
            shutil.rmtree(field.reports)
            print(json.dumps({"seconds": round(time.monotonic() - began), **seen}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
