"""The people of the matchmaker: a field of editable numbers, and the grid to edit them in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import gradio as gr
import torch

from ....typed import visible
from ...page.bounds import read_json
from ...page.fields import Field
from ...page.guard import Refusal, to_number

CANDIDATES, TRAITS, NAME = 8, 6, 24
LARGEST = 100.0  # exp() of a product stays finite in float64, and the numbers fit their cells


class Crowd(TypedDict):
    """Who says and is what: m names, a query of d traits, m keys of d and m values of v traits.

    traits (d,), facts (v,): what the traits of keys and of values are called, where the learner named any;
    "" is a name of the page's own. A crowd without them is one in which nothing is named.
    """

    names: list[str]
    query: list[float]
    keys: list[list[float]]
    values: list[list[float]]
    traits: NotRequired[list[str]]
    facts: NotRequired[list[str]]


PARTS = {"names", "query", "keys", "values"}


@dataclass(frozen=True)
class People(Field[Crowd]):
    """The people, edited in a grid of their own."""

    @property
    def kind(self) -> type:
        return dict

    @property
    def limits(self) -> str:
        return f"1 to {CANDIDATES} candidates, 1 to {TRAITS} traits, numbers from -100 to 100."

    def read(self, text: str) -> object:
        return read_json(text, nodes=400, depth=6)  # a table of people has 120 values, three deep

    def check(self, value: object, label: str) -> Crowd:
        if not isinstance(value, dict) or set(value) - {"traits", "facts"} != PARTS:
            raise Refusal("not_people", field=label)
        names, query, keys, values = (value[k] for k in ("names", "query", "keys", "values"))
        if not all(isinstance(part, list) for part in (names, query, keys, values)):
            raise Refusal("not_people", field=label)
        if not 1 <= len(names) <= CANDIDATES or not len(names) == len(keys) == len(values):
            raise Refusal("candidates", field=label, limit=CANDIDATES)
        if not all(isinstance(name, str) for name in names):
            raise Refusal("not_people", field=label)
        crowd: Crowd = {
            "names": [_named(name) or str(i + 1) for i, name in enumerate(names)],
            "query": self._rows([query], label, "query")[0],
            "keys": self._rows(keys, label, "key", len(query)),
            "values": self._rows(values, label, "value"),
        }
        if traits := _words(value.get("traits"), len(query), label):
            crowd["traits"] = traits
        if facts := _words(value.get("facts"), len(crowd["values"][0]), label):
            crowd["facts"] = facts
        return crowd

    def _rows(
        self, rows: list[object], label: str, part: str, length: int | None = None
    ) -> list[list[float]]:
        """Rows of one length, the first's unless it is given; a refusal names part, row and column."""
        found: list[list[float]] = []
        for i, row in enumerate(rows, 1):
            place: dict[str, Any] = {"field": label, "part": f"matchmaker.{part}", "row": i}
            if not isinstance(row, list):
                raise Refusal("cell_row", **place)
            if not 1 <= len(row) <= TRAITS:
                raise Refusal("traits", field=label, limit=TRAITS)
            length = len(row) if length is None else length
            if len(row) != length:
                raise Refusal("ragged", field=label, row=str(i), count=length)
            found.append([_cell(item, place | {"column": j}) for j, item in enumerate(row, 1)])
        return found

    def component(self, label: str, info: str | None, options: Callable[[str], str]) -> PeopleGrid:
        return PeopleGrid(self.default, label=label)


def _named(text: str) -> str:
    return " ".join(visible(text).split())[:NAME]


def _words(names: object, count: int, label: str) -> list[str]:
    """Names of ``count`` traits; none for a list in which nothing is named."""
    if names is None:
        return []
    if not isinstance(names, list) or len(names) != count or not all(isinstance(one, str) for one in names):
        raise Refusal("not_people", field=label)
    found = [_named(one) for one in names]
    return found if any(found) else []


def _cell(item: object, place: dict[str, Any]) -> float:
    try:
        number = to_number(item, "")
    except Refusal:
        raise Refusal("cell_number", **place) from None
    if abs(number) > LARGEST:
        raise Refusal("cell_range", **place, low=f"{-LARGEST:g}", high=f"{LARGEST:g}")
    return number


def drawn(people: Crowd, seed: int) -> Crowd:
    """The same people with numbers of a seed: halves, no two scores alike, nobody far ahead.

    Who fits best stays best, and so on down to the last, so that what a control can bring about it still can.
    """
    generator = torch.Generator().manual_seed(seed)
    width, count, facts = len(people["query"]), len(people["names"]), len(people["values"][0])
    for _ in range(200):  # eight people with one trait may have to share a score
        query = torch.randint(1, 5, (width,), generator=generator) / 2
        keys = torch.randint(-2, 5, (count, width), generator=generator) / 2
        scores = (keys @ query).sort().values
        if (scores.diff() >= 0.5).all() and scores[-1] - scores[0] <= 4:
            break
    before = (torch.tensor(people["keys"]) @ torch.tensor(people["query"])).argsort(stable=True)
    ranked = keys.clone()
    ranked[before] = keys[(keys @ query).argsort(stable=True)]
    values = torch.randint(0, 11, (count, facts), generator=generator).double() / 10
    numbers = Crowd(names=people["names"], query=query.tolist(), keys=ranked.tolist(), values=values.tolist())
    return {**people, **numbers}


class PeopleGrid(gr.HTML):
    """Query, keys and values as tables of number cells; fires ``input`` when one changes."""

    def __init__(self, value: Crowd | None = None, *, label: str = "", **settings: Any) -> None:
        super().__init__(
            value=value,
            label=label,
            html_template='<div class="am-people"></div>',
            js_on_load="AttentionMatchmaker.mountPeople(element, props, watch, () => trigger('input'))",
            apply_default_css=False,
            **settings,
        )

    def preprocess(self, payload: Any) -> Any:
        return payload

    def postprocess(self, value: Any) -> Any:
        return value

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}
