"""A whole language model in the open."""

from __future__ import annotations

from ...page.scene import Tab
from ...page.tab import Controls
from ...page.texts import Words
from . import story
from .inputs import STORY, Inputs


def layout(controls: Controls, words: Words) -> None:
    """The scene, the text, and below what the scene alone has."""
    controls.place("scene", "text")
    with controls.only("story"):
        controls.place(*(name for name in STORY if name != "text"))


TAB = Tab(
    id="model",
    inputs=Inputs,
    switches=("scene",),
    scenes={"story": story.SCENE},
    examples=(
        ("story_example_gave", {}),
        ("story_example_zh", {"text": "小安和小波去了公园。小安把球给了"}),
        ("story_example_agree", {"text": "the keys behind the lamp"}),
        ("story_example_list", {"text": "ann bought tea , milk and bread . bo bought tea , milk and"}),
        ("story_example_ask", {"text": "ann sings . bo reads . who reads ?"}),
        ("story_example_wild", {"text": "ann and", "written": 12, "temperature": 1.5, "seed": 3}),
    ),
    picks=("written", "place", "seed"),
    layout=layout,
)  # fmt: skip
