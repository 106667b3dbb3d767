"""The decoder that looks back: a date typed in any way, written as ISO with three kinds of attention."""

from __future__ import annotations

from ...page.scene import Tab
from ...page.tab import Controls
from ...page.texts import Words
from . import train, translate
from .parts import Inputs


def layout(controls: Controls, words: Words) -> None:
    """What to read on top; the knobs of the training only in its scene."""
    controls.place("mode", "text", "attention")
    # the page steps by itself and tells this hidden slider, so that links keep the step
    controls.place("step", visible=False)
    with controls.only("train"):
        controls.place(*train.KNOBS)


TAB = Tab(
    id="decoder",
    inputs=Inputs,
    switches=("mode",),
    scenes={"translate": translate.SCENE, "train": train.SCENE},
    picks=("attention", "step", "text"),
    # one day that no model was trained on, in six ways
    examples=(
        ("example_english", {}),
        ("example_ordinal", {"text": "May 3rd, 1996"}),
        ("example_chinese", {"text": "一九九六年五月三日"}),
        ("example_numeric", {"text": "3.5.1996"}),
        ("example_mixed", {"text": "1996年5月3日 周五", "attention": "dot"}),
        ("example_ambiguous", {"text": "3/5/1996"}),
    ),
    layout=layout,
)  # fmt: skip
