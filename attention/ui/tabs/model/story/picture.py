"""The pass as one connected picture, with everything the page needs to draw and to name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ....page.guard import Json
from ....page.panels import Arrays, Panel, Saved, Table, numbers
from ....page.texts import Words
from .drawn import save_pass
from .sheets import point_name
from .study import Point, Study, Telling

# what the page itself says in the picture
SAID = (
    "in_stream", "norm", "writes", "one_word", "one_place", "feed_forward", "layer", "head", "weights",
    "next_title", "drawn_here", "typed", "one", "go", "stop", "undo", "again", "hint",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Column(Panel, Saved):
    """Every point of one column (``points``), over the words it could look at.

    names: of the points. tokens: the whole text, the first ``given`` of them typed. candidates:
    (word, logit, share) of those with a bar; stretches: (word, start, stop) along the line from 0 to
    1; drawn: (number, start, stop, word) of the choice, or None.
    """

    title: str
    caption: str
    points: Sequence[Point]
    names: Sequence[str]
    tokens: Sequence[str]
    given: int
    place: int
    candidates: Sequence[tuple[str, float, float]]
    stretches: Sequence[tuple[str, float, float]]
    drawn: tuple[float, float, float, str] | None
    following: str
    ended: bool
    words: Mapping[str, str]

    def encode(self) -> Json:
        points = [
            {"kind": one.kind, "layer": one.layer, "head": one.head, "size": len(one.values), "name": name}
            for one, name in zip(self.points, self.names, strict=True)
        ]
        return {
            "id": self.id, "title": self.title, "caption": self.caption, "wide": True,
            "points": points, "data": numbers(torch.cat([one.values.float() for one in self.points])),
            "tokens": list(self.tokens), "given": self.given, "place": self.place,
            "candidates": [list(one) for one in self.candidates],
            "stretches": [list(one) for one in self.stretches],
            "drawn": None if self.drawn is None else list(self.drawn), "following": self.following,
            "ended": self.ended, "words": dict(self.words),
        }  # fmt: skip

    def table(self) -> Table:
        """One row for each number: its point and its index, then its value."""
        rows = [f"{name} {i + 1}" for one, name in zip(self.points, self.names, strict=True)
                for i in range(len(one.values))]  # fmt: skip
        values = torch.cat([one.values.double() for one in self.points]).numpy()
        return Table(values[:, None], rows, [self.title])

    def sheet_at(self, row: int, column: int) -> tuple[int, int]:
        """The point that a row of the table belongs to, and the index in it."""
        for place, point in enumerate(self.points):
            if row < len(point.values):
                return place, row
            row -= len(point.values)
        return len(self.points), row


def ending(s: Telling) -> dict[str, Any]:
    """What a ``Column`` shows of the text and of the word that comes."""
    drawn = s.drawn
    return {
        "tokens": s.names, "given": s.given, "place": s.place,
        "candidates": [(s.spelled(word), s.logits[word].item(), s.share(word)) for word in s.candidate_words],
        "stretches": s.stretches,
        "drawn": None if drawn is None else (drawn.drawn, drawn.start, drawn.stop, s.spelled(drawn.word)),
        "following": s.names[s.place + 1] if s.place + 1 < len(s.names) else "", "ended": s.ended,
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Pass(Column):
    """The storyteller's column, number by number."""

    layers: int
    heads: int

    def encode(self) -> Json:
        return super().encode() | {"kind": "pass", "layers": self.layers, "heads": self.heads}

    def picture(self, format: str, notes: Sequence[str] = ()) -> bytes:
        """As the page draws it, in its light colours."""
        return save_pass(self, format, notes)

    def arrays(self) -> Arrays:
        """A vector for each point, by kind, layer and head from 0."""
        found: Arrays = {"tokens": list(self.tokens)}
        for one in self.points:
            name = "_".join([one.kind, *(str(at) for at in (one.layer, one.head) if at >= 0)])
            found[name] = np.asarray(one.values)
        return found


def picture(s: Study, words: Words) -> Pass:
    """The column that is looked at."""
    return Pass(
        "pass", words("model.story_title", word=s.names[s.place]),
        words("model.story_caption", place=s.place + 1, width=s.model.sizes.width),
        s.shown, [point_name(point, words) for point in s.shown], **ending(s),
        words={key: words(f"model.story_say_{key}") for key in SAID},
        layers=s.model.sizes.layers, heads=s.model.sizes.heads,
    )  # fmt: skip
