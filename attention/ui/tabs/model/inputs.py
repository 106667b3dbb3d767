"""What a learner sets in the model tab."""

from __future__ import annotations

from dataclasses import dataclass

from ....circuits import CONVENTIONS
from ...page.fields import Choice, Text, Whole, given

GAVE = "ann and bo went to the park . ann gave the ball to"
OTHER = "ann and bo went to the park . bo gave the ball to"
MODELS = ("storyteller", "minilm", "smollm2")
WHY = (
    "model", "text", "other", "word", "instead", "layer", "head", "convention", "query", "key", "order",
)  # fmt: skip


@dataclass(frozen=True)
class Inputs:
    """``scene`` is the scene; word and instead: "" for what the model itself would say."""

    scene: str = given(Choice("why", ("why",)))
    model: str = given(Choice("storyteller", MODELS, radio=False))
    text: str = given(Text(GAVE, 400, lines=2))
    other: str = given(Text(OTHER, 400, lines=2, required=False))
    word: str = given(Text("", 40, required=False))
    instead: str = given(Text("", 40, required=False))
    layer: int = given(Whole(1, 0, 47, typed=True))
    head: int = given(Whole(2, 0, 47, typed=True))
    convention: str = given(Choice("shared", CONVENTIONS))
    query: int = given(Whole(12, 0, 127, typed=True))
    key: int = given(Whole(8, 0, 127, typed=True))
    order: str = given(Choice("listed", ("listed", "strong"), radio=False))
