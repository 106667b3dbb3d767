"""The page's own questions, answered without the layers between.

Gradio's route reads a question once more, looks for the function in a session, and turns the answer into
JSON value by value in the event loop, where everybody waits for it: two thirds of the loop's time with a
class at the page. Here the function is called with what was checked, and its answer written in the same
thread. A page behind Gradio's own login, or on a lent GPU, which asks Gradio who the visitor is, keeps to
the long way.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from .busy import ZERO_GPU
from .replies import Collected

THREADS = 40  # as many as Gradio has: most of them wait for a place (busy.py)
TURN = 0.001  # seconds that a thread may compute while others wait; 0.005 is Python's own
WRITE = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATETIME  # as Gradio writes


class Direct:
    """The functions that the page's components name, of one app."""

    def __init__(self, blocks: Any) -> None:
        self.components = blocks.blocks
        self.threads = ThreadPoolExecutor(THREADS, "question")
        # the event loop waits for its turn behind every thread that computes
        sys.setswitchinterval(TURN)

    @classmethod
    def of(cls, app: Any) -> Direct | None:
        """Of the app that holds Gradio's blocks; None where questions must go through Gradio."""
        guarded = getattr(app, "auth", None) is not None or getattr(app, "auth_dependency", None) is not None
        return None if guarded or ZERO_GPU else cls(app.get_blocks())

    async def answer(self, question: dict[str, Any]) -> Collected:
        """The answer to a question that ``Openings.server_function`` let through, whole."""
        function = getattr(self.components[question["component_id"]], question["fn_name"])
        body = await asyncio.get_running_loop().run_in_executor(
            self.threads, written, function, question["data"]
        )
        got = Collected()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await got({"type": "http.response.start", "status": 200, "headers": headers})
        await got({"type": "http.response.body", "body": body})
        return got


def written(function: Callable[[Any], Any], data: Any) -> bytes:
    """What a function answers, as JSON."""
    return orjson.dumps(function(data), default=str, option=WRITE)
