"""Long computations give way where they say they do."""

import asyncio
from types import SimpleNamespace

import pytest
import torch

from attention.copying import train
from attention.giving_way import give_way, waits
from attention.kernel import train_widths
from attention.matchmaker import train_dating
from attention.pretrained import adopt, run
from attention.ui.page.direct import Direct
from attention.ui.page.texts import words_for
from tests.tiny_models import build, plain


@pytest.fixture
def asked():
    """How often somebody was let go first."""
    calls = []
    token = waits.set(lambda: calls.append(1))
    yield calls
    waits.reset(token)


def test_trainings_give_way_before_every_step(asked):
    train_dating(steps=7)
    assert len(asked) == 8  # and before the loss at the end is measured
    asked.clear()
    x = torch.linspace(0, 1, 5)
    train_widths(x, x.square(), steps=4)
    assert len(asked) == 5
    asked.clear()
    train(1, 0, 3, every=3)
    assert len(asked) == 3


def test_a_model_gives_way_before_every_layer(asked):
    model = adopt(build("llama"))
    asked.clear()
    run(model, plain(5))
    assert len(asked) == model.num_layers


def test_a_question_of_the_page_gives_way_to_who_waits_for_a_turn_and_nothing_else_does():
    given = []

    def draw(data):
        given.append(waits.get())
        give_way()
        return {}

    async def play():
        app = Direct(SimpleNamespace(blocks={1: SimpleNamespace(draw=draw)}, limiter=None))
        await app.answer({"component_id": 1, "fn_name": "draw", "data": None}, words_for("en"))
        return waits.get()

    after = asyncio.run(play())
    assert given[0].__qualname__ == "Turn.give_way" and after is not given[0]
