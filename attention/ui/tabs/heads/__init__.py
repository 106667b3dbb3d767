"""Real heads: every head of every layer of a pretrained model, and one of them opened.

Three scenes look at one run: the overview, what happens if you touch it, and what the heads do. The
open head is drawn in ``opened``, models run in ``runs``.
"""

from __future__ import annotations

import gradio as gr

from ....pretrained.device import AT_MOST
from ...page.scene import Tab
from ...page.tab import Controls
from ...page.texts import Words
from . import overview, touch, understand
from .captured import WHOLE
from .inputs import CHANGING, CHARACTERS, MEASURING, MOST, Inputs

SHUFFLED = "The dog bit the man in the park."
CHINESE = "我爱北京天安门，天安门上太阳升。"
STORY = "ann and bo went to the park . ann gave the ball to"
REPEATED = "red dog seven lamp tree cold red dog seven lamp tree cold"


def layout(controls: Controls, words: Words) -> None:
    """The look, the model and the text first, then which head; each look shows its own inputs."""
    controls.place("look")
    controls.place("model", "text", "pair")
    with gr.Row(elem_classes="am-pair"):
        controls.place("layer", "head")
    with gr.Row() if MOST > WHOLE else controls.only("never"):  # texts that are never long have no regions
        controls.place("zoom")
    limit = "text.info" if MOST < AT_MOST else "text.info_own"
    controls["text"].info = words(f"heads.{limit}", characters=CHARACTERS, tokens=MOST)
    controls.place("hide_special")
    for look, names in (("touch", CHANGING), ("understand", MEASURING)):
        with controls.only(look):
            controls.place(*names)
    with gr.Accordion(words("heads.seq2seq"), open=False):
        controls.place("side")


TAB = Tab(
    id="heads",
    inputs=Inputs,
    switches=("look",),
    scenes={"overview": overview.SCENE, "touch": touch.SCENE, "understand": understand.SCENE},
    examples=(
        ("example_pronoun", {}),
        ("example_pair", {"text": "A man is playing a guitar.", "pair": "Someone makes music.",
                          "layer": 1, "head": 3}),
        ("example_chinese", {"text": CHINESE, "layer": 2, "head": 9}),
        ("example_knock", {"look": "touch", "knock_out": "3.1"}),
        ("example_shuffle", {"look": "touch", "text": SHUFFLED, "shuffle": 7, "positions": False,
                             "position": 7}),
        ("example_roles", {"look": "understand", "model": "smollm2", "text": REPEATED, "layer": 17,
                           "head": 5}),
        ("example_story", {"look": "touch", "model": "storyteller", "text": STORY, "layer": 1, "head": 0}),
        ("example_next", {"look": "touch", "model": "smollm2", "text": "The capital of France is",
                          "knock_out": "0", "layer": 0, "head": 0}),
    ),
    picks=("layer", "head", "knock_out", "zoom"),  # what a click in a picture may set
    layout=layout,
    slow=True,
)  # fmt: skip
