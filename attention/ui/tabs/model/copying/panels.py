"""Panels of this scene alone: two heads scrubbed side by side, letters that are continued, a row of seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ....page.guard import Json, Refusal
from ....page.panels import Axis, Heatmap, Look, Panel, Saved, Table, numbers
from ....page.players import frame_at


@dataclass(frozen=True, eq=False)
class Circuit(Panel, Saved):
    """Recorded steps of a training: two heads' maps and curves. frames: (steps, 2, n, n).

    names: of the two heads. curves: (name, value at each step, a value worth a line or None). marks:
    (name, index of a step). Frame 2 * step + head of its id is one map.
    """

    title: str
    names: Sequence[str]
    steps: Sequence[int]
    frames: Tensor
    letters: Sequence[str]
    sides: tuple[str, str]
    curves: Sequence[tuple[str, Sequence[float], float | None]]
    marks: Sequence[tuple[str, int]]
    caption: str
    step_word: str

    def encode(self) -> Json:
        return {
            "kind": "circuit", "id": self.id, "title": self.title, "wide": True, "caption": self.caption,
            "names": list(self.names), "steps": list(self.steps), "frames": numbers(self.frames),
            "rows": list(self.letters), "row_title": self.sides[0],
            "columns": list(self.letters), "column_title": self.sides[1],
            "curves": [{"name": name, "values": list(values)} | ({} if line is None else {"line": line})
                       for name, values, line in self.curves],
            "marks": [{"name": name, "frame": frame} for name, frame in self.marks],
            "low": 0.0, "high": 1.0, "diverging": False, "digits": 2, "opens": True,
        }  # fmt: skip

    def place(self, frame: str) -> tuple[int, int]:
        """What follows "@" in its id -> the index of a step, and 0 or 1 for the head."""
        return divmod(frame_at(frame, 2 * len(self.steps)), 2)

    def table(self) -> Table:
        """The curves; the maps are saved one by one."""
        values = np.array([values for _, values, _ in self.curves], dtype="<f4").T
        return Table(values, [str(step) for step in self.steps], [name for name, *_ in self.curves])

    def part(self, frame: str) -> Saved:
        if not frame:
            raise Refusal("bad_request")
        at, which = self.place(frame)
        title = f"{self.names[which]} · {self.step_word} {self.steps[at]}"
        rows, columns = (Axis(self.letters, side) for side in self.sides)
        return Map(self.id, title, self.frames[at, which], rows, columns, of=self)


@dataclass(frozen=True, eq=False, kw_only=True)
class Map(Heatmap):
    """One map of a circuit, saved: the file of numbers has room for the whole training."""

    of: Circuit

    def arrays(self) -> dict[str, np.ndarray | Sequence[str]]:
        table = self.of.table()
        return dict(super().arrays()) | {
            "frames": self.of.frames.numpy(), "steps": np.array(self.of.steps),
            "curves": table.columns, "curve_values": table.values,
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Said(Panel, Saved):
    """Letter by letter: what the network says comes next.

    shares: of the letter said. known: whether the letter at hand stood there before, so that looking
    up what came after it is possible at all.
    """

    title: str
    letters: Sequence[str]
    said: Sequence[str]
    shares: Sequence[float]
    known: Sequence[bool]
    words: Mapping[str, str]
    caption: str

    def encode(self) -> Json:
        after = [*self.letters[1:], None]
        items = [
            {"letter": letter, "said": said, "share": share, "known": known, "next": truth}
            for letter, said, share, known, truth in zip(
                self.letters, self.said, self.shares, self.known, after, strict=True
            )
        ]
        return {"kind": "copied", "id": self.id, "title": self.title, "caption": self.caption, "wide": True,
                "items": items, "words": dict(self.words)}  # fmt: skip

    def table(self) -> Table:
        rows = [f"{letter} -> {said}" for letter, said in zip(self.letters, self.said, strict=True)]
        return Table(np.array([self.shares], dtype="<f4").T, rows, [self.title])


@dataclass(frozen=True, eq=False)
class Race(Panel):
    """Ten seeds trained one after the other by the page, in chunks whose state it carries itself.

    floor: the loss below which a run counts as learned, together with the prefix score ``bar``.
    """

    title: str
    seeds: int
    steps: int
    floor: float
    top: float
    bar: float
    words: Mapping[str, str]
    caption: str

    def encode(self) -> Json:
        return {"kind": "race", "id": self.id, "title": self.title, "caption": self.caption, "wide": True,
                "seeds": self.seeds, "steps": self.steps, "floor": self.floor,
                "top": self.top, "bar": self.bar, "words": dict(self.words)}  # fmt: skip


@dataclass(frozen=True, eq=False)
class LetterMap(Heatmap):
    """A head's weights between letters, drawn to fit the room it has, however many they are."""

    def encode(self) -> Json:
        return super().encode() | {"kind": "lettermap"}


def weight_map(
    id: str, title: str, weights: Tensor, letters: Sequence[str], words: tuple[str, str], caption: str = ""
) -> LetterMap:
    """One head's weights (n, n), cells open; words: what rows and columns are."""
    future = weights.new_ones(weights.shape).triu(1).bool()
    rows, columns = Axis(letters, words[0]), Axis(letters, words[1])
    return LetterMap(id, title, weights, rows, columns, look=Look(), caption=caption, masked=future)
