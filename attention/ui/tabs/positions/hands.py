"""Hands that turn: one clock for each pair of dimensions, and a query and a key turned by rotary."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ....position import encode_positions, frequencies
from ...page.guard import Json
from ...page.panels import Panel, Saved, Table
from ...page.sheet import show
from ...page.texts import Words
from .study import Study


@dataclass(frozen=True, eq=False)
class Clocks(Panel, Saved):
    """A clock for each pair: at position p its hand stands at angle p times its frequency, from the top.

    frequencies (pairs,), radians per position. lone: the last has a sine without its cosine. place:
    the position shown first, of ``length``.
    """

    title: str
    caption: str
    frequencies: Tensor
    lone: bool
    length: int
    place: int
    words: dict[str, str]

    def encode(self) -> Json:
        names = [show(one, 4) for one in self.frequencies.tolist()]
        return {"kind": "clocks", "id": self.id, "title": self.title, "caption": self.caption, "wide": True,
                "frequencies": self.frequencies.tolist(), "names": names, "lone": self.lone,
                "length": self.length, "place": self.place, "words": self.words}  # fmt: skip

    def table(self) -> Table:
        """Frequency, positions a turn, sine and cosine of every hand at the place."""
        d = 2 * len(self.frequencies)
        pairs = encode_positions(torch.tensor([self.place]), d)[0].view(-1, 2)
        if self.lone:  # its frequencies are those of d - 1
            angles = self.place * self.frequencies
            pairs = torch.stack([angles.sin(), angles.cos()], dim=1)
        turns = 2 * math.pi / self.frequencies
        values = torch.cat([self.frequencies[:, None], turns[:, None], pairs], dim=1)
        columns = [self.words[name] for name in ("frequency", "turn", "sine", "cosine")]
        return Table(values.numpy(), [str(i) for i in range(len(values))], columns)


def clocks(s: Study, words: Words) -> Clocks:
    """The encoding of a position as hands."""
    said = {key: words(f"positions.{key}") for key in ("play", "stop", "at_place", "frequency", "hand")}
    said |= {"turn": words("positions.wavelength"), "sine": words("positions.sin"),
             "cosine": words("positions.cos")}  # fmt: skip
    lone = s.inputs.d % 2 == 1
    caption = words("positions.clocks_lone" if lone else "positions.clocks_caption")
    return Clocks("clocks", words("positions.clocks"), caption, frequencies(s.inputs.d), lone,
                  s.inputs.length, s.place, said)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Turning(Panel, Saved):
    """A query and a key (d,), pair by pair, each turned by its place times the pair's frequency."""

    title: str
    caption: str
    query: Tensor
    key: Tensor
    length: int
    place: int
    words: dict[str, str]

    def encode(self) -> Json:
        return {"kind": "turning", "id": self.id, "title": self.title, "caption": self.caption, "wide": True,
                "query": self.query.tolist(), "key": self.key.tolist(),
                "frequencies": frequencies(len(self.query)).tolist(), "length": self.length,
                "place": self.place, "words": self.words}  # fmt: skip

    def table(self) -> Table:
        values = torch.stack([self.query, self.key]).numpy()
        names = [self.words["query"], self.words["key"]]
        return Table(values, names, [str(i) for i in range(len(self.query))])


def turning(s: Study, words: Words) -> Turning:
    """The first word's query and the last word's key, as rotary turns them."""
    (query, key), names = s.pair, s.pair_names
    said = {one: words(f"positions.{one}") for one in ("play", "stop", "distance_x")}
    values = {"d": s.inputs.d, **names}
    said |= {one: words(f"positions.turning_{one}", **values) for one in ("query", "key", "score")}
    return Turning("turning", words("positions.turning", **names), words("positions.turning_caption"), query,
                   key, s.inputs.length, s.place, said)  # fmt: skip
