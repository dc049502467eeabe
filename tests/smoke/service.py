"""A small service with a page for each thing that a page can do wrong, and accounts that can be made and removed."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
SCRIPTS = {
    "/console.js": "console.error('the basket is broken')",
    "/throws.js": "throw new Error('no such element')",
    "/shift.js": "setTimeout(() => { const one = document.createElement('div'); one.style.height = '300px';"
    " document.body.prepend(one); }, 150)",
    "/busy.js": "document.getElementById('go').addEventListener('click', () => {"
    " const until = performance.now() + 2000; while (performance.now() < until) {} document.title = 'done'; })",
    "/fetches.js": "fetch('/api/nothing')",
    "/talks.js": "const socket = new WebSocket(location.href.replace(/^http/, 'ws').replace(/page.*/, 'ws'));"
    " socket.onmessage = (message) => { document.getElementById('said').innerText = message.data; };"
    " socket.onopen = () => socket.send('buy');",
    "/good.js": "document.title = 'Good at Small'",
}
BODIES = {
    "good": "<p>Welcome to this good page.</p><script src='/good.js'></script>",
    "console": "<p>Here.</p><script src='/console.js'></script>",
    "throws": "<p>Here.</p><script src='/throws.js'></script>",
    "asset": "<p>Here.</p><script src='/gone.js'></script>",
    "fetches": "<p>Here.</p><script src='/fetches.js'></script>",
    "shift": "<p>Here is a long text that moves.</p><img src='/hero.svg' alt='hero'><script src='/shift.js'></script>",
    "busy": "<button id='go'>Go</button><script src='/busy.js'></script>",
    "unlabelled": "<form><input name='email'><button>Send</button></form>",
    "hero": "<img src='/slow.svg' alt='hero' width='600' height='400'>",
    "form": "<form action='/sent' method='post'><label for='user'>User</label><input id='user' name='user'>"
    "<label for='password'>Password</label><input id='password' name='password' type='password'>"
    "<button>Log in</button></form>",
    "leaves": "<a href='http://127.0.0.1:9/elsewhere'>away</a>",
    "mixed": "<p>Here.</p><script src='http://plain.example/one.js'></script>",
    "talks": "<p id='said'>nothing yet</p><script src='/talks.js'></script>",
    "dead": "<button>Order</button>",
}
SVG = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='600' height='400'>"
    "<rect width='600' height='400' fill='{}'/></svg>"
    # Browsers do not take a picture of less than 0.05 bits for each pixel for content.
    f"<!-- {'x' * 4000} -->"
)


@dataclass
class Service:
    """A running service.

    ``accounts``: e-mails. ``asked``: every request. ``signed``: Authorization of removals. ``down``: whether removal
    answers 500. ``colour``: of its pictures. ``bare``: whether pages come without security headers. ``heard``: over
    WebSockets.
    """

    url: str = ""
    accounts: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    signed: list[str] = field(default_factory=list)
    down: bool = False
    colour: str = "seagreen"
    bare: bool = False
    heard: list[str] = field(default_factory=list)

    def page(self, title: str, body: str) -> HTMLResponse:
        """A page that is clean but for its body."""
        text = (
            f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{title} at Small</title>"
            f"<link rel='icon' href='data:,'></head><body><main><h1>{title}</h1>{body}</main></body></html>"
        )
        return HTMLResponse(text, headers={} if self.bare else HEADERS)

    async def show(self, request: Request) -> Response:
        """GET /page/{name}."""
        name = request.path_params.get("name", "good")
        return self.page(name.title(), BODIES[name]) if name in BODIES else PlainTextResponse("no such page", 404)

    async def script(self, request: Request) -> Response:
        """GET /{name}.js."""
        text = SCRIPTS.get(request.url.path)
        return Response(text or "", 200 if text else 404, media_type="text/javascript")

    async def picture(self, request: Request) -> Response:
        """GET /{name}.svg; a slow one after 5 s."""
        if "slow" in request.url.path:
            await asyncio.sleep(5.0)
        return Response(SVG.format(self.colour), media_type="image/svg+xml")

    async def socket(self, socket: WebSocket) -> None:
        """WebSocket /ws: greets, and remembers what it hears."""
        await socket.accept()
        await socket.send_text("welcome")
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                self.heard.append(await socket.receive_text())

    async def sent(self, request: Request) -> Response:
        """POST /sent: the form of /page/form."""
        form = await request.form()
        answer = self.page("Sent", f"<p>You are {form.get('user')}</p>")
        answer.set_cookie("session", "cookie-value-of-the-session")
        return answer

    async def log_in(self, request: Request) -> Response:
        """POST /api/login."""
        body = await request.json()
        return JSONResponse({"token": "letmein-token"} if body.get("password") == "pass-word-4711" else {})

    async def make(self, request: Request) -> Response:
        """POST /api/accounts: with a mail to ``mail`` and a call of ``hook`` where they are there."""
        body = await request.json()
        self.accounts.add(body["email"])
        if body.get("mail"):
            host, _, port = body["mail"].partition(":")
            await asyncio.to_thread(send_mail, host, int(port), body["email"])
        if body.get("hook"):
            async with httpx.AsyncClient() as client:
                await client.post(body["hook"], json={"made": body["email"]}, headers={"X-Signature": "sha256=0"})
        return JSONResponse({"email": body["email"]}, 201)

    async def remove(self, request: Request) -> Response:
        """DELETE /api/accounts/{email}."""
        self.signed.append(request.headers.get("authorization", ""))
        if self.down:
            return JSONResponse({"error": "down"}, 500)
        there = request.path_params["email"] in self.accounts
        self.accounts.discard(request.path_params["email"])
        return Response(status_code=204 if there else 404)

    async def painted(self, _: Request) -> Response:
        """GET /painted: a page with a picture."""
        return self.page("Painted", "<img src='/hero.svg' alt='hero'>")

    async def away(self, _: Request) -> Response:
        """GET /away: leads to another host."""
        return RedirectResponse("http://127.0.0.1:9/elsewhere")

    async def health(self, request: Request) -> Response:
        """GET /health: answers with the id that came."""
        return JSONResponse({"status": "ok"}, headers={"X-Seen": request.headers.get("x-correlation-id", "")})

    def app(self) -> Starlette:
        """Return it as an application."""
        return Starlette(
            routes=[
                Route("/", self.show),
                Route("/page/{name}", self.show),
                Route("/painted", self.painted),
                Route("/sent", self.sent, methods=["POST"]),
                WebSocketRoute("/ws", self.socket),
                Route("/away", self.away),
                Route("/health", self.health),
                Route("/api/login", self.log_in, methods=["POST"]),
                Route("/api/accounts", self.make, methods=["POST"]),
                Route("/api/accounts/{email}", self.remove, methods=["DELETE"]),
                Route("/{name}.svg", self.picture),
                Route("/{name}.js", self.script),
            ]
        )


def send_mail(host: str, port: int, to: str) -> None:
    """Send one mail as a service would."""
    with smtplib.SMTP(host, port, timeout=10) as client:
        text = f"Subject: Reset\r\nTo: {to}\r\n\r\nOpen http://shop.example/reset?token=abc and go on.\r\n"
        client.sendmail("shop@shop.example", [to], text)


@contextlib.contextmanager
def running(tls: tuple[str, str] | None = None) -> Iterator[Service]:
    """A service of one's own on a free port. ``tls``: files of a certificate and its key, for https."""
    certificate, key = tls or (None, None)
    service = Service()
    inner = service.app()

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            service.asked.append(f"{scope['method']} {scope['path']}")
        await inner(scope, receive, send)

    server = uvicorn.Server(
        uvicorn.Config(noting, port=0, log_level="critical", lifespan="off", ssl_certfile=certificate, ssl_keyfile=key)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    for _ in range(1000):
        if server.started:
            break
        time.sleep(0.01)
    scheme = "http" if tls is None else "https"
    service.url = f"{scheme}://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield service
    finally:
        server.should_exit = True
        thread.join(10)
