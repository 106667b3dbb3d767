"""The API in two steps, without Gradio's queue: what was asked is kept, and computed when it is read.

``gradio_client`` and ``curl`` first post a question and then fetch its answer. Gradio computes at
once and keeps the answer until somebody comes; forty answers that nobody reads are half a gigabyte.
Here only the question waits, a minute at most, and its answer exists while it is being sent. So an
unread question costs its own bytes, and a session that never returns costs nothing.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

KEPT, BYTES, SECONDS = 256, 4_000_000, 60.0  # questions that wait, their bytes together, and how long
NAME = 64  # the longest name of a session
Compute = Callable[[str, bytes], Awaitable[tuple[bool, Any]]]  # (name, data) -> went well, data or sentence


@dataclass(frozen=True)
class Question:
    """data: the inputs as JSON. session: whose stream tells the answer, "" for a call of its own."""

    name: str
    data: bytes
    session: str = ""
    asked: float = field(default_factory=time.monotonic)


class Waiting:
    """Questions that nobody has fetched yet; the oldest are forgotten beyond the limits."""

    def __init__(self) -> None:
        self._questions: OrderedDict[str, Question] = OrderedDict()

    def __len__(self) -> int:
        return len(self._questions)

    def put(self, question: Question) -> str:
        """Keep a question; returns the id to fetch its answer by."""
        name = secrets.token_hex(16)
        self._questions[name] = question
        self._forget()
        return name

    def take(self, name: str) -> Question | None:
        """The question of an id, which is then forgotten."""
        self._forget()
        return self._questions.pop(name, None)

    def of(self, session: str) -> str | None:
        """The id of a session's oldest question."""
        self._forget()
        return next((name for name, one in self._questions.items() if one.session == session), None)

    def _forget(self) -> None:
        now, held = time.monotonic(), sum(len(one.data) for one in self._questions.values())
        while self._questions:
            name, oldest = next(iter(self._questions.items()))
            if len(self._questions) <= KEPT and held <= BYTES and now - oldest.asked < SECONDS:
                break
            held -= len(self._questions.pop(name).data)


def event(kind: str, data: Any) -> bytes:
    """One event of a ``/call`` stream."""
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()


async def call_stream(question: Question, compute: Compute) -> AsyncIterator[bytes]:
    """What ``GET /call/NAME/ID`` tells: the answer, or a sentence."""
    well, found = await compute(question.name, question.data)
    yield event("complete" if well else "error", found)


async def session_stream(session: str, waiting: Waiting, compute: Compute) -> AsyncIterator[bytes]:
    """What ``GET /queue/data`` tells a client: the answer to each of its questions, in their order."""

    def message(**parts: Any) -> bytes:
        return f"data: {json.dumps(parts)}\n\n".encode()

    patience = time.monotonic() + 1.0  # a client may listen a moment before it asks
    answered = False
    while True:
        name = waiting.of(session)
        question = waiting.take(name) if name else None
        if name and question:
            well, found = await compute(question.name, question.data)
            output = {"data": found} if well else {"error": found, "title": "Error", "visible": True}
            yield message(msg="process_completed", event_id=name, output=output, success=well, title="Error")
            answered = True
        elif answered or time.monotonic() > patience:
            break
        else:
            await asyncio.sleep(0.05)
    yield message(msg="close_stream", event_id=None)
