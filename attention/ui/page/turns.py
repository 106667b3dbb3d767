"""Who computes next: one at a time, those who need little first, within reason.

Two threads of many small tensor operations hand Python's lock to and fro at each of them, and both take
twice as long as one after the other. So there is one turn, waited for in the event loop, where that costs
no thread. It goes to who has the smallest ``due``, when they asked plus ``HEADSTART`` times what they will
probably take: a light picture overtakes a training that was asked for a moment before, never one that has
long waited. A training or a model's run is overtaken under way too, by who needs ``LITTLE``: between its
steps or layers it gives way (``attention/giving_way.py``). Whatever else takes longer than ``TURN`` keeps its
thread and gives up its turn.
"""

from __future__ import annotations

import asyncio
import heapq
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

HEADSTART = 4.0  # times what they need, which all others may come later
LITTLE, TURN, AWAY = 0.025, 0.15, 20.0  # seconds


class Turn:
    """One computation's. due: its place in line; seconds: what it will probably take."""

    def __init__(self, turns: Turns, due: float, seconds: float) -> None:
        self.turns, self.due, self.seconds = turns, due, seconds
        self.loop = asyncio.get_running_loop()
        self.held, self.until = False, 0.0
        self.watch: asyncio.TimerHandle | None = None

    async def wait(self) -> None:
        """Until it is ours. Who is cancelled meanwhile leaves it to the next."""
        mine = self.turns.ask(self)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self.turns.pass_on()  # it was given to who has gone
            raise
        self.take()

    def take(self) -> None:
        self.held, self.until = True, time.monotonic() + TURN
        self._look()

    def let_go(self) -> None:
        if self.held:
            self._put_down()
            self.turns.pass_on()

    def _put_down(self) -> None:
        self.held = False
        if self.watch is not None:
            self.watch.cancel()

    def _look(self) -> None:
        """Give it up once it was held for ``TURN`` seconds in one go."""
        left = self.until - time.monotonic()
        if left > 0:
            self.watch = self.loop.call_later(left, self._look)
        else:
            self.let_go()

    def give_way(self) -> None:
        """Let pass who needs little and is due before us: to be called from the computing thread, as often as
        one likes."""
        self.until = time.monotonic() + TURN
        if self.held and self.turns.little_is_due_before(self.due):
            back = threading.Event()
            self.loop.call_soon_threadsafe(self._step_aside, back)
            back.wait(AWAY)  # then without a turn, which is given on as soon as it comes

    def _step_aside(self, back: threading.Event) -> None:
        def again(asked: asyncio.Future[None]) -> None:
            self.take()
            back.set()

        if not self.held:  # it was given up meanwhile
            back.set()
            return
        self._put_down()
        self.turns.ask(self).add_done_callback(again)
        self.turns.pass_on()


class Turns:
    """The turn of one process, or of one event loop, and who waits for it."""

    def __init__(self) -> None:
        self.waiting: list[tuple[float, int, Turn, asyncio.Future[None]]] = []  # a heap
        self.taken, self.asked = False, count()

    @asynccontextmanager
    async def turn(self, seconds: float, since: float | None = None) -> AsyncIterator[Turn]:
        """Wait for a turn, and hold it. seconds: what it will probably take; since: when it was asked for, in
        the loop's time, default now."""
        asked = asyncio.get_running_loop().time() if since is None else since
        turn = Turn(self, asked + HEADSTART * seconds, seconds)
        await turn.wait()
        try:
            yield turn
        finally:
            turn.let_go()

    def ask(self, turn: Turn) -> asyncio.Future[None]:
        """Done when it is this one's turn."""
        mine = turn.loop.create_future()
        if self.taken:
            heapq.heappush(self.waiting, (turn.due, next(self.asked), turn, mine))
        else:
            self.taken = True
            mine.set_result(None)
        return mine

    def little_is_due_before(self, due: float) -> bool:
        """Whether somebody who needs little is first in line, and due before; from any thread."""
        first = self.waiting[:1]
        return bool(first) and first[0][0] < due and first[0][2].seconds <= LITTLE

    def pass_on(self) -> None:
        """To who is first in line; those who have gone are passed over."""
        while self.waiting:
            *_, first = heapq.heappop(self.waiting)
            if not first.done():
                first.set_result(None)
                return
        self.taken = False
