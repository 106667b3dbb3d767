"""Curves and bars: the panels that are drawn over an axis. The others are in ``panels.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...export.plotting import Series, save_plot
from .guard import Json
from .panels import Arrays, Panel, Saved, Table, numbers


class Curve(NamedTuple):
    """k points over x. role: "accent", "data", "truth" or "muted" picks colour and dash."""

    name: str
    kind: Literal["line", "points", "bars"]
    x: Tensor
    y: Tensor
    role: str = ""


class RowsOf(NamedTuple):
    """A plot that shows, for the query pointed at, a row of a matrix as bars over x."""

    panel: str  # the heatmap whose cells the bars are
    x: Tensor
    matrix: Tensor
    queries: Tensor
    name: str


@dataclass(frozen=True, eq=False)
class Plot(Panel, Saved):
    """Lines, points and bars over x."""

    title: str
    curves: Sequence[Curve]
    x_title: str = ""
    y_title: str = ""
    caption: str = ""
    wide: bool = False
    log_x: bool = False
    rows: RowsOf | None = None

    def encode(self) -> Json:
        series = [
            {"name": one.name, "kind": one.kind, "x": numbers(one.x), "y": numbers(one.y)}
            | ({"role": one.role} if one.role else {})
            for one in self.curves
        ]
        rows: Json = {}
        if self.rows is not None:
            panel, x, matrix, queries, name = self.rows
            rows["rows"] = {"panel": panel, "kind": "bars", "x": numbers(x), "matrix": numbers(matrix),
                            "queries": numbers(queries), "name": name}  # fmt: skip
        return {
            "kind": "plot", "id": self.id, "title": self.title, "caption": self.caption,
            "series": series, "x_title": self.x_title, "y_title": self.y_title, "wide": self.wide,
            "log_x": self.log_x,
        } | rows  # fmt: skip

    def table(self) -> Table:
        """Point by point, the curve's name first."""
        names = [one.name for one in self.curves for _ in one.x]
        points = [np.stack([_floats(one.x), _floats(one.y)], axis=1) for one in self.curves]
        return Table(np.concatenate(points), names, [self.x_title or "x", self.y_title or "y"])

    def arrays(self) -> Arrays:
        values, names, _ = self.table()
        return {"series": names, "x": values[:, 0], "y": values[:, 1]}

    def picture(self, format: str, notes: Sequence[str] = ()) -> bytes:
        series = [
            Series(one.name, one.kind, _floats(one.x).tolist(), _floats(one.y).tolist(), one.role)
            for one in self.curves
        ]
        return save_plot(
            series, self.title, format, xlabel=self.x_title, ylabel=self.y_title, log_x=self.log_x,
            notes=notes,
        )  # fmt: skip


def _floats(tensor: Tensor) -> np.ndarray:
    floats: np.ndarray = torch.as_tensor(tensor).detach().cpu().float().numpy()
    return floats


@dataclass(frozen=True, eq=False)
class PairBars(Panel, Saved):
    """Rows of horizontal bars, one or two to a name, each with its number."""

    title: str
    names: Sequence[str]
    series: Sequence[tuple[str, Sequence[float]]]  # (name, a value for each of the names)
    caption: str
    digits: int

    def encode(self) -> Json:
        return {
            "kind": "pairbars", "id": self.id, "title": self.title, "names": list(self.names),
            "series": [{"name": name, "values": list(values)} for name, values in self.series],
            "caption": self.caption, "digits": self.digits,
        }  # fmt: skip

    def table(self) -> Table:
        values = np.array([values for _, values in self.series]).T
        return Table(values, self.names, [name for name, _ in self.series])

    def picture(self, format: str, notes: Sequence[str] = ()) -> bytes:
        series = [
            Series(name, "bars", range(len(self.names)), values, role)
            for (name, values), role in zip(self.series, ("accent", "truth"), strict=False)
        ]
        return save_plot(series, self.title, format, x_names=self.names, notes=notes, digits=self.digits)
