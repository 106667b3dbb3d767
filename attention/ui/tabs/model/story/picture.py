"""The pass as one connected picture, with everything the page needs to draw and to name it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from .....storyteller.sentences import END
from .....storyteller.writing import spoken
from ....page.guard import Json
from ....page.panels import Arrays, Panel, Saved, Table, numbers
from ....page.texts import Words
from .drawn import save_pass
from .sheets import point_name
from .study import Point, Study

# what the page itself says in the picture
SAID = (
    "in_stream", "norm", "writes", "one_word", "one_place", "feed_forward", "layer", "head", "weights",
    "next_title", "drawn_here", "typed", "one", "go", "stop", "undo", "again", "hint",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Pass(Panel, Saved):
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
    layers: int
    heads: int
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
            "kind": "pass", "id": self.id, "title": self.title, "caption": self.caption, "wide": True,
            "points": points, "data": numbers(torch.cat([one.values for one in self.points])),
            "tokens": list(self.tokens), "given": self.given, "place": self.place,
            "layers": self.layers, "heads": self.heads,
            "candidates": [list(one) for one in self.candidates],
            "stretches": [list(one) for one in self.stretches],
            "drawn": None if self.drawn is None else list(self.drawn), "following": self.following,
            "ended": self.ended, "words": dict(self.words),
        }  # fmt: skip

    def table(self) -> Table:
        """One row for each number: its point and its index, then its value."""
        rows = [f"{name} {i + 1}" for one, name in zip(self.points, self.names, strict=True)
                for i in range(len(one.values))]  # fmt: skip
        values = torch.cat([one.values for one in self.points]).double().numpy()
        return Table(values[:, None], rows, [self.title])

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
    drawn = s.drawn
    found = s.candidates
    starts = [0.0]
    for share in found.shares:
        starts.append(starts[-1] + share)
    stretches = [(spoken(word), starts[at], starts[at + 1]) for at, word in enumerate(found.words[:12])]
    said = {key: words(f"model.story_say_{key}") for key in SAID}
    return Pass(
        "pass", words("model.story_title", word=s.names[s.place]),
        words("model.story_caption", place=s.place + 1, width=s.model.sizes.width),
        s.shown, [point_name(point, words) for point in s.shown], s.names, s.given, s.place,
        s.model.sizes.layers, s.model.sizes.heads,
        [(spoken(word), s.logits[word].item(), s.share(word)) for word in s.candidate_words],
        stretches,
        None if drawn is None else (drawn.drawn, drawn.start, drawn.stop, spoken(drawn.word)),
        s.names[s.place + 1] if s.place + 1 < len(s.ids) else "",
        spoken(s.choices[-1].word) == END, said,
    )  # fmt: skip
