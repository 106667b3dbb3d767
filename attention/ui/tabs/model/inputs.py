"""What a learner sets in the model tab: the text, and how the next word is chosen."""

from __future__ import annotations

from dataclasses import dataclass

from ...page.fields import Choice, Number, Text, Whole, given

GAVE = "ann and bo went to the park . ann gave the ball to"
STORY = ("text", "written", "place", "temperature", "top_k", "seed")  # what the scene `story` reads


@dataclass(frozen=True)
class Inputs:
    """``scene`` is the scene. written: words that the model added; place: whose column is drawn, 1 for
    the first word, 0 for the last; top_k: 0 for all words."""

    scene: str = given(Choice("story", ("story",)))
    text: str = given(Text(GAVE, 400, lines=2))
    written: int = given(Whole(0, 0, 20))
    place: int = given(Whole(0, 0, 80, typed=True))
    temperature: float = given(Number(1.0, 0.1, 3.0, 0.1))
    top_k: int = given(Whole(0, 0, 20))
    seed: int = given(Whole(0, 0, 99))
