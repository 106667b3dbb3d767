"""Panels of this scene alone: bars that add up, pairs that sort, a map that picks, a run that stops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .....export.plotting import Series, save_plot
from ....page.guard import Json
from ....page.panels import Heatmap, Panel, Saved, Table
from ....page.plots import PairBars


@dataclass(frozen=True, eq=False)
class SumBars(Panel, Saved):
    """Signed bars, one a summand, and what they add up to. opens: a click opens the row's sheet."""

    title: str
    items: Sequence[tuple[str, float]]
    total: tuple[str, float]
    caption: str
    value: str

    def encode(self) -> Json:
        return {
            "kind": "sumbars", "id": self.id, "title": self.title, "caption": self.caption, "wide": True,
            "items": [{"name": name, "value": value} for name, value in self.items],
            "total": {"name": self.total[0], "value": self.total[1]},
        }  # fmt: skip

    def table(self) -> Table:
        values = np.array([[value] for _, value in self.items])
        return Table(values, [name for name, _ in self.items], [self.value])

    def picture(self, format: str, notes: Sequence[str] = ()) -> bytes:
        names, values = zip(*self.items, strict=True)
        bars = [Series(self.value, "bars", range(len(names)), values, "accent")]
        return save_plot(bars, self.title, format, x_names=names, notes=notes)


@dataclass(frozen=True, eq=False)
class WideBars(PairBars):
    """Bars that take a line of their own, so that what follows stands side by side."""

    def encode(self) -> Json:
        return super().encode() | {"wide": True}


@dataclass(frozen=True, eq=False)
class Pairs(Panel, Saved):
    """The strongest cells of a matrix as a table that sorts by any column; a row opens its cell of ``of``.

    items: (row, column, value).
    """

    title: str
    of: Heatmap
    items: Sequence[tuple[int, int, float]]
    caption: str
    columns: tuple[str, str, str]

    def encode(self) -> Json:
        rows, columns = self.of.rows.labels, self.of.columns.labels
        items = [
            {"row": row, "column": column, "from": rows[row], "to": columns[column], "value": value}
            for row, column, value in self.items
        ]
        return {"kind": "pairs", "id": self.id, "title": self.title, "caption": self.caption,
                "of": self.of.id, "columns": list(self.columns), "items": items}  # fmt: skip

    def table(self) -> Table:
        rows, columns = self.of.rows.labels, self.of.columns.labels
        names = [f"{rows[row]} → {columns[column]}" for row, column, _ in self.items]
        return Table(np.array([[value] for *_, value in self.items]), names, [self.columns[2]])


@dataclass(frozen=True, eq=False)
class PickMap(Heatmap):
    """A map whose cells do not open: a click sets the inputs ``picks`` (row's, column's)."""

    picks: tuple[str, str] = ("query", "key")

    def encode(self) -> Json:
        return super().encode() | {"kind": "pickmap", "picks": list(self.picks)}


@dataclass(frozen=True, eq=False)
class LongRun(Panel):
    """A map of all heads that the page lets grow layer by layer, and can stop (``scene.Trainer``).

    run: what makes it another run. words: of its buttons.
    """

    title: str
    caption: str
    steps: int
    heads: int
    run: Sequence[str | int]
    rows: str
    columns: str
    words: Mapping[str, str]

    def encode(self) -> Json:
        return {
            "kind": "longrun", "id": self.id, "wide": True, "title": self.title, "caption": self.caption,
            "steps": self.steps, "heads": self.heads, "run": list(self.run), "row_title": self.rows,
            "column_title": self.columns, "words": dict(self.words),
        }  # fmt: skip
