"""What a learner sets in the heads tab: model, text and head; what to change; how to read it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from ....pretrained.catalog import ANY_MODEL, CATALOG
from ....pretrained.device import most_tokens, pick_device
from ....pretrained.hub import REPO
from ...page.fields import Choice, Field, Flag, Number, Text, Whole, given
from ...page.guard import Refusal, to_number

MOST = most_tokens(pick_device())  # of tokens, if the model reads as many
CHARACTERS = min(max(3000, 3000 * MOST // 512), 24_000)  # room for them, as far as a link holds them
HIGHEST = 9999  # layer, head or place that any model has
EXACT = 2**53  # whole numbers up to here are exact in JSON
ANIMAL = "The animal did not cross the street because it was too tired."
PARTS = ("all", "A->A", "A->B", "B->A", "B->B")
READING = ("model", "text", "pair", "layer", "head", "hide_special", "side")
CHANGING = (
    "knock_out", "uniform", "temper", "no_scale", "forbid", "causal", "shuffle", "positions", "position",
    "sampling",
)  # fmt: skip
MEASURING = ("part", "join", "minimum", "token")


@dataclass(frozen=True)
class Some(Text):
    """A short list typed by the learner; what it may hold depends on model and text."""

    limit: int = 200
    required: bool = False

    @property
    def limits(self) -> str:
        return f"At most {self.limit} characters, entries separated by commas."

    def check(self, value: object, label: str) -> str:
        return " ".join(super().check(value, label).split())


@dataclass(frozen=True)
class ModelName(Field[str]):
    """A model of the catalog; any hub id only where the host allows it."""

    options: tuple[str, ...]

    @property
    def limits(self) -> str:
        return "One of " + ", ".join(self.options) + "."

    def check(self, value: object, label: str) -> str:
        if isinstance(value, str):
            free = os.environ.get(ANY_MODEL) == "1" and len(value) < 200 and REPO.fullmatch(value)
            if value in self.options or free:
                return value
        raise Refusal("not_an_option", field=label, options=", ".join(self.options))

    def component(self, label: str, info: str | None, options: Callable[[str], str]) -> gr.Dropdown:
        choices = [(options(name), name) for name in self.options]
        free = os.environ.get(ANY_MODEL) == "1"
        return gr.Dropdown(choices, value=self.default, label=label, info=info, allow_custom_value=free)


@dataclass(frozen=True)
class Count(Field[int]):
    """A whole number, typed. Which ones there are only the model and the text know: see ``within``.

    What no model reaches at all is refused here: a view tells its inputs, and JSON ends at 64 bits.
    """

    @property
    def kind(self) -> type:
        return int

    @property
    def limits(self) -> str:
        return "A whole number from 0; how far it goes depends on the model and the text."

    def check(self, value: object, label: str) -> int:
        number = to_number(value, label)
        if number != int(number):
            raise Refusal("not_whole", field=label)
        if abs(number) > EXACT:
            raise Refusal("out_of_range", field=label, low="0", high=str(HIGHEST))
        return int(number)

    def component(self, label: str, info: str | None, options: Callable[[str], str]) -> gr.Number:
        return gr.Number(label=label, info=info, value=self.default, precision=0, minimum=0, min_width=60)


def within(name: str, number: int, count: int) -> None:
    """Refuse a number that is none of ``count``, counted from 0, with the range that there is."""
    if not 0 <= number < count:
        raise Refusal("out_of_range", field=f"heads.{name}", low="0", high=str(count - 1))


@dataclass(frozen=True)
class Inputs:
    """All scenes' inputs; ``look`` is the scene. The models are all of the catalog, each from its
    package if that is installed, else from the hub."""

    look: str = given(Choice("overview", ("overview", "touch", "understand")))
    model: str = given(ModelName("minilm", tuple(CATALOG)))
    text: str = given(Text(ANIMAL, CHARACTERS, lines=3))
    pair: str = given(Text("", CHARACTERS, required=False))
    layer: int = given(Count(3))
    head: int = given(Count(1))
    zoom: str = given(Some(""))
    hide_special: bool = given(Flag(False))
    side: str = given(Choice("self", ("self", "decoder", "cross")))
    knock_out: str = given(Some(""))
    uniform: str = given(Some(""))
    temper: float = given(Number(1.0, 0.1, 10.0, 0.1))
    no_scale: bool = given(Flag(False))
    forbid: str = given(Some(""))
    causal: str = given(Choice("as_trained", ("as_trained", "on", "off")))
    shuffle: int = given(Whole(0, 0, 9999, typed=True))
    positions: bool = given(Flag(True))
    position: int = given(Count(0))
    sampling: float = given(Number(1.0, 0.1, 3.0, 0.1))
    part: str = given(Choice("all", PARTS, radio=False))
    join: bool = given(Flag(False))
    minimum: float = given(Number(0.0, 0.0, 1.0, 0.01))
    token: int = given(Count(9))
