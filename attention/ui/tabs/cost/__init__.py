"""What attention costs, and how the field pays less: tiles, windows, and sums instead of rows."""

from __future__ import annotations

from ...page.scene import Tab
from ...page.tab import Controls
from ...page.texts import Words
from . import linear, tiles, window
from .inputs import Inputs

SCENES = {"tiles": tiles.SCENE, "window": window.SCENE, "linear": linear.SCENE}


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
        ("example_tiles", {}),
        ("example_one_key", {"tile": 1}),
        ("example_causal", {"look_back": True, "queries": 12, "keys": 12}),
        ("example_window", {"scene": "window"}),
        ("example_sinks", {"scene": "window", "window": "64", "first": "1"}),
        ("example_linear", {"scene": "linear"}),
        ("example_features", {"scene": "linear", "features": 512}),
    ),
    layout=layout,
)  # fmt: skip
