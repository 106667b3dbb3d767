"""Pictures as typed things: what a panel shows, as tensors and words.

A panel is a frozen class with an ``id``; it is encoded once, at the border to the page
(:meth:`Panel.encode`), and saved from its own tensors (``exports.py``). ``kinds.NAME`` of the
page's script draws what ``encode`` calls NAME. Curves and bars are in ``plots.py``, the pictures of a
training in ``players.py``; kinds that one tab alone has stand with that tab.
"""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...export.cells import Range, save_cells
from .guard import Json, Refusal
from .sheet import brief


def numbers(tensor: Tensor | Sequence[float]) -> Json:
    """A tensor for the page, exactly: {"shape", "f32": base64 of little-endian float32}.

    NaN and infinity survive here, which JSON could not carry.
    """
    tensor = torch.as_tensor(tensor).detach().to("cpu", torch.float32).contiguous()
    data = base64.b64encode(tensor.numpy().astype("<f4").tobytes()).decode()
    return {"shape": list(tensor.shape), "f32": data}


Arrays = dict[str, np.ndarray | Sequence[str]]  # by name, as an NPZ file holds them


class Table(NamedTuple):
    """What a spreadsheet gets of a panel: values (n, m) with a label for each row and column."""

    values: np.ndarray
    rows: Sequence[str]
    columns: Sequence[str]


@dataclass(frozen=True, eq=False)
class Panel(ABC):
    """One picture of a view. id: unique in its view, "" where nothing refers to it."""

    id: str

    @abstractmethod
    def encode(self) -> Json:
        """What the page draws, as JSON; its "kind" names the function that draws it."""


class Saved(ABC):
    """A panel that can be saved as numbers, and as a picture unless its own drawing is the page's."""

    @abstractmethod
    def table(self) -> Table:
        """Its numbers, for CSV."""

    def arrays(self) -> Arrays:
        """Its numbers by name, for NPZ."""
        values, rows, columns = self.table()
        return {"values": values, "rows": rows, "columns": columns}

    def picture(self, format: str, notes: Sequence[str] = ()) -> bytes:
        """The panel drawn by matplotlib, "png" or "svg"; notes: paragraphs below it."""
        raise Refusal("bad_request")

    def sheet_at(self, row: int, column: int) -> tuple[int, int]:
        """Where the arithmetic of a number of the table is asked for: as a rule at the same place."""
        return row, column

    def part(self, frame: str) -> Saved:
        """The frame named behind the "@" of a panel's id, "" for the panel itself."""
        if frame:
            raise Refusal("bad_request")
        return self


@dataclass(frozen=True, eq=False)
class Heading(Panel):
    """A heading between panels; the panels after it, up to the next heading, form its group."""

    title: str
    caption: str = ""

    def encode(self) -> Json:
        return {"kind": "heading", "id": self.id, "title": self.title, "caption": self.caption}


def heading(title: str, caption: str = "") -> Heading:
    """A heading that nothing refers to."""
    return Heading("", title, caption)


@dataclass(frozen=True, eq=False)
class Readouts(Panel):
    """Single figures: (label, value as shown, note)."""

    items: Sequence[tuple[str, str, str]]
    title: str = ""
    wide: bool = False

    def encode(self) -> Json:
        items = [{"label": label, "value": value, "note": note} for label, value, note in self.items]
        wide: Json = {"wide": True} if self.wide else {}
        return {"kind": "readouts", "id": self.id, "title": self.title, "items": items} | wide


class Axis(NamedTuple):
    """One side of a matrix: a label for each row or column, and what they all are."""

    labels: Sequence[str]
    title: str = ""


class Scale(NamedTuple):
    """What the colours mean: from low to high; diverging means white at 0."""

    low: float = 0.0
    high: float = 1.0
    diverging: bool = False


SHARES = Scale()
ROUNDING = 1e-6  # what float32 leaves of a difference that is 0
SMALL, LONG = 420, 24  # cells, and cells in a row or column, that the page draws as a table


def signed(*tensors: Tensor) -> Scale:
    """Both signs alike, up to the largest finite magnitude of the tensors."""
    high = largest(*tensors)
    return Scale(-high, high, True)


def largest(*tensors: Tensor) -> float:
    """The end of a scale: the largest finite magnitude; 1 where there is nothing but 0 or its rounding."""
    finite = torch.cat([one.detach().float().flatten() for one in tensors])
    finite = finite[finite.isfinite()]
    high = finite.abs().max().item() if finite.numel() else 0.0
    return high if high > ROUNDING else 1.0


class Look(NamedTuple):
    """How a heatmap stands on the page.

    digits: decimals shown. wide: take the whole width. sums: print each row's sum at its end.
    opens: a click shows the cell's arithmetic. cells: what is written in the cells instead of their
    numbers.
    """

    digits: int = 2
    wide: bool = False
    sums: bool = False
    opens: bool = True
    cells: Sequence[Sequence[str]] | None = None


@dataclass(frozen=True, eq=False)
class Heatmap(Panel, Saved):
    """A matrix (n, m) as coloured cells with its numbers. masked: (n, m) bool, True = hatched."""

    title: str
    matrix: Tensor
    rows: Axis
    columns: Axis
    scale: Scale = SHARES
    look: Look = Look()
    caption: str = ""
    masked: Tensor | None = None

    def encode(self) -> Json:
        scale, look = self.scale, self.look
        cells: Json = {} if look.cells is None else {"cell_labels": look.cells}
        masked = None if self.masked is None else self.masked.expand(self.matrix.shape).int().tolist()
        return {
            "kind": "heatmap", "id": self.id, "title": self.title, "caption": self.caption,
            "rows": list(self.rows.labels), "row_title": self.rows.title,
            "columns": list(self.columns.labels), "column_title": self.columns.title,
            "data": numbers(self.matrix), "masked": masked,
            "low": scale.low, "high": scale.high, "diverging": scale.diverging,
            "digits": look.digits, "opens": look.opens, "wide": look.wide, "sums": look.sums,
        } | cells  # fmt: skip

    def table(self) -> Table:
        values = self.matrix.detach().float().cpu().numpy()
        return Table(values, self.rows.labels, self.columns.labels)

    def picture(self, format: str, notes: Sequence[str] = ()) -> bytes:
        """As the page shows it: numbers where it shows numbers."""
        return save_cells(
            self.matrix.detach().float().cpu(), self.rows.labels, self.columns.labels, self.title,
            format, xlabel=self.columns.title, ylabel=self.rows.title, scale=Range(*self.scale),
            cells=self.written(), masked=None if self.masked is None else self.masked.cpu(),
            sums=self.look.sums, notes=notes,
        )  # fmt: skip

    def written(self) -> Sequence[Sequence[str]] | None:
        """What stands in the cells of the page's table; None where it draws a canvas instead."""
        n, m = self.matrix.shape
        if n * m > SMALL or max(n, m) > LONG:
            return None
        if self.look.cells is not None:
            return self.look.cells
        return [[brief(value, self.look.digits) for value in row] for row in self.matrix.float().tolist()]


@dataclass(frozen=True, eq=False)
class Later(Panel):
    """A place that the page fills by asking the question that the id names."""

    title: str

    def encode(self) -> Json:
        return {"kind": "later", "id": f"later-{self.id}", "part": self.id, "ask": self.id,
                "title": self.title, "wide": True}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Part(Panel):
    """A panel that belongs to a part of the view; drawn ``late``, a part never moves what stands."""

    panel: Panel
    late: bool = False

    def encode(self) -> Json:
        return self.panel.encode() | {"part": self.id, "late": self.late}
