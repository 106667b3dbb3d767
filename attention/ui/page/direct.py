"""The page's own questions, answered without the layers between.

Gradio's route reads a question once more, looks for the function in a session, and turns the answer into
JSON value by value in the event loop, where everybody waits for it: two thirds of the loop's time with a
class at the page. Here the function is called with what was checked, and its answer written in the same
thread.

Who computes waits for a turn (turns.py); of each scene so many are computed at once. So a light picture
never stands behind another's model or training.

A page behind Gradio's own login, or on a lent GPU, which asks Gradio who the visitor is, keeps to the long
way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import orjson
from anyio import to_thread

from ...giving_way import waits
from .busy import ZERO_GPU
from .guard import Refusal
from .replies import Collected
from .texts import Words
from .turns import Turn, Turns

AT_ONCE, IN_LINE, PATIENCE = 2, 120, 20.0  # questions of a scene: computed, waiting, seconds they may wait
WRITE = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATETIME  # as Gradio writes


class Lane:
    """The questions of one scene on their way. seconds: of a processor, that they took of late."""

    def __init__(self) -> None:
        self.places = asyncio.Semaphore(AT_ONCE)
        self.waiting = 0
        self.seconds = 0.0

    @asynccontextmanager
    async def place(self, turns: Turns) -> AsyncIterator[Turn]:
        """A place of this scene's, after those who came before, and a turn. Raises ``Refusal("busy")``."""
        if self.waiting >= IN_LINE:
            raise Refusal("busy")
        self.waiting, since = self.waiting + 1, asyncio.get_running_loop().time()
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(PATIENCE):
                    await held.enter_async_context(self.places)
                    turn = await held.enter_async_context(turns.turn(self.seconds, since))
            except TimeoutError:
                raise Refusal("busy") from None
            finally:
                self.waiting -= 1
            yield turn

    def took(self, seconds: float) -> None:
        """One more question was computed: of late, so that a new model or text is noticed."""
        self.seconds += (seconds - self.seconds) / 4


class Direct:
    """The functions that the page's components name, of one app."""

    def __init__(self, blocks: Any) -> None:
        self.blocks = blocks
        self.lanes: dict[tuple[int, str], Lane] = {}  # by component, a tab in one language, and scene
        self.turns = Turns()

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
            lane = self.lanes.setdefault((component, scene), Lane())
            async with lane.place(self.turns) as turn:
                body, seconds = await to_thread.run_sync(
                    written, function, question["data"], turn, limiter=self.blocks.limiter
                )
                lane.took(seconds)
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


def written(function: Callable[[Any], Any], data: Any, turn: Turn) -> tuple[bytes, float]:
    """What a function answers, as JSON, and its seconds of processor time: time on the clock grows with the
    class, and would send a light scene to the end of the line."""
    waits.set(turn.give_way)  # of this thread's context, a copy that ends with the answer
    began = time.thread_time()
    body = orjson.dumps(function(data), default=str, option=WRITE)
    return body, time.thread_time() - began
