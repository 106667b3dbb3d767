"""The matchmaker: one query, a few candidates, four steps; and the same learned from evenings."""

from __future__ import annotations

from ...page.scene import Scene, Tab
from ...page.tab import Controls
from ...page.texts import Words
from . import by_hand, trained
from .inputs import PEOPLE, Inputs


def layout(controls: Controls, words: Words) -> None:
    """The people first, the knobs of the chosen scene below; the others stay out of sight."""
    controls.place("mode")
    with controls.only("steps"):
        controls.place(*by_hand.FIELDS)
    with controls.only("training"):
        controls.place(*trained.FIELDS)


TAB = Tab(
    id="matchmaker",
    inputs=Inputs,
    switches=("mode",),
    scenes={
        "steps": Scene(
            fields=by_hand.FIELDS, study=by_hand.study, panels=by_hand.panels, sheet=by_hand.sheet,
            snippet=by_hand.snippet, results=by_hand.results, tasks=by_hand.tasks,
        ),
        "training": Scene(
            fields=trained.FIELDS, study=trained.study, panels=trained.panels, sheet=trained.sheet,
            snippet=trained.snippet, results=trained.results, tasks=trained.tasks,
            notices=trained.notices,
        ),
    },
    examples=(
        ("example_first", {}),
        ("example_cold", {"temperature": 0.2}),
        ("example_boast", {"people": PEOPLE | {
            "query": [1.0, 0.0], "keys": [[3.0, 0.0], [1.0, 1.0], [0.5, 2.0]],
            "values": [[0.1, 0.2], [0.9, 0.5], [0.7, 0.9]]}, "scale": True}),
        ("example_training", {"mode": "training"}),
        ("example_decay", {"mode": "training", "weight_decay": 0.01}),
    ),
    layout=layout,
)  # fmt: skip
