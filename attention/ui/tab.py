"""What every tab has in common. A tab is a module with these names:

``ID``        its id in links, words, lessons and the API
``FIELDS``    its inputs, in the order of the page (guard.py)
``EXAMPLES``  (name, changed inputs) pairs; the name is looked up in the tab's words
``panels(values, words) -> list``               the pictures, from checked inputs
``sheet(values, words, panel, row, column)``    the arithmetic of one cell
``snippet(values) -> str``                      plain PyTorch that prints the numbers shown
``tasks(values, words) -> list``                optional: exercises with computed answers
``notices(values, words) -> list[str]``         optional: sentences above the pictures
``results(values) -> dict``                     what the API returns, as plain numbers
``controls(words) -> dict[str, component]``     optional: its own arrangement of the inputs
``PICKS``       optional: names of the inputs that a click in a picture may set
``SLOW``        optional: True where the first picture may take seconds (a model has to be loaded)
``export_panels(values, words)``                optional: panels complete enough to be saved

Everything here is a pure function of its arguments; no event uses the queue.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import gradio as gr

from . import link
from .exports import export
from .guard import Choice, Field, Flag, Number, Refusal, Text, answer, check_all, inputs_of, sentence_for
from .pitfalls import ask_pitfalls, pitfalls_of
from .texts import Words, lesson, words_for
from .view import AttentionView

# KaTeX: \( \), so that "$5 or $10" stays money
LATEX = [
    {"left": "\\(", "right": "\\)", "display": False},
    {"left": "\\[", "right": "\\]", "display": True},
]
QUIET = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def payload(
    tab: ModuleType, language: str, values: dict[str, Any], panels: Callable | None = None
) -> dict[str, Any]:
    """The view of a tab for these inputs, or the part of it that ``panels`` makes.

    Raises ``Refusal`` for an input that breaks a rule.
    """
    values = check_all(tab.ID, tab.FIELDS, values)
    words = words_for(language)
    notices = getattr(tab, "notices", None)
    tasks = getattr(tab, "tasks", None)
    return {
        "tab": tab.ID,
        "language": language,
        "inputs": values,
        "link": link.write(tab.ID, tab.FIELDS, values),
        "panels": (panels or tab.panels)(values, words),
        "code": tab.snippet(values),
        "notices": notices(values, words) if notices else [],
        "tasks": tasks(values, words) if tasks else [],
    }


def draw(tab: ModuleType, language: str, request: Any) -> dict[str, Any]:
    """The handler behind every input of a tab: {"inputs"} -> its view.

    A refusal comes back as {"error": sentence}: the view shows it in place and keeps its last
    picture, which suits a text that is still being typed better than a toast per key.
    """
    try:
        return payload(tab, language, inputs_of(request))
    except Exception as error:  # the border to the page, as in guard.answer
        return {"error": sentence_for(error, words_for(language))}


def ask(tab: ModuleType, language: str, request: Any) -> dict[str, Any]:
    """The page's question about one cell: {"inputs", "panel", "row", "column"} -> sheet.

    Errors come back as {"error": sentence}, since a server function has no toast.
    """
    words = words_for(language)
    try:
        values = check_all(tab.ID, tab.FIELDS, inputs_of(request))
        cell = [request.get("row"), request.get("column")]
        if not all(isinstance(i, int) and not isinstance(i, bool) and 0 <= i < 10_000 for i in cell):
            raise Refusal("bad_request")
        if not isinstance(request.get("panel"), str):
            raise Refusal("bad_request")
        return tab.sheet(values, words, request["panel"], *cell)
    except Exception as error:  # the border to the page, as in guard.answer
        return {"error": sentence_for(error, words)}


def ask_export(tab: ModuleType, language: str, request: Any) -> dict[str, Any]:
    """{"inputs", "panel", "format"} -> {"name", "type", "base64"}, a file for the learner."""
    words = words_for(language)
    try:
        view = payload(tab, language, inputs_of(request), getattr(tab, "export_panels", None))
        return export(view, request.get("panel"), request.get("format"))
    except Exception as error:
        return {"error": sentence_for(error, words)}


def named(function: partial, name: str) -> partial:
    """A partial with a name: Gradio's server functions are called by it."""
    function.__name__ = name
    return function


def component(field: Field, tab_id: str, words: Words) -> Any:
    """The Gradio component of a field, labelled from the words files."""
    label = words(f"{tab_id}.{field.name}")
    info = words.get(f"{tab_id}.{field.name}.info") or None
    common = {"label": label, "info": info, "value": field.default}
    if isinstance(field, Number):
        return gr.Slider(field.low, field.high, step=field.step, buttons=[], **common)
    if isinstance(field, Flag):
        return gr.Checkbox(**common)
    if isinstance(field, Choice):
        options = [(words(f"{tab_id}.{field.name}.{option}"), option) for option in field.options]
        return (gr.Radio if field.radio else gr.Dropdown)(options, **common)
    if isinstance(field, Text):
        return gr.Textbox(lines=field.lines, max_length=field.limit, **common)
    return field.component(**common)  # a field that brings its own


class Controls(dict[str, Any]):
    """A tab's components by field name, made where they are to stand: ``controls.place("text")``."""

    def __init__(self, tab_id: str, fields: tuple[Field, ...], words: Words) -> None:
        super().__init__()
        self._make = lambda field: component(field, tab_id, words)
        self._fields = fields

    def place(self, *names: str) -> None:
        """Components for these fields, here, in the order of the fields."""
        self.update({field.name: self._make(field) for field in self._fields if field.name in names})


def build_tab(tab: ModuleType, language: str, first: bool) -> tuple[list, AttentionView]:
    """Lay out one tab and wire it. Returns its input components and its view."""
    words = words_for(language)
    with gr.Row(equal_height=False, elem_classes="am-tab"):
        with gr.Column(scale=1, min_width=280, elem_classes="am-inputs"):
            gr.Markdown(words(f"{tab.ID}.lead"), elem_classes="am-lead")
            if hasattr(tab, "controls"):
                controls = tab.controls(words)
            else:
                controls = {field.name: component(field, tab.ID, words) for field in tab.FIELDS}
            inputs = [controls[field.name] for field in tab.FIELDS]
            buttons = []
            if tab.EXAMPLES:
                gr.Markdown(words("app.examples"), elem_classes="am-label")
                with gr.Row(elem_classes="am-examples"):
                    for name, _ in tab.EXAMPLES:
                        buttons.append(gr.Button(words(f"{tab.ID}.{name}"), size="sm", min_width=80))
        with gr.Column(scale=3, min_width=300):
            functions = [named(partial(draw, tab, language), "draw")]
            functions += [named(partial(ask, tab, language), "sheet")]
            functions += [named(partial(ask_export, tab, language), "export")]
            if pitfalls_of(tab.ID):
                functions += [named(partial(ask_pitfalls, tab.ID, language), "pitfalls")]
            for name, function in getattr(tab, "SERVER", {}).items():
                functions.append(named(partial(function, language), name))
            view = AttentionView(
                payload(tab, language, {}) if first else None,
                tab=tab.ID,
                language=language,
                server_functions=functions,
                elem_id=f"view-{tab.ID}",
            )
    text = lesson(tab.ID, language)
    if text:
        with gr.Accordion(words("app.lesson"), open=False, elem_classes="am-lesson"):
            gr.Markdown(text, latex_delimiters=LATEX)
    # The browser collects the inputs and asks the view's server function "draw" (page/mount.js). Through an
    # event of Gradio's own the same picture takes 50 ms longer.
    names = [field.name for field in tab.FIELDS]
    changed = f"(...values) => AttentionMatchmaker.changed('{tab.ID}', {names}, values)"
    events = []
    for one in inputs:
        # typing: `input` misses paste and backspace, `change` ended right every time
        events.append(one.change if isinstance(one, gr.Textbox) else one.input)
    gr.on(events, None, inputs, None, js=changed, trigger_mode="multiple", **QUIET)
    view.need(None, inputs, None, js=changed, **QUIET)  # the page asks once, when a tab is first opened
    picks = list(getattr(tab, "PICKS", ()))
    if picks:  # in the browser alone: the picture already shows what was picked
        picked = f"() => AttentionMatchmaker.picked('{tab.ID}', {picks})"
        view.pick(None, None, [controls[name] for name in picks], js=picked, **QUIET)
    early = [one for field, one in zip(tab.FIELDS, inputs, strict=True) if is_early(field)]
    for button, (_, changes) in zip(buttons, tab.EXAMPLES, strict=True):
        values = {field.name: field.default for field in tab.FIELDS} | changes
        before = early_values(tab, values)
        before = before[0] if len(before) == 1 else before  # Gradio unpacks lists for many outputs only
        clicked = button.click(partial(_same, before), None, early, **QUIET)
        shown = clicked.then(partial(show, tab, language, values), None, [*inputs, view], **QUIET)
        # clicked again after typing, the view's value is the same as before, and Gradio says nothing
        shown.then(None, inputs, None, js=changed, **QUIET)
    return inputs, view


def is_early(field: Any) -> bool:
    """Whether an input is set first when all of a tab's inputs are set from outside.

    A text box fires ``change`` as soon as it is set, and the page then sends the other inputs as
    they stand at that moment; set together, they would still be the old ones. So text comes second.
    """
    return not getattr(field, "boxed", False)


def early_values(tab: ModuleType, values: dict[str, Any]) -> list:
    """The values of a tab's early inputs."""
    return [values[field.name] for field in tab.FIELDS if is_early(field)]


def _same(value: Any) -> Any:
    return value


def show(tab: ModuleType, language: str, values: dict[str, Any]) -> list:
    """Set a tab to these values: one entry per input, then the view."""
    drawn = answer(language, payload, tab, language, values)
    return [*(drawn["inputs"][field.name] for field in tab.FIELDS), drawn]


def endpoint(tab: ModuleType) -> Any:
    """The tab's computation as a documented function: its fields are the parameters."""
    words = words_for("en")

    def compute(**values: Any) -> dict:
        return answer("en", lambda: tab.results(check_all(tab.ID, tab.FIELDS, values)))

    def call(*arguments: Any, **values: Any) -> dict:
        names = [field.name for field in tab.FIELDS]
        return compute(**dict(zip(names, arguments, strict=False)), **values)

    parameters = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=field.default,
            annotation=field.kind,
        )
        for field in tab.FIELDS
    ]
    call.__name__ = tab.ID
    call.__signature__ = inspect.Signature(parameters, return_annotation=dict)
    call.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": dict}
    lines = [f"    {f.name}: {words(f'{tab.ID}.{f.name}')}. {_limits(f)}" for f in tab.FIELDS]
    call.__doc__ = words(f"{tab.ID}.api") + "\n\nArgs:\n" + "\n".join(lines)
    return call


def _limits(field: Field) -> str:
    if isinstance(field, Number):
        return f"From {field.low:g} to {field.high:g}."
    if isinstance(field, Choice):
        return "One of " + ", ".join(field.options) + "."
    if isinstance(field, Text):
        return f"At most {field.limit} characters."
    return getattr(field, "limits", "")
