"""The picture of the tiles: every step comes with one answer, the page plays them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from .....export.cells import Range, save_cells
from ....page.guard import Json
from ....page.panels import Arrays, Axis, Panel, Saved, Table, numbers, signed
from .study import Study


@dataclass(frozen=True, eq=False)
class Tiles(Panel, Saved):
    """Scores (n, m) as tiles that come and go; beside them the running numbers of their rows.

    words: of the buttons, columns and sentences.
    """

    title: str
    study: Study
    rows: Axis
    columns: Axis
    words: Mapping[str, str]
    caption: str

    def encode(self) -> Json:
        s = self.study
        scale = signed(s.scores)
        finished = torch.cat([s.output, s.lse[:, None]], dim=1)  # (n, v + 1)
        return {
            "kind": "tiles", "id": self.id, "title": self.title, "caption": self.caption, "wide": True,
            "rows": list(self.rows.labels), "row_title": self.rows.title,
            "columns": list(self.columns.labels), "column_title": self.columns.title,
            "data": numbers(s.scores), "masked": None if s.mask is None else (~s.mask).int().tolist(),
            "low": scale.low, "high": scale.high, "diverging": True, "digits": 2, "opens": True,
            "finished": numbers(finished), "words": dict(self.words),
            "tile": s.inputs.tile, "whole": s.scores.numel(),
            "first": 1 + (s.rise[0] if s.rise else len(s.steps) // 2),
            "steps": [
                {"rows": [step.rows.start, step.rows.stop],
                 "columns": [step.columns.start, step.columns.stop], "skipped": step.scores is None,
                 "held": step.held,
                 "state": numbers(torch.cat([step.maximum, step.rescale, step.total, step.output], dim=1))}
                for step in s.steps
            ],
        }  # fmt: skip

    def table(self) -> Table:
        values = self.study.scores.float().numpy()
        return Table(values, self.rows.labels, self.columns.labels)

    def arrays(self) -> Arrays:
        """The scores, and the state after every tile: NaN in rows that the tile does not touch."""
        s = self.study
        state = torch.full((len(s.steps), s.shape[0], 3 + s.value.shape[1]), math.nan)
        for at, step in enumerate(s.steps):
            state[at, step.rows] = torch.cat([step.maximum, step.rescale, step.total, step.output], dim=1)
        corners = torch.tensor(
            [[x.rows.start, x.rows.stop, x.columns.start, x.columns.stop] for x in s.steps]
        )
        return super().arrays() | {
            "state": state.numpy(), "tiles": corners.numpy(), "lse": s.lse.numpy(),
            "output": s.output.numpy(),
        }  # fmt: skip

    def picture(self, format: str, notes: Sequence[str] = ()) -> bytes:
        scores = self.study.scores
        return save_cells(
            scores, self.rows.labels, self.columns.labels, self.title, format, xlabel=self.columns.title,
            ylabel=self.rows.title, scale=Range(*signed(scores)), notes=notes,
        )  # fmt: skip
