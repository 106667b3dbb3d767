"""What a learner sets in the matchmaker: the people and how they are scored, or how long to train."""

from __future__ import annotations

from dataclasses import dataclass

from ....steps import SCORINGS, example
from ...page.fields import Choice, Flag, Number, Whole, given
from .people import Crowd, People

FIRST = example()
PEOPLE: Crowd = {
    "names": ["Ann", "Bo", "Cai"],
    "query": FIRST.query.tolist(),
    "keys": FIRST.keys.tolist(),
    "values": FIRST.values.tolist(),
}


@dataclass(frozen=True)
class Inputs:
    """Both scenes' inputs; ``mode`` is the scene."""

    mode: str = given(Choice("steps", ("steps", "training")))
    people: Crowd = given(People(PEOPLE))
    scoring: str = given(Choice("dot", SCORINGS))
    scale: bool = given(Flag(False))
    temperature: float = given(Number(1.0, 0.05, 10.0, 0.05))
    projections: bool = given(Flag(False))
    weights_seed: int = given(Whole(0, 0, 99))
    candidates: int = given(Whole(6, 2, 8))
    seed: int = given(Whole(0, 0, 99))
    steps: int = given(Whole(200, 10, 300, 10))
    learning_rate: float = given(Number(2.0, 0.05, 12.0, 0.05))
    dropout: float = given(Number(0.0, 0.0, 0.9, 0.05))
    weight_decay: float = given(Number(0.0, 0.0, 0.1, 0.005))
