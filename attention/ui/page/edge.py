"""The outer gate: which requests reach Gradio at all. One place states what is closed, and why.

Gradio serves many routes this app has no use for. Each is a way in for strangers (uploads that fill
the disk, a proxy, monitoring pages, a code editor), so only what the page, the API and the optional
MCP endpoint need is let through; everything else is "404 not found". Bodies are cut off at
``BODY_LIMIT``: the largest honest one is a training state of 2 MB, which is 2.7 MB in base64.

Set elsewhere, and why: no event uses the queue (``tab.QUIET``), so no event waits in line and any
replica can answer; heavy work is bounded by ``busy.py``; run history, analytics and monitoring are
off (``launch_options``), since nothing about a learner is kept.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

BODY_LIMIT = 4_000_000  # bytes
GET_PREFIXES = (
    "/assets/",
    "/static/",
    "/svelte/",
    "/gradio_api/info",
    "/gradio_api/startup-events",
    "/gradio_api/heartbeat/",
    "/gradio_api/call/",
    "/gradio_api/app_id",
    "/gradio_api/queue/data",
    "/gradio_api/mcp",
)
GET_PATHS = frozenset(
    {
        "/",
        "/en",
        "/zh",
        "/zh/",
        "/config",
        "/config/",
        "/theme.css",
        "/favicon.ico",
        "/manifest.json",
        "/robots.txt",
    }
)
POST_PREFIXES = (
    "/gradio_api/run/",
    "/gradio_api/call/",
    "/gradio_api/component_server",
    "/gradio_api/queue/join",  # gradio_client sends every call here, queued or not; the page never does
    "/gradio_api/mcp",
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class TooLarge(Exception):
    """A body grew past the limit while it was being read."""


def is_open(method: str, path: str) -> bool:
    """Whether a route is one that this app needs."""
    if method in ("GET", "HEAD"):
        if path in GET_PATHS or path.startswith(GET_PREFIXES):
            return True
        # Gradio's own style sheets lie at the top
        return path.count("/") == 1 and path.endswith((".css", ".js", ".woff2"))
    if method in ("POST", "DELETE"):  # DELETE closes an MCP session
        return path.startswith(POST_PREFIXES)
    return method == "OPTIONS"


class Edge:
    """Pure ASGI middleware: closed routes answer 404, bodies over ``BODY_LIMIT`` 413."""

    def __init__(self, app: Callable[..., Awaitable[None]], limit: int = BODY_LIMIT) -> None:
        self.app, self.limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", "") or "") or "/"
        if not is_open(scope["method"], path):
            await refuse(send, 404, "not found")
            return
        declared = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        if not declared.isdigit() or int(declared) > self.limit:
            await refuse(send, 413, f"a request may have at most {self.limit} bytes")
            return
        read, started = 0, False

        async def bounded() -> MutableMapping[str, Any]:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.limit:
                raise TooLarge
            return message

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, bounded, watched)
        except TooLarge:
            if not started:
                await refuse(send, 413, f"a request may have at most {self.limit} bytes")


async def refuse(send: Send, status: int, reason: str) -> None:
    """A whole answer with a one-line reason."""
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps({"detail": reason}).encode()})
