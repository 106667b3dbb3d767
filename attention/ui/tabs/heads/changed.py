"""What a change did to the weights: of every head how much, of the open one where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ....heads import hide_special
from ....pretrained import Changes
from ...page.busy import slot
from ...page.guard import Json
from ...page.panels import Axis, Heatmap, Look, Panel, Saved, Scale, Table, signed
from ...page.scene import Place
from ...page.sheet import Section, Sheet, show
from ...page.texts import Words
from .captured import FORWARDS, Captured, pack_block
from .inputs import Inputs
from .opened import Opened, Overview, as_it_is, grid_of, labels

LISTED = 8  # heads that are named
STILL = 1e-6  # of a head's weight: what float32 leaves when nothing has changed


def in_order(captured: Captured, weights: Tensor) -> Tensor:
    """Weights (..., n, m) of a run, the words of a shuffled text put back into the order typed."""
    order = captured.run.order
    rows, columns = (torch.tensor([order[at] for at in side]).argsort() for side in captured.sides())
    return weights[..., rows, :][..., columns]


@dataclass(frozen=True, eq=False)
class Moved:
    """amounts (layers, heads): the share of a head's weight that moved, half of the absolute
    differences of a row, averaged over its queries. packed: the absolute differences by layers."""

    amounts: Tensor
    packed: list[dict[str, Any]]


def weights_moved(before: Captured, after: Captured, hide: bool) -> Moved:
    """How much every head's weights differ between two runs of one text; computed once for a run."""
    return after.memo.once("moved", hide, lambda: _weights_moved(before, after, hide))


@slot("forward", limit=FORWARDS)
def _weights_moved(before: Captured, after: Captured, hide: bool) -> Moved:
    special, amounts, packed = before.special(hide), [], []
    for one, other in zip(before.blocks(), after.blocks(), strict=True):
        other = in_order(after, other)
        amounts.append((other - one).abs().sum(-1).mean(-1).cpu() / 2)
        if special is not None:
            one, other = hide_special(one, special), hide_special(other, special)
        packed += pack_block((other - one).abs().clamp(max=1), None)
    return Moved(torch.cat(amounts), packed)


def changed_grid(
    before: Captured, inputs: Inputs, moved: Moved, marks: Sequence[Sequence[int]], words: Words
) -> Overview:
    """Every head's difference as a thumbnail; the heads knocked out are crossed."""
    grid = grid_of(before, inputs, words, moved.packed)
    said = grid.words | {"amount": words("heads.amount")}
    caption = words("heads.changed_scale")
    return Overview("overview", words("heads.changed_grid"), caption, grid.packed, grid.labels, said, marks,
                    moved.amounts)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Went(Panel, Saved):
    """The heads whose weights changed most. items: (layer, head, share that moved)."""

    title: str
    caption: str
    items: list[tuple[int, int, float]]
    words: dict[str, str]

    def encode(self) -> Json:
        items = [[layer, head, show(amount, 2), amount] for layer, head, amount in self.items]
        return {"kind": "went", "id": self.id, "title": self.title, "caption": self.caption, "items": items,
                "words": self.words}  # fmt: skip

    def table(self) -> Table:
        names = [self.words["cell"].format(layer=layer, head=head) for layer, head, _ in self.items]
        return Table(np.array([[amount] for *_, amount in self.items]), names, [self.words["amount_column"]])


def went(moved: Moved, changes: Changes, words: Words) -> Went:
    """Where the change went: the most changed heads, and the layers that could not hear of it."""
    heads = moved.amounts.shape[1]
    order = moved.amounts.flatten().argsort(descending=True)[:LISTED].tolist()
    items = [(*divmod(i, heads), moved.amounts.flatten()[i].item()) for i in order]
    still = int((moved.amounts.amax(1) < STILL).int().cumprod(0).sum())  # layers from the first on
    caption = words("heads.went_text")
    if still and changes == Changes(knock_out=changes.knock_out):
        layers = words("heads.went_still_one") if still == 1 else words("heads.went_still", last=still - 1)
        caption = layers + " " + caption
    said = {key: words(f"heads.{key}") for key in ("cell", "amount_column")}
    return Went("went", words("heads.went"), caption, [one for one in items if one[2] >= STILL], said)


@dataclass(frozen=True, eq=False)
class Compact(Heatmap):
    """A matrix in a third of the width, whatever its size: colours only, numbers where pointed at."""

    def encode(self) -> Json:
        return super().encode() | {"kind": "compact"}


def three(plain: Captured, opened: Opened, silent: bool, words: Words) -> list[Compact]:
    """The open head before, after, and the difference in the order typed. silent: it is knocked out."""
    inputs, before = opened.inputs, as_it_is(plain, opened.inputs)
    scale = Scale(high=max(before.weights.max().item(), opened.weights.max().item(), 0.01))
    change = difference(before, opened)
    place = {"layer": inputs.layer, "head": inputs.head}
    own = change.abs().max().item() < STILL
    said = ("heads.own_silent" if silent else "heads.own_still") if own else "heads.change_text"
    each: list[tuple[str, str, Opened, Tensor, Scale, str]] = [
        ("weights_before", "before", before, before.weights, scale, words("heads.before_text")),
        ("weights", "after", opened, opened.weights, scale, words("heads.after_text")),
        ("weights_change", "change", before, change, Scale(-1, 1, True) if own else signed(change),
         words(said)),
    ]  # fmt: skip
    panels = []
    for id, name, head, weights, colours, caption in each:
        rows, columns = head.names()
        panels.append(
            Compact(id, words(f"heads.open_weights_{name}", **place), weights,
                    Axis(rows, words("heads.query")), Axis(columns, words("heads.key")), colours, Look(),
                    caption)
        )  # fmt: skip
    return panels


def difference(before: Opened, after: Opened) -> Tensor:
    """After minus before (rows, columns), every word where it was typed."""
    order = after.captured.run.order
    rows, columns = (
        torch.tensor([order[group[0]] for group in side]).argsort() for side in (after.rows, after.columns)
    )
    return after.weights[rows][:, columns] - before.weights


def difference_sheet(before: Opened, after: Opened, words: Words, place: Place) -> Sheet:
    """A difference of two weights."""
    place.within(len(before.rows), len(before.columns))
    change = difference(before, after)[place.row, place.column].item()
    first = before.weights[place.row, place.column].item()
    [query, key] = labels(before.captured, [before.rows[place.row], before.columns[place.column]])
    lines = [
        (words("heads.before"), "", show(first)),
        (words("heads.after"), "", show(first + change)),
        (words("heads.change"), f"{show(first + change)} - {show(first)}", show(change)),
    ]
    return Sheet(words("sheet.title", query=query, key=key), [Section(words("heads.change"), lines=lines)])
