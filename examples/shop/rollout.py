"""A whole rollout of the shop on this machine: two versions, a real HAProxy, users, and ``relgate rollout``.

    python -m examples.shop.rollout --release good --compress 4
    python -m examples.shop.rollout --release errors

Ends with the exit code of the rollout, after a line of JSON: how many requests of users were sent and how many failed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from .haproxy import ShopBehindHAProxy
from .users import Users

POLICY = Path(__file__).parent / "rollout.yaml"
CANDIDATE, BASELINE = "1.5.0", "1.4.0"


def environment(shop: ShopBehindHAProxy) -> dict[str, str]:
    """Return the variables that ``rollout.yaml`` refers to."""
    return {
        "SHOP_CANDIDATE": shop.candidate.url,
        "SHOP_BASELINE": shop.baseline.url,
        "SHOP_CANDIDATE_LOG": str(shop.candidate.log),
        "SHOP_BASELINE_LOG": str(shop.baseline.log),
        "SHOP_ENTRANCE": shop.url,
        "SHOP_HAPROXY": str(shop.proxy.socket_path),
    }


def main() -> int:
    """Roll a release out and tell what its users saw."""
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--release", default="good", help="release of the shop that is rolled out (default: good)")
    given.add_argument("--compress", default="1", help="divide every bake by this (default: 1)")
    given.add_argument("--policy", default=str(POLICY), help="the policy (default: that of the shop)")
    given.add_argument("--reports", default="reports", help="where records are left (default: reports)")
    given.add_argument("--users", type=float, default=20.0, help="requests of users a second (default: 20)")
    given.add_argument("--pytest", default="--pyargs relgate_suites.gates -q -p no:cacheprovider")
    options = given.parse_args()
    with ShopBehindHAProxy(options.release, candidate_percent=0) as shop:
        words = [sys.executable, "-m", "relgate.cli", "rollout", "--gate-policy", options.policy]
        words += ["--gate-release", f"version={CANDIDATE}", "--gate-reports", options.reports]
        words += ["--compress", options.compress, f"--pytest={options.pytest}", "--exit-on-hold"]
        with Users(shop.url, options.users) as users:
            time.sleep(1.0)
            code = subprocess.run(words, env=os.environ | environment(shop), check=False).returncode
            time.sleep(1.0)
        weights = shop.proxy.weights()
    print(
        json.dumps({"exit": code, "sent": users.sent, "failed": users.failed, "seen": users.seen, "weights": weights})
    )
    return code


if __name__ == "__main__":
    sys.exit(main())
