"""What replicas rest on: the same page in every process, and a process that goes idle again."""

from __future__ import annotations

import http.client
import json
import time
from urllib.parse import urlparse

import gradio as gr
import pytest

from attention.ui import TABS, build
from attention.ui.page.questions import draw
from tests.bench.learners import Page, browser, own_inputs
from tests.bench.load import memory_growth, run_class, wait_for_models
from tests.serving.processes import app_server


def shape(demo: gr.Blocks) -> list:
    """What a browser holds on to between requests: component ids and function numbers."""
    config = demo.get_config_file()
    parts = [(c["id"], c["type"], c["props"].get("elem_id")) for c in config["components"]]
    return parts + [(d["id"], d["targets"], d["inputs"], d["outputs"]) for d in config["dependencies"]]


@pytest.fixture(scope="module")
def server():
    with app_server() as server:
        wait_for_models(server)
        yield server


def test_every_process_numbers_its_parts_alike(server):
    """The page's own numbers, taken from another process, equal those built here."""
    gr.context.Context.id = 0  # as in a fresh process
    page = Page.read(server.url)
    here = {c.elem_id: c._id for c in reversed(build().blocks.values()) if c.elem_id}
    assert page.view == {tab.id: here[f"view-{tab.id}"] for tab in TABS}


def test_no_event_needs_the_queue_or_a_session():
    demo = build()
    assert not any(function.queue for function in demo.fns.values())
    assert not any(isinstance(block, gr.State) for block in demo.blocks.values())


def test_a_small_class_gets_its_own_right_answers(server):
    tally = run_class(server, TABS, learners=12, seconds=8, think=1.0).check()
    assert len(tally.answers) >= 12
    assert not tally.errors, tally.errors[0]
    assert not tally.wrong, (tally.wrong[0].values, tally.wrong[0].got)


def test_a_closed_page_leaves_nothing_running(server):
    """Heavy questions are sent and dropped at once; soon after, the process uses no processor time."""
    page = Page.read(server.url)
    heads = next(tab for tab in TABS if tab.id == "heads")
    values = {field.name: field.default for field in heads.fields}
    for turn in range(6):
        values["text"] = f"{turn} " + "many words that a model reads " * 40
        body = {"data": {"inputs": values}, "component_id": page.view["heads"], "fn_name": "draw",
                "session_hash": f"gone{turn}"}  # fmt: skip
        connection = http.client.HTTPConnection(urlparse(server.url).netloc, timeout=30)
        headers = {"content-type": "application/json"}
        connection.request("POST", "/gradio_api/component_server", json.dumps(body), headers)
        connection.close()
    end, before = time.monotonic() + 60, server.cpu()
    while True:
        time.sleep(1.0)
        now = server.cpu()
        if now - before < 0.1:
            break
        assert time.monotonic() < end, "the server still computes for pages that are gone"
        before = now


def test_light_questions_are_answered_while_heavy_ones_wait(server):
    """30 model runs are asked for at once; meanwhile another tab answers, long before they are done."""
    import asyncio
    import random

    masks, heads = (next(tab for tab in TABS if tab.id == name) for name in ("masks", "heads"))
    page = Page.read(server.url)

    async def ask_all():
        async with browser() as client:
            defaults = {field.name: field.default for field in heads.fields}
            texts = [f"{i} " + "so many words for one model to read " * 40 for i in range(30)]
            heavy = [asyncio.create_task(page.ask(client, heads, defaults | {"text": t})) for t in texts]
            await asyncio.sleep(0.2)
            values = own_inputs(masks, random.Random(0), "light")
            light = await page.ask(client, masks, values)
            still = sum(not task.done() for task in heavy)
            return light, still, await asyncio.gather(*heavy)

    light, still, heavy = asyncio.run(ask_all())
    assert light.got == json.loads(json.dumps(draw("en", masks, {"inputs": light.values})))
    assert still > 0
    assert all(answer.status == 200 for answer in heavy)
    # those who were not served were told so in a sentence
    assert all("panels" in answer.got or answer.is_busy() for answer in heavy)


def test_memory_settles(server):
    """The short form of the bench, which compares 10,000 requests with 1,000 and allows 5%."""
    assert memory_growth(server, 150, 450) < 1.12
