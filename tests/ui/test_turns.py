"""Turns: one computes at a time, those who need little first, trainings give way between their steps."""

from __future__ import annotations

import asyncio
import time

import pytest
from anyio import to_thread

from attention.ui.page import turns as module
from attention.ui.page.turns import Turns


def test_who_needs_little_goes_first_and_nobody_waits_for_who_has_gone():
    async def play():
        turns, order = Turns(), []

        async def one(name, seconds):
            async with turns.turn(seconds):
                order.append(name)
                await asyncio.sleep(0.01)

        tasks = {}
        for name, seconds in (("first", 1), ("long", 1), ("gone", 0), ("short", 0), ("longer", 2)):
            tasks[name] = asyncio.create_task(one(name, seconds))
            await asyncio.sleep(0)
        tasks["gone"].cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        return order, turns.taken, turns.waiting

    assert asyncio.run(play()) == (["first", "short", "long", "longer"], False, [])


def test_a_turn_given_to_who_has_gone_meanwhile_is_given_on():
    async def play():
        turns = Turns()
        async with turns.turn(0):
            waits = asyncio.create_task(turns.turn(0).__aenter__())
            await asyncio.sleep(0)
        waits.cancel()  # it was its turn, and it had no time to notice
        with pytest.raises(asyncio.CancelledError):
            await waits
        async with asyncio.timeout(1), turns.turn(0):
            return True

    assert asyncio.run(play())


def played(seconds, steps, others, steps_before=3):
    """A computation of so many steps, and others who come after its first ones -> who did what, in order."""

    async def play():
        turns, order, begun = Turns(), [], asyncio.Event()
        loop = asyncio.get_running_loop()

        def compute(turn):
            for step in range(steps):
                turn.give_way()
                order.append(step)
                if step == steps_before - 1:
                    loop.call_soon_threadsafe(begun.set)
                    while not turns.waiting:
                        time.sleep(0.001)

        async def long():
            async with turns.turn(seconds) as turn:
                await to_thread.run_sync(compute, turn)

        async def one(name, seconds):
            async with turns.turn(seconds):
                order.append(name)

        task = asyncio.create_task(long())
        await begun.wait()
        await asyncio.gather(task, *(one(name, takes) for name, takes in others.items()))
        return order, turns.taken, turns.waiting

    return asyncio.run(play())


def test_a_training_gives_way_between_its_steps_to_those_due_before_it_and_goes_on():
    order, taken, waiting = played(10.0, 6, {"short": 0.0, "longer": 100.0})
    assert order == [0, 1, 2, "short", 3, 4, 5, "longer"]
    assert not taken and not waiting


@pytest.mark.parametrize(("seconds", "other"), [(0.0, 0.0), (10.0, 0.03)])
def test_neither_who_is_due_first_is_overtaken_nor_anybody_by_who_needs_much(seconds, other):
    order, *_ = played(seconds, 6, {"other": other})
    assert order == [0, 1, 2, 3, 4, 5, "other"]


def test_who_gives_way_in_time_keeps_its_turn_and_who_does_not_gives_it_up(monkeypatch):
    monkeypatch.setattr(module, "TURN", 0.05)

    async def play(gives_way):
        turns, order = Turns(), []

        def compute(turn):
            for _ in range(10):
                time.sleep(0.02)
                if gives_way:
                    turn.give_way()
            order.append("first")

        async def first():
            async with turns.turn(0.0) as turn:
                await to_thread.run_sync(compute, turn)

        async def second():
            async with turns.turn(0.0):
                order.append("second")

        task = asyncio.create_task(first())
        await asyncio.sleep(0)
        await asyncio.gather(task, second())
        return order, turns.taken

    assert asyncio.run(play(True)) == (["first", "second"], False)
    assert asyncio.run(play(False)) == (["second", "first"], False)


def test_who_stepped_aside_too_long_goes_on_without_a_turn_and_gives_it_on_when_it_comes(monkeypatch):
    monkeypatch.setattr(module, "TURN", 0.05)
    monkeypatch.setattr(module, "AWAY", 0.05)

    async def play():
        turns, done = Turns(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def compute(turn):
            while not turns.waiting:
                time.sleep(0.001)
            turn.give_way()
            loop.call_soon_threadsafe(done.set)

        async def long():
            async with turns.turn(10.0) as turn:
                await to_thread.run_sync(compute, turn)

        async def short():
            async with turns.turn(0.0) as turn:
                for _ in range(20):  # while it gives way in time it keeps its turn
                    turn.give_way()
                    await asyncio.sleep(0.01)
                return done.is_set()

        task = asyncio.create_task(long())
        await asyncio.sleep(0.01)
        alone = await short()
        await task
        async with asyncio.timeout(2), turns.turn(0.0):
            return alone

    assert asyncio.run(play())
