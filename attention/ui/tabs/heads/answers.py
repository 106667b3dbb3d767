"""Who mattered to one token? Four answers side by side, and the arithmetic behind each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ....heads import rollout, value_weighted
from ....pretrained import explain_head, output_projection, run_without
from ...page.busy import slot
from ...page.panels import Axis, Heatmap, Look, Panel, heading
from ...page.scene import Place
from ...page.sheet import TOP, Grid, Section, Sheet, cell_sheet, show
from ...page.texts import Words
from .captured import FORWARDS, Captured
from .inputs import Inputs
from .opened import labels

LONGEST = 160  # tokens up to which keys are knocked out one by one, a run of the model each
KNOCKED = 16  # keys that are knocked out one by one
NAMES = ("weight", "norm", "rollout", "knock")


@dataclass(frozen=True, eq=False)
class Four:
    """The four answers for the query ``row``; every tensor (n,) speaks of all keys.

    keys: those listed, the strongest by any answer that needs no run. lengths: ``|| v W_O ||``; added:
    w times that; projected: whether a matrix W_O follows the heads, without which both leave it out.
    step, below: the two factors whose product is the rollout; below is None in the first layer.
    distances: how far the query's vector moves without the key, 0 for keys that are not listed.
    """

    row: int
    keys: list[int]
    weights: Tensor
    projected: bool
    lengths: Tensor
    added: Tensor
    mixed: Tensor
    step: Tensor
    below: Tensor | None
    distances: Tensor

    @property
    def table(self) -> Tensor:
        """(keys listed, 4), each column in shares of one."""
        columns = [self.weights, share(self.added), self.mixed, share(self.distances)]
        return torch.stack(columns, dim=1)[self.keys]


def panels(captured: Captured, inputs: Inputs, words: Words) -> list[Panel]:
    """One token, four answers: how much each key mattered to it, each column a share of 1."""
    found, names = four(captured, inputs), names_of(captured)
    columns = Axis([words(said(found, name)) for name in NAMES])
    rows = Axis([names[j] for j in found.keys], words("heads.key"))
    return [
        heading(words("heads.answers"), words("heads.answers_text")),
        Heatmap("answers", words("heads.answers_of", query=names[found.row]), found.table, rows, columns,
                look=Look(wide=True), caption=words("heads.answers_caption")),
    ]  # fmt: skip


def names_of(captured: Captured) -> list[str]:
    """Every token as a label."""
    return labels(captured, [[i] for i in range(len(captured.tokens))])


def asking(captured: Captured, inputs: Inputs) -> int:
    """The token that asks: the one typed, else, where there is none, the last that the text itself has."""
    special = captured.tokens.special
    own = [at for at, added in enumerate(special) if not added] or [0]
    return inputs.token if inputs.token < len(special) else own[-1]


def four(captured: Captured, inputs: Inputs) -> Four:
    """Compute the four answers once for a kept run, a head and a token."""
    layer, head, row = inputs.layer, inputs.head, asking(captured, inputs)
    once = captured.memo.once
    return once("answers", (layer, head, row), lambda: _four(captured, layer, head, row), keep=16)


@slot("forward", limit=FORWARDS)  # every layer's weights, then a run for each key
def _four(captured: Captured, layer: int, head: int, row: int) -> Four:
    n = len(captured.tokens)
    every = [weights for block in captured.blocks(layer + 1) for weights in block]
    weights, (_, _, value) = every[layer], captured.vectors(layer)
    projection = output_projection(captured.model, captured.layers[layer].index)
    # of a weight of 1: a key that this row does not look at has a length too
    lengths = value_weighted(weights.new_ones(len(weights), 1, n), value, projection)[head, 0]
    added = weights[head, row] * lengths
    mixed = rollout(every)
    columns = [weights[head, row], share(added), mixed[-1, row]]
    keys = torch.stack(columns).amax(0).argsort(descending=True)[:KNOCKED].sort().values.tolist()
    # a decoder's query never hears of the keys after it
    heard = [j for j in keys if j <= row or captured.model.kind != "decoder"]
    plain, *without = run_without(captured.model, captured.tokens, [None, *heard])[:, row]
    distances = torch.zeros(n)
    distances[heard] = torch.stack([(changed - plain).norm().cpu() for changed in without])
    return Four(
        row, keys, weights[head, row].cpu(), projection is not None, lengths.cpu(), added.cpu(),
        mixed[-1, row].cpu(), rollout(every[-1:])[-1, row].cpu(), mixed[-2].cpu() if layer else None,
        distances,
    )  # fmt: skip


def said(found: Four, name: str) -> str:
    """The key of an answer's words: without a matrix after the heads, "norm" speaks of the value alone."""
    return f"heads.answer.{name}" if found.projected or name != "norm" else "heads.answer.norm_bare"


def share(numbers: Tensor) -> Tensor:
    """Divided by their sum."""
    total = numbers.sum()
    return numbers / total if total > 0 else torch.zeros_like(numbers)


def sheet(captured: Captured, inputs: Inputs, words: Words, place: Place) -> Sheet:
    """What one of the four answers asks, and the arithmetic of its number for this key."""
    found, names = four(captured, inputs), names_of(captured)
    place.within(len(found.keys), len(NAMES))
    name, key = NAMES[place.column], found.keys[place.row]
    query, looked = names[found.row], names[key]
    rest: Sequence[Section]
    if name == "weight":
        cell = explain_head(captured.layers[inputs.layer], inputs.head, found.row, key)
        rest = cell_sheet(cell, words, query, looked).sections
    elif name == "norm":
        rest = [_norm(found, key, words)]
    elif name == "rollout":
        rest = [_rollout(found, key, inputs.layer, words, names)]
    else:
        rest = [_knocked(found, key, words)]
    table = found.table[place.row].tolist()
    lines = [(words(said(found, each)), "", show(part)) for each, part in zip(NAMES, table, strict=True)]
    about = Section(words(said(found, name)), words(f"{said(found, name)}.text"))
    every = Section(words("heads.answers"), lines=lines)
    return Sheet(words("sheet.title", query=query, key=looked), [about, *rest, every])


def _quotient(part: Tensor, total: Tensor) -> tuple[str, str]:
    """ "a / b" and the share it comes to."""
    return f"{show(part.item())} / {show(total.item())}", show((part / total).item() if total > 0 else 0.0)


def _norm(found: Four, key: int, words: Words) -> Section:
    weight, length, added = found.weights[key], found.lengths[key], found.added[key]
    length_of = "heads.answer.length" if found.projected else "heads.answer.length_bare"
    lines = [
        (words("sheet.weight"), "", show(weight.item())),
        (words(length_of), "", show(length.item())),
        (words(said(found, "norm")), f"{show(weight.item())} × {show(length.item())}", show(added.item())),
        (words("heads.answer.sum"), "Σ", show(found.added.sum().item())),
        (words("heads.answer.share"), *_quotient(added, found.added.sum())),
    ]
    return Section(lines=lines)


def _knocked(found: Four, key: int, words: Words) -> Section:
    distance, total = found.distances[key], found.distances.sum()
    lines = [
        (words("heads.answer.moved"), "", show(distance.item())),
        (words("heads.answer.sum_listed"), "Σ", show(total.item())),
        (words("heads.answer.share"), *_quotient(distance, total)),
    ]
    return Section(lines=lines)


def _rollout(found: Four, key: int, layer: int, words: Words, names: list[str]) -> Section:
    """The last product of the chain: this layer's row times the column of all layers below it."""
    step = words("heads.answer.step", layer=layer)
    if found.below is None:
        return Section(lines=[(step, "(A + I) / 2", show(found.step[key].item()))])
    below = found.below[:, key]
    products = found.step * below
    order = products.argsort(descending=True)[:TOP].tolist()
    rows = [
        [names[k], show(found.step[k].item()), show(below[k].item()), show(products[k].item())] for k in order
    ]
    if len(products) > len(order):
        rest = products.sum() - products[order].sum()
        others = words("heads.answer.others", count=len(products) - len(order))
        rows.append([others, "", "", show(rest.item())])
    rows.append([words("sheet.sum"), "", "", show(products.sum().item())])
    columns = [words("heads.answer.via"), step, words("heads.answer.below", layer=layer - 1)]
    return Section(table=Grid([*columns, words("sheet.product")], rows, total=True))
