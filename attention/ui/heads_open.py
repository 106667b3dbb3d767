"""The open head of the heads tab, as it is shown: cut, joined or filtered, and every cell opened."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from torch import Tensor

from ..heads import hide_special, join_pieces, pair_filter, threshold
from ..pretrained import explain_head
from .guard import Refusal
from .heads_runs import Study
from .sheet import cell_sheet, show
from .texts import Words
from .view import heading, heatmap

SMALL = 420  # cells that the page draws as a table


@dataclass(frozen=True)
class Opened:
    """The open head as shown. rows, columns: the positions in the sequence behind each of them."""

    weights: Tensor
    rows: list[list[int]]
    columns: list[list[int]]
    hidden: bool


def labels(seen: Study, places: list[list[int]]) -> list[str]:
    """Tokens as axis labels; a piece that carries a word on begins with a dot."""
    tokens = seen.tokens
    return [
        ("·" if tokens.joined[group[0]] and len(group) == 1 else "")
        + "".join(tokens.tokens[i] for i in group)
        for group in places
    ]


def hidden_or_not(seen: Study, values: dict[str, Any]) -> Opened:
    """One head's weights, without special tokens if that is wanted and there are others."""
    weights = seen.weights(values["layer"], values["head"]).cpu()
    special = seen.special()
    hide = values["hide_special"] and special is not None
    if hide:
        weights = hide_special(weights, special)
    return Opened(weights, *places_shown(seen, hide), hide)


def places_shown(seen: Study, hide: bool) -> tuple[list[list[int]], list[list[int]]]:
    """The position behind each row and each column, special tokens left out if ``hide``."""
    rows, columns = seen.sides()
    special = seen.special()
    if hide and special is not None:
        rows = columns = [i for i, added in zip(rows, special, strict=True) if not added]
    return [[i] for i in rows], [[i] for i in columns]


SHAPING = ("layer", "head", "hide_special", "look", "join", "part", "minimum")


def opened(seen: Study, values: dict[str, Any]) -> Opened:
    """The open head as these inputs show it, computed once for a kept run."""
    key = tuple(values[name] for name in SHAPING)
    return seen.memo.once("opened", key, lambda: _opened(seen, values))


def _opened(seen: Study, values: dict[str, Any]) -> Opened:
    """The same with words joined, a pair's block cut out, and small weights dropped."""
    head = hidden_or_not(seen, values)
    if values["look"] != "understand" or head.rows != head.columns:
        return head
    weights, places = head.weights, head.rows
    if values["join"]:
        # a text cut in the middle of a word may begin with its second piece
        continues = [seen.tokens.joined[i] and at > 0 for at, [i] in enumerate(places)]
        weights = join_pieces(weights, continues)
        words: list[list[int]] = []
        for [i], more in zip(places, continues, strict=True):
            words[-1].append(i) if more else words.append([i])
        places = words
    rows = columns = places
    if values["part"] != "all":
        segment = [seen.tokens.segment[group[0]] for group in places]
        weights = pair_filter(weights, segment, values["part"])
        if not weights.numel():
            raise Refusal("no_pair", field="heads.part")
        side = {"A": 0, "B": 1}
        rows, columns = (
            [group for group, part in zip(places, segment, strict=True) if part == side[end]]
            for end in values["part"].split("->")
        )
    return Opened(threshold(weights, values["minimum"]), rows, columns, head.hidden)


def overview(seen: Study, values: dict[str, Any], words: Words) -> dict[str, Any]:
    """Every head as a thumbnail, one byte a cell on a square-root scale."""
    packed = seen.overview(values["hide_special"])
    first = packed[0]
    caption = words("heads.scale")
    if first["pooled"]:
        caption += " " + words("heads.pooled", rows=first["pool_rows"], columns=first["pool_cols"])
    # pooled, a cell stands for several tokens and is told by their places
    sides = [] if first["pooled"] else places_shown(seen, values["hide_special"])
    named = dict(zip(("queries", "keys"), (labels(seen, side) for side in sides), strict=False))
    return {
        "kind": "overview", "id": "overview", "wide": True, "caption": caption,
        "title": words("heads.every", layers=len(packed), heads=first["heads"]),
        "layers": len(packed), "heads": first["heads"], "rows": first["rows"], "cols": first["cols"],
        "thumbnails": [layer["data"] for layer in packed],
        "labels": named, "counts": [first["queries"], first["keys"]],
        "pool": {"pool_rows": first["pool_rows"], "pool_cols": first["pool_cols"]},
        "words": {key: words(f"heads.{key}") for key in ("layer", "head", "cell", "keys")},
    }  # fmt: skip


def picture(seen: Study, values: dict[str, Any], words: Words, id: str, title: str) -> dict[str, Any]:
    """The open head as a heatmap with exact weights."""
    head = opened(seen, values)
    rows, columns = labels(seen, head.rows), labels(seen, head.columns)
    made = heatmap(
        id, words(f"heads.{title}"), head.weights, rows, columns, wide=len(columns) > 10,
        caption=words("heads.weights_text"), row_title=words("heads.query"),
        column_title=words("heads.key"),
    )  # fmt: skip
    if len(rows) * len(columns) <= SMALL:  # small weights would show as 8.77e-04
        made["cell_labels"] = [
            [f"{w:.2f}" if w >= 0.005 else "" for w in row] for row in head.weights.tolist()
        ]
    return made


def strands(seen: Study, head: Opened, drawn: dict[str, Any], words: Words) -> dict[str, Any]:
    """The same weights as lines between two columns of tokens; the page takes them from ``drawn``."""
    return {
        "kind": "strands", "id": "lines", "of": drawn["id"], "title": words("heads.lines"),
        "row_title": drawn["row_title"], "column_title": drawn["column_title"],
        "caption": words("heads.lines_text"), "start": first_word(seen, head),
        "word": words("heads.line"), "stamp": crc32(json.dumps(drawn).encode()),
    }  # fmt: skip


def head_panels(seen: Study, values: dict[str, Any], words: Words) -> list[dict[str, Any]]:
    """The open head: a heatmap with exact weights, and the same as lines between two columns."""
    drawn = picture(seen, values, words, "weights", "weights")
    title = words("heads.open", layer=values["layer"], head=values["head"])
    return [
        heading(title, words("heads.open_text")),
        drawn,
        strands(seen, opened(seen, values), drawn, words),
    ]


def first_word(seen: Study, head: Opened) -> int:
    """The row shown first: a pronoun where there is one, else the first word."""
    tokens = [seen.tokens.tokens[group[0]].lower() for group in head.rows]
    words = [row for row, group in enumerate(head.rows) if not seen.tokens.special[group[0]]]
    return next((row for row in words if tokens[row] in ("it", "she", "he")), (words or [0])[0])


def weight_sheet(seen: Study, values: dict[str, Any], words: Words, row: int, column: int) -> dict[str, Any]:
    """The arithmetic of a cell: q and k by contribution, softmax, value; then what was cut or joined."""
    shown = opened(seen, values)
    if row >= len(shown.rows) or column >= len(shown.columns):
        raise Refusal("no_such_cell")
    names = labels(seen, [shown.rows[row], shown.columns[column]])
    queries, keys = shown.rows[row], shown.columns[column]
    plain = hidden_or_not(seen, values)
    if len(queries) == len(keys) == 1:
        rows, columns = seen.sides()
        i, j = rows.index(queries[0]), columns.index(keys[0])
        cell = explain_head(seen.layers[values["layer"]], values["head"], i, j)
        made = cell_sheet(cell, words, *names)
        if shown.hidden:
            whole = seen.weights(values["layer"], values["head"])[i].cpu()
            left = whole[[columns.index(c) for [c] in plain.columns]].sum().item()
            made["sections"].append(hidden_section(cell.weight, left, words))
    else:
        made = {"title": words("sheet.title", query=names[0], key=names[1]),
                "sections": [joined_section(seen, plain, queries, keys, words)]}  # fmt: skip
    if values["look"] == "understand" and values["minimum"] > 0:
        left = show(shown.weights[row, column].item())
        lines = [[words("heads.minimum"), f"≥ {values['minimum']:g}", left]]
        made["sections"].append({"title": words("heads.minimum_title"), "lines": lines})
    return made


def hidden_section(weight: float, total: float, words: Words) -> dict[str, Any]:
    """The last step when special tokens are hidden: the row is divided by what is left of it."""
    shown = weight / total if total > 0 else 0.0
    lines = [[words("heads.renormalised"), f"{show(weight)} / {show(total)}", show(shown)]]
    return {"title": words("heads.renormalised_title"), "text": words("heads.hidden"), "lines": lines}


def joined_section(seen, plain: Opened, queries: list[int], keys: list[int], words: Words) -> dict[str, Any]:
    """A joined cell: every piece's weight, summed over keys, averaged over queries."""
    place = {group[0]: at for at, group in enumerate(plain.rows)}
    rows, total = [], 0.0
    for i in queries:
        for j in keys:
            weight = plain.weights[place[i], place[j]].item()
            total += weight
            rows.append([*labels(seen, [[i], [j]]), show(weight)])
    rows.append([words("sheet.sum"), f"/ {len(queries)}", show(total / len(queries))])
    return {
        "title": words("heads.joined_title"),
        "text": words("heads.joined_text", count=len(queries)),
        "table": {"columns": [words("heads.query"), words("heads.key"), words("sheet.weight")],
                  "rows": rows, "total": True},
    }  # fmt: skip
