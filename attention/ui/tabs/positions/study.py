"""What the positions tab looks at: one sentence in two orders, and a pair of words to be turned."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from ....multihead import SelfAttention
from ....padding import split_line
from ....position import (
    Shuffled,
    embed_words,
    encode_positions,
    rotate,
    shuffle_experiment,
    sinusoidal_encoding,
)
from ...page.fields import Choice, Text, Whole, given
from ...page.guard import Refusal

TOKENS, FEATURES = 12, 8  # most words; features of an output that are shown
SCALINGS = ("linear", "ntk", "yarn")
MOVED = 1e-4  # outputs are of size 1: less than this is the rounding of float32


@dataclass(frozen=True)
class Inputs:
    """Two orders of the same words, how positions are told, and the size of the encoding.

    heads: of ALiBi. scaling, factor: how rotary hands are slowed for a text ``factor`` times ``length``.
    """

    text: str = given(Text("the dog bit the man", 200))
    other: str = given(Text("the man bit the dog", 200, required=False))
    positions: str = given(Choice("none", ("none", "sinusoidal", "rotary")))
    seed: int = given(Whole(0, 0, 999))
    d: int = given(Whole(16, 1, 64))
    length: int = given(Whole(32, 1, 64))
    position: int = given(Whole(10, 0, 63))
    heads: int = given(Whole(4, 1, 16))
    scaling: str = given(Choice("linear", SCALINGS))
    factor: int = given(Whole(4, 2, 8))


class Reading(NamedTuple):
    """One order of the words: their names, and query, key, value (n, d), as the experiment has them."""

    names: list[str]
    query: Tensor
    key: Tensor
    value: Tensor


@dataclass(frozen=True, eq=False)
class Study:
    """Both orders of the words, and the encoding (length, d).

    other: the second order where it was one; None: an order drawn from the seed. place: the
    position looked at, inside the length.
    """

    inputs: Inputs
    words: list[str]
    other: list[str] | None
    orders: Shuffled
    encoding: Tensor
    place: int

    @cached_property
    def names(self) -> tuple[list[str], list[str]]:
        """Labels of both orders: a word keeps the number of its place in the first."""
        names = [f"{i} {word}" for i, word in enumerate(self.orders.words)]
        return names, [names[i] for i in self.orders.permutation]

    @cached_property
    def dot(self) -> Tensor:
        """(length, length): the dot product of every two positions."""
        return self.encoding @ self.encoding.T

    @cached_property
    def pair(self) -> tuple[Tensor, Tensor]:
        """The vectors (d,) of the first word, as a query, and of the last, as a key."""
        ends = embed_words([self.words[0], self.words[-1]], self.inputs.d, self.inputs.seed)
        return ends[0], ends[1]

    @property
    def pair_names(self) -> dict[str, str]:
        return {"query": self.words[0], "key": self.words[-1]}

    def read(self, second: bool) -> Reading:
        """What attention is given for one order; the same layer and vectors as the experiment's."""
        inputs, orders = self.inputs, self.orders
        layer = SelfAttention(inputs.d, generator=torch.Generator().manual_seed(inputs.seed))
        places = torch.arange(len(orders.words))
        x = embed_words(orders.shuffled if second else orders.words, inputs.d, inputs.seed)
        if inputs.positions == "sinusoidal":
            x = x + encode_positions(places, inputs.d)
        with torch.no_grad():
            query, key, value = layer.project(x)
        if inputs.positions == "rotary":
            query, key = rotate(query, places), rotate(key, places)
        return Reading(self.names[second], query, key, value)

    def with_positions(self, kind: str) -> Shuffled:
        """The same experiment with another kind of positions."""
        if kind == self.inputs.positions:
            return self.orders
        return experiment(self.inputs, self.words, self.other, kind)


def study(inputs: Inputs) -> Study:
    """Read both orders, and encode the positions."""
    words, other = (split_line(text.lower()) for text in (inputs.text, inputs.other))
    if not words:
        raise Refusal("no_tokens", field="positions.text")
    if len(words) > TOKENS:
        raise Refusal("too_many_tokens", field="positions.text", line=1, limit=TOKENS, count=len(words))
    order = other if sorted(other) == sorted(words) else None
    return Study(
        inputs, words, order, experiment(inputs, words, order, inputs.positions),
        sinusoidal_encoding(inputs.length, inputs.d), min(inputs.position, inputs.length - 1),
    )  # fmt: skip


def experiment(inputs: Inputs, words: list[str], other: list[str] | None, kind: str) -> Shuffled:
    """Both orders, read with this kind of positions."""
    if kind == "rotary" and inputs.d % 2:
        raise Refusal("odd_width", field="positions.d", width=inputs.d)
    turned = "rotary" if kind == "rotary" else "sinusoidal"
    return shuffle_experiment(words, other, inputs.seed, kind != "none", inputs.d, turned)
