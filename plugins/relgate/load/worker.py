"""``python -m relgate.load.worker USERS... --master HOST:PORT``: a worker on a host of its own.

The master, which runs beside the recorder, prints this line. The worker gets host, headers and schedule from it, counts
what it sends itself, and ends with it. relgate with its extra ``load`` and the locustfiles have to be here too. What
master and workers say to each other is not encrypted: it belongs into a network of its own.
"""

from __future__ import annotations

import argparse
import sys

from relgate.load.job import Task


def main() -> int:
    """Join a master and work until it is over; exit code 1 when there is no master."""
    parser = argparse.ArgumentParser(prog="python -m relgate.load.worker", description=__doc__)
    parser.add_argument("users", nargs="*", help="locustfiles; none where a profile is replayed")
    parser.add_argument("--master", required=True, metavar="HOST:PORT", help="where the master listens")
    options = parser.parse_args()
    host, _, port = options.master.rpartition(":")
    if not host or not port.isdigit():
        parser.error(f"--master: expected HOST:PORT such as 10.0.0.4:5557, got {options.master}")
    from relgate.load.process import run

    try:
        return run(Task("worker", tuple(options.users), None, host.strip("[]"), int(port)))
    except Exception as error:  # noqa: BLE001 - a locustfile may raise anything
        sys.stderr.write(f"relgate: {type(error).__name__}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
