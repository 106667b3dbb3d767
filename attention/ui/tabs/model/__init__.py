"""A language model in the open: here, the scene in which a circuit forms."""

from __future__ import annotations

from ...page.scene import Tab
from ...page.tab import Controls
from ...page.texts import Words
from .copying import SCENE, layout_copy
from .copying.inputs import Inputs


def layout(controls: Controls, words: Words) -> None:
    """The scene, then what it reads."""
    controls.place("scene", visible=False)
    layout_copy(controls)


TAB = Tab(
    id="model",
    inputs=Inputs,
    switches=("scene",),
    scenes={"copy": SCENE},
    picks=("stage", "layers", "run_seed"),
    examples=(
        ("copy_example_learn", {}),
        ("copy_example_one", {"layers": "1"}),
        ("copy_example_blind", {"stage": "use", "knock": "previous"}),
        ("copy_example_trick", {"stage": "lengths"}),
        ("copy_example_models", {"stage": "models"}),
    ),
    layout=layout,
)  # fmt: skip
