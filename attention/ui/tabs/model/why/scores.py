"""Where a score comes from: what wrote the query, times what wrote the key."""

from __future__ import annotations

import torch
from torch import Tensor

from .....circuits import Part
from .....pretrained import explain_head
from ....page.panels import Axis, Heatmap, Look, Panel, Readouts, heading, signed
from ....page.scene import Place
from ....page.sheet import Grid, Section, Sheet, bracketed, product_rows, show
from ....page.texts import Words
from .effects import labels
from .kinds import PickMap
from .shares import named
from .study import Study

MOST = 12  # rows and columns of the matrix; of more parts the smallest are one together


def panels(s: Study, words: Words) -> list[Panel]:
    """The head's weights, to choose a cell from; the sums; the matrix."""
    layer, head = s.chosen
    names = labels(s)
    cell = {"query": f"“{names[s.query]}” ({s.query})", "key": f"“{names[s.key]}” ({s.key})"}
    weights = s.layer.weights
    assert weights is not None
    return [
        heading(words("model.why_score"), words("model.why_score_text")),
        PickMap("weights", words("model.why_weights", layer=layer, head=head), weights[head].cpu(),
                Axis(names, words("model.why_query")), Axis(names, words("model.why_key")),
                caption=words("model.why_weights_text")),
        figures(s, words, cell),
        matrix_panel(s, words, cell),
    ]  # fmt: skip


def figures(s: Study, words: Words, cell: dict[str, str]) -> Readouts:
    """The matrix added up, and the score that the head itself has."""
    found = s.score
    opened = explain_head(s.layer, s.inputs.head, s.query, s.key)
    total = show(found.matrix.sum().item())
    items = [(words("model.why_matrix_sum"), total, words("model.why_matrix_sum_note"))]
    if found.bias:
        items.append((words("sheet.bias"), show(found.bias), ""))
    items += [
        (words("model.why_score_is"), show(opened.logit), words("model.why_score_note", **cell)),
        (words("sheet.weight"), show(opened.weight), words("model.why_weight_note")),
    ]
    return Readouts("score_sum", items, wide=True)


def kept(matrix: Tensor) -> list[int]:
    """The rows shown by themselves: all, or those with the largest numbers, in their order."""
    if len(matrix) <= MOST:
        return list(range(len(matrix)))
    return sorted(matrix.abs().amax(1).argsort(descending=True)[: MOST - 1].tolist())


def grouped(matrix: Tensor, rows: list[int], columns: list[int]) -> Tensor:
    """The matrix with what is not kept added up in a last row and a last column."""
    for at, kept_ones in ((0, rows), (1, columns)):
        if len(kept_ones) < matrix.shape[at]:
            chosen = matrix.index_select(at, torch.tensor(kept_ones))
            rest = matrix.sum(at, keepdim=True) - chosen.sum(at, keepdim=True)
            matrix = torch.cat([chosen, rest], at)
    return matrix


def sides(s: Study) -> tuple[list[int], list[int]]:
    return kept(s.score.matrix), kept(s.score.matrix.T)


def part_names(parts: tuple[Part, ...], shown: list[int], words: Words) -> list[str]:
    rest = len(parts) - len(shown)
    others = [words("model.why_others", count=rest)] if rest else []
    return [named(parts[at], words) for at in shown] + others


def matrix_panel(s: Study, words: Words, cell: dict[str, str]) -> Heatmap:
    """Query parts by key parts; every cell a product."""
    found, (rows, columns) = s.score, sides(s)
    shown = grouped(found.matrix, rows, columns)
    return Heatmap(
        "score", words("model.why_matrix", **cell), shown,
        Axis(part_names(found.queries, rows, words), words("model.why_query_part")),
        Axis(part_names(found.keys, columns, words), words("model.why_key_part")),
        signed(shown), Look(wide=True, sums=True), words("model.why_matrix_text"),
    )  # fmt: skip


def sheet(s: Study, words: Words, place: Place) -> Sheet:
    """One product of the matrix, and the score it is a part of."""
    found, (rows, columns) = s.score, sides(s)
    names = part_names(found.queries, rows, words), part_names(found.keys, columns, words)
    place = place.within(len(names[0]), len(names[1]))
    value = grouped(found.matrix, rows, columns)[place.row, place.column].item()
    title = words("model.why_sheet_score", query=names[0][place.row], key=names[1][place.column])
    # several parts together are one vector, their sum
    left, right = (
        pick(vectors, shown, at)
        for vectors, shown, at in ((found.left, rows, place.row), (found.right, columns, place.column))
    )
    score = (words("model.why_score_is"), "", show(found.score))
    share = (words("model.why_of_score"), f"{show(value)} / {bracketed(found.score)}",
             show(value / found.score) if found.score else "–")  # fmt: skip
    opened = explain_head(s.layer, s.inputs.head, s.query, s.key)
    weight = (words("sheet.weight"), "", show(opened.weight))
    of_score = Section(text=words("model.why_weight_note"), lines=[score, share, weight])
    return Sheet(title, [products(left, right, found.scale, words), of_score])


def pick(vectors: Tensor, shown: list[int], at: int) -> Tensor:
    """A part's vector, or the sum of those that are not shown."""
    return vectors[shown[at]] if at < len(shown) else vectors.sum(0) - vectors[shown].sum(0)


def products(left: Tensor, right: Tensor, scale: float, words: Words) -> Section:
    """The largest products of two vectors, the rest, and the sum times the scale."""
    terms = left * right
    raw = terms.sum().item()
    rows = product_rows(left, right, terms, raw, words)
    rows.append([words("sheet.sum"), "", "", show(raw)])
    columns = [words("sheet.dimension"), "q", "k", "q × k"]
    line = (words("sheet.scaled"), f"{bracketed(raw)} × {show(scale)}", show(raw * scale))
    return Section(words("model.why_products"), table=Grid(columns, rows, total=True), lines=[line])
