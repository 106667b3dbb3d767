"""The page's own questions, answered without the layers between.

Gradio's route reads a question once more, looks for the function in a session, and turns the answer into
JSON value by value in the event loop, where everybody waits for it: two thirds of the loop's time with a
class at the page. Here the function is called with what was checked, and its answer written in the same
thread.

Who computes waits for a turn, in the event loop, where that costs no thread. There are two: one for
questions that took ``LITTLE`` so far, one for all others; and of each scene so many are computed at once. So
a light picture never stands behind another's model or training. More at one time would help nobody: threads
of many small tensor operations hand Python's lock to and fro, and each takes many times as long. Whatever
takes longer than ``TURN`` keeps its thread and gives up its turn.

A page behind Gradio's own login, or on a lent GPU, which asks Gradio who the visitor is, keeps to the long
way.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import orjson
from anyio import to_thread

from .busy import ZERO_GPU
from .guard import Refusal
from .replies import Collected
from .texts import Words

AT_ONCE, IN_LINE, PATIENCE = 2, 120, 20.0  # questions of a scene: computed, waiting, seconds they may wait
LITTLE, TURN, HEADSTART = 0.025, 0.15, 4.0  # seconds, seconds, and times their own that the long ones wait
WRITE = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATETIME  # as Gradio writes


class Turns:
    """One question after the other, those who need little first, within reason."""

    def __init__(self) -> None:
        self.waiting: list[tuple[float, int, asyncio.Future[None]]] = []  # a heap
        self.taken, self.count = False, 0

    @asynccontextmanager
    async def turn(self, seconds: float) -> AsyncIterator[None]:
        """Wait for a turn, and hold it for ``TURN`` seconds at most. seconds: what it will probably take.

        Who needs them lets those pass who come ``HEADSTART`` times as long afterwards and need nothing.
        """
        loop = asyncio.get_running_loop()
        if self.taken:
            mine, self.count = loop.create_future(), self.count + 1
            heapq.heappush(self.waiting, (loop.time() + HEADSTART * seconds, self.count, mine))
            try:
                await mine
            except asyncio.CancelledError:
                if mine.done() and not mine.cancelled():
                    self.pass_on()  # it was given to who has gone
                raise
        self.taken, held = True, True

        def let_go() -> None:
            nonlocal held
            if held:
                held = False
                self.pass_on()

        late = loop.call_later(TURN, let_go)
        try:
            yield
        finally:
            late.cancel()
            let_go()

    def pass_on(self) -> None:
        """To who is first in line; those who have gone are passed over."""
        while self.waiting:
            *_, first = heapq.heappop(self.waiting)
            if not first.done():
                first.set_result(None)
                return
        self.taken = False


class Lane:
    """The questions of one scene on their way. seconds: of a processor, that they took of late."""

    def __init__(self) -> None:
        self.places = asyncio.Semaphore(AT_ONCE)
        self.waiting = 0
        self.seconds = 0.0

    @asynccontextmanager
    async def place(self, turns: Turns) -> AsyncIterator[None]:
        """A place of this scene's, after those who came before, and a turn. Raises ``Refusal("busy")``."""
        if self.waiting >= IN_LINE:
            raise Refusal("busy")
        self.waiting += 1
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(PATIENCE):
                    await held.enter_async_context(self.places)
                    await held.enter_async_context(turns.turn(self.seconds))
            except TimeoutError:
                raise Refusal("busy") from None
            finally:
                self.waiting -= 1
            yield

    def took(self, seconds: float) -> None:
        """One more question was computed: of late, so that a new model or text is noticed."""
        self.seconds += (seconds - self.seconds) / 4


class Direct:
    """The functions that the page's components name, of one app."""

    def __init__(self, blocks: Any) -> None:
        self.blocks = blocks
        self.lanes: dict[tuple[int, str], Lane] = {}  # by component, a tab in one language, and scene
        self.little, self.much = Turns(), Turns()

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
            async with lane.place(self.little if lane.seconds < LITTLE else self.much):
                body, seconds = await to_thread.run_sync(
                    written, function, question["data"], limiter=self.blocks.limiter
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


def written(function: Callable[[Any], Any], data: Any) -> tuple[bytes, float]:
    """What a function answers, as JSON, and its seconds of processor time: time on the clock grows with the
    class, and would send a light scene to the line of the heavy ones."""
    began = time.thread_time()
    body = orjson.dumps(function(data), default=str, option=WRITE)
    return body, time.thread_time() - began
