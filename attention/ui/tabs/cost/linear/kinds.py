"""The picture of a recurrent network whose memory is a matrix: every state comes with one answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .....export.cells import Range, save_cells
from .....linear import State
from ....page.guard import Json
from ....page.panels import Arrays, Panel, Saved, Table, numbers, signed


@dataclass(frozen=True, eq=False)
class Memory(Panel, Saved):
    """States token by token. queries, keys (n, r): features; value (n, v); output (n, v): by the matrix."""

    title: str
    states: Sequence[State]
    queries: Tensor
    keys: Tensor
    value: Tensor
    output: Tensor
    words: Mapping[str, str]
    caption: str

    @property
    def filled(self) -> Tensor:
        """(n, r, v + 1): memory and, in the last column, the sum of features."""
        return torch.stack([torch.cat([s.memory, s.total[:, None]], dim=1) for s in self.states])

    def encode(self) -> Json:
        filled = self.filled
        scale = signed(filled)
        outputs = torch.stack([state.output for state in self.states])
        return {
            "kind": "memory", "id": self.id, "title": self.title, "caption": self.caption,
            "frames": numbers(filled), "queries": numbers(self.queries), "keys": numbers(self.keys),
            "value": numbers(self.value), "read": numbers(outputs), "output": numbers(self.output),
            "low": scale.low, "high": scale.high, "diverging": True, "words": dict(self.words),
        }  # fmt: skip

    def _names(self) -> tuple[list[str], list[str]]:
        rows, values = self.filled.shape[1:]
        return [f"f{i + 1}" for i in range(rows)], [*(f"v{i + 1}" for i in range(values - 1)), "sum"]

    def table(self) -> Table:
        """The state after the last token."""
        return Table(self.filled[-1].numpy(), *self._names())

    def arrays(self) -> Arrays:
        return super().arrays() | {"states": self.filled.numpy(), "output": self.output.numpy()}

    def picture(self, format: str, notes: Sequence[str] = ()) -> bytes:
        state, names = self.filled[-1], self._names()
        return save_cells(state, *names, self.title, format, scale=Range(*signed(state)), notes=notes)
