"""The matchmaker as one picture: a query meets keys, and every number leads on to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....steps import Steps
from ...page.guard import Json
from ...page.panels import Panel, Saved, Table
from ...page.texts import Words
from .people import Crowd

WORDS = (
    "want", "get", "score", "scaled", "numerator", "sum", "share", "keys_title", "values_title",
    "trait_label", "fact_label", "name_label", "query_label", "key_label", "value_label", "help", "keys",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Match(Panel, Saved):
    """Query x keys -> products -> scores -> numerators -> shares x values -> output, all in one picture.

    people: as they were typed; steps: what became of them. traits (p,), facts (v,): what the features of
    keys and of values are called. typed: the numbers shown are those typed, so they can be changed there;
    False after projections.
    """

    title: str
    caption: str
    people: Crowd
    steps: Steps
    traits: Sequence[str]
    facts: Sequence[str]
    typed: bool
    scoring: str
    words: Words

    def encode(self) -> Json:
        steps, people = self.steps, self.people
        cells = steps.cells
        return {
            "kind": "match", "id": self.id, "title": self.title, "caption": self.caption, "wide": True,
            "people": people, "names": people["names"], "traits": list(self.traits),
            "facts": list(self.facts), "typed": self.typed, "scoring": self.scoring,
            "query": steps.query.tolist(), "keys": steps.keys.tolist(), "values": steps.values.tolist(),
            "left": [one.left.tolist() for one in cells], "right": [one.right.tolist() for one in cells],
            "terms": [one.terms.tolist() for one in cells], "scores": steps.similarity.tolist(),
            "scale": steps.scale, "temperature": steps.temperature, "scaled": steps.scaled.tolist(),
            "shift": steps.shift, "numerators": steps.numerators.tolist(), "denominator": steps.denominator,
            "shares": steps.weights.tolist(), "contributions": steps.contributions.tolist(),
            "output": steps.output.tolist(),
            "words": {name: self.words(f"matchmaker.match_{name}") for name in WORDS},
        }  # fmt: skip

    def table(self) -> Table:
        """A row for each candidate: products, score, scaled score, numerator, share, contributions."""
        steps, words = self.steps, self.words
        terms = np.array([cell.terms.numpy() for cell in steps.cells])
        parts = np.stack([steps.similarity, steps.scaled, steps.numerators, steps.weights], axis=1)
        values = np.concatenate([terms, parts, steps.contributions.numpy()], axis=1)
        names = [words(f"matchmaker.match_{name}") for name in ("score", "scaled", "numerator", "share")]
        columns = [*(f"q × k {one}" for one in self.traits), *names, *(f"w × v {one}" for one in self.facts)]
        return Table(values, self.people["names"], columns)

    def sheet_at(self, row: int, column: int) -> tuple[int, int]:
        """A candidate's numbers open with their share; what they bring to the output, with the output."""
        brought = column - len(self.traits) - 4
        return (1, brought) if brought >= 0 else (0, row)
