"""Laying out a tab: its widgets beside its view, and the wires between them, all in the browser."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import gradio as gr
from gradio.components import Component

from .fields import Choice, Field
from .guard import Json, Refusal, answer
from .pitfalls import ask_pitfalls, has_exercises
from .questions import AnyTab, ask_lesson, server_functions, view_of
from .steps import base_of, free_play, lesson_of
from .texts import Words, lesson, words_for
from .view import AttentionView

# KaTeX: \( \), so that "$5 or $10" stays money
LATEX: list[dict[str, str | bool]] = [
    {"left": "\\(", "right": "\\)", "display": False},
    {"left": "\\[", "right": "\\]", "display": True},
]
QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


class Controls(dict[str, Component]):
    """A tab's widgets by field name, made where they are to stand: ``controls.place("text")``."""

    def __init__(self, tab: AnyTab, words: Words) -> None:
        super().__init__()
        self._tab, self._words = tab, words

    def place(self, *names: str, visible: bool = True) -> None:
        """Widgets for these fields, here, in the order of the fields; without names for all."""
        for field in self._tab.fields:
            if field.name in names or not names:
                widget = self[field.name] = self.widget(field)
                widget.visible = visible
                widget.elem_classes = [*widget.elem_classes, "am-field", f"am-field-{field.name}"]

    def only(self, value: str) -> gr.Column:
        """A column for widgets that are in sight while a radio of the tab stands on ``value``.

        Hidden by style (:func:`switch_style`): an input that Gradio hides would forget what a link set.
        """
        return gr.Column(elem_classes=f"am-only-{value}")

    def on(self, name: str, event: str, target: Component, js: str) -> None:
        """In the browser alone: an event of one widget sets another."""
        getattr(self[name], event)(None, None, target, js=js, **QUIET)

    def widget(self, field: Field[Any]) -> Component:
        """One field's widget, labelled from the words files."""
        key = f"{self._tab.id}.{field.name}"
        info = self._words.get(f"{key}.info") or None
        return field.component(self._words(key), info, lambda option: self.option(field.name, option))

    def option(self, name: str, option: str) -> str:
        """The label of one option of a menu; a name that has no words of its own stands for itself."""
        return self._words.get(f"{self._tab.id}.{name}.{option}", option)


def switch_style(tabs: Iterable[AnyTab]) -> str:
    """The style rules behind :meth:`Controls.only`, one for each option of any radio."""
    fields = [field for tab in tabs for field in tab.fields if isinstance(field, Choice)]
    options = {option for field in fields for option in field.options}
    return "".join(
        f'.am-tab:not(:has(input[type="radio"][value="{option}"]:checked)) .am-only-{option}'
        " { display: none !important; }\n"
        for option in sorted(options) if option.replace("_", "").isalnum()
    )  # fmt: skip


def build_tab(
    tab: AnyTab, language: str, first: bool, carrier: gr.Textbox
) -> tuple[list[Component], AttentionView]:
    """Lay out one tab and wire it. Returns its input widgets and its view.

    carrier: a hidden box; what the page's script knows reaches a handler as its value.
    """
    words, steps = words_for(language), lesson_of(tab, language)
    controls = Controls(tab, words)
    said: gr.Markdown | None = None
    with gr.Row(equal_height=False, elem_classes="am-tab"):
        with gr.Column(scale=1, min_width=280, elem_classes="am-inputs"):
            if steps:
                step_box("am-step-head")
                said = gr.Markdown(
                    steps[0].text if first else "", latex_delimiters=LATEX, elem_classes="am-step-text"
                )
            gr.Markdown(words(f"{tab.id}.lead"), elem_classes="am-lead")
            if tab.layout is None:
                controls.place()
            else:
                tab.layout(controls, words)
            examples = example_row(tab, words)
            if steps:
                step_box("am-step-foot")
        with gr.Column(scale=3, min_width=300, elem_classes="am-shown"):
            view = AttentionView(
                first_view(tab, language) if first else None,
                tab=tab.id,
                language=language,
                server_functions=_named(tab, language),
                elem_id=f"view-{tab.id}",
            )
    text = lesson(tab.id, language)
    if text:
        with gr.Accordion(words("app.lesson"), open=False, elem_classes="am-lesson"):
            gr.Markdown(text, latex_delimiters=LATEX)
    inputs = [controls[field.name] for field in tab.fields]
    follow(tab, controls, view, said)
    if examples is not None:
        wire_examples(tab, language, examples, carrier, inputs, view)
    return inputs, view


def step_box(name: str) -> None:
    """A place in the left column that the lesson's script fills (assets/view/page/steps.js)."""
    gr.HTML(html_template=f'<div class="{name}"></div>', apply_default_css=False, js_on_load=None)


def first_view(tab: AnyTab, language: str, step: int = 1) -> Json:
    """What the page shows before anything is asked: a step with its lesson, if there is one."""
    if not lesson_of(tab, language):
        return view_of(tab, language, {})
    return view_of(tab, language, base_of(tab, step), step) | {"lesson": ask_lesson(language, tab, {})}


def example_row(tab: AnyTab, words: Words) -> gr.HTML | None:
    """A button for each example, in a row.

    One component for all of them: Gradio looks through every event for each component when a page starts,
    and fifty buttons of its own with three events each took longer than all else together.
    """
    if not tab.examples:
        return None
    named = [html.escape(words(f"{tab.id}.{name}")) for name, _ in tab.examples]
    button = '<button type="button" data-which="{}">{}</button>'
    buttons = "".join(button.format(i, name) for i, name in enumerate(named))
    gr.Markdown(words("app.examples"), elem_classes="am-label")
    return gr.HTML(
        html_template=f'<div class="am-examples">{buttons}</div>',
        js_on_load=f"AttentionMatchmaker.examples(element, '{tab.id}', () => trigger('choose'))",
        apply_default_css=False,
    )


def _named(tab: AnyTab, language: str) -> list[Callable[[object], Json]]:
    """The view's server functions, which Gradio calls by their names."""
    functions = server_functions(tab, language)
    if has_exercises(tab.id):
        functions["pitfalls"] = partial(ask_pitfalls, language, tab.id)
    for name, function in functions.items():
        function.__name__ = name
        function.tab = tab  # type: ignore[attr-defined]  # for the line it waits in (direct.py)
    return list(functions.values())


def _changed(tab: AnyTab) -> str:
    """What the browser runs when an input changes: the view asks for its picture itself.

    It asks the server function "draw"; through an event of Gradio's own the picture takes 50 ms longer.
    """
    names = [field.name for field in tab.fields]
    return f"(...values) => AttentionMatchmaker.changed('{tab.id}', {names}, values)"


def follow(tab: AnyTab, controls: Mapping[str, Any], view: AttentionView, said: gr.Markdown | None) -> None:
    """The view follows the widgets, and sets those that a click in a picture may pick, or a step all."""
    inputs = [controls[field.name] for field in tab.fields]
    # typing: `input` misses paste and backspace, `change` ended right every time
    events = [one.change if isinstance(one, gr.Textbox) else one.input for one in inputs]
    gr.on(events, None, inputs, None, js=_changed(tab), trigger_mode="multiple", **QUIET)
    # the page asks once, when a tab is first opened
    view.need(None, inputs, None, js=_changed(tab), **QUIET)
    if tab.picks:  # in the browser alone: the picture already shows what was picked
        picked = f"() => AttentionMatchmaker.picked('{tab.id}', {list(tab.picks)})"
        view.pick(None, None, [controls[name] for name in tab.picks], js=picked, **QUIET)
    if said is not None:
        names = [field.name for field in tab.fields]
        stepped = f"() => AttentionMatchmaker.picked('{tab.id}', {['said', *names]})"
        view.step(None, None, [said, *inputs], js=stepped, **QUIET)


def wire_examples(
    tab: AnyTab, language: str, examples: gr.HTML, carrier: gr.Textbox, inputs: list[Component],
    view: AttentionView,
) -> None:  # fmt: skip
    """An example sets every input and its picture; text boxes come second (:func:`is_early`)."""
    early = [one for field, one in zip(tab.fields, inputs, strict=True) if is_early(field)]
    chosen = {"js": f"() => [AttentionMatchmaker.example('{tab.id}')]", **QUIET}

    def first(which: str) -> object:
        values = early_values(tab, example_values(tab, which))
        return values[0] if len(values) == 1 else values  # Gradio unpacks lists for many outputs only

    def second(which: str) -> list[object]:
        return show(tab, language, example_values(tab, which))

    clicked = examples.choose(lambda which: answer(language, first, which), carrier, early, **chosen)
    both = [*inputs, view]
    shown = clicked.then(lambda which: answer(language, second, which), carrier, both, **chosen)
    # clicked again after typing, the view's value is the same as before, and Gradio says nothing
    shown.then(None, inputs, None, js=_changed(tab), **QUIET)


def example_values(tab: AnyTab, which: str) -> dict[str, object]:
    """All inputs of a tab's example, by its number as the page sends it."""
    if which not in map(str, range(len(tab.examples))):
        raise Refusal("bad_request")
    return {field.name: field.default for field in tab.fields} | dict(tab.examples[int(which)][1])


def is_early(field: Field[Any]) -> bool:
    """Whether an input is set first when all of a tab's inputs are set from outside.

    A text box fires ``change`` as soon as it is set, and the page then sends the other inputs as
    they stand at that moment; set together, they would still be the old ones. So text comes second.
    """
    return not field.boxed


def early_values(tab: AnyTab, values: Mapping[str, object]) -> list[object]:
    """The values of a tab's early inputs."""
    return [values[field.name] for field in tab.fields if is_early(field)]


def show(tab: AnyTab, language: str, values: Mapping[str, object], step: int | None = None) -> list[object]:
    """Set a tab to these values, at a step (None: free play): one entry per input, then the view."""
    step = free_play(tab) if step is None else step
    return shown(tab, answer(language, view_of, tab, language, values, step))


def shown(tab: AnyTab, drawn: Json) -> list[object]:
    """What sets a tab to a view that has been drawn."""
    inputs: Any = drawn["inputs"]
    return [*(inputs[field.name] for field in tab.fields), drawn]
