"""What attention costs, and how the field pays less: a cache, tiles, shared keys, windows, sums for rows."""

from __future__ import annotations

from typing import Any

from ...page.scene import Scene, Tab
from ...page.tab import Controls
from ...page.texts import Words
from . import cache, linear, share, tiles, window
from .inputs import GAVE_ZH, Inputs

SCENES: dict[str, Scene[Inputs, Any]] = {
    "cache": cache.SCENE, "tiles": tiles.SCENE, "share": share.SCENE, "window": window.SCENE,
    "linear": linear.SCENE,
}  # fmt: skip


def layout(controls: Controls, words: Words) -> None:
    """The scene on top, below it the knobs that it reads."""
    controls.place("scene")
    for name, scene in SCENES.items():
        with controls.only(name):
            controls.place(*(one for one in scene.fields if one != "seed"))
    controls.place("seed")


TAB = Tab(
    id="cost",
    inputs=Inputs,
    switches=("scene",),
    scenes=SCENES,
    examples=(
        ("cache_example", {}),
        ("cache_example_off", {"looks_back": False}),
        ("cache_example_restart", {"mistake": "restart"}),
        ("cache_example_chinese", {"story": GAVE_ZH, "step": 4}),
        ("example_tiles", {"scene": "tiles"}),
        ("example_one_key", {"scene": "tiles", "tile": 1}),
        ("example_causal", {"scene": "tiles", "look_back": True, "queries": 12, "keys": 12}),
        ("share_example", {"scene": "share"}),
        ("share_example_story", {"scene": "share", "model": "storyteller", "groups": 2, "rank": 32}),
        ("share_example_latent", {"scene": "share", "form": "latent"}),
        ("example_window", {"scene": "window"}),
        ("example_sinks", {"scene": "window", "window": "64", "first": "1"}),
        ("example_linear", {"scene": "linear"}),
        ("example_features", {"scene": "linear", "features": 512}),
    ),
    picks=("step",),
    layout=layout,
    slow=True,
)  # fmt: skip
