"""How long the shop's smoke suite takes, beside the same paths as a plain serial pytest-playwright suite.

    python benchmarks/smoke/run.py [PAIRS]

Both walk the same 13 paths of the same release, each against a shop of its own, in turn: plain, ours with -n 2, and so on.
Ours watches its pages (axe, Web Vitals, headers, console), records traces, removes what it creates and decides; plain does
the steps alone. Wall time from the start of pytest to its end; the shop is up before. pytest-playwright is installed into a
temporary folder. All use the same browser, the one that relgate finds; RELGATE_CHROMIUM names another one. How much the
browser makes out is seen by running it twice, with a chromium-headless-shell and with a whole chromium.

Neither loads pytest plugins that it has no use for and that only development has (Schemathesis, Locust, Hypothesis).

Plain is a fair twin: the same steps with the same waits of Playwright, a browser for the session and a context for each
test, the mails and webhooks in threads of its own process.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLAIN = Path(__file__).parent / "plain"
LIGHT = ["-p", "no:schemathesis", "-p", "no:locust", "-p", "no:hypothesispytest", "-p", "no:anyio"]
sys.path.insert(0, str(ROOT))


def main() -> None:
    from relgate.adapters.browser import CHOSEN, of_system

    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    browser = os.environ.setdefault(CHOSEN, of_system() or "")
    print(f"browser: {browser or 'what Playwright has installed'}", flush=True)
    with tempfile.TemporaryDirectory(prefix="plain-") as folder:
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        names = ["pytest-playwright", "pytest-base-url", "python-slugify", "text-unidecode"]
        subprocess.run([*install, "--target", f"{folder}/site", *names], check=True, stderr=subprocess.DEVNULL)
        times: dict[str, list[float]] = {"plain": [], "ours": [], "ours, serial": []}
        for _ in range(pairs):
            for name, took in times.items():
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                took.append(measure(name, Path(folder)))
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
                print(f"{name}: {took[-1]:.1f} s, {cpu_s:.1f} s of processors (the shop's included)", flush=True)
    medians = {name: statistics.median(took) for name, took in times.items()}
    ratios = [ours / plain for ours, plain in zip(times["ours"], times["plain"], strict=True)]
    print(json.dumps({"seconds": times, "medians": medians}, indent=1))
    print(f"ours / plain: median {statistics.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")
    print(f"load average: {os.getloadavg()[0]:.1f}")


def measure(name: str, folder: Path) -> float:
    from examples.shop.run import start

    with socket.create_server(("127.0.0.1", 0)) as probe:
        mail = f"127.0.0.1:{probe.getsockname()[1]}"
    with start("good", smtp=mail) as shop:
        environment = os.environ | {
            "SHOP_URL": shop.url,
            "SHOP_SMTP": mail,
            "SHOP_ADMIN_PASSWORD": "admin-demo-password",
        }
        if name == "plain":
            environment["PYTHONPATH"] = f"{folder}/site"
            command = ["pytest", "-q", "-c", str(PLAIN / "pytest.ini"), str(PLAIN)]
        else:
            workers = ["-n", "2"] if name == "ours" else []
            command = ["pytest", "-q", "smoke", "-m", "smoke", *workers, "-p", "no:cacheprovider"]
            command += ["--gate-policy", "examples/shop/smoke.yaml", "--gate-candidate", shop.url]
            command += ["--gate-reports", str(folder / "reports")]
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", *command, *LIGHT], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        took = time.monotonic() - began
    if done.returncode != 0:
        sys.exit(f"{name} did not pass:\n{done.stdout[-5000:]}\n{done.stderr[-2000:]}")
    return took


if __name__ == "__main__":
    main()
