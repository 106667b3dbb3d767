"""A sheet of attention small enough to compute with a pencil: which number stands in which cell?

Two kinds. An *attention* sheet is one head of a padded text: 3 queries, 4 keys, the last key is
padding and may not be attended, the last query is padding and may attend to nothing; ``mean`` is
the mean of the outputs over the real queries. A *distance* sheet is kernel regression
(chapter 5): places, measured points, a bandwidth. All numbers given are small whole numbers, and d
and d_model are squares, so that only exp asks for a calculator.

Shapes: n queries, m keys, d features, v value features.

>>> sheet = draw(seed=0)
>>> sheet.kind, len(sheet.query), len(sheet.key), sheet.d, sheet.d_model
('attention', 3, 4, 4, 36)
>>> tables(sheet)["weight"][2].tolist()  # the padding query looks at nothing
[0.0, 0.0, 0.0, 0.0]
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from .pooling import attend
from .scoring import Dot, Gaussian

KINDS = ("attention", "distance")
TABLES = ("score", "numerator", "denominator", "weight", "output", "entropy", "mean")
Rows = tuple[tuple[float, ...], ...]
LARGEST_SEED = 2**53  # a link carries the seed, and a browser's numbers are whole up to there


class Cell(NamedTuple):
    """One number of a sheet: its table, one of TABLES, its row and its column, from 0."""

    table: str
    row: int
    column: int


@dataclass(frozen=True)
class Sheet:
    """The numbers given: query (n, d), key (m, d), value (m, v), mask (n, m), True = may attend.

    real (n,): which queries are no padding. scale: factor of the scores, 1/sqrt(d), or 1 on a
    distance sheet. d_model: width of the model whose head this is. bandwidth: of a distance sheet.
    """

    kind: str
    seed: int
    query: Rows
    key: Rows
    value: Rows
    mask: tuple[tuple[bool, ...], ...]
    real: tuple[bool, ...]
    scale: float
    d_model: int
    bandwidth: float = 1.0

    @property
    def d(self) -> int:
        """Width of a query and of a key."""
        return len(self.query[0])

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """query, key, value in float64, so that a sheet adds up, and the boolean mask."""
        numbers = (torch.tensor(rows, dtype=torch.float64) for rows in (self.query, self.key, self.value))
        query, key, value = numbers
        return query, key, value, torch.tensor(self.mask)


def draw(seed: int, kind: str = "attention") -> Sheet:
    """The sheet of a seed (a whole number from 0 to 2**53); kind: one of KINDS.

    Drawn again until the three live weights of every row differ and no row is all but decided, so
    that every cell is worth computing. Raises ``ValueError`` for another seed or kind.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"seed must be a whole number from 0 to {LARGEST_SEED}, got {seed!r}")
    generator = torch.Generator().manual_seed(seed)
    make = _attention if kind == "attention" else _distance
    while True:
        sheet = make(seed, generator)
        if _worthwhile(sheet):
            return sheet


def _attention(seed: int, generator: torch.Generator) -> Sheet:
    n, m, d, v = 3, 4, 4, 2
    heads = (4, 9)[int(torch.randint(2, (), generator=generator))]  # sqrt(d_model) is 4 or 6
    return Sheet(
        "attention",
        seed,
        query=_whole(-2, 2, n, d, generator),
        key=_whole(-2, 2, m, d, generator),
        value=_whole(0, 9, m, v, generator),
        mask=tuple(tuple(i < n - 1 and j < m - 1 for j in range(m)) for i in range(n)),
        real=tuple(i < n - 1 for i in range(n)),
        scale=1 / math.sqrt(d),
        d_model=d * heads,
    )


def _distance(seed: int, generator: torch.Generator) -> Sheet:
    n, m = 2, 4
    x = torch.randperm(9, generator=generator)[:m].sort().values.tolist()
    return Sheet(
        "distance",
        seed,
        query=_whole(0, 8, n, 1, generator),
        key=tuple((float(place),) for place in x),
        value=_whole(0, 9, m, 1, generator),
        mask=((True,) * m,) * n,
        real=(True,) * n,
        scale=1.0,
        d_model=1,
        bandwidth=float(torch.randint(2, 4, (), generator=generator)),
    )


def _whole(low: int, high: int, rows: int, columns: int, generator: torch.Generator) -> Rows:
    numbers = torch.randint(low, high + 1, (rows, columns), generator=generator).double()
    return tuple(map(tuple, numbers.tolist()))


def _worthwhile(sheet: Sheet) -> bool:
    """No value row twice, and in every live row distinct scores and no weight below 0.01."""
    if len(set(sheet.value)) < len(sheet.value) or len(set(sheet.query)) < len(sheet.query):
        return False
    if len({row[0] for row in sheet.value}) < len(sheet.value):
        return False
    found = tables(sheet)
    if sheet.kind == "distance" and (found["score"].amax(-1) == 0).all():
        return False  # every place asked about is a measured one: the maximum's shift is 0
    for row, (allowed, real) in enumerate(zip(sheet.mask, sheet.real, strict=True)):
        live = torch.tensor(allowed)
        weights = found["weight"][row][live]
        # all scores of a row, the masked one too: unmasked is to be seen
        if real and (weights.min() < 0.01 or len(set(found["score"][row].tolist())) < len(allowed)):
            return False
    return True


def raw_scores(sheet: Sheet) -> Tensor:
    """(n, m) before the scale: ``q . k``, or ``-(q - k)^2 / (2 h^2)`` on a distance sheet."""
    query, key, _, _ = sheet.tensors()
    return Dot()(query, key) if sheet.kind == "attention" else Gaussian(sheet.bandwidth)(query, key)


@lru_cache(maxsize=512)
def tables(sheet: Sheet) -> dict[str, Tensor]:
    """Every number of the sheet, right: a table (rows, columns) in float64 for each of TABLES.

    score (n, m) scaled, before the mask; numerator (n, m) ``exp(score - largest allowed of the
    row)``, 0 where masked; denominator (n, 1); weight (n, m); output (n, v); entropy (n, 1) in nats;
    mean (1, v) over the real rows. weight and output are :func:`attention.pooling.attend`'s.
    """
    query, key, value, mask = sheet.tensors()
    scoring = Dot() if sheet.kind == "attention" else Gaussian(sheet.bandwidth)
    attended = attend(query, key, value, mask, scoring=scoring, scale=sheet.scale)
    scores, weights = raw_scores(sheet) * sheet.scale, attended.weights
    assert weights is not None
    shift = scores.masked_fill(~mask, -math.inf).amax(-1, keepdim=True)
    numerator = (scores - shift).exp().masked_fill(~mask, 0.0)
    return {
        "score": scores,
        "numerator": numerator,
        "denominator": numerator.sum(-1, keepdim=True),
        "weight": weights,
        "output": attended.output,
        "entropy": torch.special.entr(weights).sum(-1, keepdim=True),
        "mean": mean_over(attended.output, sheet.real),
    }


def mean_over(output: Tensor, rows: tuple[bool, ...]) -> Tensor:
    """output (n, v) -> (1, v), the mean over the rows that are True."""
    return output[torch.tensor(rows)].mean(0, keepdim=True)


def cells(sheet: Sheet) -> list[Cell]:
    """Every cell that can be asked for, in reading order.

    Left out: the scores of the padding query, which nobody needs, and the entropy of its row.
    """
    found = []
    for name, table in tables(sheet).items():
        for row in range(table.shape[0]):
            padding = name != "mean" and not sheet.real[row]
            if padding and name not in ("weight", "output"):
                continue
            found += [Cell(name, row, column) for column in range(table.shape[1])]
    return found


def number(sheet: Sheet, cell: Cell) -> float:
    """The right number of a cell. Raises ``ValueError`` for a cell that the sheet has not."""
    if cell.table not in TABLES:
        raise ValueError(f"a cell's table is one of {', '.join(TABLES)}, got {cell.table!r}")
    table = tables(sheet)[cell.table]
    if not (0 <= cell.row < table.shape[0] and 0 <= cell.column < table.shape[1]):
        raise ValueError(
            f"{cell.table} has {table.shape[0]} rows and {table.shape[1]} columns, counted from 0; "
            f"got row {cell.row}, column {cell.column}"
        )
    return float(table[cell.row, cell.column])
