"""Answers that are a sentence. Gradio's own failures say {"error": null} or nothing at all."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from .texts import Words

log = logging.getLogger("attention.ui")
Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
LONGEST = 64_000  # bytes of a failure that is looked at


async def respond(send: Send, status: int, value: Any) -> None:
    """A whole answer in JSON."""
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def tell(send: Send, status: int, sentence: str) -> None:
    """A failure as Gradio's clients read it ("error") and as FastAPI's do ("detail")."""
    await respond(send, status, {"error": sentence, "detail": sentence})


class Collected:
    """A ``send`` that keeps an answer whole, to be passed on or read."""

    def __init__(self) -> None:
        self.start: Message = {"status": 500}
        self.parts: list[bytes] = []
        self.whole = False  # whether its end has come

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        elif message["type"] == "http.response.body":
            self.parts.append(message.get("body", b""))
            self.whole = not message.get("more_body", False)

    @property
    def status(self) -> int:
        return int(self.start["status"])

    def json(self) -> Any:
        """The body; numbers by the million take milliseconds here, not tenths of a second."""
        return orjson.loads(b"".join(self.parts))

    async def pass_to(self, send: Send) -> None:
        await send(self.start)
        await send({"type": "http.response.body", "body": b"".join(self.parts)})


def in_sentences(send: Send, words: Words) -> Send:
    """A ``send`` that puts a sentence where a failure has none."""
    kept: Message | None = None
    parts: list[bytes] = []

    async def watched(message: Message) -> None:
        nonlocal kept
        if message["type"] == "http.response.start" and message["status"] >= 400:
            kept = message
            return
        if kept is None:
            await send(message)
            return
        if sum(map(len, parts)) < LONGEST:
            parts.append(message.get("body", b""))
        if message.get("more_body"):
            return
        status, body = kept["status"], b"".join(parts)
        if _says(body) or any(name.lower() == b"content-encoding" for name, _ in kept.get("headers", [])):
            await send(kept)
            await send({"type": "http.response.body", "body": body})
        elif status >= 500:
            reference = secrets.token_hex(3)
            log.error("reference %s: status %d without a reason", reference, status)
            await tell(send, status, words("errors.unforeseen", reference=reference))
        else:
            await tell(send, status, words("errors.not_found" if status == 404 else "errors.bad_json"))

    return watched


def _says(body: bytes) -> bool:
    """Whether a failure's body holds a sentence; one long enough to be compressed does."""
    try:
        told = orjson.loads(body)
    except ValueError:
        return False
    return isinstance(told, dict) and isinstance(told.get("error"), str) and bool(told["error"])
