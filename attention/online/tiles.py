"""A score matrix cut into tiles: what ``online`` works on.

Shapes: n queries, m keys, d features, v value features, r and c rows and columns of a tile.

>>> given = Problem.of(torch.ones(4, 2), torch.ones(6, 2), torch.ones(6, 3))
>>> [(rows.start, columns.start) for rows, columns in given.tiles(3)]
[(0, 0), (0, 3), (3, 0), (3, 3)]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypedDict

import torch
from torch import Tensor

from ..masks import check_fits, check_mask
from ..scoring import Dot, Scoring, check_features

MINUS_INF = float("-inf")


class Options(TypedDict, total=False):
    """What attend() takes besides query, key, value and mask, dropout excepted; defaults are attend()'s."""

    scoring: Scoring | None
    scale: float | None
    temperature: float
    bias: Tensor | None
    softcap: float | None
    sinks: Tensor | None


@dataclass(frozen=True, eq=False)
class Problem:
    """Everything ``attend()`` takes but dropout, checked; shape (..., n, m) is that of the scores."""

    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None
    bias: Tensor | None
    sinks: Tensor | None
    scoring: Scoring
    scale: float
    temperature: float
    softcap: float | None
    shape: tuple[int, ...]

    @staticmethod
    def of(
        query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *,
        scoring: Scoring | None = None, scale: float | None = None, temperature: float = 1.0,
        bias: Tensor | None = None, softcap: float | None = None, sinks: Tensor | None = None,
    ) -> Problem:  # fmt: skip
        """Arguments as in :func:`attention.pooling.attend`; ``ValueError`` for what breaks its rules."""
        scoring = Dot() if scoring is None else scoring
        if isinstance(scoring, Dot):
            check_features(query, key)
        if key.shape[-2] != value.shape[-2]:
            raise ValueError(f"every key needs one value: got {key.shape[-2]} and {value.shape[-2]}")
        if not temperature > 0 or (softcap is not None and not softcap > 0):
            raise ValueError(f"temperature and softcap must be above 0, got {temperature} and {softcap}")
        sizes = (x.shape[:-2] for x in (query, key, value))
        leading = torch.broadcast_shapes(*sizes)
        shape = (*leading, query.shape[-2], key.shape[-2])
        if mask is not None:
            check_mask(mask, shape)
        if bias is not None:
            check_fits("bias", bias.shape, shape)
        if sinks is not None:
            check_fits("sinks", sinks.shape, (*shape[:-1], 1))
        scale = scoring.default_scale(query.shape[-1]) if scale is None else scale
        return Problem(query, key, value, mask, bias, sinks, scoring, scale, temperature, softcap, shape)

    def tiles(self, tile: int) -> Iterator[tuple[slice, slice]]:
        """Rows and columns of every tile, block of rows by block of rows."""
        n, m = self.shape[-2:]
        for top in range(0, n, tile):
            for left in range(0, m, tile):
                yield slice(top, min(top + tile, n)), slice(left, min(left + tile, m))

    def at(self, rows: slice, columns: slice) -> Problem:
        """The problem of one tile: views of its queries, keys and values, of its mask and bias."""
        return replace(
            self, query=self.query[..., rows, :], key=self.key[..., columns, :],
            value=self.value[..., columns, :], mask=_cut(self.mask, rows, columns),
            bias=_cut(self.bias, rows, columns), sinks=_cut(self.sinks, rows, slice(None)),
            shape=(*self.shape[:-2], rows.stop - rows.start, columns.stop - columns.start),
        )  # fmt: skip

    def is_masked(self) -> bool:
        """Whether nothing may be attended here at all."""
        return self.mask is not None and not bool(self.mask.any())

    def scores(self) -> Tensor:
        """attend()'s scores (..., n, m), -inf where masked; half precision comes as float32."""
        if self.softcap is None:
            scores = self.scoring(self.query, self.key) * (self.scale / self.temperature)
        else:
            scores = self.scoring(self.query, self.key) * self.scale
            scores = self.softcap * torch.tanh(scores / self.softcap) / self.temperature
        scores = scores if self.bias is None else scores + self.bias
        scores = scores if self.mask is None else scores.masked_fill(~self.mask, MINUS_INF)
        return scores.to(wide(scores.dtype))


def _cut(matrix: Tensor | None, rows: slice, columns: slice) -> Tensor | None:
    """A tile of a matrix (..., n or 1, m or 1) that broadcasts to the scores."""
    if matrix is not None and matrix.dim() > 1 and matrix.shape[-2] > 1:
        matrix = matrix[..., rows, :]
    return matrix[..., columns] if matrix is not None and matrix.dim() and matrix.shape[-1] > 1 else matrix


def wide(dtype: torch.dtype) -> torch.dtype:
    """The precision to sum in: float32 for half precision, else the same."""
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype
