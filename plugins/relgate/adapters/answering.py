"""The web endpoint that other rollout controllers ask: Starlette and uvicorn, from the extra ``serve``.

| asked | by | answer |
|---|---|---|
| GET, POST ``/v1/decision`` | Argo Rollouts' web provider, anybody | JSON, always 200: see ``report.peers`` |
| POST ``/flagger/confirm`` | confirm-rollout, confirm-traffic-increase, confirm-promotion | a status |
| POST ``/flagger/rollback`` | rollback | a status; starts nothing |
| POST ``/kayenta/judge`` | Kayenta's RemoteJudge | waits for the decision, up to 80 s |
| GET ``/v1/releases`` | anybody | each version that the ledger knows: prepared, promoted, failed or rolled_back |
| GET ``/health`` | whoever watches | ``ok``, ``degraded`` where the newest release failed, 503 where nobody can tell |
| GET ``/healthz`` | whoever runs it | 200 while it serves |

``stage``, ``version``, ``env`` and ``id`` come in the query, or in the body's ``metadata`` (Flagger).
"""

from __future__ import annotations

import asyncio
import hmac
import json
import signal
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from relgate.errors import RelgateError, SourceError, UsageError
from relgate.report.peers import Answer, confirms, kayenta, plain, takes_back

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from relgate.audit.releases import Standing

_LARGEST = 4 << 20
_WAIT_S = 80.0
"""Kayenta gives a remote judge 90 s."""
_EVERY_S = 0.25
_NO_EXTRA = "serving needs Starlette and uvicorn: pip install 'relgate[serve]'"

Words = dict[str, str]
"""What a request says about the question: stage, version, env, id, and further facts of the release."""


class Endpoint:
    """The application. ``ask`` starts what must be started, ``look`` only looks; all are called in threads.

    ``standings``: how the releases of an environment stand (empty: of all), the newest first; raises RelgateError.

    ``token``: what a request must bear; None: nobody is asked for one.
    """

    def __init__(
        self,
        ask: Callable[[Words], Answer],
        look: Callable[[Words], Answer],
        standings: Callable[[str], list[Standing]],
        token: str | None,
        wait_s: float = _WAIT_S,
    ) -> None:
        self._ask, self._look, self._standings = ask, look, standings
        self._token, self._wait_s = token, wait_s

    def application(self) -> Starlette:
        """Return the ASGI application.

        Raises:
            UsageError: the extra is not installed.

        """
        try:
            from starlette.applications import Starlette
            from starlette.routing import Route
        except ImportError as error:
            raise UsageError(_NO_EXTRA) from error
        return Starlette(
            routes=[
                Route("/healthz", self._healthy),
                Route("/health", self._guarded(self._health)),
                Route("/v1/releases", self._guarded(self._releases)),
                Route("/v1/decision", self._guarded(self._decision), methods=["GET", "POST"]),
                Route("/flagger/confirm", self._guarded(self._confirm), methods=["POST"]),
                Route("/flagger/rollback", self._guarded(self._rollback), methods=["POST"]),
                Route("/kayenta/judge", self._guarded(self._kayenta), methods=["POST"]),
            ]
        )

    def _guarded(self, answer: Callable[[Words, Mapping[str, Any]], Any]) -> Callable[[Request], Any]:
        from starlette.responses import PlainTextResponse

        async def handle(request: Request) -> Response:
            if self._token is not None:
                given = request.headers.get("authorization", "")
                if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
                    return PlainTextResponse("a bearer token is needed, and this is not it\n", 401)
            raw = bytearray()
            async for part in request.stream():
                raw += part
                if len(raw) > _LARGEST:
                    return PlainTextResponse(f"a request has at most {_LARGEST} bytes\n", 413)
            try:
                body = json.loads(raw) if raw else {}
            except (ValueError, RecursionError):
                return PlainTextResponse("the body is no JSON\n", 400)
            if not isinstance(body, dict):
                return PlainTextResponse("the body is no JSON object\n", 400)
            response: Response = await answer(_words(dict(request.query_params), body), body)
            return response

        return handle

    async def _healthy(self, _: Request) -> Response:
        from starlette.responses import JSONResponse

        return JSONResponse({"status": "ok"})

    async def _health(self, words: Words, _: Mapping[str, Any]) -> Response:
        from starlette.responses import JSONResponse

        try:
            found = await asyncio.to_thread(self._standings, words.get("env", ""))
        except RelgateError as error:
            return JSONResponse({"status": "down", "error": str(error)}, 503)
        newest = {one.environment: asdict(one) for one in reversed(found)}
        failed = any(one["state"] == "failed" for one in newest.values())
        return JSONResponse({"status": "degraded" if failed else "ok", "releases": newest})

    async def _releases(self, words: Words, _: Mapping[str, Any]) -> Response:
        from starlette.responses import JSONResponse

        try:
            found = await asyncio.to_thread(self._standings, words.get("env", ""))
        except RelgateError as error:
            return JSONResponse({"error": str(error)}, 503)
        wanted = words.get("version")
        return JSONResponse({"releases": [asdict(one) for one in found if wanted in (None, one.version)]})

    async def _decision(self, words: Words, _: Mapping[str, Any]) -> Response:
        from starlette.responses import JSONResponse

        return JSONResponse(plain(await asyncio.to_thread(self._ask, words)))

    async def _confirm(self, words: Words, _: Mapping[str, Any]) -> Response:
        from starlette.responses import JSONResponse

        answer = await asyncio.to_thread(self._ask, words)
        return JSONResponse(plain(answer), confirms(answer))

    async def _rollback(self, words: Words, _: Mapping[str, Any]) -> Response:
        from starlette.responses import JSONResponse

        answer = await asyncio.to_thread(self._look, words)
        return JSONResponse(plain(answer), takes_back(answer))

    async def _kayenta(self, words: Words, body: Mapping[str, Any]) -> Response:
        from starlette.responses import JSONResponse

        answer = await asyncio.to_thread(self._ask, words)
        until = asyncio.get_running_loop().time() + self._wait_s
        while answer.state == "judging" and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(_EVERY_S)
            answer = await asyncio.to_thread(self._look, words)
        thresholds = body.get("scoreThresholds")
        return JSONResponse(kayenta(answer, thresholds if isinstance(thresholds, dict) else None))


def serve(application: Starlette, host: str, port: int, begun: Callable[[int], None]) -> None:
    """Serve until SIGINT or SIGTERM. ``begun`` is told the port: with port 0 the system chooses one.

    Raises:
        UsageError: the extra is not installed.
        SourceError: nothing can listen there.

    """
    import socket

    try:
        import uvicorn
    except ImportError as error:
        raise UsageError(_NO_EXTRA) from error
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise SourceError(f"cannot listen on {host}:{port}: {error}") from error
    with listening:
        begun(listening.getsockname()[1])
        # The server raises the signal that ended it once more when it is done: by then nobody needs to die of it.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        uvicorn.Server(uvicorn.Config(application, log_level="warning")).run(sockets=[listening])


def _words(query: Mapping[str, str], body: Mapping[str, Any]) -> Words:
    """Return what the query says, then what the body's metadata says; Flagger's checksum and weight are the ``id``."""
    metadata = body.get("metadata")
    told = {str(key): str(value) for key, value in metadata.items()} if isinstance(metadata, dict) else {}
    if "checksum" in body:
        told.setdefault("id", f"{body['checksum']}@{body.get('canaryWeight', body.get('phase', ''))}")
    return told | dict(query)
