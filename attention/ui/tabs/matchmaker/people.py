"""The people of the matchmaker: a field of editable numbers, and the grid to edit them in."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict

import gradio as gr

from ...page.fields import Field
from ...page.guard import Refusal, to_number

CANDIDATES, TRAITS, NAME = 8, 6, 24
LARGEST = 100.0  # exp() of a product stays finite in float64, and the numbers fit their cells


class Crowd(TypedDict):
    """Who says and is what: m names, a query of d traits, m keys of d and m values of v traits."""

    names: list[str]
    query: list[float]
    keys: list[list[float]]
    values: list[list[float]]


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
        return json.loads(text)  # RecursionError cannot occur: link.QUERY bounds the nesting

    def check(self, value: object, label: str) -> Crowd:
        if not isinstance(value, dict) or set(value) != {"names", "query", "keys", "values"}:
            raise Refusal("not_people", field=label)
        names, query, keys, values = (value[k] for k in ("names", "query", "keys", "values"))
        if not all(isinstance(part, list) for part in (names, query, keys, values)):
            raise Refusal("not_people", field=label)
        if not 1 <= len(names) <= CANDIDATES or not len(names) == len(keys) == len(values):
            raise Refusal("candidates", field=label, limit=CANDIDATES)
        if not all(isinstance(name, str) for name in names):
            raise Refusal("not_people", field=label)
        return {
            "names": [" ".join(name.split())[:NAME] or str(i + 1) for i, name in enumerate(names)],
            "query": self._row(query, None, label, "1"),
            "keys": [self._row(row, len(query), label, str(i + 1)) for i, row in enumerate(keys)],
            "values": [self._row(row, len(values[0]), label, str(i + 1)) for i, row in enumerate(values)],
        }

    def _row(self, row: object, length: int | None, label: str, number: str) -> list[float]:
        if not isinstance(row, list) or not 1 <= len(row) <= TRAITS:
            raise Refusal("traits", field=label, limit=TRAITS)
        if length is not None and len(row) != length:
            raise Refusal("ragged", field=label, row=number, count=length)
        numbers = [to_number(item, label) for item in row]
        if any(abs(item) > LARGEST for item in numbers):
            raise Refusal("out_of_range", field=label, low=f"{-LARGEST:g}", high=f"{LARGEST:g}")
        return numbers

    def component(self, label: str, info: str | None, options: Callable[[str], str]) -> PeopleGrid:
        return PeopleGrid(self.default, label=label)


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
