"""The page: tabs in two languages. The only package that imports gradio.

A new tab is one module here, one name in ``TABS``, its words and its lesson (see ``tab.py``).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from . import link, masks_tab
from .guard import answer
from .tab import QUIET, build_tab, endpoint, show
from .texts import LANGUAGES, words_for
from .view import head

TABS = (masks_tab,)
FIELDS = {tab.ID: tab.FIELDS for tab in TABS}


def theme() -> gr.themes.Base:
    """One accent, system fonts (nothing is fetched), and text dark enough to read."""
    fonts = ["ui-sans-serif", "system-ui", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC"]
    return gr.themes.Base(
        primary_hue="indigo",
        neutral_hue="slate",
        font=[*fonts, "sans-serif"],
        font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"],
    ).set(
        # contrast of at least 4.5:1 on the page's backgrounds
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        block_title_text_color="*neutral_800",
        block_title_text_color_dark="*neutral_100",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        input_placeholder_color="*neutral_500",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
    )


def open_link(language: str, query: Any) -> list:
    """A page's query string -> the selected tab, a notice, and every tab's inputs and view."""
    tab_id, values, good = link.read(query, FIELDS)
    words = words_for(language)
    updates: list = [
        gr.skip() if tab_id is None else gr.Tabs(selected=tab_id),
        gr.skip() if good else gr.Markdown(words("app.bad_link"), visible=True),
    ]
    for tab in TABS:
        if tab.ID == tab_id:
            updates += show(tab, language, values)
        else:
            updates += [gr.skip()] * (len(tab.FIELDS) + 1)
    return updates


def build_page(language: str) -> None:
    """One language's page, inside an open Blocks."""
    words = words_for(language)
    gr.HTML(
        html_template=words("app.header"),
        elem_classes="am-header",
        apply_default_css=False,
        js_on_load=None,
    )
    notice = gr.Markdown(visible=False, elem_classes="am-notice")
    query = gr.Textbox(visible=False)
    outputs: list = []
    with gr.Tabs(elem_id="tabs") as tabs:
        for position, tab in enumerate(TABS):
            with gr.Tab(words(f"{tab.ID}.title"), id=tab.ID, elem_id=f"tab-{tab.ID}"):
                inputs, view = build_tab(tab, language, first=position == 0)
                outputs += [*inputs, view]
    gr.on(
        None,
        partial(answer, language, open_link, language),
        query,
        [tabs, notice, *outputs],
        js="() => [AttentionMatchmaker.query()]",
        **QUIET,
    )


def build() -> gr.Blocks:
    """The whole app: English at ``/``, Simplified Chinese at ``/zh``, one API for both."""
    with gr.Blocks(title=words_for("en")("app.title"), analytics_enabled=False) as demo:
        gr.Navbar(visible=False)
        build_page(LANGUAGES[0])
        for tab in TABS:
            gr.api(endpoint(tab), api_name=tab.ID, queue=False)
    for language in LANGUAGES[1:]:
        with demo.route(language, f"/{language}", show_in_navbar=False):
            gr.Navbar(visible=False)
            build_page(language)
    return demo


def launch_options() -> dict[str, Any]:
    """What belongs to ``launch`` or ``mount_gradio_app`` rather than to ``Blocks``."""
    return {"theme": theme(), "head": head(), "footer_links": ["api"], "run_history": False}
