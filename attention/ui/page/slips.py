"""What every known mistake would give in place of a sheet's numbers: chapter 20 on the page's own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from torch import Tensor

from ... import paper
from ...cell import Cell
from ...mistakes import MISTAKES
from ...scoring import Dot, Gaussian
from .texts import Words

MOST = 2_000  # numbers of a head that are tried: beyond, a sheet is marked without naming mistakes
# of the page's sheets neither d_model nor the mean over words is known
UNKNOWN = {"scale_by_d_model", "mean_over_padding"}
Found = Mapping[str, Sequence[tuple[str, float]]]


def cell_slips(cell: Cell, words: Words) -> Found:
    """The lines of :func:`.sheet.cell_sheet` by label, each with (mistake, number)."""
    found: dict[str, list[tuple[str, float]]] = {words(f"sheet.{name}"): [] for name in LINES}
    drawn = _drawn(cell)
    if drawn is None:
        if cell.allowed and cell.logit < 700:
            found[words("sheet.numerator")] = [
                ("no_shift", math.exp(cell.logit)),
                ("base", 2 ** (cell.logit - cell.shift)),
            ]
        return found
    assert cell.whole is not None
    for key, mistake in MISTAKES.items():
        if drawn.kind not in mistake.kinds or key in UNKNOWN:
            continue
        for way in mistake.ways:
            tables = way(drawn)
            for line, table in LINES.items():
                column = 0 if table == "denominator" else cell.whole.column
                found[words(f"sheet.{line}")].append((key, float(tables[table][cell.whole.row, column])))
    return found


LINES = {"scaled": "score", "numerator": "numerator", "denominator": "denominator", "weight": "weight"}


def _drawn(cell: Cell) -> paper.Sheet | None:
    """The cell's head as a sheet of :mod:`attention.paper`; None where that knows no such head."""
    whole = cell.whole
    if whole is None or cell.temperature != 1 or not isinstance(whole.scoring, Dot | Gaussian):
        return None
    parts = whole.query, whole.key, whole.value
    if sum(part.numel() for part in parts) > MOST or whole.mask.numel() > MOST:
        return None
    if not all(bool(part.isfinite().all()) for part in parts):
        return None
    query, key, value = (tuple(map(tuple, part.tolist())) for part in parts)
    gaussian = isinstance(whole.scoring, Gaussian)
    return paper.Sheet(
        "distance" if gaussian else "attention", 0, query, key, value,
        tuple(map(tuple, whole.mask.tolist())), (True,) * len(query), cell.scale, len(query[0]),
        float(whole.scoring.bandwidth) if isinstance(whole.scoring, Gaussian) else 1.0,
    )  # fmt: skip


def output_slips(weights: Tensor, values: Tensor, words: Words) -> Found:
    """Of a sum of weights (m,) times values (m,): each weight meeting a neighbour's value."""
    rolled = [float((weights * values.roll(step, 0)).sum()) for step in (1, -1)]
    return {words("sheet.sum"): [("wrong_value_row", number) for number in rolled]}
