"""The page's questions without Gradio's layers: the same answers, in order, so many at once and no more."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from functools import partial
from types import SimpleNamespace

import httpx
import pytest

from attention.ui import TABS, build
from attention.ui.page import direct, edge, turns
from attention.ui.page.direct import Direct
from attention.ui.page.texts import words_for
from tests.ui.test_flights import view_id

WORDS = words_for("en")


def ask(url, number, name, data):
    body = {"data": data, "component_id": number, "fn_name": name, "session_hash": "s"}
    return httpx.post(f"{url}/gradio_api/component_server", json=body, timeout=60)


def of(functions):
    """Questions to components that hold these functions, by number."""
    blocks = {number: SimpleNamespace(draw=function) for number, function in functions.items()}
    return Direct(SimpleNamespace(blocks=blocks, limiter=None))


def question(number, data=None):
    return {"component_id": number, "fn_name": "draw", "data": data}


def told(got):
    return json.loads(b"".join(got.parts))


def compute(seconds):
    """For so long of processor time."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


@pytest.mark.parametrize("tab", [tab.id for tab in TABS if not tab.slow])
def test_answers_are_those_of_gradios_own_route(app_url, monkeypatch, tab):
    number, inputs = view_id(app_url, tab), {"inputs": {}}
    short = ask(app_url, number, "draw", inputs)
    ways = []

    async def long_way(self, scope, path, clean, send, words):
        ways.append(clean)
        body = edge.written(clean | {"session_hash": edge.SESSION})
        await self.pass_on(scope, body, None, send)

    monkeypatch.setattr(edge.Edge, "together", long_way)
    long = ask(app_url, number, "draw", inputs)
    assert short.status_code == long.status_code == 200 and len(ways) == 1
    assert short.headers["content-type"] == long.headers["content-type"] == "application/json"
    assert short.json() == long.json() and short.json()["panels"]


@pytest.mark.parametrize(("turn", "at_once"), [(10.0, 1), (0.01, direct.AT_ONCE)])
def test_of_a_scene_one_is_computed_or_two_that_take_long_in_order_and_others_pass_by(
    monkeypatch, turn, at_once
):
    monkeypatch.setattr(turns, "TURN", turn)
    running, most, order, lock = 0, 0, [], threading.Lock()

    def slow(i):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            order.append(i)
        compute(0.05)
        with lock:
            running -= 1
        return {"i": i}

    async def play():
        app = of({1: slow, 2: lambda data: {"light": True}})
        heavy = [asyncio.create_task(app.answer(question(1, i), WORDS)) for i in range(20)]
        await asyncio.sleep(0.01)
        start = time.perf_counter()
        light = told(await app.answer(question(2), WORDS))
        passed = time.perf_counter() - start < 0.4 and not all(task.done() for task in heavy)
        return light, passed, [told(got)["i"] for got in await asyncio.gather(*heavy)]

    light, passed, answers = asyncio.run(play())
    assert light == {"light": True} and passed and answers == list(range(20))
    assert most == at_once and sorted(order[:at_once]) == list(range(at_once))
    assert max(abs(i - at) for at, i in enumerate(order)) < direct.AT_ONCE  # nobody is overtaken by far


@pytest.mark.parametrize(("name", "value"), [("IN_LINE", 3), ("PATIENCE", 0.05)])
def test_the_line_is_bounded_in_count_and_in_time(monkeypatch, name, value):
    monkeypatch.setattr(direct, name, value)
    monkeypatch.setattr(turns, "TURN", 0.01)
    gate = threading.Event()

    def held(i):
        gate.wait(10)
        return {"i": i}

    async def play():
        app = of({1: held})
        tasks = [asyncio.create_task(app.answer(question(1, i), WORDS)) for i in range(direct.AT_ONCE + 5)]
        await asyncio.sleep(0.3)
        gate.set()
        return [told(got) for got in await asyncio.gather(*tasks)], app.lanes[1, ""]

    answers, lane = asyncio.run(play())
    busy = [one for one in answers if one == {"error": WORDS("errors.busy")}]
    assert len(busy) == (3 if name == "IN_LINE" else 5)  # in line: for a place, or for a turn
    assert all(one == {"i": i} for i, one in enumerate(answers) if one not in busy)
    assert lane.waiting == 0 and not lane.places.locked()


def test_what_a_scene_takes_is_counted_in_processor_time():
    """A light scene that waits, as all do in a large class, is still told from one that computes."""

    async def play():
        app = of({1: lambda data: compute(0.06), 2: lambda data: time.sleep(0.06)})
        for number in (1, 2) * 4:
            await app.answer(question(number), WORDS)
        return [app.lanes[number, ""].seconds for number in (1, 2)]

    much, little = asyncio.run(play())
    assert much > 0.03 > 0.01 > little


def test_each_scene_has_a_line_of_its_own():
    """A training that waits does not hold up the same tab's other pictures; unknown scenes share a line."""
    model = next(tab for tab in TABS if tab.id == "model")
    draw = partial(lambda data: data)
    draw.tab = model
    asked = [{"scene": "copy"}, {"scene": "story"}, {}, {"scene": "made up"}, {"scene": ["story"]}]
    scenes = [direct.scene_asked(draw, {"inputs": inputs}) for inputs in asked]
    assert scenes == ["copy", "story", "story", "", ""]
    assert [direct.scene_asked(draw, data) for data in (None, [], {"inputs": 3})] == ["", "", ""]
    assert direct.scene_asked(lambda data: data, {"inputs": {}}) == ""


def test_the_pages_own_functions_say_whose_they_are():
    demo = build()
    views = [one for one in demo.blocks.values() if (getattr(one, "elem_id", None) or "").startswith("view-")]
    assert len(views) >= 2 * len(TABS)  # in both languages
    for view in views:
        assert view.draw.tab.id == view.elem_id.removeprefix("view-")


def test_an_error_of_the_function_gives_its_place_back():
    def fails(data):
        raise RuntimeError("no")

    async def play():
        app = of({1: fails})
        for _ in range(3 * direct.AT_ONCE):
            with pytest.raises(RuntimeError):
                await app.answer(question(1), WORDS)
        return app.lanes[1, ""].places.locked()

    assert asyncio.run(play()) is False


def test_a_page_with_a_login_or_a_lent_gpu_keeps_to_gradios_way(monkeypatch):
    blocks = SimpleNamespace(blocks={})
    plain = SimpleNamespace(auth=None, auth_dependency=None, get_blocks=lambda: blocks)
    assert isinstance(Direct.of(plain), Direct)
    for guard in ({"auth": {"ann": "pw"}}, {"auth_dependency": lambda request: None}):
        assert Direct.of(SimpleNamespace(**(vars(plain) | guard))) is None
    monkeypatch.setattr(direct, "ZERO_GPU", True)
    assert Direct.of(plain) is None
