"""Applications: a classifier whose weights can be dragged, and a recommender that looks at a history."""

from __future__ import annotations

from typing import Any

from ..classifier import EXAMPLE
from . import classifier_view, recommender_view
from .applications_fields import Factors, History
from .guard import Choice, Flag, Number, Text
from .texts import Words

ID = "applications"
FIELDS = (
    Choice("app", "classifier", ("classifier", "recommender")),
    Text("text", EXAMPLE, 300),
    Choice("override", "none", ("none", "drag", "permute", "uniform")),
    Factors("token_weights"),
    Number("permute_seed", 0, 0, classifier_view.SHUFFLES - 1, 1),
    Choice("user", "u0", recommender_view.USERS),
    History("history"),
    Number("k", 10, 1, 20, 1),
    Flag("even", False),
)
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
)


def half(values: dict[str, Any]) -> Any:
    """The module of the application that is asked for."""
    return recommender_view if values["app"] == "recommender" else classifier_view


def panels(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """The pictures of the chosen application."""
    return half(values).panels(values, words)


def sheet(values: dict[str, Any], words: Words, panel: str, row: int, column: int) -> dict[str, Any]:
    """The arithmetic of a cell of the chosen application."""
    return half(values).sheet(values, words, panel, row, column)


def snippet(values: dict[str, Any]) -> str:
    """Code that prints the numbers shown."""
    return half(values).snippet(values)


def results(values: dict[str, Any]) -> dict[str, Any]:
    """Plain numbers for the API."""
    return half(values).results(values)


def notices(values: dict[str, Any], words: Words) -> list[str]:
    """Unknown words, or an empty history."""
    return half(values).notices(values, words)


def tasks(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """Predict, then look."""
    return half(values).tasks(values, words)


def controls(words: Words) -> dict[str, Any]:
    """The application first, then its own inputs; bars and history are edited in the picture."""
    import gradio as gr

    from .tab import component

    made: dict[str, Any] = {}

    def make(*names: str) -> None:
        for field in FIELDS:
            if field.name in names:
                made[field.name] = component(field, ID, words)

    quiet = {"queue": False, "api_visibility": "private"}
    make("app")
    with gr.Column() as classifier:
        make("text", "override", "token_weights", "permute_seed")
    with gr.Column(visible=False) as recommender:
        make("user", "history", "k", "even")
    made["app"].change(
        None, made["app"], [classifier, recommender],
        js="(app) => [{visible: app === 'classifier', __type__: 'update'},"
        " {visible: app === 'recommender', __type__: 'update'}]", **quiet,
    )  # fmt: skip
    # another user comes with a history of their own
    made["user"].input(None, None, made["history"], js="() => ''", **quiet)
    return made
