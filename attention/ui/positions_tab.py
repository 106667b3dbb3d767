"""Positions: two orders of the same words, the sinusoidal encoding, and what distance does to it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..multihead import SelfAttention
from ..padding import split_line
from ..pooling import attend, explain
from ..position import (
    Shuffled,
    embed_words,
    encode_positions,
    frequencies,
    rotate,
    shuffle_experiment,
    similarity_by_distance,
    sinusoidal_encoding,
)
from .guard import Choice, Number, Refusal, Text
from .sheet import cell_sheet, output_sheet, show
from .texts import Words
from .view import heading, heatmap, plot, readouts

ID = "positions"
TOKENS, FEATURES = 12, 8  # most words; features of an output that are shown
MOVED = 1e-4  # outputs are of size 1: less than this is the rounding of float32
FIELDS = (
    Text("text", "the dog bit the man", 200),
    Text("other", "the man bit the dog", 200, required=False),
    Choice("positions", "none", ("none", "sinusoidal", "rotary")),
    Number("seed", 0, 0, 999, 1),
    Number("d", 16, 1, 64, 1),
    Number("length", 32, 1, 64, 1),
    Number("position", 10, 0, 63, 1),
)
EXAMPLES = (
    ("example_same", {}),
    ("example_break", {"positions": "sinusoidal"}),
    ("example_rotary", {"positions": "rotary"}),
    ("example_shuffle", {"text": "she only said that she loved him", "other": "", "seed": 3}),
    ("example_chinese", {"text": "我不喜欢他", "other": "他不喜欢我", "positions": "sinusoidal"}),
    ("example_odd", {"d": 5, "length": 40}),
    ("example_wide", {"d": 64, "length": 64, "position": 32}),
)


class Reading(NamedTuple):
    """One order of the words: their names, and query, key, value (n, d), as the experiment has them."""

    names: list[str]
    query: Tensor
    key: Tensor
    value: Tensor


def tokens_of(values: dict[str, Any]) -> tuple[list[str], list[str] | None]:
    """The words, and their second order where it is one; None asks for a shuffle."""
    text, other = (split_line(values[name].lower()) for name in ("text", "other"))
    if not text:
        raise Refusal("no_tokens", field="positions.text")
    if len(text) > TOKENS:
        raise Refusal("too_many_tokens", field="positions.text", line=1, limit=TOKENS, count=len(text))
    return text, other if sorted(other) == sorted(text) else None


def experiment(values: dict[str, Any], kind: str | None = None) -> Shuffled:
    """Both orders, read with the chosen kind of positions or another."""
    kind = values["positions"] if kind is None else kind
    text, other = tokens_of(values)
    if kind == "rotary" and values["d"] % 2:
        raise Refusal("odd_width", field="positions.d", width=values["d"])
    return shuffle_experiment(
        text, other, values["seed"], kind != "none", values["d"],
        "rotary" if kind == "rotary" else "sinusoidal",
    )  # fmt: skip


def name_all(found: Shuffled) -> tuple[list[str], list[str]]:
    """Labels of both orders: a word keeps the number of its place in the first."""
    names = [f"{i} {word}" for i, word in enumerate(found.words)]
    return names, [names[i] for i in found.permutation]


def read(values: dict[str, Any], found: Shuffled, second: bool) -> Reading:
    """What attention is given for one order; the same layer and vectors as the experiment's."""
    layer = SelfAttention(values["d"], generator=torch.Generator().manual_seed(values["seed"]))
    places = torch.arange(len(found.words))
    x = embed_words(found.shuffled if second else found.words, values["d"], values["seed"])
    if values["positions"] == "sinusoidal":
        x = x + encode_positions(places, values["d"])
    with torch.no_grad():
        query, key, value = layer.project(x)
    if values["positions"] == "rotary":
        query, key = rotate(query, places), rotate(key, places)
    return Reading(name_all(found)[second], query, key, value)


def panels(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """Two orders side by side and their difference; the encoding; its dot products."""
    return [*orders(values, words), *encoding_panels(values, words)]


def orders(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """Weights and outputs of both orders, and what is left when the words are put back."""
    found = experiment(values)
    first, second = name_all(found)
    features = [words("positions.feature", number=i + 1) for i in range(min(values["d"], FEATURES))]
    high = torch.cat([found.first.output, found.second.output])[:, :FEATURES].abs().max().item()
    axes = {"row_title": words("positions.query"), "column_title": words("positions.key")}
    outputs = {"diverging": True, "high": high, "low": -high, "row_title": words("positions.word")}
    kind = values["positions"]
    change = (found.restored - found.first.output)[:, :FEATURES]
    difference = heatmap("difference", words("positions.difference"), change, first, features,
                         caption=words("positions.difference_" + kind), wide=True, **outputs)  # fmt: skip
    if found.difference < MOVED:  # the rounding of the last digit is no number to be read
        difference["cell_labels"] = [["≈ 0" if v else "0" for v in row] for row in change.tolist()]
    weights = (found.restored_weights - found.first.weights).abs().max().item()
    moved = int((found.moved > MOVED).sum())
    shown = words("positions.shown", count=len(features), all=values["d"])
    figures = readouts("moved", [
        (words("positions.largest"), show(found.difference), words("positions.largest_" + kind)),
        (words("positions.moved"), f"{moved} / {len(first)}", words("positions.moved_note")),
        (words("positions.largest_weight"), show(weights), words("positions.largest_weight_note")),
    ])
    return [
        heading(words("positions.step_orders"), words("positions.step_orders_text")),
        figures | {"wide": True},
        heatmap("weights", words("positions.weights"), found.first.weights, first, first,
                caption=words("positions.names"), **axes),
        heatmap("weights_other", words("positions.weights_other"), found.second.weights, second, second,
                caption=words("positions.names"), **axes),
        heatmap("output", words("positions.output"), found.first.output[:, :FEATURES], first, features,
                caption=shown, **outputs),
        heatmap("output_other", words("positions.output_other"), found.second.output[:, :FEATURES], second,
                features, caption=shown, **outputs),
        difference,
    ]  # fmt: skip


def encoding_panels(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """The encoding over position and dimension, and what is left of it in a dot product: distance."""
    d, length = values["d"], values["length"]
    p = min(values["position"], length - 1)
    encoding = sinusoidal_encoding(length, d)
    places = [str(i) for i in range(length)]
    dot = encoding @ encoding.T
    span = torch.arange(1 - length, length)
    here = torch.arange(length) - p
    drawn = [
        heading(words("positions.step_encoding"), words("positions.step_encoding_text")),
        heatmap("encoding", words("positions.encoding"), encoding, places, [str(j) for j in range(d)],
                diverging=True, high=1.0, low=-1.0, caption=words("positions.encoding_caption"), wide=d > 24,
                row_title=words("positions.place"), column_title=words("positions.dimension")),
        plot("waves", words("positions.waves"), waves(encoding, words), x_title=words("positions.place"),
             y_title=words("positions.value"), caption=words("positions.waves_caption")),
        heading(words("positions.step_distance"), words("positions.step_distance_text")),
        heatmap("dot", words("positions.dot"), dot, places, places, diverging=True, digits=1,
                caption=words("positions.dot_caption"),
                row_title="p", column_title="q"),
        plot("distance", words("positions.distance"), [
            {"name": words("positions.formula"), "kind": "line", "role": "accent",
             "x": span, "y": similarity_by_distance(span, d)},
            {"name": words("positions.measured", place=p), "kind": "points", "role": "data",
             "x": here, "y": dot[p]},
        ], x_title=words("positions.distance_x"), y_title=words("positions.distance_y"),
            caption=words("positions.distance_caption" if d % 2 == 0 else "positions.distance_odd")),
    ]  # fmt: skip
    if d % 2 == 0:
        query, key, names = rotary_pair(values)
        keys = rotate(key.expand(len(span), -1), span)
        scores = attend(rotate(query.expand(length, -1), torch.arange(length)),
                        rotate(key.expand(length, -1), torch.arange(length)), key.expand(length, -1)).scores
        drawn += [
            heading(words("positions.step_rotary"), words("positions.step_rotary_text", **names)),
            heatmap("rotary_scores", words("positions.rotary_scores", **names), scores, places, places,
                    diverging=True, digits=1, caption=words("positions.dot_caption"), row_title="p", column_title="q"),
            plot("rotary", words("positions.rotary_plot"), [
                {"name": words("positions.rotary_from", place=0), "kind": "line", "role": "accent",
                 "x": span, "y": attend(query[None], keys, keys).scores[0]},
                {"name": words("positions.rotary_from", place=p), "kind": "points", "role": "data",
                 "x": here, "y": scores[p]},
            ], x_title=words("positions.distance_x"), y_title=words("positions.score"),
                caption=words("positions.rotary_caption")),
        ]  # fmt: skip
    return drawn


def waves(encoding: Tensor, words: Words) -> list[dict[str, Any]]:
    """Up to four sine columns of the encoding, from the fastest on."""
    columns = range(0, min(encoding.shape[1], 8), 2)
    return [
        {"name": words("positions.column", number=j), "kind": "line", "role": role,
         "x": torch.arange(len(encoding)), "y": encoding[:, j]}
        for j, role in zip(columns, ("accent", "data", "truth", "muted"), strict=False)
    ]  # fmt: skip


def rotary_pair(values: dict[str, Any]) -> tuple[Tensor, Tensor, dict[str, str]]:
    """The vectors (d,) of the first and the last word, one as query, one as key, and their names."""
    text = tokens_of(values)[0]
    query, key = embed_words([text[0], text[-1]], values["d"], values["seed"])
    return query, key, {"query": text[0], "key": text[-1]}


def notices(values: dict[str, Any], words: Words) -> list[str]:
    """What is shown instead of what was asked for."""
    sentences = []
    text, other = tokens_of(values)
    if other is None and values["other"].strip():
        sentences.append(words("positions.not_an_order"))
    elif other is None and experiment(values).shuffled == text:
        sentences.append(words("positions.same_order"))
    if values["position"] >= values["length"]:
        sentences.append(words("positions.last_place", place=values["length"] - 1))
    if values["d"] % 2:
        sentences.append(words("positions.odd_notice"))
    return sentences


def sheet(values: dict[str, Any], words: Words, panel: str, row: int, column: int) -> dict[str, Any]:
    """The arithmetic of a cell of any panel."""
    if panel in ("encoding", "dot", "rotary_scores"):
        width = values["d"] if panel == "encoding" else values["length"]
        if row >= values["length"] or column >= width or (panel == "rotary_scores" and values["d"] % 2):
            raise Refusal("no_such_cell")
        if panel == "rotary_scores":
            return rotary_sheet(values, words, row, column)
        return (encoding_sheet if panel == "encoding" else dot_sheet)(values["d"], words, row, column)
    found = experiment(values)
    n = len(found.words)
    second = panel.endswith("_other")
    width = n if panel.startswith("weights") else min(values["d"], FEATURES)
    known = ("weights", "weights_other", "output", "output_other", "difference")
    if panel not in known or row >= n or column >= width:
        raise Refusal("no_such_cell")
    reading = read(values, found, second)
    # a row of the second order is the word that stands at permutation[row] in the first
    word = found.permutation[row] if second else row
    if panel.startswith("weights"):
        cell = explain(reading.query, reading.key, reading.value, row, column)
        page = cell_sheet(cell, words, reading.names[row], reading.names[column])
        page["sections"][0]["text"] = " ".join(
            [words("positions.sheet_" + values["positions"]), page["sections"][0]["text"]]
        ).strip()
        other = found.permutation[column] if second else column
        both = found.first.weights[word, other], found.restored_weights[word, other]
        title = words("positions.pair")
    else:
        both = found.first.output[word, column], found.restored[word, column]
        title = words("sheet.output_of", query=reading.names[row], feature=column + 1)
        page = {"title": title, "sections": []}
        if panel != "difference":
            attended = found.second if second else found.first
            page = output_sheet(words, title, attended.weights[row], reading.value[:, column], reading.names)
        title = words("positions.both_orders")
    before, after = (one.item() for one in both)
    page["sections"].append({"title": title, "lines": [
        [words("positions.in_first"), "", show(before, 7)],
        [words("positions.in_second"), "", show(after, 7)],
        [words("positions.change"), f"{show(after, 7)} - {show(before, 7)}", show(after - before, 7)],
    ]})  # fmt: skip
    return page


def encoding_sheet(d: int, words: Words, place: int, dimension: int) -> dict[str, Any]:
    """Frequency, angle, sine or cosine of one cell of the encoding."""
    i = dimension // 2
    w = frequencies(d)[i].item()
    angle = place * w
    wave = "cos" if dimension % 2 else "sin"
    value = getattr(math, wave)(angle)
    lines = [
        [words("positions.frequency"), f"10000^(-{2 * i}/{d})", show(w, 8)],
        [words("positions.wavelength"), f"2π / {show(w, 8)}", show(2 * math.pi / w, 2)],
        [words("positions.angle"), f"{place} × {show(w, 8)}", show(angle, 6)],
        [words("positions.value"), f"{wave}({show(angle, 6)})", show(value)],
    ]
    text = words("positions.sheet_encoding", pair=i, wave=words("positions." + wave))
    title = words("positions.cell", place=place, dimension=dimension)
    return {"title": title, "sections": [{"title": "", "text": text, "lines": lines}]}


def dot_sheet(d: int, words: Words, row: int, column: int) -> dict[str, Any]:
    """The dot product of two encodings: sines and cosines multiplied, then pair by pair as cosines."""
    left, right = encode_positions(torch.tensor([row, column]), d).double()
    k = column - row
    turns = (k * frequencies(d)[: d // 2]).tolist()
    cosines = [[str(i), show(turn, 6), show(math.cos(turn))] for i, turn in enumerate(turns)]
    products = pair_rows(left, right, words)
    if d % 2:  # the sine that stands alone knows p
        cosines.append([str(d // 2), words("positions.lone_sine"), show((left * right)[-1].item())])
    cosines.append(products[-1])
    pair = words("positions.pair_column")
    return {"title": words("positions.dot_of", p=row, q=column), "sections": [
        {"title": words("positions.dot_products"), "text": words("positions.dot_products_text"),
         "table": {"columns": [pair, "sin × sin + cos × cos", words("sheet.product")], "rows": products, "total": True}},
        {"title": words("positions.dot_cosines"), "text": words("positions.dot_cosines_text", distance=k),
         "table": {"columns": [pair, "k ω", "cos(k ω)"], "rows": cosines, "total": True}},
    ]}  # fmt: skip


def pair_rows(left: Tensor, right: Tensor, words: Words) -> list[list[str]]:
    """The dot product of two vectors (d,), two dimensions a row, and the sum."""
    rows = []
    for i in range(0, len(left), 2):
        pairs = list(zip(left[i : i + 2].tolist(), right[i : i + 2].tolist(), strict=True))
        shown = " + ".join(f"{show(a)} × {show(b)}" for a, b in pairs)
        rows.append([str(i // 2), shown, show(sum(a * b for a, b in pairs))])
    return [*rows, [words("sheet.sum"), "", show((left @ right).item())]]


def rotary_sheet(values: dict[str, Any], words: Words, row: int, column: int) -> dict[str, Any]:
    """The score of a query at ``row`` and a key at ``column``, and the same from their distance alone."""
    query, key, names = rotary_pair(values)
    q, k = query.double()[None], key.double()[None]
    there, apart = (
        (rotate(q, torch.tensor([p]))[0], rotate(k, torch.tensor([r]))[0])
        for p, r in ((row, column), (0, column - row))
    )
    raw, scale = (there[0] @ there[1]).item(), 1 / math.sqrt(values["d"])
    columns = [words("positions.pair_column"), "q × k + q × k", words("sheet.product")]
    line = [words("sheet.scaled"), f"{show(raw)} × {show(scale)}", show(raw * scale)]
    sections = [
        {"title": words("positions.rotary_turned", **names), "lines": [line],
         "table": {"columns": columns, "rows": pair_rows(*there, words), "total": True}},
        {"title": words("positions.rotary_apart"),
         "text": words("positions.rotary_apart_text", distance=column - row),
         "table": {"columns": columns, "rows": pair_rows(*apart, words), "total": True}},
    ]  # fmt: skip
    return {"title": words("positions.rotary_of", p=row, q=column, **names), "sections": sections}


def snippet(values: dict[str, Any]) -> str:
    """Both orders and their difference, the encoding and its dot products."""
    text, other = tokens_of(values)
    p = min(values["position"], values["length"] - 1)
    positions = values["positions"]
    kind = "rotary" if positions == "rotary" else "sinusoidal"
    second = f"shuffled = {other!r}" if other else f"shuffled = None    # an order drawn from seed {values['seed']}"
    return f"""import torch
from attention.position import shuffle_experiment, similarity_by_distance, sinusoidal_encoding

words = {text!r}
{second}
read = shuffle_experiment(words, shuffled, seed={values["seed"]}, d={values["d"]},
                          use_positions={positions != "none"}, kind={kind!r})
print(read.permutation)          # where each word of the second order stood in the first
print(read.first.weights)
print(read.second.weights)
print(read.first.output[:, :{FEATURES}])
print(read.second.output[:, :{FEATURES}])
print(read.difference)           # largest change of an output, the words put back in place

encoding = sinusoidal_encoding({values["length"]}, {values["d"]})
print(encoding)
print(encoding[{p}] @ encoding.T)    # dot products with position {p}
print(similarity_by_distance(torch.arange({values["length"]}) - {p}, {values["d"]}))
"""


def results(values: dict[str, Any]) -> dict[str, Any]:
    """Plain numbers for the API. Raises ``Refusal`` for a second order of other words."""
    if values["other"].strip() and tokens_of(values)[1] is None:
        raise Refusal("other_words", field="positions.other")
    found = experiment(values)
    encoding = sinusoidal_encoding(values["length"], values["d"])
    return {
        "words": found.words, "shuffled": found.shuffled, "permutation": found.permutation,
        "weights": found.first.weights.tolist(), "weights_other": found.second.weights.tolist(),
        "output": found.first.output.tolist(), "output_other": found.second.output.tolist(),
        "moved": found.moved.tolist(), "difference": found.difference,
        "encoding": encoding.tolist(), "dot": (encoding @ encoding.T).tolist(),
    }  # fmt: skip


def tasks(values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """Predict, then look: each answer is computed from the inputs on screen."""
    bare, added = experiment(values, "none"), experiment(values, "sinusoidal")
    d, n = values["d"], len(bare.words)
    back = [bare.permutation.index(i) for i in range(n)]
    mover = next((i for i in range(n) if back[i] != i), 0)
    found = [
        {"id": "off", "kind": "number", "tolerance": 0.005, "answer": bare.restored[mover, 0].item(),
         "question": words("positions.task_off", word=name_all(bare)[0][mover],
                           value=show(bare.first.output[mover, 0].item())),
         "why": words("positions.task_off_why")},
    ]  # fmt: skip
    stayed = [i for i in range(n) if back[i] == i]
    if stayed and added.difference > MOVED:
        word = max(stayed, key=lambda i: added.moved[i].item())
        moved = added.moved[word].item()
        found.append(
            {"id": "stayed", "kind": "choice", "answer": int(moved > MOVED),
             "question": words("positions.task_stayed", word=name_all(added)[0][word]),
             "options": [words("positions.task_stayed_" + o) for o in ("same", "moved")],
             "why": words("positions.task_stayed_why", moved=show(moved))}
        )  # fmt: skip
    i = max((d - 1) // 4, 0)
    wavelength = 2 * math.pi / frequencies(d)[i].item()
    near, far = encode_positions(torch.tensor([2, 5]), d), encode_positions(torch.tensor([10, 13]), d)
    parity = "even" if d % 2 == 0 else "odd"
    itself = encode_positions(torch.tensor([values["position"]]), d)[0].square().sum().item()
    return found + [
        {"id": "itself", "kind": "number", "answer": itself, "tolerance": 0.1,
         "question": words("positions.task_itself", place=values["position"], d=d),
         "why": words("positions.task_itself_" + parity, pairs=d // 2)},
        {"id": "distance", "kind": "number", "answer": (far[0] @ far[1]).item(), "tolerance": 0.1,
         "question": words("positions.task_distance", value=show((near[0] @ near[1]).item())),
         "why": words("positions.task_distance_" + parity)},
        {"id": "wave", "kind": "number", "answer": wavelength, "tolerance": 0.1 * wavelength,
         "question": words("positions.task_wave", dimension=2 * i, d=d),
         "why": words("positions.task_wave_why", exponent=f"{2 * i}/{d}")},
    ]  # fmt: skip
