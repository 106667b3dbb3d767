"""Applications: a classifier whose weights can be dragged, and a recommender that looks at a history."""

from __future__ import annotations

from ...page.scene import Scene, Tab
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
        "classifier use": Scene(
            fields=("text", "override", "token_weights", "permute_seed"), study=classifier.study,
            panels=classifier.panels, sheet=classifier.sheet, snippet=classifier.snippet,
            results=classifier.results, tasks=classifier.tasks, notices=classifier.notices,
        ),
        "classifier train": Scene(
            fields=("text", *TRAINING), study=classifier_training.study,
            panels=classifier_training.panels, snippet=classifier_training.snippet,
            results=classifier_training.results, tasks=classifier_training.tasks,
            notices=classifier_training.notices, trainer=classifier_training.TRAINER,
        ),
        "recommender use": Scene(
            fields=("user", "history", "k", "even"), study=recommender.study,
            panels=recommender.panels, sheet=recommender.sheet, snippet=recommender.snippet,
            results=recommender.results, tasks=recommender.tasks, notices=recommender.notices,
        ),
        "recommender train": Scene(
            fields=("user", "history", *TRAINING), study=recommender_training.study,
            panels=recommender_training.panels, snippet=recommender_training.snippet,
            results=recommender_training.results, tasks=recommender_training.tasks,
            notices=recommender_training.notices, trainer=recommender_training.TRAINER,
        ),
    },
    picks=("override", "token_weights", "history"),
    examples=(
        ("example_good", {"text": "good , not bad"}),
        ("example_bad", {"text": "bad , not good"}),
        ("example_zh", {"text": "这道菜不油腻，很好吃"}),
        ("example_drag", {"text": "the soup was not bad", "override": "drag", "token_weights": "1,1,1,0"}),
        ("example_uniform", {"text": "greasy , not tasty", "override": "uniform"}),
        ("example_permute", {"text": "tasty , not greasy", "override": "permute"}),
        ("example_reader", READS),
        ("example_cake", READS | {"history": "16,17,18,19,20,48"}),
        ("example_cold", READS | {"history": "-"}),
        ("example_train", {"mode": "train", "text": "good , not bad"}),
        ("example_train_reader", READS | {"mode": "train", "steps": 200}),
    ),
    layout=layout,
)  # fmt: skip
