"""Scans the shop's code for insecure calls (ruff's rules S, which are bandit's) and prints the findings as JSON."""

from __future__ import annotations

import json
import subprocess
import sys

WORDS = ["ruff", "check", "--isolated", "--no-cache", "--select", "S", "--output-format", "json", "../examples/shop"]
GRAVE = ("S1", "S6")
"""Asserts, secrets in code, injections: whatever these rules find is critical."""
KNOWN = ("S101", "S105", "S106", "S108", "S603", "S607", "S608")


def main() -> int:
    """Print what was found; 1 where the scan itself did not work."""
    done = subprocess.run([sys.executable, "-m", *WORDS], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        print(done.stderr, file=sys.stderr)
        return 1
    found = [
        {
            "id": one["code"],
            "severity": "critical" if one["code"].startswith(GRAVE) and one["code"] not in KNOWN else "low",
            "path": one["filename"],
            "line": one["location"]["row"],
            "what": one["message"],
        }
        for one in json.loads(done.stdout)
    ]
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
