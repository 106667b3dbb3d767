"""The open head of a long text: a map of all of it, and one region of it exactly.

A cell of the map is the largest of some hundreds of weights, found block by block; a click there, or the
input ``zoom``, moves the region. Neither ever holds the whole matrix.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from torch import Tensor

from ....pretrained.blocks import SIDE, largest_at, weights_at
from ...page.guard import Json, Refusal
from ...page.panels import Axis, Heatmap, Panel, Scale
from ...page.texts import Words
from .captured import WHOLE, Captured
from .inputs import Inputs
from .opened import Opened, head_part, picture

MAP = 96  # the most rows and columns of the map: 49 kB on their way, and room beside the overview
REGION = 64  # queries and keys of the region: with their names still legible on a wide screen
PLACE = re.compile(r"(\d{1,6}) *, *(\d{1,6})")


def region(captured: Captured, zoom: str) -> tuple[slice, slice]:
    """The queries and keys shown exactly: as many as fit around the two places of ``zoom``, "" the first.

    Beyond the end of a text it is its end. Raises ``Refusal`` for anything but two places.
    """
    found = PLACE.fullmatch(zoom.strip() or "0, 0")
    if found is None:
        raise Refusal("bad_zoom", field="heads.zoom")
    middles, sides = map(int, found.groups()), captured.sides()
    slices = []
    for middle, side in zip(middles, sides, strict=True):
        first = max(0, min(middle - REGION // 2, len(side) - REGION))
        slices.append(slice(first, min(first + REGION, len(side))))
    return slices[0], slices[1]


def open_region(captured: Captured, inputs: Inputs) -> Opened:
    """The region of the open head as exact weights, each row a part of one that sums to 1."""
    rows, columns = region(captured, inputs.zoom)
    query, key, _ = (each[inputs.head] for each in captured.vectors(inputs.layer))
    weights = weights_at(query, key, rows, columns, **captured.layer(inputs.layer).arguments(inputs.head))
    queries, keys = captured.sides()
    shown = [[i] for i in queries[rows]], [[j] for j in keys[columns]]
    return Opened(captured, inputs, weights.cpu(), *shown, hidden=False)


@dataclass(frozen=True, eq=False)
class Map(Heatmap):
    """A whole head, each cell the largest of pool_rows x pool_cols weights; a click moves the region.

    counts: queries and keys; at: the first row, the end of the rows, the same of the columns, of the region.
    """

    pool: tuple[int, int] = (1, 1)
    counts: tuple[int, int] = (1, 1)
    at: tuple[int, int, int, int] = (0, 0, 0, 0)

    def encode(self) -> Json:
        zoom = {"pool": list(self.pool), "counts": list(self.counts), "at": list(self.at)}
        return super().encode() | {"kind": "wholehead", "zoom": zoom}


def head_map(opened: Opened, words: Words) -> Map:
    """The whole of the open head, pooled; computed once for a head of a kept run."""
    captured, inputs = opened.captured, opened.inputs
    layer, head = inputs.layer, inputs.head

    def make() -> tuple[Tensor, int, int]:
        query, key, _ = (each[head] for each in captured.vectors(layer))
        return largest_at(query, key, MAP, **captured.layer(layer).arguments(head))

    largest, *pool = captured.memo.once("map", (layer, head), make, keep=16)
    counts = [len(side) for side in captured.sides()]
    names = [
        [places(i * step, min((i + 1) * step, count)) for i in range(size)]
        for size, step, count in zip(largest.shape, pool, counts, strict=True)
    ]
    rows, columns = region(captured, inputs.zoom)
    return Map(
        "map", words("heads.map", layer=layer, head=head), largest.cpu(),
        Axis(names[0], words("heads.query")), Axis(names[1], words("heads.key")),
        scale=Scale(high=max(largest.max().item(), 1e-6)),
        caption=words("heads.map_text", rows=pool[0], columns=pool[1]),
        pool=(pool[0], pool[1]), counts=(counts[0], counts[1]),
        at=(rows.start, rows.stop, columns.start, columns.stop),
    )  # fmt: skip


def places(first: int, end: int) -> str:
    """Tokens by their places: "32–63"."""
    return str(first) if end == first + 1 else f"{first}–{end - 1}"


def open_map(opened: Opened, words: Words) -> list[Panel]:
    """The map and the region."""
    rows, columns = region(opened.captured, opened.inputs.zoom)
    title = words(
        "heads.region", layer=opened.inputs.layer, head=opened.inputs.head,
        rows=places(rows.start, rows.stop), columns=places(columns.start, columns.stop),
    )  # fmt: skip
    return head_part([head_map(opened, words), picture(opened, words, title)])


def code(opened: Opened) -> str:
    """The code beside the tab: it prints the region's weights, without ever making all of them."""
    inputs, captured = opened.inputs, opened.captured
    rows, columns = region(captured, inputs.zoom)
    pair = f", {inputs.pair!r}" if inputs.pair.strip() else ""
    index = captured.layers[inputs.layer].index
    return f"""\
from dataclasses import replace

from attention import load_model
from attention.pretrained import run, tokenize
from attention.pretrained.blocks import weights_at

model = replace(load_model({inputs.model!r}), max_tokens={captured.model.max_tokens})  # as the host allows
tokens = tokenize(model, {inputs.text!r}{pair})
layer = run(model, tokens, capture="all", side={SIDE}, only={{{index}}}).layers[0]  # thumbnails, no weights
query, key, rules = layer.query[{inputs.head}], layer.key[{inputs.head}], layer.arguments({inputs.head})
rows, columns = slice({rows.start}, {rows.stop}), slice({columns.start}, {columns.stop})
weights = weights_at(query, key, rows, columns, **rules)
print(weights)
"""


def short_only(captured: Captured) -> None:
    """Refuse what needs all weights of all heads."""
    if captured.long:
        raise Refusal("heads_long", field="heads.look", limit=WHOLE, count=len(captured.tokens))
