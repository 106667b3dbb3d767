"""Learners who ask the server over HTTP as the page does, and the check of what they were told.

Each draws inputs of its own, different at every turn; afterwards every answer is compared with the
tab's own answer computed in this process.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
import random
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np

from attention.ui.page.fields import Choice, Flag, Number, Text, Whole
from attention.ui.page.questions import AnyTab, ask_sheet, draw
from attention.ui.page.texts import words_for

WORDS = "the a big small cat dog bird fox tree river sees likes chased under over near red blue".split()
HEAVY_TABS = ("heads", "decoder", "applications", "model", "cost")  # these run a model for every new input
HEAVY_VALUES = {("mode", "training"), ("method", "learned")}


def is_heavy(tab: AnyTab, values: dict[str, Any]) -> bool:
    """Whether these inputs make the server run or train a model."""
    return tab.id in HEAVY_TABS or any(item in HEAVY_VALUES for item in values.items() if _plain(item[1]))


def own_inputs(tab: AnyTab, dice: random.Random, name: str) -> dict[str, Any]:
    """Inputs that the tab takes, different for every learner and every turn."""
    while True:
        values = {one.name: _drawn(one, dice, name) for one in tab.fields}
        if tab.id == "heads":  # MiniLM's layers and heads; the other texts stay as they are
            values |= {"text": _sentence(dice, name), "pair": "", "side": "self",
                       "layer": dice.randrange(6), "head": dice.randrange(12)}  # fmt: skip
        elif tab.id == "masks":
            values["text"] = "\n".join(_sentence(dice, name) for _ in range(dice.randint(1, 4)))
            values["sentence"] = 1
        elif tab.id == "model":  # the models that are always there
            values |= {
                "model": dice.choice(("minilm", "storyteller")),
                "ranked": "storyteller",
                "teller": "storyteller",
            }
        elif tab.id == "cost":  # the models that are always there
            values |= {"writer": "storyteller", "layer": dice.randrange(2), "head": dice.randrange(4),
                       "model": dice.choice(("minilm", "storyteller")), "sentence": _sentence(dice, name),
                       "story": _sentence(dice, name)}  # fmt: skip
        return values


def _drawn(one: Any, dice: random.Random, name: str) -> Any:
    if one.name == "position" or getattr(one, "typed", False):  # the end of its range depends on others
        return one.default
    if isinstance(one, Number | Whole):
        low, high = one.low, min(one.high, max(4 * one.default, one.low + 4 * one.step))
        value = low + one.step * dice.randrange(int((high - low) / one.step + 1.5))
        return int(value) if isinstance(one, Whole) else round(min(value, one.high), 6)
    if isinstance(one, Flag):
        return dice.random() < 0.5
    if isinstance(one, Choice):
        # half the learners stay with what the tab opens with, the others try things
        return one.default if dice.random() < 0.5 else dice.choice(one.options)
    if isinstance(one, Text) and one.name == "text":
        return _sentence(dice, name)[: one.limit]
    return one.default


def _sentence(dice: random.Random, name: str) -> str:
    return " ".join([name, *dice.choices(WORDS, k=dice.randint(3, 9))])


def _plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)


@dataclass
class Answer:
    """One request and what came of it. seconds: from sending to the whole answer."""

    tab: AnyTab
    values: dict[str, Any]
    cell: dict[str, Any] | None
    seconds: float
    status: int
    got: Any

    @property
    def heavy(self) -> bool:
        return is_heavy(self.tab, self.values)

    def is_busy(self) -> bool:
        return _error(self.got) in {words_for(language)("errors.busy") for language in ("en", "zh")}


def _error(got: Any) -> str | None:
    return got.get("error") if isinstance(got, dict) else None


@dataclass
class Page:
    """What a browser learns from /config: which component answers for a tab."""

    url: str
    view: dict[str, int] = field(default_factory=dict)

    @staticmethod
    def read(url: str) -> Page:
        config = httpx.get(f"{url}/config", timeout=60).json()
        page = Page(url)
        for component in config["components"]:
            name = component["props"].get("elem_id") or ""
            if name.startswith("view-"):  # English comes first
                page.view.setdefault(name.removeprefix("view-"), component["id"])
        return page

    async def ask(
        self, client: httpx.AsyncClient, tab: AnyTab, values: dict, cell: dict | None = None
    ) -> Answer:
        """Send one request as the page would, and time it."""
        body = {
            "data": {"inputs": values} if cell is None else cell,
            "component_id": self.view[tab.id],
            "fn_name": "draw" if cell is None else "sheet",
            "session_hash": "load",
        }
        start = time.perf_counter()
        try:
            answer = await client.post(f"{self.url}/gradio_api/component_server", json=body)
            seconds = time.perf_counter() - start
            got = answer.json() if answer.status_code == 200 else answer.text
            return Answer(tab, values, cell, seconds, answer.status_code, got)
        except httpx.HTTPError as error:
            return Answer(tab, values, cell, time.perf_counter() - start, 0, repr(error))


def browser() -> httpx.AsyncClient:
    """One client for all learners: each would take 20 ms of processor time to make.

    A connection that has rested for 4 s is not used again: the server hangs up after 5, and what is sent at
    that moment gets lost, which a browser sends once more.
    """
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=4.0)
    return httpx.AsyncClient(timeout=60, limits=limits, verify=False, trust_env=False)


async def learner(
    page: Page, client: httpx.AsyncClient, number: int, tab: AnyTab, end: float, think: float
) -> list[Answer]:
    """One learner on one tab until ``end``; every fourth request opens a cell of the last picture."""
    dice, made = random.Random(number), []
    await asyncio.sleep(dice.uniform(0, think))
    while time.perf_counter() < end:
        answer = await page.ask(client, tab, own_inputs(tab, dice, f"learner{number}"))
        made.append(answer)
        await asyncio.sleep(dice.uniform(0.5, 1.5) * think)
        cell = _cell(answer, dice) if dice.random() < 0.25 else None
        if cell:
            made.append(await page.ask(client, tab, answer.values, cell))
            await asyncio.sleep(dice.uniform(0.5, 1.5) * think)
    return made


def _cell(answer: Answer, dice: random.Random) -> dict[str, Any] | None:
    panels = answer.got.get("panels", []) if isinstance(answer.got, dict) else []
    panels = [p for p in panels if p.get("opens") and "data" in p]
    if not panels:
        return None
    panel = dice.choice(panels)
    rows, columns = panel["data"]["shape"]
    return {"inputs": answer.got["inputs"], "panel": panel["id"],
            "row": dice.randrange(rows), "column": dice.randrange(columns)}  # fmt: skip


async def class_at(
    page: Page, tabs: Iterable[AnyTab], learners: int, seconds: float, think: float
) -> list[Answer]:
    """So many learners, spread over the tabs, for so many seconds."""
    tabs = list(tabs)
    end = time.perf_counter() + seconds
    async with browser() as client:
        made = await asyncio.gather(
            *(learner(page, client, i, tabs[i % len(tabs)], end, think) for i in range(learners))
        )
    return [answer for each in made for answer in each]


def expected(answer: Answer) -> Any:
    """The same question answered here, without a server."""
    if answer.cell is not None:
        return ask_sheet("en", answer.tab, answer.cell)
    return draw("en", answer.tab, {"inputs": answer.values})


def is_right(answer: Answer) -> bool:
    """Whether the server's answer is the one computed here, to rounding."""
    return same(answer.got, json.loads(json.dumps(expected(answer))))


def same(got: Any, want: Any, key: str = "") -> bool:
    """Equal, with numbers to five digits; packed floats are unpacked, packed bytes may be one off.

    Another number of threads adds in another order, so the last digits differ: numbers inside
    sentences are compared as numbers, and a checksum of floats ("stamp") says nothing.
    """
    if key == "stamp":
        return type(got) is type(want)
    if isinstance(want, dict):
        return (
            isinstance(got, dict)
            and got.keys() == want.keys()
            and all(same(got[k], want[k], k) for k in want)
        )
    if isinstance(want, list):
        return isinstance(got, list) and len(got) == len(want) and all(
            same(a, b, key) for a, b in zip(got, want, strict=True))  # fmt: skip
    if isinstance(want, bool) or want is None:
        return got is want
    if isinstance(want, int | float):
        return isinstance(got, int | float) and math.isclose(got, want, rel_tol=1e-5, abs_tol=1e-6)
    if got == want:
        return True
    if not isinstance(got, str) or not isinstance(want, str):
        return False
    if key == "f32":
        a, b = (np.frombuffer(base64.b64decode(text), "<f4") for text in (got, want))
        return a.shape == b.shape and np.allclose(a, b, rtol=1e-5, atol=1e-6, equal_nan=True)
    if key in ("data", "thumbnails"):
        a, b = (np.frombuffer(base64.b64decode(text), np.uint8).astype(int) for text in (got, want))
        return a.shape == b.shape and abs(a - b).max(initial=0) <= 1
    return alike(got, want)


WRITTEN = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def alike(got: str, want: str) -> bool:
    """The same words, with the same numbers in them up to one in the last digit written."""
    if WRITTEN.sub("#", got) != WRITTEN.sub("#", want):
        return False
    pairs = zip(WRITTEN.findall(got), WRITTEN.findall(want), strict=True)
    return all(a == b or abs(float(a) - float(b)) <= 1.001 * max(_unit(a), _unit(b)) for a, b in pairs)


def _unit(number: str) -> float:
    """One in the last digit written; a whole number is a count, and exact."""
    digits, _, exponent = number.partition("e")
    if "." not in digits:
        return 0.0
    return 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))
