"""Pictures that the cache scene alone has: kept rows as tiles, the first wrong word, a stopwatch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ....page.guard import Json
from ....page.panels import Panel, Saved, Table, numbers
from ....page.texts import Words


@dataclass(frozen=True, eq=False)
class KeyRows(Panel, Saved):
    """Keys and values (m, d) as rows of tiles, grey from before ``new`` on; the query (d,) on top.

    weights (m,): of that query. moved (m,): how far each key is from what it was, None where none can be.
    """

    title: str
    tokens: Sequence[str]
    new: int
    keys: Tensor
    values: Tensor
    query: Tensor
    weights: Tensor
    moved: Tensor | None
    step: int
    last: int
    caption: str
    words: Words

    def encode(self) -> Json:
        names = ("keys", "values", "query", "weight", "change", "back", "next", "key_of", "value_of")
        return {
            "kind": "keyrows",
            "id": self.id,
            "title": self.title,
            "caption": self.caption,
            "wide": True,
            "tokens": list(self.tokens),
            "new": self.new,
            "keys": numbers(self.keys),
            "values": numbers(self.values),
            "query": numbers(self.query),
            "weights": numbers(self.weights),
            "moved": None if self.moved is None else numbers(self.moved),
            "step": self.step,
            "last": self.last,
            "words": {name: self.words(f"cost.cache_{name}") for name in names},
        }

    def sheet_at(self, row: int, column: int) -> tuple[int, int]:
        """A token's key opens as a whole, and so does its value."""
        width = self.keys.shape[-1]
        return (row, column // width) if column < 2 * width else (row, column)

    def table(self) -> Table:
        both = torch.cat([self.keys, self.values, self.weights[:, None]], dim=-1).cpu().float().numpy()
        d = self.keys.shape[-1]
        names = [f"{side} {i + 1}" for side in ("key", "value") for i in range(d)]
        return Table(both, self.tokens, [*names, "weight"])


@dataclass(frozen=True, eq=False)
class Slip(Panel):
    """Two rows of words: the right ones, and what a mistake writes up to its first wrong one."""

    title: str
    prompt: Sequence[str]
    right: Sequence[str]
    first: int | None
    instead: str | None
    caption: str
    right_title: str
    wrong_title: str

    def encode(self) -> Json:
        return {
            "kind": "slip",
            "id": self.id,
            "title": self.title,
            "caption": self.caption,
            "wide": True,
            "prompt": list(self.prompt),
            "right": list(self.right),
            "first": self.first,
            "instead": self.instead,
            "right_title": self.right_title,
            "wrong_title": self.wrong_title,
        }


@dataclass(frozen=True, eq=False)
class Measure(Panel):
    """A button that asks the server to measure, and the place for what it found."""

    title: str
    ask: str
    button: str
    busy: str

    def encode(self) -> Json:
        return {
            "kind": "measure",
            "id": self.id,
            "title": self.title,
            "ask": self.ask,
            "button": self.button,
            "busy": self.busy,
            "wide": True,
        }
