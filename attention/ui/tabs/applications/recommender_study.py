"""What the recommender ranks for a history, with its own weights or equal ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ....recommender import Recommended, load_recommender, recommend
from ....recommender.items import ITEMS
from .fields import Inputs
from .history import history_of


@dataclass(frozen=True, eq=False)
class Study:
    """The ranking for a history; ``learned`` with the learned weights, ``ranked`` maybe with equal ones."""

    inputs: Inputs
    learned: Recommended
    ranked: Recommended

    @property
    def history(self) -> list[int]:
        return self.ranked.history

    @property
    def top(self) -> list[int]:
        """The best candidates, as many as are wanted."""
        return self.ranked.ranking[: self.inputs.k]


def study(inputs: Inputs) -> Study:
    """Rank every item."""
    model, history = load_recommender(), history_of(inputs)
    learned = ranked = recommend(model, history)
    if inputs.even:
        ranked = recommend(model, history, weights_override=torch.ones(len(ITEMS), len(history)))
    return Study(inputs, learned, ranked)
