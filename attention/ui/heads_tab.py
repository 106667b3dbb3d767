"""Real heads: every head of every layer of a pretrained model, and one of them opened.

The first view (``look`` = overview) is here; what changes a run is in ``heads_changes``, what
measures heads in ``heads_understand``, and the runs themselves in ``heads_runs``.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import gradio as gr
from torch import Tensor

from ..catalog import ANY_MODEL, CATALOG, package_file
from ..heads import hide_special
from ..hub import REPO
from ..pretrained import explain_head
from .guard import Choice, Flag, Refusal, Text, sentence_for, to_number
from .heads_runs import PATIENCE, Loading, Study, study
from .sheet import cell_sheet, show
from .tab import component, payload
from .texts import Words, words_for
from .view import heading, heatmap

ID = "heads"
CHARACTERS = 2000
SMALL = 420  # cells that the page draws as a table
EXACT = 128  # tokens up to which the open head's floats travel with the overview


@dataclass(frozen=True)
class Whole:
    """A whole number from 0 on, typed; the end of its range depends on the model."""

    name: str
    default: int
    high: int
    kind = int

    @property
    def limits(self) -> str:
        return f"A whole number from 0 to {self.high}, counted from 0."

    def check(self, value: Any, label: str) -> int:
        number = to_number(value, label)
        if number != int(number):
            raise Refusal("not_whole", field=label)
        if not 0 <= number <= self.high:
            raise Refusal("out_of_range", field=label, low="0", high=str(self.high))
        return int(number)

    def component(self, label: str, info: str | None, value: int) -> gr.Number:
        return gr.Number(label=label, info=info, value=value, precision=0, minimum=0, min_width=60)


@dataclass(frozen=True)
class ModelName:
    """A model of the catalog; any hub id only where the host allows it."""

    name: str
    default: str
    options: tuple[str, ...]
    kind = str

    @property
    def limits(self) -> str:
        return "One of " + ", ".join(self.options) + "."

    def check(self, value: Any, label: str) -> str:
        if isinstance(value, str) and value in self.options:
            return value
        free = os.environ.get(ANY_MODEL) == "1"
        if free and isinstance(value, str) and len(value) < 200 and REPO.fullmatch(value):
            return value
        raise Refusal("not_an_option", field=label, options=", ".join(self.options))


def offered() -> tuple[str, ...]:
    """The models of the menu: those from the hub, and packaged ones that are installed."""
    return tuple(
        name for name, entry in CATALOG.items()
        if name == "minilm" or entry.package is None or package_file(entry) is not None
    )  # fmt: skip


FIELDS = (
    ModelName("model", "minilm", offered()),
    Text("text", "The animal did not cross the street because it was too tired.", CHARACTERS, lines=3),
    Text("pair", "", CHARACTERS, required=False),
    Whole("layer", 3, 63),
    Whole("head", 1, 63),
    Flag("hide_special", False),
    Choice("side", "self", ("self", "decoder", "cross")),
)
PICKS = ("layer", "head")  # what a click in a picture may set
EXAMPLES = (
    ("example_pronoun", {}),
    ("example_previous", {"layer": 2, "head": 9}),
    ("example_pair", {"text": "A man is playing a guitar.", "pair": "Someone makes music.", "layer": 1, "head": 3}),
    ("example_chinese", {"text": "我爱北京天安门，天安门上太阳升。", "layer": 3, "head": 1}),
)  # fmt: skip


def look_at(values: dict[str, Any], patience: float = PATIENCE) -> Study:
    """The run behind these inputs, with the open head inside its ranges."""
    seen = study(
        values["model"], values["text"], values["pair"],
        side=values["side"], hidden=values["hide_special"], patience=patience,
    )  # fmt: skip
    for name, count in (("layer", len(seen.layers)), ("head", seen.model.num_heads)):
        if values[name] >= count:
            raise Refusal("out_of_range", field=f"heads.{name}", low="0", high=str(count - 1))
    return seen


def labels(seen: Study, places: list[int]) -> list[str]:
    """Tokens as axis labels; a piece that carries a word on begins with a dot."""
    tokens = seen.tokens
    return [("·" if tokens.joined[i] else "") + tokens.tokens[i] for i in places]


@dataclass(frozen=True)
class Opened:
    """The open head as shown: weights, and which positions its rows and columns are."""

    weights: Tensor
    rows: list[int]
    columns: list[int]
    hidden: bool


def opened(seen: Study, values: dict[str, Any]) -> Opened:
    """One head's weights, without special tokens if that is wanted and there are others."""
    weights = seen.weights(values["layer"], values["head"])
    rows, columns = seen.sides()
    special = seen.special()
    if not values["hide_special"] or special is None:
        return Opened(weights, rows, columns, False)
    kept = [i for i, added in zip(rows, special, strict=True) if not added]
    return Opened(hide_special(weights, special), kept, kept, True)


def panels(values: dict[str, Any], words: Words, whole: bool = False) -> list[dict[str, Any]]:
    """The overview, then the open head: at once while it is small (or ``whole``), else on demand."""
    try:
        seen = look_at(values)
    except Loading as loading:
        text = words("errors.model_loading", **loading.values)
        return [{"kind": "waiting", "id": "waiting", "title": text, "wide": True}]
    small = whole or max(map(len, seen.sides())) <= EXACT
    return [
        heading(words("heads.overview"), words("heads.overview_text")),
        overview(seen, values, words),
        *(head_panels(seen, values, words) if small else [later(words)]),
    ]


def later(words: Words) -> dict[str, Any]:
    """A place that the page fills by asking for the open head."""
    return {"kind": "later", "id": "later", "part": "head", "title": words("view.loading"), "wide": True}


def overview(seen: Study, values: dict[str, Any], words: Words) -> dict[str, Any]:
    """Every head as a thumbnail, one byte a cell on a square-root scale."""
    packed = seen.overview(values["hide_special"])
    first = packed[0]
    caption = words("heads.scale")
    if first["pooled"]:
        caption += " " + words("heads.pooled", rows=first["pool_rows"], columns=first["pool_cols"])
    return {
        "kind": "overview", "id": "overview", "wide": True, "caption": caption,
        "title": words("heads.every", layers=len(packed), heads=first["heads"]),
        "layers": len(packed), "heads": first["heads"], "rows": first["rows"], "cols": first["cols"],
        "thumbnails": [layer["data"] for layer in packed],
        "words": {key: words(f"heads.{key}") for key in ("layer", "head", "cell", "keys")},
    }  # fmt: skip


def head_panels(seen: Study, values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """The open head: a heatmap with exact weights, and the same as lines between two columns."""
    head = opened(seen, values)
    rows, columns = labels(seen, head.rows), labels(seen, head.columns)
    title = words("heads.open", layer=values["layer"], head=values["head"])
    axes = {"row_title": words("heads.query"), "column_title": words("heads.key")}
    picture = heatmap(
        "weights", words("heads.weights"), head.weights, rows, columns, wide=len(columns) > 10,
        caption=words("heads.weights_text"), **axes,
    )  # fmt: skip
    if len(rows) * len(columns) <= SMALL:  # small weights would show as 8.77e-04
        picture["cell_labels"] = [[f"{w:.2f}" if w >= 0.005 else "" for w in row]
                                  for row in head.weights.tolist()]  # fmt: skip
    lines = {  # the numbers are the heatmap's; the stamp says when they changed
        "kind": "strands", "id": "lines", "of": "weights", "title": words("heads.lines"), **axes,
        "caption": words("heads.lines_text"), "stamp": crc32(json.dumps(picture).encode()),
        "start": first_word(seen, head), "word": words("heads.line"),
    }  # fmt: skip
    parts = [heading(title, words("heads.open_text")), picture, lines]
    return [{**part, "part": "head"} for part in parts]


def first_word(seen: Study, head: Opened) -> int:
    """The row shown first: "it" where there is one, else the first word."""
    tokens = [seen.tokens.tokens[i].lower() for i in head.rows]
    words = [row for row, i in enumerate(head.rows) if not seen.tokens.special[i]]
    return next((row for row in words if tokens[row] in ("it", "she", "he")), (words or [0])[0])


def export_panels(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """The panels with the open head in them however long the text is."""
    return panels(values, words, whole=True)


def head(language: str, request: Any) -> dict[str, Any]:
    """The page's question: the open head alone, for {"inputs"}; the overview stays where it is."""
    words = words_for(language)
    try:
        if not isinstance(request, dict) or not isinstance(request.get("inputs"), dict):
            raise Refusal("bad_request")
        part = lambda values, words: head_panels(look_at(values), values, words)  # noqa: E731
        return payload(sys.modules[__name__], language, request["inputs"], part)
    except Exception as error:  # the border to the page, as in guard.answer
        return {"error": sentence_for(error, words)}


SERVER = {"head": head}


def notices(values: dict[str, Any], words: Words) -> list[str]:
    """What was hidden, and so renormalised."""
    try:
        seen = look_at(values)
    except Loading:
        return []
    return [words("heads.hidden")] if opened(seen, values).hidden else []


def sheet(values: dict[str, Any], words: Words, panel: str, row: int, column: int) -> dict[str, Any]:
    """The arithmetic of a cell of the open head: q and k by contribution, softmax, value."""
    seen = look_at(values)
    shown = opened(seen, values)
    if panel != "weights" or row >= len(shown.rows) or column >= len(shown.columns):
        raise Refusal("no_such_cell")
    rows, columns = seen.sides()
    i, j = rows.index(shown.rows[row]), columns.index(shown.columns[column])
    cell = explain_head(seen.layers[values["layer"]], values["head"], i, j)
    names = labels(seen, [shown.rows[row], shown.columns[column]])
    opened_cell = cell_sheet(cell, words, *names)
    if shown.hidden:
        kept = seen.weights(values["layer"], values["head"])[i][[columns.index(c) for c in shown.columns]]
        opened_cell["sections"].append(hidden_section(cell.weight, kept.sum().item(), words))
    return opened_cell


def hidden_section(weight: float, total: float, words: Words) -> dict[str, Any]:
    """The last step when special tokens are hidden: the row is divided by what is left of it."""
    shown = weight / total if total > 0 else 0.0
    lines = [[words("heads.renormalised"), f"{show(weight)} / {show(total)}", show(shown)]]
    return {"title": words("heads.renormalised_title"), "text": words("heads.hidden"), "lines": lines}


def snippet(values: dict[str, Any]) -> str:
    """The open head's weights from this package alone."""
    pair = f", {values['pair']!r}" if values["pair"].strip() else ""
    hide = values["hide_special"]
    lines = [
        "from attention import load_model",
        "from attention.heads import hide_special" if hide else None,
        "from attention.pretrained import run, tokenize",
        "",
        f"model = load_model({values['model']!r})",
        f"tokens = tokenize(model, {values['text']!r}{pair})",
        "layers = run(model, tokens).layers",
        f"layers = [layer for layer in layers if layer.kind == {values['side']!r}]"
        if values["side"] != "self" else None,
        f"weights = layers[{values['layer']}].weights[{values['head']}]  # (queries, keys)",
        "weights = hide_special(weights, tokens.special)" if hide else None,
        "print(tokens.tokens)",
        "print(weights)",
    ]  # fmt: skip
    return "\n".join(line for line in lines if line is not None) + "\n"


def results(values: dict[str, Any]) -> dict[str, Any]:
    """Plain numbers for the API: the tokens, the open head's weights, and how many heads there are."""
    seen = look_at(values, patience=25.0)  # nobody asks again for a program
    shown = opened(seen, values)
    return {
        "model": values["model"],
        "layers": len(seen.layers),
        "heads": seen.model.num_heads,
        "layer": values["layer"],
        "head": values["head"],
        "tokens": list(seen.tokens.tokens),
        "special": list(seen.tokens.special),
        "rows": [seen.tokens.tokens[i] for i in shown.rows],
        "columns": [seen.tokens.tokens[i] for i in shown.columns],
        "weights": shown.weights.tolist(),
    }


def tasks(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """Predict, then look: the strongest key, the sum of a row, the weight on special tokens."""
    try:
        seen = look_at(values)
    except Loading:
        return []
    shown = opened(seen, values)
    names = labels(seen, shown.columns)
    row = first_word(seen, shown)
    query = labels(seen, shown.rows)[row]
    weights = shown.weights[row]
    order = weights.argsort(descending=True)[:3].tolist()
    options = sorted(order)
    n = len(shown.columns)
    special = seen.special()
    made = [
        {"id": "strongest", "kind": "choice", "question": words("heads.task_strongest", query=query),
         "options": [f"{names[j]} ({j})" for j in options], "answer": options.index(order[0]),
         "why": words("heads.task_strongest_why", key=names[order[0]], weight=show(weights[order[0]].item()))},
        {"id": "even", "kind": "number", "question": words("heads.task_even", count=n),
         "answer": 1 / n, "tolerance": 0.005,
         "why": words("heads.task_even_why", count=n, weight=show(weights[order[0]].item()))},
    ]  # fmt: skip
    if special is not None and not shown.hidden:
        share = weights[[i for i, added in enumerate(special) if added]].sum().item()
        made.append(
            {"id": "special", "kind": "number", "unit": "%", "answer": 100 * share, "tolerance": 10.0,
             "question": words("heads.task_special", query=query),
             "why": words("heads.task_special_why", share=f"{share:.1%}")}
        )  # fmt: skip
    return made


def controls(words: Words) -> dict[str, Any]:
    """The model and the text first, then which head; what few need is folded away."""
    fields = {field.name: field for field in FIELDS}
    label = lambda name: words(f"heads.{name}")  # noqa: E731
    made: dict[str, Any] = {}
    made["model"] = gr.Dropdown(
        [(words.get(f"heads.model.{name}", name), name) for name in fields["model"].options],
        value=fields["model"].default, label=label("model"), info=words("heads.model.info"),
        allow_custom_value=os.environ.get(ANY_MODEL) == "1",
    )  # fmt: skip
    for name in ("text", "pair"):
        made[name] = component(fields[name], ID, words)
    with gr.Row(elem_classes="am-pair"):
        for name in ("layer", "head"):
            made[name] = fields[name].component(label(name), None, fields[name].default)
    made["hide_special"] = component(fields["hide_special"], ID, words)
    with gr.Accordion(words("heads.seq2seq"), open=False):
        made["side"] = component(fields["side"], ID, words)
    return made
