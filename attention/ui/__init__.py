"""The page: tabs in two languages. The only package that imports gradio.

A new tab is one file or folder in ``tabs/``, one in ``assets/tabs/``, and one name in ``TABS``.
``page/`` holds what tabs share: ``scene.py`` says what a tab is made of.
"""

from __future__ import annotations

import html
import importlib.util
from collections.abc import Mapping
from functools import cache
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from .course.answers import PageAnswers
from .course.pages import build_bar, build_class
from .page import link
from .page.edge import Edge
from .page.firsts import Firsts
from .page.guard import answer
from .page.questions import endpoint, linked_view
from .page.scene import Tab
from .page.shelf import Own
from .page.steps import base_of, begins_at, free_play
from .page.tab import QUIET, build_tab, early_values, is_early, show, shown, switch_style
from .page.texts import CLASS, LANGUAGES, lesson, words_for
from .page.view import head, own_files
from .tabs import applications, cost, decoder, heads, kernel, masks, matchmaker, model, positions

TABS: tuple[Tab[Any], ...] = (
    matchmaker.TAB, kernel.TAB, masks.TAB, heads.TAB, positions.TAB, decoder.TAB, applications.TAB,
    model.TAB, cost.TAB,
)  # fmt: skip
BY_ID = {tab.id: tab for tab in TABS}
FIELDS = {tab.id: tab.fields for tab in TABS}
page_answers = PageAnswers(TABS)  # what ``python -m attention.course`` asks, too


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
        # an empty box must be seen to be ticked: at least 3:1
        checkbox_border_color="*neutral_500",
        checkbox_border_color_dark="*neutral_400",
        color_accent="*primary_700",
        color_accent_soft="*primary_50",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
    )


def opened(query: Any) -> link.Opened:
    """What a page's query string asks for: a tab at a step of its lesson, with these inputs."""

    def begin(id: str, step: str | None, named: bool) -> tuple[int, Mapping[str, object]]:
        at = begins_at(BY_ID[id], step, named)
        return at, base_of(BY_ID[id], at)

    return link.read(query, FIELDS, begin)


def open_link(language: str, query: Any) -> list[Any]:
    """A page's query string -> the selected tab, a notice, and every tab's inputs and view."""
    asked, words = opened(query), words_for(language)
    notice = "" if asked.good else words("app.bad_link")
    updates: list[Any] = []
    for tab in TABS:
        if tab.id != asked.tab:
            updates += [gr.skip()] * (len(tab.fields) + 1)
            continue
        if tab.slow:  # the tab opens at once and asks for its picture itself
            updates += [*(asked.values[field.name] for field in tab.fields), gr.skip()]
            continue
        try:
            drawn, said = answer(language, linked_view, tab, language, asked.values, asked.step)
            updates += shown(tab, drawn)
            notice = html.escape(said) or notice
        except gr.Error as error:  # no value of one input would help
            notice = f"{words('app.bad_link')} {error.message}"
            updates += show(tab, language, {}, free_play(tab))
    return [
        gr.skip() if asked.tab is None else gr.Tabs(selected=asked.tab),
        notice_box(notice) if notice else gr.skip(),
        *updates,
    ]


def open_inputs(query: Any) -> list[Any]:
    """The first half of opening a link: the inputs that ``tab.is_early`` names."""
    asked = opened(query)
    updates: list[Any] = []
    for tab in TABS:
        if tab.id == asked.tab:
            updates += early_values(tab, asked.values)
        else:
            updates += [gr.skip()] * sum(map(is_early, tab.fields))
    return updates


def notice_box(sentence: str) -> gr.HTML:
    """One escaped sentence above the tabs."""
    return gr.HTML(f"<p class='am-note' role='status'>{sentence}</p>", visible=True)


def build_page(language: str) -> None:
    """One language's page, inside an open Blocks."""
    words = words_for(language)
    header = gr.HTML(
        html_template=words("app.header"),
        elem_classes="am-header",
        apply_default_css=False,
        js_on_load="AttentionMatchmaker.openLink(() => trigger('link'))",  # again, where it got lost
    )
    notice = gr.HTML(visible=False, apply_default_css=False, js_on_load=None)
    build_bar(language, page_answers)
    query = gr.Textbox(visible=False)
    outputs: list[Any] = []
    first: list[Any] = []
    with gr.Tabs(elem_id="tabs") as tabs:
        for position, tab in enumerate(TABS):
            with gr.Tab(words(f"{tab.id}.title"), id=tab.id, elem_id=f"tab-{tab.id}"):
                inputs, view = build_tab(tab, language, position == 0, query)
                outputs += [*inputs, view]
                first += [one for field, one in zip(tab.fields, inputs, strict=True) if is_early(field)]
    with gr.Accordion(words("app.plan"), open=False, elem_classes="am-lesson am-plan"):
        gr.Markdown(lesson("plan", language))
    read = {"js": "() => [AttentionMatchmaker.query()]", **QUIET}
    opened = header.link(lambda asked: answer(language, open_inputs, asked), query, first, **read)
    outputs = [tabs, notice, *outputs]
    shown = opened.then(lambda asked: answer(language, open_link, language, asked), query, outputs, **read)
    shown.then(None, js="() => AttentionMatchmaker.linkOpened()", **QUIET)


def build() -> gr.Blocks:
    """The whole app: English at ``/``, Simplified Chinese at ``/zh``, each with its class; one API.

    Every page is made before the Blocks closes: whenever one closes, ``with demo.route(...)`` too, Gradio
    makes its whole app anew.
    """
    demo = gr.Blocks(title=words_for("en")("app.title"), analytics_enabled=False)
    for path in (*LANGUAGES[1:], *CLASS.values()):  # Gradio's routes have no folders
        demo.route(path, f"/{path}", show_in_navbar=False)
    with demo:
        for language in LANGUAGES:
            begin_page(demo, "" if language == LANGUAGES[0] else language)
            build_page(language)
            if language == LANGUAGES[0]:
                for tab in TABS:
                    gr.api(endpoint(tab), api_name=tab.id, queue=False)
        for language, path in CLASS.items():
            begin_page(demo, path)
            build_class(language, page_answers)
    return demo


def begin_page(demo: gr.Blocks, path: str) -> None:
    """What is made from here on stands on the page at this path, as after ``demo.route``."""
    demo.current_page = path
    gr.Navbar(visible=False)


@cache
def own() -> Own:
    """The page's own script and style."""
    return own_files(switch_style(TABS))


def mount_options() -> dict[str, Any]:
    """What belongs to ``mount_gradio_app`` or ``launch`` rather than to ``Blocks``."""
    return {
        "theme": theme(),
        "head": head(own()),
        "footer_links": ["api"],
        "run_history": False,  # it would keep every run in the browser and slow each update
        "ssr_mode": False,  # a second server process, for pages that are drawn by script anyway
        "show_error": False,  # a trace could carry a path; refusals are gr.Error and do show
        "max_file_size": 1,  # nothing is ever uploaded (edge.py closes the route as well)
    }


def launch_options() -> dict[str, Any]:
    """Everything for ``demo.launch``: ``mount_options`` and the outer gate."""
    closed = {"docs_url": None, "redoc_url": None, "openapi_url": None}
    app = {"middleware": [Middleware(Edge, own=own(), firsts=Firsts(TABS))], **closed}
    return {
        **mount_options(),
        "app_kwargs": app,
        "enable_monitoring": False,
        "mcp_server": importlib.util.find_spec("mcp") is not None,
    }
