"""The bar above the tabs while an assignment is open, and the page ``/class``; what both may ask."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from ...course import Results, collate
from ...course.format import Inputs
from ..page.bounds import read_json
from ..page.busy import slot
from ..page.guard import Json, Refusal, told
from ..page.texts import words_for
from .answers import PageAnswers
from .asks import ask_number, ask_numbers, ask_qr, ask_test
from .shipped import opened
from .table import as_table

SECONDS = 6.0  # one collation may take
MOST_SOURCES, LONGEST = 2500, 2_900_000  # hand-ins, and bytes of them all


@told
def ask_assignment(language: str, page: PageAnswers, request: object) -> Json:
    """{"assignment": a name or a text, "seed"} -> the assignment and where its steps stand."""
    asked = request if isinstance(request, dict) else {}
    return opened(asked.get("assignment"), page, language, asked.get("seed"))


@told
def ask_class(language: str, page: PageAnswers, request: object) -> Json:
    """{"state": base64 of [[source, text], ...]} -> the class, every mark computed again. Nothing is kept."""
    sources = sources_of(request.get("state") if isinstance(request, dict) else None)
    end = time.monotonic() + SECONDS

    def answers(inputs: Inputs) -> Results:
        if time.monotonic() > end:
            raise ValueError("the seconds for one collation are over")
        return page(inputs)

    with slot("collate", limit=1, wait=15.0):
        end = time.monotonic() + SECONDS
        return as_table(collate(sources, answers, SECONDS, page.drawn), page, words_for(language))


def sources_of(state: object) -> list[tuple[str, str]]:
    """The pairs of a question, which comes as one string: see ``checked_training``. Raises ``Refusal``."""
    if not isinstance(state, str) or len(state) > LONGEST * 4 // 3 + 4:
        raise Refusal("bad_request")
    try:
        pairs = read_json(base64.b64decode(state, validate=True))
    except binascii.Error:
        raise Refusal("bad_request") from None
    if not isinstance(pairs, list) or len(pairs) > MOST_SOURCES:
        raise Refusal("bad_request")
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(one, str) for one in pair):
            raise Refusal("bad_request")
    return [(source, text) for source, text in pairs]


def _place(kind: str, language: str, functions: dict[str, Callable[..., Any]], page: PageAnswers) -> gr.HTML:
    asks: list[Callable[..., Any]] = []
    for name, function in functions.items():
        asked = partial(function, language, page)
        asked.__name__ = name  # type: ignore[attr-defined]
        asks.append(asked)
    return gr.HTML(
        html_template=f'<div class="am-{kind}"></div>',
        js_on_load=f"AttentionMatchmaker.{kind}InGradio(element, server)",
        server_functions=asks,
        apply_default_css=False,
        elem_id=f"am-{kind}",
    )


def build_bar(language: str, page: PageAnswers) -> None:
    """The place of an open assignment, empty without one."""
    functions: dict[str, Callable[..., Any]] = {"assignment": ask_assignment, "number": ask_number}
    _place("course", language, functions | {"qr": ask_qr, "test": ask_test}, page)


def build_class(language: str, page: PageAnswers) -> None:
    """The page for teachers, inside an open Blocks."""
    words = words_for(language)
    header = words("course.header")
    gr.HTML(html_template=header, elem_classes="am-header", apply_default_css=False, js_on_load=None)
    with gr.Column():
        functions: dict[str, Callable[..., Any]] = {
            "assignment": ask_assignment, "collate": ask_class, "numbers": ask_numbers, "number": ask_number,
            "qr": ask_qr,
        }  # fmt: skip
        _place("class", language, functions, page)
