"""Inputs, declared once: a tab's inputs are a frozen dataclass whose attributes are fields.

    @dataclass(frozen=True)
    class Inputs:
        text: str = given(Text("hello world", limit=1000))
        extra: int = given(Whole(0, 0, 8))

From this one declaration come the widget, the check of every call (page, API, link), the query
string and the signature of the endpoint; what is computed reads ``inputs.extra``, typed. Gradio
itself lets a slider deliver NaN, 2.5 at step 1, text or a list, so nothing trusts a widget.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import gradio as gr
from gradio.components import Component

from ...typed import visible
from .guard import Json, Refusal, to_number

T = TypeVar("T")
I = TypeVar("I", bound="Inputs")  # noqa: E741  (the inputs of one tab)


class Inputs(Protocol):
    """A tab's checked inputs: any frozen dataclass made of fields."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


@dataclass(frozen=True)
class Field(ABC, Generic[T]):
    """One input. T is what a checked value is.

    boxed: shown as a text box, which tells of every change, so that a link sets it after the other
    inputs (``tab.early_values``).
    """

    default: T
    name: str = field(default="", kw_only=True)
    boxed: ClassVar[bool] = False

    @property
    def kind(self) -> type:
        """The type that the API's signature names."""
        return str

    @abstractmethod
    def check(self, value: object, label: str) -> T:
        """The value as the computation wants it; raises ``Refusal`` naming ``label``."""

    @abstractmethod
    def component(self, label: str, info: str | None, options: Callable[[str], str]) -> Component:
        """The widget. options: the label of one of a menu's options."""

    @property
    def limits(self) -> str:
        """What is allowed, as one sentence of the API's documentation."""
        return ""

    def write(self, value: T) -> str:
        """The value as a text of a query string; ``read`` and ``check`` bring it back."""
        if isinstance(value, bool):
            return "1" if value else "0"
        if isinstance(value, float):
            return repr(value)
        if isinstance(value, str | int):
            return str(value)
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def read(self, text: str) -> object:
        """What a query string holds, not yet checked. Raises ``ValueError``."""
        return text


def given(declared: Field[T]) -> T:
    """The field as an attribute's default; an attribute is what its field's check returns."""
    attribute: T = field(default_factory=lambda: declared.default, metadata={"field": declared})
    return attribute


@cache
def fields_of(inputs: type[Inputs]) -> tuple[Field[Any], ...]:
    """The fields of a tab's inputs, named, in the order of the page."""
    return tuple(replace(one.metadata["field"], name=one.name) for one in fields(inputs))


def check_all(tab: str, inputs: type[I], values: Mapping[str, object]) -> I:
    """Every field checked; missing ones take their default, unknown names are refused."""
    declared = fields_of(inputs)
    known = {one.name for one in declared}
    for name in values:
        if name not in known:
            raise Refusal("unknown_input", field=visible(str(name)[:40]))
    return inputs(**{
        one.name: one.check(values.get(one.name, one.default), f"{tab}.{one.name}") for one in declared
    })  # fmt: skip


def as_json(inputs: Inputs) -> Json:
    """The inputs by name, as a link, the page and a program know them."""
    return {one.name: getattr(inputs, one.name) for one in fields_of(type(inputs))}


@dataclass(frozen=True)
class Number(Field[float]):
    """A number in [low, high], shown as a slider."""

    low: float
    high: float
    step: float = 0.01

    @property
    def kind(self) -> type:
        return float

    def check(self, value: object, label: str) -> float:
        number = to_number(value, label)
        if not self.low <= number <= self.high:
            raise Refusal("out_of_range", field=label, low=f"{self.low:g}", high=f"{self.high:g}")
        return number

    def component(self, label: str, info: str | None, options: Callable[[str], str]) -> Component:
        return slider(self, label, info)

    @property
    def limits(self) -> str:
        return f"From {self.low:g} to {self.high:g}."


@dataclass(frozen=True)
class Whole(Field[int]):
    """A whole number in [low, high]: a slider, or typed where the end of its range depends on others."""

    low: int
    high: int
    step: int = 1
    typed: bool = False

    @property
    def kind(self) -> type:
        return int if self.typed else float

    def check(self, value: object, label: str) -> int:
        number = to_number(value, label)
        if number != int(number):
            raise Refusal("not_whole", field=label)
        if not self.low <= number <= self.high:
            raise Refusal("out_of_range", field=label, low=f"{self.low:g}", high=f"{self.high:g}")
        return int(number)

    def component(self, label: str, info: str | None, options: Callable[[str], str]) -> Component:
        if not self.typed:
            return slider(self, label, info)
        return gr.Number(label=label, info=info, value=self.default, precision=0, minimum=0, min_width=60)

    @property
    def limits(self) -> str:
        if self.typed:
            return f"A whole number from {self.low} to {self.high}."
        return f"From {self.low:g} to {self.high:g}."


def slider(declared: Number | Whole, label: str, info: str | None) -> gr.Slider:
    """A field's slider."""
    return gr.Slider(
        declared.low, declared.high, step=declared.step, value=declared.default, label=label, info=info,
        buttons=[],
    )  # fmt: skip


@dataclass(frozen=True)
class Flag(Field[bool]):
    """A yes or no."""

    @property
    def kind(self) -> type:
        return bool

    def check(self, value: object, label: str) -> bool:
        if not isinstance(value, bool):
            raise Refusal("not_a_flag", field=label)
        return value

    def component(self, label: str, info: str | None, options: Callable[[str], str]) -> Component:
        return gr.Checkbox(label=label, info=info, value=self.default)

    def read(self, text: str) -> object:
        return {"1": True, "0": False}.get(text, text)


@dataclass(frozen=True)
class Choice(Field[str]):
    """One of a fixed list of ids; ``radio`` shows them side by side, else as a menu."""

    options: tuple[str, ...]
    radio: bool = True

    def check(self, value: object, label: str) -> str:
        if not isinstance(value, str) or value not in self.options:
            raise Refusal("not_an_option", field=label, options=", ".join(self.options))
        return value

    def component(self, label: str, info: str | None, options: Callable[[str], str]) -> Component:
        choices = [(options(option), option) for option in self.options]
        widget = gr.Radio if self.radio else gr.Dropdown
        return widget(choices, label=label, info=info, value=self.default)

    @property
    def limits(self) -> str:
        return "One of " + ", ".join(self.options) + "."


@dataclass(frozen=True)
class Text(Field[str]):
    """Text of at most ``limit`` characters; what would hide in it is put in sight (``visible``)."""

    limit: int
    lines: int = 1
    required: bool = True
    boxed = True

    def check(self, value: object, label: str) -> str:
        text = visible(bounded(value, self.limit, label))
        if self.required and not text.strip():
            raise Refusal("empty", field=label)
        return text

    def component(self, label: str, info: str | None, options: Callable[[str], str]) -> Component:
        return gr.Textbox(lines=self.lines, max_length=self.limit, label=label, info=info, value=self.default)

    @property
    def limits(self) -> str:
        return f"At most {self.limit} characters."


def bounded(value: object, limit: int, label: str) -> str:
    """A text of at most ``limit`` characters, as it came; raises ``Refusal`` otherwise."""
    if not isinstance(value, str):
        raise Refusal("not_text", field=label)
    if len(value) > limit:
        raise Refusal("too_long", field=label, limit=limit, length=len(value))
    return value
