"""The matchmaker: one query, a few candidates, four steps; and the same learned from evenings."""

from __future__ import annotations

from ...page.scene import Tab
from ...page.tab import Controls
from ...page.texts import Words
from . import by_hand, trained
from .inputs import PEOPLE, Inputs


def layout(controls: Controls, words: Words) -> None:
    """The people first, the knobs of the chosen scene below; the others stay out of sight."""
    controls.place("mode")
    with controls.only("steps"):
        controls.place(*by_hand.SCENE.fields)
    with controls.only("training"):
        controls.place(*trained.SCENE.fields)


TAB = Tab(
    id="matchmaker",
    inputs=Inputs,
    switches=("mode",),
    scenes={"steps": by_hand.SCENE, "training": trained.SCENE},
    examples=(
        ("example_first", {}),
        ("example_cold", {"temperature": 0.2}),
        ("example_boast", {"people": PEOPLE | {
            "query": [1.0, 0.0], "keys": [[3.0, 0.0], [1.0, 1.0], [0.5, 2.0]],
            "values": [[0.1, 0.2], [0.9, 0.5], [0.7, 0.9]]}, "scale": True}),
        ("example_training", {"mode": "training"}),
        ("example_decay", {"mode": "training", "weight_decay": 0.01}),
    ),
    picks=("people",),
    layout=layout,
)  # fmt: skip
