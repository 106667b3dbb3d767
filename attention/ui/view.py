"""AttentionView: the one component that draws. Python hands over a payload, the page draws it.

A payload is a plain dict, a pure function of a tab's inputs:

``tab, language, inputs, link``  what it shows and how to get back to it
``panels``   a list of panels in reading order; builders below make them
``code``     the snippet that prints the numbers shown
``notices``  sentences above the panels (what was cut, hidden, renormalised)
``tasks``    exercises with computed answers

The page's side is assets/view and the tabs' view.js, ES modules with no dependency: a script registers
what draws a panel kind (assets/view/core/registry.js). Text from a payload reaches the DOM through
``textContent`` only.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import gradio as gr
import torch
from torch import Tensor

from .scripts import link
from .texts import ASSETS, LANGUAGES, SHARED, TABS, words_for

TEMPLATE = '<div class="am-view"></div>'  # static: a value inside a template would run as script


def numbers(tensor: Tensor | Sequence) -> dict[str, Any]:
    """A tensor for the page, exactly: {"shape", "f32": base64 of little-endian float32}.

    NaN and infinity survive here (JSON could not carry them); only the masks tab sends any.
    """
    tensor = torch.as_tensor(tensor).detach().to("cpu", torch.float32).contiguous()
    data = base64.b64encode(tensor.numpy().astype("<f4").tobytes()).decode()
    return {"shape": list(tensor.shape), "f32": data}


def heatmap(
    id: str,
    title: str,
    matrix: Tensor,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    row_title: str = "",
    column_title: str = "",
    caption: str = "",
    low: float | None = None,
    high: float | None = None,
    diverging: bool = False,
    opens: bool = True,
    masked: Tensor | None = None,
    digits: int = 2,
    wide: bool = False,
    sums: bool = False,
) -> dict[str, Any]:
    """A matrix (n, m) as coloured cells with its numbers; ``opens`` means a click shows the sheet.

    low, high: the ends of the colour scale, default 0 and 1 (diverging: the largest magnitude, both
    signs). masked: (n, m) bool, True = hatched, not attended. digits: decimals shown. sums: print
    each row's sum at its end. wide: take the whole width of the page.
    """
    matrix = torch.as_tensor(matrix).detach().float().cpu()
    finite = matrix[matrix.isfinite()]
    if diverging and high is None:
        high = max(finite.abs().max().item() if finite.numel() else 1.0, 1e-6)
        low = -high
    return {
        "kind": "heatmap", "id": id, "title": title, "caption": caption, "digits": digits,
        "rows": list(rows), "columns": list(columns), "row_title": row_title,
        "column_title": column_title, "data": numbers(matrix), "diverging": diverging,
        "low": 0.0 if low is None else low, "high": 1.0 if high is None else high,
        "opens": opens, "wide": wide, "sums": sums,
        "masked": None if masked is None else masked.expand(matrix.shape).int().tolist(),
    }  # fmt: skip


def readouts(id: str, items: Sequence[tuple[str, str, str]], title: str = "") -> dict[str, Any]:
    """Single figures: (label, value as shown, note)."""
    items = [{"label": label, "value": value, "note": note} for label, value, note in items]
    return {"kind": "readouts", "id": id, "title": title, "items": items}


def heading(text: str, caption: str = "") -> dict[str, Any]:
    """A heading between panels; the panels after it, up to the next heading, form its group."""
    return {"kind": "heading", "id": "", "title": text, "caption": caption}


def plot(
    id: str,
    title: str,
    series: Sequence[dict[str, Any]],
    *,
    x_title: str = "",
    y_title: str = "",
    caption: str = "",
    wide: bool = False,
    log_x: bool = False,
) -> dict[str, Any]:
    """Lines, points and bars over x. A series is {"name", "kind": "line"|"points"|"bars", "x", "y"}.

    Optional in a series: "role" ("accent", "data", "truth", "muted") picks colour and dash.
    """
    series = [{**one, "x": numbers(one["x"]), "y": numbers(one["y"])} for one in series]
    return {
        "kind": "plot", "id": id, "title": title, "caption": caption, "series": series,
        "x_title": x_title, "y_title": y_title, "wide": wide, "log_x": log_x,
    }  # fmt: skip


class AttentionView(gr.HTML):
    """The drawing surface of a tab. ``sheet`` and ``export`` answer the page's questions.

    Both are pure: (request dict) -> dict. The request carries the payload's own inputs, so any
    replica can answer it.
    """

    def __init__(
        self,
        value: dict | None = None,
        *,
        tab: str = "",
        language: str = "en",
        server_functions: Sequence[Callable] = (),
        **settings: Any,
    ) -> None:
        super().__init__(
            value=value,
            html_template=TEMPLATE,
            js_on_load="AttentionMatchmaker.mountInGradio(element, props, watch, "
            f"typeof server === 'undefined' ? null : server, '{tab}', "
            "() => trigger('need'), () => trigger('pick'))",
            server_functions=list(server_functions),
            apply_default_css=False,
            language=language,
            **settings,
        )

    def preprocess(self, payload: Any) -> Any:
        return payload

    def postprocess(self, value: Any) -> Any:
        return value


@cache
def script() -> str:
    """The page's library: the shared scripts and every tab's view.js as one (scripts.py), and its words."""
    roots = [SHARED / "page" / "entry.js", *sorted(TABS.glob("*/view.js"))]
    tables = {
        "words": {language: words_for(language).section("view") for language in LANGUAGES},
        "glossary": {language: words_for(language).section("glossary") for language in LANGUAGES},
        "titles": {language: words_for(language)("app.title") for language in LANGUAGES},
    }
    # <-escaping keeps any "</script>" inside the words from ending the script element
    given = json.dumps(tables, ensure_ascii=False).replace("<", "\\u003c")
    return f"{link(ASSETS, roots, 'AttentionMatchmaker')}AttentionMatchmaker.speak({given});"


@cache
def style() -> str:
    """The page's style sheet: every tab's, then the shared ones, view.css last."""
    return "\n".join(path.read_text("utf-8") for path in sorted(ASSETS.rglob("*.css")))


def head() -> str:
    """What the page needs before Gradio starts, inline: nothing is fetched."""
    return f"<style>{style()}</style>\n<script>{script()}\nAttentionMatchmaker.startPage();</script>"


def to_html(payload: dict[str, Any]) -> str:
    """One self-contained page that draws the payload and needs no network or server."""
    data = json.dumps(payload, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    title = words_for(payload["language"])("app.title")
    return (
        f'<!doctype html><html lang="{payload["language"]}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
        f"<style>{style()}</style><script>{script()}</script>"
        "<body class='am-alone'><main class='am-view'></main><script>"
        f"AttentionMatchmaker.mount(document.querySelector('.am-view'), {data}, null)"
        "</script></body></html>"
    )
