"""One forward pass of the storyteller, as the list of every point that is drawn of it.

A point is a vector of the column that is looked at: what the stream carries there, what a norm makes
of it, a head's query. :func:`points_of` takes each from :meth:`~attention.storyteller.transformer.\
Storyteller.points`, which is the module's own pass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .....storyteller.sentences import END
from .....storyteller.train import load
from .....storyteller.transformer import LayerPoints, Points, Storyteller
from .....storyteller.writing import Choice, choose, read, spoken, write
from ....page.guard import Refusal
from ..inputs import Inputs

SHOWN = 8  # likeliest words that have a bar of their own
NAMED = 12  # and a stretch of the line


@dataclass(frozen=True, eq=False)
class Point:
    """One vector of the column. kind: what it is, such as "query"; layer, head: whose, -1 for none."""

    kind: str
    values: Tensor
    layer: int = -1
    head: int = -1


class Telling(ABC):
    """What the passes of all models have: a text, its last part written, and one column that is looked at."""

    if TYPE_CHECKING:  # fields or properties of the studies

        @property
        def inputs(self) -> Inputs: ...
        @property
        def given(self) -> int: ...
        @property
        def choices(self) -> tuple[Choice, ...]: ...
        @property
        def place(self) -> int: ...
        @property
        def logits(self) -> Tensor: ...
        @property
        def names(self) -> list[str]: ...
        @property
        def ended(self) -> bool: ...

    @abstractmethod
    def spelled(self, word: int) -> str:
        """A word of the vocabulary as a person reads it."""

    @property
    def drawn(self) -> Choice | None:
        """The choice made after this column; None where the next word was typed."""
        return self.choices[self.place - self.given + 1] if self.place >= self.given - 1 else None

    @cached_property
    def candidates(self) -> Choice:
        """Every word that takes part, likeliest first, with its share (and what was drawn, if it was)."""
        return self.drawn or choose(self.logits, 0.0, self.inputs.temperature, self.inputs.top_k or None)

    @property
    def candidate_words(self) -> tuple[int, ...]:
        """The words with a bar: the likeliest, and the drawn one if it is none of them."""
        words = self.candidates.words[:SHOWN]
        if self.drawn is not None and self.drawn.word not in words:
            words = (*words[:-1], self.drawn.word)
        return words

    @property
    def stretches(self) -> list[tuple[str, float, float]]:
        """(word, start, stop) of the likeliest words, on the line from 0 to 1 where the choice falls."""
        ends = [0.0, *accumulate(self.candidates.shares[:NAMED])]
        words = map(self.spelled, self.candidates.words[:NAMED])
        return list(zip(words, ends, ends[1:], strict=False))

    def share(self, word: int) -> float:
        """A word's probability after temperature and top-k, 0 if it was left out."""
        found = self.candidates
        return found.shares[found.words.index(word)] if word in found.words else 0.0


@dataclass(frozen=True, eq=False)
class Study(Telling):
    """ids: the text with what was written; given: how many of them were typed; choices: of the words
    after the last typed one. place: the column that is drawn, from 0."""

    inputs: Inputs
    model: Storyteller
    ids: tuple[int, ...]
    given: int
    unknown: tuple[str, ...]
    choices: tuple[Choice, ...]
    place: int
    points: Points

    @property
    def names(self) -> list[str]:
        """The words of the text."""
        return [spoken(word) for word in self.ids]

    @property
    def logits(self) -> Tensor:
        """(V,) of the word after the column."""
        return self.points.logits[self.place]

    @property
    def ended(self) -> bool:
        return spoken(self.choices[-1].word) == END

    def spelled(self, word: int) -> str:
        return spoken(word)

    @cached_property
    def shown(self) -> tuple[Point, ...]:
        """Every point of the picture, from the words down."""
        return tuple(points_of(self.points, self.place, self.candidate_words))


def study(inputs: Inputs) -> Study:
    """Read the text, write on as many words as are asked for, and open the pass of the result."""
    model = load()
    ids, unknown = read(inputs.text)
    if len(ids) + inputs.written > model.sizes.length:
        raise Refusal("story_long", field="model.text", limit=model.sizes.length - inputs.written,
                      length=len(ids))  # fmt: skip
    choices = write(
        model, ids, inputs.written + 1, seed=inputs.seed, temperature=inputs.temperature,
        k=inputs.top_k or None,
    )  # fmt: skip
    text = (*ids, *(choice.word for choice in choices[:-1]))
    if inputs.place > len(text):
        raise Refusal("out_of_range", field="model.place", low="0", high=str(len(text)))
    place = (inputs.place or len(text)) - 1
    points = model.points(torch.tensor(text))
    return Study(inputs, model, text, len(ids), unknown, tuple(choices), place, points)


def points_of(points: Points, at: int, words: Sequence[int]) -> list[Point]:
    """Every point of column ``at``; weights reach its own column, logits are of ``words``."""
    found = [
        Point("embedding", points.embedding[at]),
        Point("position", points.position[at]),
        Point("stream", points.layers[0].stream[at]),
    ]
    for number, layer in enumerate(points.layers):
        found += layer_points(layer, number, at)
    found += [Point("normed", points.normed[at]), Point("logits", points.logits[at, list(words)])]
    return found


def layer_points(layer: LayerPoints, number: int, at: int) -> list[Point]:
    """Those of one layer."""
    found = [Point("norm_1", layer.normed[at], number)]
    for head in range(len(layer.query)):
        found += [
            Point("weights", layer.weights[head, at, : at + 1], number, head),
            Point("query", layer.query[head, at], number, head),
            Point("key", layer.key[head, at], number, head),
            Point("value", layer.value[head, at], number, head),
            Point("head", layer.heads[head, at], number, head),
            Point("written", layer.written[head, at], number, head),
        ]
    return [
        *found,
        Point("middle", layer.middle[at], number),
        Point("norm_2", layer.read[at], number),
        Point("hidden", layer.hidden[at], number),
        Point("feed_forward", layer.feed_forward[at], number),
        Point("after", layer.after[at], number),
    ]
