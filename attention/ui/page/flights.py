"""The same question asked by many at one time: one computation, an answer for each of them.

It costs no thread to wait here, unlike behind a lock, so two hundred learners who open one link leave the
threads to the others. Nothing is kept: an answer is forgotten when it is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    """Computations under way, by everything that they depend on."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Task[T]] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    async def once(self, key: Hashable, compute: Callable[[], Awaitable[T]]) -> T:
        """What ``compute()`` gives or raises, from the one that is under way for this key if there is one.

        It goes on when the one who began it has gone, since others may wait for it.
        """
        task = self._under_way.get(key)
        if task is None:

            async def run() -> T:
                return await compute()

            task = self._under_way[key] = asyncio.create_task(run())

            def done(task: asyncio.Task[Any]) -> None:
                self._under_way.pop(key, None)
                if not task.cancelled():
                    task.exception()  # all who asked may have gone

            task.add_done_callback(done)
        return await asyncio.shield(task)
