"""How long the shop's smoke suite takes, beside the same paths as a plain serial pytest-playwright suite.

    python benchmarks/smoke/run.py                             # 5 pairs, about 4 minutes
    python benchmarks/smoke/run.py --rtt-ms 100 --workers 2 4  # the shop is as far away as staging is from a laptop

Both walk the same 13 paths of the same release, each against a shop of its own, in turn: plain, ours with -n 2, and so on.
Ours watches its pages (axe, Web Vitals, headers, console), records traces, removes what it creates and decides; plain does
the steps alone. Wall time from the start of pytest to its end; the shop is up before. pytest-playwright is installed into a
temporary folder. All use the same browser, the one that relgate finds; RELGATE_CHROMIUM names another one. How much the
browser makes out is seen by running it twice, with a chromium-headless-shell and with a whole chromium.

Neither loads pytest plugins that it has no use for and that only development has (Schemathesis, Locust, Hypothesis).

Plain is a fair twin: the same steps with the same waits of Playwright, a browser for the session and a context for each
test, the mails and webhooks in threads of its own process.

Processor time is that of the whole machine, from /proc/stat: a browser's processes are killed by their parents in the
end, and what they used is in nobody's account. So nothing else may run.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from distance import far

ROOT = Path(__file__).parents[2]
PLAIN = Path(__file__).parent / "plain"
LIGHT = ["-p", "no:schemathesis", "-p", "no:locust", "-p", "no:hypothesispytest", "-p", "no:anyio"]
sys.path.insert(0, str(ROOT))


def main() -> None:
    from relgate.adapters.browser import CHOSEN, of_system

    options = _options()
    browser = os.environ.setdefault(CHOSEN, of_system() or "")
    print(f"browser: {browser or 'what Playwright has installed'}", flush=True)
    ours = {"ours, serial": [], **{f"ours, -n {n}": ["-n", str(n)] for n in options.workers}}
    with tempfile.TemporaryDirectory(prefix="plain-") as folder:
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        names = ["pytest-playwright", "pytest-base-url", "python-slugify", "text-unidecode"]
        subprocess.run([*install, "--target", f"{folder}/site", *names], check=True, stderr=subprocess.DEVNULL)
        times: dict[str, list[float]] = {name: [] for name in ("plain", *ours)}
        for _ in range(options.pairs):
            for name, took in times.items():
                took_s, busy_s = measure(name, ours.get(name), Path(folder), options.rtt_ms / 1000)
                took.append(took_s)
                print(f"{name}: {took_s:.1f} s, {busy_s:.1f} s of processors", flush=True)
    print(json.dumps({"rtt_ms": options.rtt_ms, "cores": os.cpu_count(), "seconds": times}, indent=1))
    for name in ours:
        ratios = [mine / plain for mine, plain in zip(times[name], times["plain"], strict=True)]
        text = f"median {statistics.median(ratios):.2f} of plain, from {min(ratios):.2f} to {max(ratios):.2f}"
        print(f"{name}: {statistics.median(times[name]):.1f} s, {text}")
    print(f"plain: {statistics.median(times['plain']):.1f} s; load average {os.getloadavg()[0]:.1f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="?", type=int, default=5, help="how often each is run")
    parser.add_argument("--rtt-ms", type=float, default=0, help="round trip to the shop (default: loopback's)")
    parser.add_argument("--workers", nargs="+", type=int, default=[2], metavar="N", help="processes of xdist")
    return parser.parse_args()


def measure(name: str, workers: list[str] | None, folder: Path, rtt_s: float) -> tuple[float, float]:
    """Return seconds by the clock, and of all processors. ``workers`` None: the plain suite."""
    from examples.shop.run import start

    with socket.create_server(("127.0.0.1", 0)) as probe:
        mail = f"127.0.0.1:{probe.getsockname()[1]}"
    with far(rtt_s) as (port, server):
        public = f"http://127.0.0.1:{port}" if rtt_s else None
        with start("good", smtp=mail, public_url=public) as shop:
            server.append(shop.port)
            url = public or shop.url
            environment = os.environ | {
                "SHOP_URL": url,
                "SHOP_SMTP": mail,
                "SHOP_ADMIN_PASSWORD": "admin-demo-password",
            }
            if workers is None:
                environment["PYTHONPATH"] = f"{folder}/site"
                command = ["pytest", "-q", "-c", str(PLAIN / "pytest.ini"), str(PLAIN)]
            else:
                command = ["pytest", "-q", "smoke", "-m", "smoke", *workers, "-p", "no:cacheprovider"]
                command += ["--gate-policy", "examples/shop/smoke.yaml", "--gate-candidate", url]
                command += ["--gate-reports", str(folder / "reports")]
            began_s, busy_s = time.monotonic(), _busy_s()
            done = subprocess.run(
                [sys.executable, "-m", *command, *LIGHT], cwd=ROOT, env=environment, capture_output=True, text=True
            )
            took = time.monotonic() - began_s, _busy_s() - busy_s
    if done.returncode != 0:
        sys.exit(f"{name} did not pass:\n{done.stdout[-5000:]}\n{done.stderr[-2000:]}")
    return took


def _busy_s() -> float:
    """Seconds that the processors of this machine have worked since it started."""
    user, nice, system, _, _, irq, softirq = (
        int(one) for one in Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:8]
    )
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
