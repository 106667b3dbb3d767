"""What a learner sets in the cost tab."""

from __future__ import annotations

from dataclasses import dataclass

from ....decode.cache_pitfalls import PITFALLS
from ...page.fields import Choice, Flag, Number, Text, Whole, given

STEPS = 12  # words written
SPREAD = 2.0  # what the tiles' queries are multiplied by, so that a row's maximum rises in sight
LOST = "ann lost the key . bo"
GAVE = "ann and bo went to the park . ann gave the ball to"
GAVE_ZH = "小安 和 小波 去 公园 。 小安 把 球 给 了"


@dataclass(frozen=True)
class Inputs:
    """All scenes' inputs; ``scene`` is the scene.

    cache: writer to mistake; share: model to rank; tiles: queries to look_back; window: window to stories;
    linear: features to rate. seed is of the last three.
    """

    scene: str = given(Choice("cache", ("cache", "tiles", "share", "window", "linear")))
    writer: str = given(Choice("storyteller", ("storyteller", "smollm2")))
    story: str = given(Text(LOST, 300, lines=2))
    step: int = given(Whole(3, 0, STEPS - 1))
    layer: int = given(Whole(1, 0, 29, typed=True))
    head: int = given(Whole(0, 0, 8, typed=True))
    looks_back: bool = given(Flag(True))
    mistake: str = given(Choice("none", ("none", *PITFALLS), radio=False))
    model: str = given(Choice("minilm", ("minilm", "storyteller", "smollm2")))
    sentence: str = given(Text(GAVE, 300, lines=2))
    form: str = given(Choice("shared", ("shared", "latent")))
    groups: int = given(Whole(3, 1, 12))
    rank: int = given(Whole(192, 1, 384))
    queries: int = given(Whole(9, 1, 12))
    keys: int = given(Whole(9, 1, 12))
    tile: int = given(Whole(3, 1, 12))
    look_back: bool = given(Flag(False))
    window: str = given(Choice("8", ("4", "8", "16", "32", "64", "128"), radio=False))
    first: str = given(Choice("0", ("0", "1", "2", "4")))
    layers: int = given(Whole(2, 1, 6))
    stories: str = given(Choice("en", ("en", "zh")))
    features: int = given(Whole(16, 1, 512))
    random: str = given(Choice("fourier", ("fourier", "positive")))
    bandwidth: float = given(Number(0.5, 0.3, 3.0, 0.1))
    rate: float = given(Number(1.0, 0.0, 1.0, 0.05))
    seed: int = given(Whole(0, 0, 999))
