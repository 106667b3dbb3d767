"""The page's own questions, answered without the layers between.

Gradio's route reads a question once more, looks for the function in a session, and turns the answer into
JSON value by value in the event loop, where everybody waits for it: two thirds of the loop's time with a
class at the page. Here the function is called with what was checked, and its answer written in the same
thread. Of each scene so many are computed at one time; the others wait in the loop, in order, where that
costs no thread, so that a light picture never stands behind another's models or training.

A page behind Gradio's own login, or on a lent GPU, which asks Gradio who the visitor is, keeps to the long
way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from anyio import to_thread

from .busy import ZERO_GPU
from .guard import Refusal
from .replies import Collected
from .texts import Words

AT_ONCE, IN_LINE, PATIENCE = 2, 120, 20.0  # questions of a scene: computed, waiting, seconds they may wait
WRITE = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATETIME  # as Gradio writes


class Lane:
    """The questions of one scene on their way."""

    def __init__(self) -> None:
        self.places = asyncio.Semaphore(AT_ONCE)
        self.waiting = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place of this scene's, after those who came before. Raises ``Refusal("busy")``."""
        if self.waiting >= IN_LINE:
            raise Refusal("busy")
        self.waiting += 1
        try:
            async with asyncio.timeout(PATIENCE):
                await self.places.acquire()
        except TimeoutError:
            raise Refusal("busy") from None
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self.places.release()


class Direct:
    """The functions that the page's components name, of one app."""

    def __init__(self, blocks: Any) -> None:
        self.blocks = blocks
        self.lanes: dict[tuple[int, str], Lane] = {}  # by component, a tab in one language, and scene

    @classmethod
    def of(cls, app: Any) -> Direct | None:
        """Of the app that holds Gradio's blocks; None where questions must go through Gradio."""
        guarded = getattr(app, "auth", None) is not None or getattr(app, "auth_dependency", None) is not None
        return None if guarded or ZERO_GPU else cls(app.get_blocks())

    async def answer(self, question: dict[str, Any], words: Words) -> Collected:
        """The answer to a question that ``Openings.server_function`` let through, whole."""
        component = question["component_id"]
        function = getattr(self.blocks.blocks[component], question["fn_name"])
        scene = scene_asked(function, question["data"])
        try:
            async with self.lanes.setdefault((component, scene), Lane()).place():
                body = await to_thread.run_sync(
                    written, function, question["data"], limiter=self.blocks.limiter
                )
        except Refusal as refused:  # as the function itself would tell it
            body = orjson.dumps({"error": refused.sentence(words)})
        got = Collected()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await got({"type": "http.response.start", "status": 200, "headers": headers})
        await got({"type": "http.response.body", "body": body})
        return got


def scene_asked(function: Any, data: Any) -> str:
    """Which of a tab's scenes (``function.tab``) a question is about, "" where it does not say."""
    tab, inputs = getattr(function, "tab", None), data.get("inputs") if isinstance(data, dict) else None
    if tab is None or not isinstance(inputs, dict):
        return ""
    defaults = {field.name: field.default for field in tab.fields if field.name in tab.switches}
    named = " ".join(str(inputs.get(name, defaults[name])) for name in tab.switches)
    return named if named in tab.scenes else ""


def written(function: Callable[[Any], Any], data: Any) -> bytes:
    """What a function answers, as JSON."""
    return orjson.dumps(function(data), default=str, option=WRITE)
