"""What a learner sets in the cost tab; ``scene`` is the scene, and each scene reads its own few."""

from __future__ import annotations

from dataclasses import dataclass

from ...page.fields import Choice, Flag, Number, Whole, given


@dataclass(frozen=True)
class Inputs:
    """All scenes' inputs. tiles: queries, keys, tile, look_back. window: window, first, layers, story.
    linear: features, random, bandwidth, rate. seed is everybody's."""

    scene: str = given(Choice("tiles", ("tiles", "window", "linear")))
    queries: int = given(Whole(9, 1, 12))
    keys: int = given(Whole(9, 1, 12))
    tile: int = given(Whole(3, 1, 12))
    look_back: bool = given(Flag(False))
    window: str = given(Choice("8", ("4", "8", "16", "32", "64", "128"), radio=False))
    first: str = given(Choice("0", ("0", "1", "2", "4")))
    layers: int = given(Whole(2, 1, 6))
    story: str = given(Choice("en", ("en", "zh")))
    features: int = given(Whole(16, 1, 512))
    random: str = given(Choice("fourier", ("fourier", "positive")))
    bandwidth: float = given(Number(0.5, 0.3, 3.0, 0.1))
    rate: float = given(Number(1.0, 0.0, 1.0, 0.05))
    seed: int = given(Whole(0, 0, 999))
