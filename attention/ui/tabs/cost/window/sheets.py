"""The arithmetic behind a window: a weight by heads, a path through the layers, a loss."""

from __future__ import annotations

import math

import torch

from ....page.guard import Refusal
from ....page.scene import Place
from ....page.sheet import Grid, Section, Sheet, show
from ....page.texts import Words
from .study import Study


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """A weight by heads, a path through the layers, or a loss from its probability."""
    n = len(s.tokens)
    if place.panel == "weights":
        return weight_sheet(s, words, place.within(n, n))
    if place.panel == "reach":
        return reach_sheet(s, words, place.within(len(s.heard), n))
    if place.panel != "loss":
        raise Refusal("no_such_cell")
    place = place.within(len(s.settings), n - 1)
    loss = s.losses[s.settings[place.row]][place.column].item()
    title = words("cost.window_loss_title", word=s.tokens[place.column + 1], number=place.column + 2)
    lines = [
        (words("cost.window_probability"), "", show(math.exp(-loss))),
        (words("cost.window_loss_line"), f"-ln({show(math.exp(-loss))})", show(loss)),
    ]
    text = words("cost.window_loss_text", setting=words(f"cost.window_{s.settings[place.row]}"))
    return Sheet(title, [Section(text=text, lines=lines)])


def weight_sheet(s: Study, words: Words, place: Place) -> Sheet:
    """The heads' weights, their mean, and the two rules of the mask."""
    row, column = place.row, place.column
    title = words("sheet.title", query=s.tokens[row], key=s.tokens[column])
    back = row - column
    if back < 0:
        rule = words("cost.window_ahead")
    else:
        key = "near" if back < s.window else "first" if column < s.first else "neither"
        rule = words(f"cost.window_rule_{key}", back=back, window=s.window, first=s.first)
    every = s.weights[:, row, column].tolist()
    mean = s.weights[:, row, column].mean().item()
    listed = [[words("cost.window_head_number", number=i + 1), show(one)] for i, one in enumerate(every)]
    listed.append([words("sheet.sum"), show(sum(every))])
    table = Grid([words("cost.window_head"), words("sheet.weight")], listed, total=True)
    lines = [(words("cost.window_mean"), f"{show(sum(every))} / {len(every)}", show(mean))]
    return Sheet(title, [Section(words("cost.window_rule"), rule),
                         Section(words("cost.window_heads"), table=table, lines=lines)])  # fmt: skip


def reach_sheet(s: Study, words: Words, place: Place) -> Sheet:
    """By way of whom the last token hears from a token, in this layer."""
    layer, column, last = len(s.heard) - 1 - place.row, place.column, len(s.tokens) - 1
    below = torch.eye(last + 1, dtype=torch.bool) if layer == 0 else s.heard[layer - 1]
    by = [k for k in range(last + 1) if s.mask[last, k] and below[k, column]]
    title = words("cost.window_reach_title", token=s.tokens[column], number=column + 1, layer=layer + 1)
    if not s.heard[layer, last, column]:
        return Sheet(title, [Section(text=words("cost.window_unheard"))])
    if not by:
        return Sheet(title, [Section(text=words("cost.window_heard_before"))])
    rows = [[f"{k + 1} {s.tokens[k]}"] for k in by]
    text = words("cost.window_heard", count=len(by))
    return Sheet(title, [Section(text=text, table=Grid([words("cost.window_by")], rows))])
