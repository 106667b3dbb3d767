"""Inputs that only the heads tab has: a model, a counted layer or head, a short list."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ..catalog import ANY_MODEL, CATALOG
from ..hub import REPO
from ..typed import visible
from .guard import Refusal, to_number


@dataclass(frozen=True)
class Some:
    """A short list typed by the learner; what it may hold depends on model and text."""

    name: str
    default: str = ""
    limit: int = 200
    boxed = True
    kind = str

    @property
    def limits(self) -> str:
        return f"At most {self.limit} characters, entries separated by commas."

    def check(self, value: Any, label: str) -> str:
        if not isinstance(value, str):
            raise Refusal("not_text", field=label)
        if len(value) > self.limit:
            raise Refusal("too_long", field=label, limit=self.limit, length=len(value))
        return " ".join(visible(value).split())

    def component(self, label: str, info: str | None, value: str) -> gr.Textbox:
        return gr.Textbox(label=label, info=info, value=value, max_length=self.limit)


@dataclass(frozen=True)
class Whole:
    """A whole number from 0 on, typed; the end of its range depends on the model."""

    name: str
    default: int
    high: int
    kind = int

    @property
    def limits(self) -> str:
        return f"A whole number from 0 to {self.high}."

    def check(self, value: Any, label: str) -> int:
        number = to_number(value, label)
        if number != int(number):
            raise Refusal("not_whole", field=label)
        if not 0 <= number <= self.high:
            raise Refusal("out_of_range", field=label, low="0", high=str(self.high))
        return int(number)

    def component(self, label: str, info: str | None, value: int) -> gr.Number:
        return gr.Number(label=label, info=info, value=value, precision=0, minimum=0, min_width=60)


@dataclass(frozen=True)
class ModelName:
    """A model of the catalog; any hub id only where the host allows it."""

    name: str
    default: str
    options: tuple[str, ...]
    kind = str

    @property
    def limits(self) -> str:
        return "One of " + ", ".join(self.options) + "."

    def check(self, value: Any, label: str) -> str:
        if isinstance(value, str) and value in self.options:
            return value
        free = os.environ.get(ANY_MODEL) == "1"
        if free and isinstance(value, str) and len(value) < 200 and REPO.fullmatch(value):
            return value
        raise Refusal("not_an_option", field=label, options=", ".join(self.options))


def offered() -> tuple[str, ...]:
    """The models of the menu: all of the catalog, each from its package if that is installed, else
    from the hub."""
    return tuple(CATALOG)
