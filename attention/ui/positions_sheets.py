"""The arithmetic behind every cell of the positions tab."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ..cell import explain
from ..position import encode_positions, frequencies, rotate
from .guard import Refusal
from .positions_study import FEATURES, experiment, read, rotary_pair
from .sheet import cell_sheet, output_sheet, show
from .texts import Words


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
    columns = [words("positions.pair_column"), "sin × sin + cos × cos", words("sheet.product")]
    return {"title": words("positions.dot_of", p=row, q=column), "sections": [
        {"title": words("positions.dot_products"), "text": words("positions.dot_products_text"),
         "table": {"columns": columns, "rows": products, "total": True}},
        {"title": words("positions.dot_cosines"), "text": words("positions.dot_cosines_text", distance=k),
         "table": {"columns": [columns[0], "k ω", "cos(k ω)"], "rows": cosines, "total": True}},
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
