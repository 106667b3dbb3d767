"""Positions: two orders of the same words, the sinusoidal encoding, and what distance does to it."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ..pooling import attend
from ..position import encode_positions, frequencies, rotate, similarity_by_distance, sinusoidal_encoding
from .guard import Choice, Number, Refusal, Text
from .positions_sheets import sheet
from .positions_study import FEATURES, MOVED, experiment, name_all, rotary_pair, tokens_of
from .sheet import show
from .texts import Words
from .view import heading, heatmap, plot, readouts

__all__ = ["EXAMPLES", "FIELDS", "ID", "notices", "panels", "results", "sheet", "snippet", "tasks"]

ID = "positions"
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
    figures = readouts(
        "moved",
        [
            (words("positions.largest"), show(found.difference), words("positions.largest_" + kind)),
            (words("positions.moved"), f"{moved} / {len(first)}", words("positions.moved_note")),
            (words("positions.largest_weight"), show(weights), words("positions.largest_weight_note")),
        ],
    )
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
        scores = attend(
            rotate(query.expand(length, -1), torch.arange(length)),
            rotate(key.expand(length, -1), torch.arange(length)),
            key.expand(length, -1),
        ).scores
        drawn += [
            heading(words("positions.step_rotary"), words("positions.step_rotary_text", **names)),
            heatmap("rotary_scores", words("positions.rotary_scores", **names), scores, places, places,
                    diverging=True, digits=1, caption=words("positions.dot_caption"),
                    row_title="p", column_title="q"),
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


def snippet(values: dict[str, Any]) -> str:
    """Both orders and their difference, the encoding and its dot products."""
    text, other = tokens_of(values)
    p = min(values["position"], values["length"] - 1)
    positions = values["positions"]
    kind = "rotary" if positions == "rotary" else "sinusoidal"
    second = f"shuffled = {other!r}" if other else "shuffled = None    # an order drawn from the seed"
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
