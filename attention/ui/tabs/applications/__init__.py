"""Applications: a classifier whose weights can be dragged, and a recommender that looks at a history."""

from __future__ import annotations

from ...page.scene import Tab
from ...page.tab import Controls
from ...page.texts import Words
from . import classifier, classifier_training, recommender, recommender_training
from .fields import TRAINING, Inputs

READS = {"app": "recommender"}


def layout(controls: Controls, words: Words) -> None:
    """The application first, then its own inputs; bars and history are edited in the picture."""
    controls.place("app", "mode")
    with controls.only("classifier"):
        controls.place("text")
        with controls.only("use"):
            controls.place("override", "token_weights")
            with controls.only("permute"):
                controls.place("permute_seed")
    with controls.only("recommender"):
        controls.place("user", "history")
        with controls.only("use"):
            controls.place("k", "even")
    with controls.only("train"):
        controls.place(*TRAINING)
    # another user comes with a history of their own
    controls.on("user", "input", controls["history"], "() => ''")


TAB = Tab(
    id="applications",
    inputs=Inputs,
    switches=("app", "mode"),
    scenes={
        "classifier use": classifier.SCENE,
        "classifier train": classifier_training.SCENE,
        "recommender use": recommender.SCENE,
        "recommender train": recommender_training.SCENE,
    },
    picks=("override", "token_weights", "history"),
    examples=(
        ("example_good", {"text": "good , not bad"}),
        ("example_bad", {"text": "bad , not good"}),
        ("example_zh", {"text": "这道菜不油腻，很好吃"}),
        ("example_drag", {"text": "the soup was not bad", "override": "drag", "token_weights": "1,1,1,0"}),
        ("example_uniform", {"text": "tasty , not greasy", "override": "uniform"}),
        ("example_permute", {"text": "the soup was not bad", "override": "permute"}),
        ("example_reader", READS),
        ("example_cake", READS | {"history": "16,17,18,19,20,48"}),
        ("example_cold", READS | {"history": "-"}),
        ("example_train", {"mode": "train", "text": "good , not bad"}),
        ("example_train_reader", READS | {"mode": "train", "steps": 200}),
    ),
    layout=layout,
)  # fmt: skip
