"""A class at once: learners on every tab, each with inputs of its own, every answer checked.

Learners ask over HTTP as the page does, think, and ask again; the same learners then ask a Gradio app
with one trivial handler, and our figures are printed as ratios to its. Requests counted as heavy run
a model or train one.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch

from attention.ui import TABS
from attention.ui.page.questions import AnyTab
from tests.bench import report
from tests.bench.learners import HEAVY_TABS, Answer, Page, browser, class_at, is_right, own_inputs
from tests.serving.processes import Server, app_server, trivial_server


def percentile(seconds: list[float], share: float) -> float:
    """In milliseconds; NaN without any."""
    return 1000 * sorted(seconds)[min(int(share * len(seconds)), len(seconds) - 1)] if seconds else math.nan


@dataclass
class Tally:
    """What a run came to; ``wrong`` is filled by ``check``."""

    answers: list[Answer]
    seconds: float
    wrong: list[Answer] = field(default_factory=list)
    checked: int = 0

    def check(self, patience: float = 30.0) -> Tally:
        """Compare the answers that claim to be one, in an order drawn by lot, for so many seconds."""
        answers = [a for a in self.answers if a.status == 200 and not a.is_busy()]
        random.Random(0).shuffle(answers)
        end = time.perf_counter() + patience
        for answer in answers:
            if time.perf_counter() > end:
                break
            self.checked += 1
            if not is_right(answer):
                self.wrong.append(answer)
        return self

    @property
    def errors(self) -> list[Answer]:
        return [a for a in self.answers if a.status != 200]

    @property
    def busy(self) -> int:
        return sum(a.is_busy() for a in self.answers)

    def times(self, chosen: Callable[[Answer], bool] = lambda a: True) -> list[float]:
        return [a.seconds for a in self.answers if chosen(a)]


def run_class(server: Server, tabs: Iterable[AnyTab], learners: int, seconds: float, think: float) -> Tally:
    """A class on a running server, not yet checked."""
    page = Page.read(server.url)
    return Tally(asyncio.run(class_at(page, tabs, learners, seconds, think)), seconds)


def wait_for_models(server: Server, patience: float = 120.0) -> None:
    """Until the built-in model is loaded there and here, so that the heads tab shows a picture."""
    heads = next((tab for tab in TABS if tab.id == "heads"), None)
    if heads is None:
        return
    page, end = Page.read(server.url), time.perf_counter() + patience

    async def shown() -> bool:
        async with browser() as client:
            got = (await page.ask(client, heads, {f.name: f.default for f in heads.fields})).got
        return isinstance(got, dict) and any(p["kind"] == "overview" for p in got.get("panels", []))

    while not asyncio.run(shown()):
        if time.perf_counter() > end:
            raise RuntimeError("the built-in model was not loaded in time")
        time.sleep(0.5)
    from attention.ui.tabs.heads.runs import model_of

    model_of("minilm", patience=patience)  # the checks run here


def record_circuits(server: Server) -> float:
    """Seconds until every training of a circuit that the page offers (ten seeds, two networks, one of fixed
    length) is kept: as with models, who comes first waits two seconds for one, and nobody after that."""
    model = next(tab for tab in TABS if tab.id == "model")
    page, begin = Page.read(server.url), time.perf_counter()
    values = {field.name: field.default for field in model.fields} | {"scene": "copy"}

    async def each() -> None:
        async with browser() as client:
            for seed in range(10):
                for what in ({"layers": "2"}, {"layers": "1"}, {"stage": "lengths"}):
                    answer = await page.ask(client, model, values | {"run_seed": seed} | what)
                    assert "panels" in answer.got, answer.got

    asyncio.run(each())
    return time.perf_counter() - begin


def memory_growth(server: Server, first: int, last: int, at_once: int = 8) -> float:
    """RSS after ``last`` requests over RSS after ``first``, all with new inputs, on every tab."""
    page, sizes = Page.read(server.url), []

    async def stretch(turns: range) -> None:
        left = iter(turns)
        async with browser() as client:

            async def one() -> None:
                for turn in left:
                    tab, dice = TABS[turn % len(TABS)], random.Random(turn)
                    await page.ask(client, tab, own_inputs(tab, dice, f"turn{turn}"))

            await asyncio.gather(*(one() for _ in range(at_once)))

    for turns in (range(first), range(first, last)):
        asyncio.run(stretch(turns))
        sizes.append(server.rss())
    return sizes[1] / sizes[0]


async def trivial_class(url: str, learners: int, seconds: float, think: float) -> list[float]:
    """The same learners at the trivial handler: seconds per answer."""
    times, end = [], time.perf_counter() + seconds

    async def one(number: int) -> None:
        dice = random.Random(number)
        await asyncio.sleep(dice.uniform(0, think))
        while time.perf_counter() < end:
            x, start = dice.randrange(1000), time.perf_counter()
            answer = await client.post(f"{url}/gradio_api/run/twice", json={"data": [x]})
            times.append(time.perf_counter() - start)
            assert answer.json()["data"] == [2 * x]
            await asyncio.sleep(dice.uniform(0.5, 1.5) * think)

    async with browser() as client:
        await asyncio.gather(*(one(i) for i in range(learners)))
    return times


def main(sizes: tuple[int, ...] = (50, 200), seconds: float = 35.0, think: float = 2.0) -> None:
    """A class of each size, within four minutes in all; ``memory`` takes longer and is a part of its own."""
    torch.set_num_threads(1)
    with trivial_server() as other:
        trivial = asyncio.run(trivial_class(other.url, sizes[0], seconds / 2, think))
    theirs = percentile(trivial, 0.95)
    print(f"  the trivial handler, {sizes[0]} learners: p95 {theirs:.0f} ms")
    with app_server() as server:
        wait_for_models(server)
        print(f"  the recorded circuits, once in a process's life: {record_circuits(server):.0f} s")
        light_tabs = [tab for tab in TABS if tab.id not in HEAVY_TABS]
        alone = run_class(server, light_tabs, sizes[0], seconds / 3, think)
        for learners in sizes:
            used = server.cpu()
            whole = run_class(server, TABS, learners, seconds, think)
            rate, cores = len(whole.answers) / seconds, (server.cpu() - used) / seconds
            print(f"  {learners} learners: {rate:.1f} requests a second, {cores:.2f} cores of processor time")
            told(whole.check(), theirs, percentile(alone.times(), 0.95) if learners == sizes[0] else 0)


def told(whole: Tally, theirs: float, alone: float) -> None:
    """The figures of one class. theirs: the trivial handler's p95; alone: that of light tabs alone, or 0."""
    kinds = {"all": lambda a: True, "light": lambda a: not a.heavy, "heavy": lambda a: a.heavy}
    for name, chosen in kinds.items():
        p50, p95 = (percentile(whole.times(chosen), share) for share in (0.5, 0.95))
        print(f"  {name}: {len(whole.times(chosen))} requests, p50 {p50:.0f} ms, p95 {p95:.0f} ms")
    light, heavy = (percentile(whole.times(kinds[kind]), 0.95) for kind in ("light", "heavy"))
    if alone:
        report("light p95 beside heavy work, of light p95 alone", light / alone, 2.0)
        report("light p95 beside heavy work, of the trivial handler's", light / theirs, 3.0)
    else:
        report("heavy p95, seconds", heavy / 1000, 1.0)
    report("errors", len(whole.errors), 0)
    report(f"wrong answers of {whole.checked} computed again", len(whole.wrong), 0)
    report("share told to try again", whole.busy / len(whole.answers), 0.01)
    for answer in [*whole.wrong, *whole.errors][:3]:
        print("   ", answer.tab.id, answer.values, answer.cell, str(answer.got)[:300])


def memory(requests: int = 10_000) -> None:
    """Whether anything is kept for ever; the recorded circuits, 3 MB each, are made beforehand."""
    with app_server() as server:
        wait_for_models(server)
        record_circuits(server)
        growth = memory_growth(server, requests // 10, requests)
        report(f"memory after {requests} requests, of that after {requests // 10}", growth, 1.05)
