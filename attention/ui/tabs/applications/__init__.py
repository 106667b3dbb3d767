"""Applications: a classifier whose weights can be dragged, and a recommender that looks at a history."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..classifier import EXAMPLE
from . import applications_training, classifier_view, recommender_view
from .applications_fields import Factors, History
from .guard import Choice, Flag, Number, Refusal, Text, check_all
from .texts import Words

ID = "applications"
FIELDS = (
    Choice("app", "classifier", ("classifier", "recommender")),
    Choice("mode", "use", ("use", "train")),
    Text("text", EXAMPLE, 300),
    Choice("override", "none", ("none", "drag", "permute", "uniform")),
    Factors("token_weights"),
    Number("permute_seed", 0, 0, classifier_view.SHUFFLES - 1, 1),
    Choice("user", "u0", recommender_view.USERS),
    History("history"),
    Number("k", 10, 1, 20, 1),
    Flag("even", False),
    Number("seed", 0, 0, 99, 1),
    Number("steps", 400, 20, 1000, 20),
    Number("learning_rate", 0.005, 0.001, 0.02, 0.001),
)
TRAINING = ("seed", "steps", "learning_rate")
PICKS = ("override", "token_weights", "history")
READS = {"app": "recommender"}
EXAMPLES = (
    ("example_good", {"text": "good , not bad"}),
    ("example_bad", {"text": "bad , not good"}),
    ("example_zh", {"text": "这道菜不油腻，很好吃"}),
    ("example_drag", {"text": "the soup was not bad", "override": "drag", "token_weights": "1,1,1,0"}),
    ("example_uniform", {"text": "tasty , not greasy", "override": "uniform"}),
    ("example_permute", {"text": "tasty , not greasy", "override": "permute"}),
    ("example_reader", READS),
    ("example_cake", READS | {"history": "16,17,18,19,20,48"}),
    ("example_cold", READS | {"history": "-"}),
    ("example_train", {"mode": "train", "text": "good , not bad"}),
    ("example_train_reader", READS | {"mode": "train", "steps": 200}),
)


def half(values: dict[str, Any]) -> Any:
    """The module of the application that is asked for."""
    return recommender_view if values["app"] == "recommender" else classifier_view


def part(values: dict[str, Any]) -> Any:
    """The module that draws what is asked for: one of the two halves, or their training."""
    return applications_training if values["mode"] == "train" else half(values)


def panels(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """The pictures of the chosen application, or the frame of its training."""
    return part(values).panels(values, words)


def sheet(values: dict[str, Any], words: Words, panel: str, row: int, column: int) -> dict[str, Any]:
    """The arithmetic of a cell; a training's cells need its state, so they go through ``cell``."""
    if values["mode"] == "train":
        raise Refusal("no_such_cell")
    return half(values).sheet(values, words, panel, row, column)


def snippet(values: dict[str, Any]) -> str:
    """Code that prints the numbers shown."""
    return part(values).snippet(values)


def results(values: dict[str, Any]) -> dict[str, Any]:
    """Plain numbers for the API; in mode "train" those of the first chunk."""
    return part(values).results(values)


def notices(values: dict[str, Any], words: Words) -> list[str]:
    """Unknown words, or an empty history."""
    return half(values).notices(values, words)


def tasks(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """Predict, then look."""
    return part(values).tasks(values, words)


def controls(words: Words) -> dict[str, Any]:
    """The application first, then its own inputs; bars and history are edited in the picture."""
    import gradio as gr

    from .tab import QUIET, Controls

    made = Controls(ID, FIELDS, words)
    # shown and hidden by applications.css: an input that Gradio hides would forget what a link set
    made.place("app", "mode")
    with gr.Column(elem_classes="am-app-classifier"):
        made.place("text")
        with gr.Column(elem_classes="am-app-use"):
            made.place("override", "token_weights")
        with gr.Column(elem_classes="am-app-use am-app-permute"):
            made.place("permute_seed")
    with gr.Column(elem_classes="am-app-recommender"):
        made.place("user", "history")
        with gr.Column(elem_classes="am-app-use"):
            made.place("k", "even")
    with gr.Column(elem_classes="am-app-train"):
        made.place(*TRAINING)
    # another user comes with a history of their own
    made["user"].input(None, None, made["history"], js="() => ''", **QUIET)
    return made


SERVER = {
    name: partial(applications_training.served, function, partial(check_all, ID, FIELDS))
    for name, function in (("train", applications_training.train), ("cell", applications_training.cell))
}
