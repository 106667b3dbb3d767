"""Real heads: every head of every layer of a pretrained model, and one of them opened.

Three looks at one run: the overview, what happens if you touch it (``heads_changes``), and what the
heads do (``heads_understand``). The open head is drawn in ``heads_open``, models run in
``heads_runs``.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import gradio as gr

from ..catalog import ANY_MODEL
from . import heads_answers, heads_changes, heads_loads, heads_understand
from .guard import Choice, Flag, Refusal, Text, check_all, inputs_of, sentence_for
from .heads_changes import again, changes_of
from .heads_fields import ModelName, Whole, offered
from .heads_loads import PATIENCE, Absent
from .heads_open import head_panels, labels, opened, overview, picture, strands, weight_sheet
from .heads_runs import Study, study
from .heads_tasks import exercises
from .tab import Controls, payload
from .texts import Words, words_for
from .view import heading

ID = "heads"
SLOW = True
CHARACTERS = 3000  # room for 512 tokens
EXACT = 128  # tokens up to which the open head's floats travel with the overview


FIELDS = (
    Choice("look", "overview", ("overview", "touch", "understand")),
    ModelName("model", "minilm", offered()),
    Text("text", "The animal did not cross the street because it was too tired.", CHARACTERS, lines=3),
    Text("pair", "", CHARACTERS, required=False),
    Whole("layer", 3, 63),
    Whole("head", 1, 63),
    Flag("hide_special", False),
    Choice("side", "self", ("self", "decoder", "cross")),
    *heads_changes.FIELDS,
    *heads_understand.FIELDS,
)
PICKS = ("layer", "head", "knock_out")  # what a click in a picture may set
SHUFFLED = "The dog bit the man in the park."
EXAMPLES = (
    ("example_pronoun", {}),
    ("example_pair", {"text": "A man is playing a guitar.", "pair": "Someone makes music.",
                      "layer": 1, "head": 3}),
    ("example_chinese", {"text": "我爱北京天安门，天安门上太阳升。", "layer": 2, "head": 9}),
    ("example_knock", {"look": "touch", "knock_out": "3.1"}),
    ("example_shuffle", {"look": "touch", "text": SHUFFLED, "shuffle": 7, "positions": False}),
    ("example_roles", {"look": "understand", "text": "red green blue one red green blue two red green"}),
    ("example_next", {"look": "touch", "model": "smollm2", "text": "The capital of France is",
                      "knock_out": "0", "layer": 0, "head": 0}),
)  # fmt: skip


def look_at(values: dict[str, Any], patience: float = PATIENCE) -> Study:
    """The untouched run behind these inputs, once the open head is known to be one of its."""
    seen = study(
        values["model"], values["text"], values["pair"], side=values["side"],
        hidden=values["hide_special"], logits=values["look"] == "touch", patience=patience,
    )  # fmt: skip
    if not seen.layers:
        raise Refusal("no_such_side", field="heads.side")
    for name, count in (("layer", len(seen.layers)), ("head", seen.model.num_heads)):
        if values[name] >= count:
            raise Refusal("out_of_range", field=f"heads.{name}", low="0", high=str(count - 1))
    return seen


def ready(values: dict[str, Any]) -> None:
    """Wait for the model behind these inputs, however long it takes."""
    heads_loads.model_of(values["model"], patience=None)


def touched(seen: Study, values: dict[str, Any]) -> Study:
    """The run that the pictures show: changed in the look "touch", else the untouched one."""
    if values["look"] != "touch":
        return seen
    changes = changes_of(values, seen)
    return seen if changes is None else again(values, changes)


def panels(values: dict[str, Any], words: Words, whole: bool = False) -> list[dict[str, Any]]:
    """The overview, then the open head: at once while it is small (or ``whole``), else on demand."""
    try:
        seen = look_at(values)
    except Absent as absent:
        return [heads_loads.panel(absent, words)]
    shown = touched(seen, values)
    small = whole or max(map(len, seen.sides())) <= EXACT
    opening = head_part(values, words) if small else [later("head", words)]
    first = [heading(words("heads.overview"), words("heads.overview_text")), overview(shown, values, words)]
    if values["look"] == "touch":
        out = heads_changes.outcome(seen, shown, values, words)
        every = heading(words("heads.touched"), words("heads.overview_text"))
        return [*out, every, {**first[1], "marks": marks(values, seen)}, *opening]
    if values["look"] == "understand":
        at_once = whole or len(seen.tokens) <= heads_understand.AT_ONCE or not heads_understand.able(seen)
        measured = heads_understand.panels(seen, values, words) if at_once else [later("roles", words)]
        return [*measured, *opening]
    return [*first, *opening]


def marks(values: dict[str, Any], seen: Study) -> list[list[int]]:
    """The knocked-out heads, crossed out in the overview."""
    named = heads_changes.heads_named(
        values["knock_out"], "heads.knock_out", len(seen.layers), seen.model.num_heads
    )
    return sorted(map(list, named))


def later(name: str, words: Words) -> dict[str, Any]:
    """A place that the page fills by asking the question ``name``."""
    return {"kind": "later", "id": f"later-{name}", "part": name, "ask": name,
            "title": words("view.loading"), "wide": True}  # fmt: skip


def head_part(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """The panels that change when another head is picked."""
    seen = look_at(values)
    shown = touched(seen, values)
    parts = head_panels(shown, values, words)
    if values["look"] == "touch":
        drawn = {**parts[1], "title": words("heads.weights_after")}
        before = picture(seen, values, words, "weights_before", "weights_before")
        buttons = knock_buttons(values, seen, words)
        head = opened(shown, values)
        parts = [parts[0], buttons, drawn, before, strands(shown, head, drawn, words)]
    parts = [{**part, "part": "head", "late": part["kind"] != "heading"} for part in parts]
    if values["look"] == "understand" and heads_answers.answerable(seen):
        parts.append(later("answers", words))
    elif values["look"] == "understand" and heads_understand.able(seen):
        limit = words("heads.answers_too_long", limit=heads_answers.LONGEST)
        parts.append({**heading(words("heads.answers"), limit), "part": "head"})
    return parts


def knock_buttons(values: dict[str, Any], seen: Study, words: Words) -> dict[str, Any]:
    """Knock the open head out, or its layer, or bring all back."""
    layer, head = values["layer"], values["head"]
    out = {tuple(one) for one in marks(values, seen)}
    one = out ^ {(layer, head)}
    whole = out | {(layer, each) for each in range(seen.model.num_heads)}
    key = "bring_back" if (layer, head) in out else "knock_this"
    items = [
        {"label": words(f"heads.{key}", layer=layer, head=head), "set": {"knock_out": listed(one, seen)}},
        {"label": words("heads.knock_layer", layer=layer), "set": {"knock_out": listed(whole, seen)}},
        {"label": words("heads.knock_none"), "set": {"knock_out": ""}},
    ]
    return {"kind": "buttons", "id": "knock", "items": items, "wide": True}


def listed(heads: set[tuple[int, int]], seen: Study) -> str:
    """{(3, 1), (3, 2)} -> "3.1, 3.2", a whole layer by its number alone."""
    parts = []
    for layer in sorted({layer for layer, _ in heads}):
        own = sorted(head for at, head in heads if at == layer)
        full = len(own) == seen.model.num_heads
        parts += [str(layer)] if full else [f"{layer}.{head}" for head in own]
    return ", ".join(parts)


def export_panels(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """The panels with the open head in them however long the text is, and the four answers.

    A model on its way is a refusal here: nobody wants a file that says so.
    """
    look_at(values)
    found = []
    for panel in panels(values, words, whole=True):
        found += answers_part(values, words) if panel["kind"] == "later" else [panel]
    return found


def answers_part(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """The four answers, which take a run per key: the page asks for them last."""
    seen = look_at(values)
    names = labels(seen, [[i] for i in range(len(seen.tokens))])
    if not heads_answers.answerable(seen):
        raise Refusal("bad_request")
    parts = heads_answers.panels(seen, values, words, names)
    return [{**part, "part": "answers"} for part in parts]


def roles_part(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """Roles and maps of a long text, which take seconds: the page asks for them by themselves."""
    return [{**part, "part": "roles"} for part in heads_understand.panels(look_at(values), values, words)]


def question(part: Any, language: str, request: Any) -> dict[str, Any]:
    """A part of the view for {"inputs"}; the panels of other parts stay where they are."""
    words = words_for(language)
    try:
        values = check_all(ID, FIELDS, inputs_of(request))
        # a head with its own temperature: picking another one changes the whole run
        everything = part is head_part and values["look"] == "touch" and values["temper"] != 1
        view = payload(sys.modules[__name__], language, values, panels if everything else part)
        return {**view, "everything": everything}
    except Exception as error:  # the border to the page, as in guard.answer
        return {"error": sentence_for(error, words)}


def head(language: str, request: Any) -> dict[str, Any]:
    return question(head_part, language, request)


def answers(language: str, request: Any) -> dict[str, Any]:
    return question(answers_part, language, request)


def roles(language: str, request: Any) -> dict[str, Any]:
    return question(roles_part, language, request)


SERVER = {"head": head, "answers": answers, "roles": roles}


def notices(values: dict[str, Any], words: Words) -> list[str]:
    """What was hidden, and so renormalised; what a filter leaves out."""
    try:
        seen = look_at(values)
        shown = opened(seen, values)
    except Absent:
        return []
    found = [words("heads.hidden")] if shown.hidden else []
    if seen.no_gpu:
        found.append(words("heads.no_gpu"))
    if values["look"] == "understand" and (values["part"] != "all" or values["minimum"] > 0):
        found.append(words("heads.filtered"))
    return found


def sheet(values: dict[str, Any], words: Words, panel: str, row: int, column: int) -> dict[str, Any]:
    """The arithmetic of a cell of the open head, or what one of the four answers means."""
    seen = look_at(values)
    if panel == "weights":
        return weight_sheet(touched(seen, values), values, words, row, column)
    if panel == "weights_before" and values["look"] == "touch":
        return weight_sheet(seen, values, words, row, column)
    if panel == "answers" and values["look"] == "understand" and heads_answers.answerable(seen):
        names = labels(seen, [[i] for i in range(len(seen.tokens))])
        return heads_answers.sheet(seen, values, words, row, column, names)
    raise Refusal("no_such_cell")


def snippet(values: dict[str, Any]) -> str:
    from .heads_code import snippet as written

    return written(values)


def results(values: dict[str, Any]) -> dict[str, Any]:
    """Plain numbers for the API: tokens, the open head's weights, and the outcome of a change."""
    seen = look_at(values, patience=25.0)  # nobody asks again for a program
    after = touched(seen, values)
    shown = opened(after, values)
    found = {
        "model": values["model"],
        "layers": len(seen.layers),
        "heads": seen.model.num_heads,
        "layer": values["layer"],
        "head": values["head"],
        "tokens": list(after.tokens.tokens),
        "special": list(after.tokens.special),
        "rows": labels(after, shown.rows),
        "columns": labels(after, shown.columns),
        "weights": shown.weights.tolist(),
    }
    if values["look"] == "touch":
        found["outcome"] = heads_changes.figures(seen, after, values)
    return found


def tasks(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """Predict, then look."""
    try:
        seen = look_at(values)
    except Absent:
        return []
    return exercises(touched(seen, values), values, words)


def controls(words: Words) -> dict[str, Any]:
    """The look, the model and the text first, then which head; each look shows its own inputs."""
    fields = {field.name: field for field in FIELDS}
    made = Controls(ID, FIELDS, words)
    made.place("look")
    made["model"] = gr.Dropdown(
        [(words.get(f"heads.model.{name}", name), name) for name in fields["model"].options],
        value=fields["model"].default, label=words("heads.model"), info=words("heads.model.info"),
        allow_custom_value=os.environ.get(ANY_MODEL) == "1",
    )  # fmt: skip
    made.place("text", "pair")
    with gr.Row(elem_classes="am-pair"):
        made.place("layer", "head")
    made.place("hide_special")
    for look, group in (("touch", heads_changes.FIELDS), ("understand", heads_understand.FIELDS)):
        with gr.Column(elem_classes=f"am-only-{look}"):
            made.place(*(field.name for field in group))
    with gr.Accordion(words("heads.seq2seq"), open=False):
        made.place("side")
    return made
