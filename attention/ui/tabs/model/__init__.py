"""A whole language model in the open: why does it say this word?"""

from __future__ import annotations

import gradio as gr

from ...page.scene import Tab
from ...page.tab import Controls
from ...page.texts import Words
from . import why
from .inputs import Inputs

TIRED = "The animal did not cross the street because it was tired."
WIDE = "The animal did not cross the street because it was wide."
MARY = "When Mary and John went to the store, John gave a drink to"
JOHN = "When Mary and John went to the store, Mary gave a drink to"


def layout(controls: Controls, words: Words) -> None:
    """Sentences and words first, then which head and which of its cells."""
    controls.place("scene", "model", "text", "other")
    for pair in (("word", "instead"), ("layer", "head"), ("query", "key")):
        with gr.Row(elem_classes="am-pair"):
            controls.place(*pair)
    controls.place("convention", "order")


TAB = Tab(
    id="model",
    inputs=Inputs,
    switches=("scene",),
    scenes={"why": why.SCENE},
    examples=(
        ("why_example_gave", {}),
        ("why_example_silent", {"other": "", "word": "bo", "instead": "ann"}),
        ("why_example_list", {
            "text": "ann bought tea , milk and bread . bo bought tea , milk and",
            "other": "ann bought tea , milk and rice . bo bought tea , milk and", "head": 1,
            "query": 13, "key": 6}),
        ("why_example_agree", {"text": "the key near the lamps", "other": "the keys near the lamp", "head": 3,
                               "query": 4, "key": 1}),
        ("why_example_question", {"text": "ann sings . bo reads . who reads ?",
                                  "other": "ann reads . bo sings . who reads ?", "query": 8, "key": 3}),
        ("why_example_chinese", {
            "text": "小安 和 小波 去 了 公园 。 小安 把 球 给 了",
            "other": "小安 和 小波 去 了 公园 。 小波 把 球 给 了",
            "layer": 0, "head": 1, "query": 11, "key": 7}),
        ("why_example_minilm", {"model": "minilm", "text": TIRED, "other": WIDE, "layer": 3, "head": 1,
                                "query": 9, "key": 2}),
    ),
    picks=("query", "key"),
    layout=layout,
    slow=True,
)  # fmt: skip
