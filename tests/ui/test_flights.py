"""A class that asks the same at one time: one computation, the same answer for everybody."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from attention.ui.page import questions
from attention.ui.page.flights import Flights


def test_one_computes_and_everybody_is_answered():
    calls = []

    async def compute():
        calls.append(1)
        await asyncio.sleep(0.02)
        return object()

    async def ask():
        flights = Flights()
        same = await asyncio.gather(
            *(flights.once("a", compute) for _ in range(50)), flights.once("b", compute)
        )
        assert len(flights) == 0
        return same, await flights.once("a", compute)

    same, later = asyncio.run(ask())
    assert len(set(map(id, same[:50]))) == 1 and same[50] is not same[0] and later is not same[0]
    assert len(calls) == 3


def test_who_leaves_takes_nothing_from_the_others():
    async def ask():
        flights, go = Flights(), asyncio.Event()

        async def compute():
            await go.wait()
            return 7

        first, second = (asyncio.create_task(flights.once("a", compute)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        go.set()
        return await second

    assert asyncio.run(ask()) == 7


def test_everybody_hears_what_went_wrong_and_it_is_forgotten():
    async def ask():
        flights = Flights()

        async def compute():
            await asyncio.sleep(0)
            raise ValueError("no")

        told = await asyncio.gather(*(flights.once("a", compute) for _ in range(3)), return_exceptions=True)
        return told, len(flights)

    told, left = asyncio.run(ask())
    assert [str(error) for error in told] == ["no"] * 3 and left == 0


def view_id(app_url, tab):
    components = httpx.get(f"{app_url}/config", timeout=60).json()["components"]
    return next(c["id"] for c in components if c["props"].get("elem_id") == f"view-{tab}")


@pytest.mark.parametrize("different", [False, True])
def test_a_class_on_one_link_is_one_computation(app_url, monkeypatch, different):
    """Twenty ask at once; the first is held until the others must have come."""
    scene = questions.view_of
    calls, gate = [], threading.Event()

    def slow(tab, language, values, step=0):
        calls.append(values)
        gate.wait(1.5)
        return scene(tab, language, values, step)

    monkeypatch.setattr(questions, "view_of", slow)
    number = view_id(app_url, "matchmaker")

    def ask(i):
        inputs = {"temperature": 0.5 + 0.1 * i * different}
        body = {
            "data": {"inputs": inputs},
            "component_id": number,
            "fn_name": "draw",
            "session_hash": f"s{i}",
        }
        return httpx.post(f"{app_url}/gradio_api/component_server", json=body, timeout=60)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(ask, range(20)))
    assert all(answer.status_code == 200 for answer in answers)
    given = [json.loads(answer.content)["inputs"]["temperature"] for answer in answers]
    assert given == [pytest.approx(0.5 + 0.1 * i * different) for i in range(20)]
    assert len(calls) == (20 if different else 1)
