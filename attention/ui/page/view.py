"""AttentionView: the one component that draws. Python hands over a payload, the page draws it.

A payload is plain JSON, a pure function of a tab's inputs (``tab.view_of`` writes it):

``tab, language, inputs, link``  what it shows and how to get back to it
``panels``   pictures in reading order, encoded (panels.py)
``code``     the snippet that prints the numbers shown
``notices``  sentences above the panels (what was cut, hidden, renormalised)
``tasks``    exercises with computed answers

The page's side is assets/view and the tabs' view.js, ES modules with no dependency: a script registers
what draws a panel kind (assets/view/core/registry.js). Text from a payload reaches the DOM through
``textContent`` only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import gradio as gr

from .guard import Json
from .scripts import link
from .shelf import Own
from .texts import ASSETS, LANGUAGES, SHARED, TABS, words_for

TEMPLATE = '<div class="am-view"></div>'  # static: a value inside a template would run as script


class AttentionView(gr.HTML):
    """The drawing surface of a tab. ``sheet`` and ``export`` answer the page's questions.

    Both are pure: (request dict) -> dict. The request carries the payload's own inputs, so any
    replica can answer it.
    """

    def __init__(
        self,
        value: Json | None = None,
        *,
        tab: str = "",
        language: str = "en",
        server_functions: Sequence[Callable[..., Any]] = (),
        **settings: Any,
    ) -> None:
        super().__init__(
            value=value,
            html_template=TEMPLATE,
            js_on_load="AttentionMatchmaker.mountInGradio(element, props, watch, "
            f"typeof server === 'undefined' ? null : server, '{tab}', "
            "() => trigger('need'), () => trigger('pick'), () => trigger('step'))",
            server_functions=list(server_functions),
            apply_default_css=False,
            language=language,
            **settings,
        )

    def get_config(self) -> dict[str, Any]:  # type: ignore[override]  # as gr.HTML has it
        """As Gradio has it, but for ``head``: a server function of that name stands in place of the markup
        that Gradio would put into the page, and would be written out as that."""
        return super().get_config() | {"head": None}

    def preprocess(self, payload: Any) -> Any:
        return payload

    def postprocess(self, value: Any) -> Any:
        return value


@cache
def script() -> str:
    """The page's library: the shared scripts and every tab's view.js as one (scripts.py), and its words."""
    roots = [*(SHARED / part / "entry.js" for part in ("page", "course")), *sorted(TABS.glob("*/view.js"))]
    tables = {
        "words": {language: words_for(language).section("view") for language in LANGUAGES},
        "glossary": {language: words_for(language).section("glossary") for language in LANGUAGES},
        "course": {language: words_for(language).section("course") for language in LANGUAGES},
        "titles": {language: words_for(language)("app.title") for language in LANGUAGES},
    }
    # <-escaping keeps any "</script>" inside the words from ending the script element
    given = json.dumps(tables, ensure_ascii=False).replace("<", "\\u003c")
    return f"{link(ASSETS, roots, 'AttentionMatchmaker')}AttentionMatchmaker.speak({given});"


@cache
def style() -> str:
    """The page's style sheet: every tab's, then the shared ones, view.css last."""
    return "\n".join(path.read_text("utf-8") for path in sorted(ASSETS.rglob("*.css")))


def own_files(more_style: str = "") -> Own:
    """The page's script and style as files, which browsers keep; the script starts the page."""
    return Own.of(f"{script()}\nAttentionMatchmaker.startPage();", style() + more_style)


def head(own: Own) -> str:
    """What Gradio adds to a page when it starts: the style, after its own. The script came before
    (shelf.py), so that a language is chosen and a picture asked for while Gradio still loads."""
    return f'<link rel="stylesheet" href="./{own.named(".css")}">'


def to_html(payload: Json, above: str = "", below: str = "") -> str:
    """One self-contained page that draws the payload and needs no network or server.

    above, below: markup around the view (saved.py). payload["sheets"]: arithmetic it takes along.
    """
    data = json.dumps(payload, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    words = words_for(str(payload["language"]))
    title = f"{words('app.title')} · {words(str(payload['tab']) + '.title')}"
    return (
        f'<!doctype html><html lang="{payload["language"]}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
        f"<style>{style()}</style><script>{script()}</script>"
        f"<body class='am-alone'>{above}<main class='am-view'></main>{below}<script>"
        f"AttentionMatchmaker.mount(document.querySelector('.am-view'), {data}, null)"
        "</script></body></html>"
    )
