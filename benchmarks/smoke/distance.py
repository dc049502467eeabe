"""A TCP proxy on loopback that makes a server as far away as a round trip says: what staging is to a laptop.

Every byte arrives half a round trip later than it was sent, in both directions, and nothing waits for another byte:
bandwidth is not limited. The handshake of TCP takes place here, at once: a connection costs a round trip less than it
would, whoever opens it.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 65536


@contextmanager
def far(rtt_s: float) -> Iterator[tuple[int, list[int]]]:
    """Yield the port of a proxy, and a list in which to put the port of its server before anybody connects."""
    port: list[int] = []
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    server: list[int] = []

    async def serve() -> None:
        async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            back_reader, back_writer = await asyncio.open_connection("127.0.0.1", server[0])
            await asyncio.gather(_carry(reader, back_writer, rtt_s / 2), _carry(back_reader, writer, rtt_s / 2))

        listening = await asyncio.start_server(meet, "127.0.0.1", 0)
        port.append(listening.sockets[0].getsockname()[1])
        ready.set()

    loop.create_task(serve())  # noqa: RUF006  # the loop keeps running for it
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    ready.wait()
    try:
        yield port[0], server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """Write what is read, each chunk ``delay_s`` after it came; then the end, as late."""
    loop = asyncio.get_running_loop()
    under_way: deque[tuple[float, bytes]] = deque()
    came = asyncio.Event()

    async def arrive() -> None:
        while True:
            while not under_way:
                came.clear()
                await came.wait()
            due_s, chunk = under_way.popleft()
            await asyncio.sleep(due_s - loop.time())
            if not chunk:
                return
            writer.write(chunk)
            await writer.drain()

    arriving = asyncio.ensure_future(arrive())
    with suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            under_way.append((loop.time() + delay_s, chunk))
            came.set()
    under_way.append((loop.time() + delay_s, b""))
    came.set()
    with suppress(OSError):
        await arriving
        writer.close()
