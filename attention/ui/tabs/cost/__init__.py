"""Cost: what attention costs, and how the field pays less."""

from __future__ import annotations

from ...page.scene import Tab
from ...page.tab import Controls
from ...page.texts import Words
from . import cache, share
from .inputs import GAVE_ZH, Inputs


def layout(controls: Controls, words: Words) -> None:
    """The scene first, its knobs below; the others stay out of sight."""
    controls.place("scene")
    with controls.only("cache"):
        controls.place(*cache.SCENE.fields)
    with controls.only("share"):
        controls.place(*share.SCENE.fields)


TAB = Tab(
    id="cost",
    inputs=Inputs,
    switches=("scene",),
    scenes={"cache": cache.SCENE, "share": share.SCENE},
    examples=(
        ("cache_example", {}),
        ("cache_example_off", {"looks_back": False}),
        ("cache_example_restart", {"mistake": "restart"}),
        ("cache_example_chinese", {"story": GAVE_ZH, "step": 4}),
        ("share_example", {"scene": "share"}),
        ("share_example_story", {"scene": "share", "model": "storyteller", "groups": 2, "rank": 32}),
        ("share_example_latent", {"scene": "share", "form": "latent"}),
    ),
    picks=("step",),
    layout=layout,
    slow=True,
)
