"""A whole language model in the open: its forward pass, why it says a word, and a circuit that forms."""

from __future__ import annotations

import gradio as gr

from ...page.scene import Tab
from ...page.tab import Controls
from ...page.texts import Words
from . import copying, story, why
from .inputs import STORY, Inputs

TIRED = "The animal did not cross the street because it was tired."
WIDE = "The animal did not cross the street because it was wide."


def layout(controls: Controls, words: Words) -> None:
    """The scene, the text that two of them read, and below what each has for itself."""
    controls.place("scene")
    with controls.only("why"):
        controls.place("model")
    with controls.only("story"):
        controls.place("teller")
    with gr.Column(elem_classes="am-not-copy"):
        controls.place("text")
    with controls.only("story"):
        controls.place(*(name for name in STORY if name not in ("teller", "text")))
    with controls.only("why"):
        controls.place("other")
        for pair in (("word", "instead"), ("layer", "head"), ("query", "key")):
            with gr.Row(elem_classes="am-pair"):
                controls.place(*pair)
        controls.place("convention", "order")
    with controls.only("copy"):
        copying.layout_copy(controls)


TAB = Tab(
    id="model",
    inputs=Inputs,
    switches=("scene",),
    scenes={"story": story.SCENE, "why": why.SCENE, "copy": copying.SCENE},
    examples=(
        ("story_example_gave", {}),
        ("story_example_zh", {"text": "小安和小波去了公园。小安把球给了"}),
        ("story_example_agree", {"text": "the keys behind the lamp"}),
        ("story_example_list", {"text": "ann bought tea , milk and bread . bo bought tea , milk and"}),
        ("story_example_ask", {"text": "ann sings . bo reads . who reads ?"}),
        ("story_example_wild", {"text": "ann and", "written": 12, "temperature": 1.5, "seed": 3}),
        ("why_example_gave", {"scene": "why"}),
        ("why_example_silent", {"scene": "why", "other": "", "word": "bo", "instead": "ann"}),
        ("why_example_list", {
            "scene": "why", "text": "ann bought tea , milk and bread . bo bought tea , milk and",
            "other": "ann bought tea , milk and rice . bo bought tea , milk and", "layer": 1,
            "head": 1, "query": 13, "key": 6}),
        ("why_example_agree", {"scene": "why", "text": "the key near the lamps",
                               "other": "the keys near the lamp", "head": 2, "query": 3, "key": 1}),
        ("why_example_question", {"scene": "why", "text": "ann sings . bo reads . who reads ?",
                                  "other": "ann reads . bo sings . who reads ?", "layer": 1, "head": 1,
                                  "query": 8, "key": 3}),
        ("why_example_chinese", {
            "scene": "why", "text": "小安 和 小波 去 了 公园 。 小安 把 球 给 了",
            "other": "小安 和 小波 去 了 公园 。 小波 把 球 给 了",
            "query": 11, "key": 7}),
        ("why_example_minilm", {"scene": "why", "model": "minilm", "text": TIRED, "other": WIDE, "layer": 3,
                                "head": 1, "query": 9, "key": 2}),
        ("copy_example_learn", {"scene": "copy"}),
        ("copy_example_one", {"scene": "copy", "layers": "1"}),
        ("copy_example_blind", {"scene": "copy", "stage": "use", "knock": "previous"}),
        ("copy_example_trick", {"scene": "copy", "stage": "lengths"}),
        ("copy_example_models", {"scene": "copy", "stage": "models"}),
    ),
    picks=("written", "place", "seed", "query", "key", "stage", "layers", "run_seed"),
    layout=layout,
    slow=True,
)  # fmt: skip
