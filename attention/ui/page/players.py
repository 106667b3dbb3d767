"""Pictures of a training: recorded steps that are played, and the frame of one that runs live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from .guard import Json, Refusal
from .panels import Arrays, Axis, Heatmap, Look, Panel, Saved, Table, numbers


@dataclass(frozen=True, eq=False)
class Player(Panel, Saved):
    """Recorded steps of a training, played and scrubbed: a heatmap that changes, and curves.

    frames: (steps, n, m). marks: (name, frame) worth jumping to. step_word: what a step is called
    in the title of a saved frame.
    """

    title: str
    steps: Sequence[int]
    frames: Tensor
    rows: Axis
    columns: Axis
    curves: Sequence[tuple[str, Sequence[float]]]
    marks: Sequence[tuple[str, int]]
    caption: str
    step_word: str

    def encode(self) -> Json:
        return {
            "kind": "player", "id": self.id, "title": self.title, "wide": True, "caption": self.caption,
            "steps": list(self.steps), "frames": numbers(self.frames),
            "rows": list(self.rows.labels), "row_title": self.rows.title,
            "columns": list(self.columns.labels), "column_title": self.columns.title,
            "curves": [{"name": name, "values": list(values)} for name, values in self.curves],
            "low": 0.0, "high": 1.0, "diverging": False, "digits": 2, "sums": True,
            "marks": [{"name": name, "frame": frame} for name, frame in self.marks],
        }  # fmt: skip

    def table(self) -> Table:
        raise Refusal("bad_request")  # of which step?

    def part(self, frame: str) -> Saved:
        if not frame:
            raise Refusal("bad_request")
        at = frame_at(frame, len(self.steps))
        title = f"{self.title} · {self.step_word} {self.steps[at]}"
        return Frame(self.id, title, self.frames[at], self.rows, self.columns, look=Look(sums=True), of=self)


@dataclass(frozen=True, eq=False)
class Frame(Heatmap):
    """One step of a player, saved: the file of numbers has room for the whole training."""

    of: Player = field(kw_only=True)

    def arrays(self) -> Arrays:
        curves = self.of.curves
        return super().arrays() | {
            "frames": self.of.frames.detach().float().numpy(), "steps": np.array(self.of.steps),
            "curves": [name for name, _ in curves],
            "curve_values": np.array([values for _, values in curves], dtype="<f4"),
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Training(Panel):
    """The frame of a live training (``scene.Trainer``); its numbers come with the chunks.

    run: what makes it another run. rows, columns: titles of the weights it shows. words: of its
    buttons and curves.
    """

    title: str
    caption: str
    steps: int
    run: Sequence[str | float]
    rows: str
    columns: str
    words: Mapping[str, str]
    sums: bool = False

    def encode(self) -> Json:
        sums: Json = {"sums": True} if self.sums else {}
        return {
            "kind": "trainer", "id": self.id, "wide": True, "title": self.title,
            "caption": self.caption, "steps": self.steps, "run": list(self.run),
            "row_title": self.rows, "column_title": self.columns, "low": 0.0, "high": 1.0,
            "diverging": False, "digits": 2, "opens": True, "words": dict(self.words),
        } | sums  # fmt: skip


def frame_at(text: str, count: int) -> int:
    """What follows "@" in a panel's id, as a whole number below ``count``; raises ``Refusal``."""
    if not (text.isascii() and text.isdigit()) or len(text) > 4 or int(text) >= count:
        raise Refusal("no_such_cell")
    return int(text)
