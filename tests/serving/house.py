"""A full house: so many people ask one heavy question at once, each with a text of their own.

``full_house(server, question)`` asks as the page does, again where it is told to try again, and tells by how
much the process grew while they were served.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from attention.ui import BY_ID
from tests.bench.learners import Page, browser
from tests.serving.processes import Server

PEOPLE = 24
SENTENCE = "the tired old cat sat on a very small mat near the river and saw the big dog run far away"


class Question(NamedTuple):
    """function: of the tab's view. inputs: what the learner with a number changes."""

    tab: str
    function: str
    inputs: Callable[[int], dict[str, Any]]


def long_text(number: int) -> str:
    """More than 512 tokens."""
    return f"text {number} " + "so many words for one model to read " * 62


def own_text(number: int) -> str:
    """Twenty-three words, of which every learner's begin otherwise."""
    return f"{number} {SENTENCE}"


# every scene that runs or trains a model for a new input, at its largest
QUESTIONS = {
    "heads understand, 512 tokens": Question(
        "heads", "roles", lambda i: {"look": "understand", "text": long_text(i)}
    ),
    "heads overview, 512 tokens": Question("heads", "draw", lambda i: {"text": long_text(i)}),
    "model why, MiniLM": Question(
        "model", "draw", lambda i: {"scene": "why", "model": "minilm", "text": own_text(i), "other": ""}
    ),
    "model why, all heads of MiniLM": Question(
        "model", "grid", lambda i: {"scene": "why", "model": "minilm", "text": own_text(i), "other": ""}
    ),
    "model why, SmolLM2": Question(
        "model", "draw", lambda i: {"scene": "why", "model": "smollm2", "text": own_text(i), "other": ""}
    ),
    "model copy, a training": Question(
        "model", "draw", lambda i: {"scene": "copy", "run_seed": i % 10, "layers": "12"[i % 2]}
    ),
    "cost cache, SmolLM2": Question(
        "cost", "draw", lambda i: {"scene": "cache", "writer": "smollm2", "story": own_text(i)}
    ),
    "cost share, MiniLM": Question("cost", "draw", lambda i: {"scene": "share", "sentence": own_text(i)}),
    "cost window": Question("cost", "draw", lambda i: {"scene": "window", "seed": i, "layers": 6}),
    "cost sums": Question("cost", "draw", lambda i: {"scene": "linear", "seed": i, "features": 512}),
}  # fmt: skip


@contextmanager
def peak_of(server: Server) -> Iterator[list[int]]:
    """A list that ends with the most bytes that the process held meanwhile."""
    seen, over = [server.rss()], threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            seen[0] = max(seen[0], server.rss())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def full_house(
    server: Server, question: Question, people: int = PEOPLE, patience: int = 90
) -> tuple[int, int]:
    """(bytes that the process grew by at its peak, how many of them got their picture)."""
    page, tab = Page.read(server.url), BY_ID[question.tab]
    defaults = {field.name: field.default for field in tab.fields}

    async def ask_all() -> int:
        async with browser() as client:

            async def one(number: int) -> bool:
                body = {"data": {"inputs": defaults | question.inputs(number)}, "session_hash": "house",
                        "component_id": page.view[question.tab], "fn_name": question.function}  # fmt: skip
                for _ in range(patience):  # as a learner who is told to try again
                    answer = await client.post(
                        f"{server.url}/gradio_api/component_server", json=body, timeout=300
                    )
                    panels = answer.json().get("panels")
                    if panels and panels[0]["kind"] != "waiting":
                        return True
                    await asyncio.sleep(1.0)
                return False

            return sum(await asyncio.gather(*map(one, range(people))))

    before = server.rss()
    with peak_of(server) as peak:
        answered = asyncio.run(ask_all())
    return peak[0] - before, answered
