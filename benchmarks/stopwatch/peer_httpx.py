"""Closed-loop httpx: some workers, each sends, waits, and paces itself. Prints one latency a line, nanoseconds.

usage: peer_httpx.py PORT RATE SECONDS
"""

import asyncio
import sys
import time

import httpx

WORKERS_PER_RATE = 0.05


async def main(port: int, rate: float, seconds: float) -> None:
    workers = max(2, round(rate * WORKERS_PER_RATE))
    end = time.monotonic() + seconds
    taken: list[int] = []

    async def work(client: httpx.AsyncClient, number: int) -> None:
        await asyncio.sleep(number / rate)
        while (started := time.monotonic_ns()) / 1e9 < end:
            await client.get(f"http://127.0.0.1:{port}/")
            taken.append(time.monotonic_ns() - started)
            await asyncio.sleep(max(0.0, workers / rate - (time.monotonic_ns() - started) / 1e9))

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=20, trust_env=False) as client:
        await asyncio.gather(*(work(client, number) for number in range(workers)))
    print("\n".join(map(str, taken)))


asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))
