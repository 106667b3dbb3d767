"""The arithmetic behind every cell of the positions tab."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ....cell import explain
from ....position import encode_positions, frequencies, rotate
from ...page.guard import Refusal
from ...page.scene import Place
from ...page.sheet import Grid, Section, Sheet, cell_sheet, output_sheet, show
from ...page.texts import Words
from .far import able, alibi_sheet, slowed_sheet
from .study import FEATURES, SCALINGS, Study


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """The arithmetic of a cell of any panel."""
    d, length = s.inputs.d, s.inputs.length
    if place.panel == "rotary_scores" and d % 2 == 0:
        return rotary_sheet(s, words, place.within(length, length))
    if place.panel == "encoding":
        return encoding_sheet(d, words, place.within(length, d))
    if place.panel == "dot":
        return dot_sheet(d, words, place.within(length, length))
    if place.panel == "alibi":
        return alibi_sheet(s, words, place.within(s.inputs.heads, length))
    if place.panel == "slowed" and able(s):
        return slowed_sheet(s, words, place.within(len(SCALINGS), d // 2))
    if place.panel in ("weights", "weights_other"):
        return weight_sheet(s, words, place.within(len(s.words), len(s.words)))
    if place.panel in ("output", "output_other", "difference"):
        return feature_sheet(s, words, place.within(len(s.words), min(d, FEATURES)))
    raise Refusal("no_such_cell")


def weight_sheet(s: Study, words: Words, place: Place) -> Sheet:
    """A weight, and the same pair of words in the other order."""
    second, row, column = place.panel == "weights_other", place.row, place.column
    reading, orders = s.read(second), s.orders
    cell = explain(reading.query, reading.key, reading.value, row, column)
    about = words("positions.sheet_" + s.inputs.positions)
    page = cell_sheet(cell, words, reading.names[row], reading.names[column], about=about)
    # a row of the second order is the word that stands at permutation[row] in the first
    pair = (orders.permutation[row], orders.permutation[column]) if second else (row, column)
    both = orders.first.weights[pair], orders.restored_weights[pair]
    return page.then(both_orders(words("positions.pair"), *both, words))


def feature_sheet(s: Study, words: Words, place: Place) -> Sheet:
    """A number of an output, or of the difference of both."""
    second, row, column = place.panel == "output_other", place.row, place.column
    reading, orders = s.read(second), s.orders
    title = words("sheet.output_of", query=reading.names[row], feature=column + 1)
    page = Sheet(title, [])
    if place.panel != "difference":
        weights = (orders.second if second else orders.first).weights[row]
        page = output_sheet(words, title, weights, reading.value[:, column], reading.names)
    word = orders.permutation[row] if second else row
    both = orders.first.output[word, column], orders.restored[word, column]
    return page.then(both_orders(words("positions.both_orders"), *both, words))


def both_orders(title: str, first: Tensor, second: Tensor, words: Words) -> Section:
    """A number in the first order and in the second, and how far they are apart."""
    before, after = first.item(), second.item()
    return Section(title, lines=[
        (words("positions.in_first"), "", show(before, 7)),
        (words("positions.in_second"), "", show(after, 7)),
        (words("positions.change"), f"{show(after, 7)} - {show(before, 7)}", show(after - before, 7)),
    ])  # fmt: skip


def encoding_sheet(d: int, words: Words, place: Place) -> Sheet:
    """Frequency, angle, sine or cosine of one cell of the encoding."""
    at, dimension = place.row, place.column
    i = dimension // 2
    w = frequencies(d)[i].item()
    angle = at * w
    wave = "cos" if dimension % 2 else "sin"
    lines = [
        (words("positions.frequency"), f"10000^(-{2 * i}/{d})", show(w, 8)),
        (words("positions.wavelength"), f"2π / {show(w, 8)}", show(2 * math.pi / w, 2)),
        (words("positions.angle"), f"{at} × {show(w, 8)}", show(angle, 6)),
        (words("positions.value"), f"{wave}({show(angle, 6)})", show(getattr(math, wave)(angle))),
    ]
    text = words("positions.sheet_encoding", pair=i, wave=words("positions." + wave))
    title = words("positions.cell", place=at, dimension=dimension)
    return Sheet(title, [Section(text=text, lines=lines)])


def dot_sheet(d: int, words: Words, place: Place) -> Sheet:
    """The dot product of two encodings: sines and cosines multiplied, then pair by pair as cosines."""
    left, right = encode_positions(torch.tensor([place.row, place.column]), d).double()
    k = place.column - place.row
    turns = (k * frequencies(d)[: d // 2]).tolist()
    cosines = [[str(i), show(turn, 6), show(math.cos(turn))] for i, turn in enumerate(turns)]
    products = pair_rows(left, right, words)
    if d % 2:  # the sine that stands alone knows p
        cosines.append([str(d // 2), words("positions.lone_sine"), show((left * right)[-1].item())])
    cosines.append(products[-1])
    pair = words("positions.pair_column")
    columns = [pair, "sin × sin + cos × cos", words("sheet.product")]
    return Sheet(words("positions.dot_of", p=place.row, q=place.column), [
        Section(words("positions.dot_products"), words("positions.dot_products_text"),
                Grid(columns, products, total=True)),
        Section(words("positions.dot_cosines"), words("positions.dot_cosines_text", distance=k),
                Grid([pair, "k ω", "cos(k ω)"], cosines, total=True)),
    ])  # fmt: skip


def pair_rows(left: Tensor, right: Tensor, words: Words) -> list[list[str]]:
    """The dot product of two vectors (d,), two dimensions a row, and the sum."""
    rows = []
    for i in range(0, len(left), 2):
        pairs = list(zip(left[i : i + 2].tolist(), right[i : i + 2].tolist(), strict=True))
        shown = " + ".join(f"{show(a)} × {show(b)}" for a, b in pairs)
        rows.append([str(i // 2), shown, show(sum(a * b for a, b in pairs))])
    return [*rows, [words("sheet.sum"), "", show((left @ right).item())]]


def rotary_sheet(s: Study, words: Words, place: Place) -> Sheet:
    """The score of a query at ``row`` and a key at ``column``, and the same from their distance alone."""
    q, k = (one.double()[None] for one in s.pair)
    distance = place.column - place.row
    there, apart = (
        (rotate(q, torch.tensor([p]))[0], rotate(k, torch.tensor([r]))[0])
        for p, r in ((place.row, place.column), (0, distance))
    )
    raw, scale = (there[0] @ there[1]).item(), 1 / math.sqrt(s.inputs.d)
    columns = [words("positions.pair_column"), "q × k + q × k", words("sheet.product")]
    line = (words("sheet.scaled"), f"{show(raw)} × {show(scale)}", show(raw * scale))
    names = s.pair_names
    return Sheet(words("positions.rotary_of", p=place.row, q=place.column, **names), [
        Section(words("positions.rotary_turned", **names),
                table=Grid(columns, pair_rows(*there, words), total=True), lines=[line]),
        Section(words("positions.rotary_apart"), words("positions.rotary_apart_text", distance=distance),
                Grid(columns, pair_rows(*apart, words), total=True)),
    ])  # fmt: skip
