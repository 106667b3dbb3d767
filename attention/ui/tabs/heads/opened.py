"""All heads and the open one, as they are shown; and every cell of the open head opened."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from torch import Tensor

from ....heads import hide_special
from ....pretrained import explain_head
from ...page.guard import Json, Refusal
from ...page.panels import Arrays, Axis, Heading, Heatmap, Later, Look, Panel, Part, Saved, Table, heading
from ...page.scene import Place
from ...page.sheet import Grid, Section, Sheet, cell_sheet, show
from ...page.texts import Words
from .captured import Captured
from .inputs import Inputs

SMALL = 420  # cells that the page draws as a table
EXACT = 128  # tokens up to which the open head's floats travel with the overview
PRONOUNS = ("it", "she", "he")


@dataclass(frozen=True, eq=False)
class Opened:
    """The open head of a run, as shown. rows, columns: the positions in the sequence behind each of
    them; hidden: whether special tokens are."""

    captured: Captured
    inputs: Inputs
    weights: Tensor
    rows: list[list[int]]
    columns: list[list[int]]
    hidden: bool

    def names(self) -> tuple[list[str], list[str]]:
        """The rows and the columns as labels."""
        return labels(self.captured, self.rows), labels(self.captured, self.columns)

    def first_word(self) -> int:
        """The row shown first: a pronoun where there is one, else the first word."""
        tokens = self.captured.tokens
        own = [row for row, group in enumerate(self.rows) if not tokens.special[group[0]]]
        pronouns = (row for row in own if tokens.tokens[self.rows[row][0]].lower() in PRONOUNS)
        return next(pronouns, (own or [0])[0])


def labels(captured: Captured, places: list[list[int]]) -> list[str]:
    """Tokens as axis labels; a piece that carries a word on begins with a dot."""
    tokens = captured.tokens
    return [
        ("·" if tokens.joined[group[0]] and len(group) == 1 else "")
        + "".join(tokens.tokens[i] for i in group)
        for group in places
    ]


def as_it_is(captured: Captured, inputs: Inputs) -> Opened:
    """One head's weights, without special tokens if that is wanted and there are others."""
    weights = captured.weights(inputs.layer, inputs.head).cpu()
    special = captured.special(inputs.hide_special)
    if special is not None:
        weights = hide_special(weights, special)
    rows, columns = places_shown(captured, inputs.hide_special)
    return Opened(captured, inputs, weights, rows, columns, special is not None)


def places_shown(captured: Captured, hide: bool) -> tuple[list[list[int]], list[list[int]]]:
    """The position behind each row and each column, special tokens left out if ``hide``."""
    rows, columns = captured.sides()
    special = captured.special(hide)
    if special is not None:
        rows = columns = [i for i, added in zip(rows, special, strict=True) if not added]
    return [[i] for i in rows], [[i] for i in columns]


@dataclass(frozen=True, eq=False)
class Overview(Panel, Saved):
    """Every head as a thumbnail, one byte a cell on a square-root scale.

    packed: a layer each, from ``packing.pack_overview``. labels: of "queries" and "keys", none where a
    cell stands for several tokens and is told by their places. marks: heads that are crossed out.
    amounts: (layers, heads), a number that a line says of the head pointed at.
    """

    title: str
    caption: str
    packed: Sequence[dict[str, Any]]
    labels: dict[str, list[str]]
    words: dict[str, str]
    marks: Sequence[Sequence[int]] | None = None
    amounts: Tensor | None = None

    def encode(self) -> Json:
        first = self.packed[0]
        marks: Json = {} if self.marks is None else {"marks": [list(mark) for mark in self.marks]}
        if self.amounts is not None:
            marks["amounts"] = [[show(one, 2) for one in row] for row in self.amounts.tolist()]
        return {
            "kind": "overview", "id": self.id, "caption": self.caption,
            "title": self.title, "layers": len(self.packed), "heads": first["heads"],
            "rows": first["rows"], "cols": first["cols"],
            "thumbnails": [layer["data"] for layer in self.packed],
            "labels": self.labels, "counts": [first["queries"], first["keys"]],
            "pool": {"pool_rows": first["pool_rows"], "pool_cols": first["pool_cols"]},
            "words": self.words,
        } | marks  # fmt: skip

    def levels(self) -> np.ndarray:
        """The weights of every head as far as one byte a cell tells, (layers, heads, rows, columns)."""
        first = self.packed[0]
        shape = len(self.packed), first["heads"], first["rows"], first["cols"]
        data = b"".join(base64.b64decode(layer["data"]) for layer in self.packed)
        levels: np.ndarray = (np.frombuffer(data, dtype=np.uint8).reshape(shape).astype("<f4") / 255) ** 2
        return levels

    def table(self) -> Table:
        """Each head's largest weight."""
        sides = (self.words["layer"], len(self.packed)), (self.words["head"], self.packed[0]["heads"])
        names = ([f"{name} {i}" for i in range(count)] for name, count in sides)
        return Table(self.levels().max((2, 3)), *names)

    def arrays(self) -> Arrays:
        pool = {name: np.array(self.packed[0][name]) for name in ("pool_rows", "pool_cols")}
        return {"weights": self.levels(), **pool, **self.labels}


def every_head(captured: Captured, inputs: Inputs, words: Words) -> tuple[Heading, Overview]:
    """The weights of every head under their heading."""
    title, text = words("heads.overview"), words("heads.overview_text")
    drawn = grid_of(captured, inputs, words, captured.overview(inputs.hide_special))
    return heading(title, text), drawn


def grid_of(captured: Captured, inputs: Inputs, words: Words, packed: Sequence[dict[str, Any]]) -> Overview:
    """The heads packed by layers, as a grid."""
    first, caption = packed[0], words("heads.scale")
    names: dict[str, list[str]] = {}
    if first["pooled"]:
        key = "heads.pooled_long" if captured.long else "heads.pooled"
        caption += " " + words(key, rows=first["pool_rows"], columns=first["pool_cols"])
    else:
        sides = zip(("queries", "keys"), places_shown(captured, inputs.hide_special), strict=True)
        names = {name: labels(captured, side) for name, side in sides}
    title = words("heads.every", layers=len(packed), heads=first["heads"])
    said = {key: words(f"heads.{key}") for key in ("layer", "head", "cell", "keys")}
    return Overview("overview", title, caption, packed, names, said)


@dataclass(frozen=True, eq=False)
class OpenHead(Heatmap):
    """The open head, as large as its place allows, with one line on what it does."""

    def encode(self) -> Json:
        return super().encode() | {"kind": "openhead"}


def brief(weight: float) -> str:
    """A weight in a small cell: two digits behind the point, nothing for less than half of one."""
    return f"{weight:.2f}".removeprefix("0") if weight >= 0.005 else ""


def picture(opened: Opened, words: Words, title: str = "") -> OpenHead:
    """The open head as a heatmap with exact weights. title: other than the usual one."""
    rows, columns = opened.names()
    sums = opened.weights.sum(-1)
    whole = bool((sums - 1).abs().max() < 1e-3) if sums.numel() else True
    cells = None
    if len(rows) * len(columns) <= SMALL:  # small weights would show as 8.77e-04
        cells = [[brief(w) for w in row] for row in opened.weights.tolist()]
    inputs = opened.inputs
    title = title or words("heads.open_weights", layer=inputs.layer, head=inputs.head)
    return OpenHead(
        "weights", title, opened.weights, Axis(rows, words("heads.query")),
        Axis(columns, words("heads.key")), look=Look(cells=cells),
        caption=words("heads.weights_text" if whole else "heads.weights_text_part"),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Strands(Panel):
    """A heatmap's weights as lines between two columns of tokens; the page takes them from ``of``.

    start: the row shown first.
    """

    title: str
    caption: str
    of: Heatmap
    start: int
    word: str

    def encode(self) -> Json:
        weights = self.of.matrix.detach().float().cpu().contiguous().numpy()
        names = repr((self.of.title, self.of.rows, self.of.columns)).encode()
        return {
            "kind": "strands", "id": self.id, "of": self.of.id, "title": self.title,
            "row_title": self.of.rows.title, "column_title": self.of.columns.title,
            "caption": self.caption, "start": self.start, "word": self.word,
            # another picture, other lines
            "stamp": crc32(names + weights.tobytes()),
        }  # fmt: skip


def strands(opened: Opened, drawn: Heatmap, words: Words) -> Strands:
    """The open head as lines."""
    title, text, line = (words(f"heads.{key}") for key in ("lines", "lines_text", "line"))
    return Strands("lines", title, text, drawn, opened.first_word(), line)


def open_head(opened: Opened, words: Words) -> list[Panel]:
    """The open head: a heatmap with exact weights, and the same as lines between two columns."""
    drawn = picture(opened, words)
    return head_part([drawn, strands(opened, drawn, words)])


def head_part(panels: Sequence[Panel]) -> list[Panel]:
    """Panels as the part of the view that changes when another head is picked."""
    return [Part("head", panel, late=True) for panel in panels]


def is_small(captured: Captured) -> bool:
    """Whether the open head travels with the overview."""
    return max(map(len, captured.sides())) <= EXACT


def later(name: str, words: Words) -> Later:
    """A place that the page fills by asking the question ``name``."""
    return Later(name, words("view.loading"))


def weight_sheet(opened: Opened, words: Words, place: Place) -> Sheet:
    """The arithmetic of a cell: q and k by contribution, softmax, value; then what was hidden or joined."""
    if place.panel != "weights":
        raise Refusal("no_such_cell")
    place.within(len(opened.rows), len(opened.columns))
    captured, inputs = opened.captured, opened.inputs
    queries, keys = opened.rows[place.row], opened.columns[place.column]
    query, key = labels(captured, [queries, keys])
    if len(queries) > 1 or len(keys) > 1:
        section = joined_section(as_it_is(captured, inputs), queries, keys, words)
        return Sheet(words("sheet.title", query=query, key=key), [section])
    rows, columns = captured.sides()
    i, j = rows.index(queries[0]), columns.index(keys[0])
    cell = explain_head(captured.layer(inputs.layer), inputs.head, i, j)
    page = cell_sheet(cell, words, query, key)
    if not opened.hidden:
        return page
    # the row is divided by what is left of it
    left = [columns.index(at) for [at] in places_shown(captured, hide=True)[1]]
    total = captured.weights(inputs.layer, inputs.head)[i].cpu()[left].sum().item()
    shown = cell.weight / total if total > 0 else 0.0
    lines = [(words("heads.renormalised"), f"{show(cell.weight)} / {show(total)}", show(shown))]
    return page.then(Section(words("heads.renormalised_title"), words("heads.hidden"), lines=lines))


def joined_section(plain: Opened, queries: list[int], keys: list[int], words: Words) -> Section:
    """A joined cell: every piece's weight, summed over keys, averaged over queries."""
    place = {group[0]: at for at, group in enumerate(plain.rows)}
    rows, total = [], 0.0
    for i in queries:
        for j in keys:
            weight = plain.weights[place[i], place[j]].item()
            total += weight
            rows.append([*labels(plain.captured, [[i], [j]]), show(weight)])
    rows.append([words("sheet.sum"), f"/ {len(queries)}", show(total / len(queries))])
    columns = [words("heads.query"), words("heads.key"), words("sheet.weight")]
    return Section(words("heads.joined_title"), words("heads.joined_text", count=len(queries)),
                   Grid(columns, rows, total=True))  # fmt: skip
