"""Who is in the shop right now: a WebSocket that tells every visitor how many there are."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from starlette.websockets import WebSocketDisconnect

from .auth import same_origin
from .web import shop_of

if TYPE_CHECKING:
    from starlette.websockets import WebSocket


async def presence(socket: WebSocket) -> None:
    """``{"visitors": n}`` on every coming and going; ``ping`` is answered with ``pong``."""
    if not same_origin(socket.headers):
        await socket.close(4403)
        return
    visitors = shop_of(socket).presence
    await socket.accept()
    if shop_of(socket).settings.behaviours.presence_closes:
        await socket.close(1011)  # The bug of release `no-websocket`: what it greets visitors with is gone.
        return
    visitors.add(socket)
    try:
        await _tell(visitors)
        while True:
            if await socket.receive_text() == "ping":
                await socket.send_text("pong")
    except WebSocketDisconnect:
        pass
    finally:
        visitors.discard(socket)
        await _tell(visitors)


async def _tell(visitors: set[WebSocket]) -> None:
    text = json.dumps({"visitors": len(visitors)})
    # return_exceptions: one visitor who is just leaving must not keep the news from the others.
    await asyncio.gather(*(visitor.send_text(text) for visitor in list(visitors)), return_exceptions=True)
