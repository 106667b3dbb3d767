"""Every head of a long text, at bounded memory: attention by blocks of queries, pooled as it goes.

The weights of 9 heads at 4,096 tokens take 604 MB a layer, their thumbnails 37 kB. A row's softmax needs its
own row only, so a few rows at a time give the output and the thumbnails of all of them, and keys that the
mask hides from a whole block are left out. What comes out is byte for byte what
:func:`attention.export.packing.pack_overview` makes of the whole weights; where one zooms in,
:func:`weights_at` gives the exact numbers.

Shapes: h heads, n queries, m keys, d features, v value features, L layers.

>>> x = torch.eye(4)[None]
>>> output, thumbnails = attend_by_blocks(x, x, x, side=2, scale=100.0)  # every token looks at itself
>>> thumbnails.levels.tolist()
[[[255, 0], [0, 255]]]
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from ..masks import check_mask
from ..pooling import attend

SIDE = 64  # packing's OVERVIEW_SIDE: 400 kB for 72 heads
BLOCK_ROWS = 128  # measured on a CPU from 512 to 4,096 tokens: fewer are slower, more leave its caches
BLOCK_BYTES = 64 * 2**20  # of one block's weights, whatever the number of keys


@dataclass(frozen=True, eq=False)
class Thumbnails:
    """All heads of one layer. levels (h, rows, cols): a byte for pool_rows x pool_cols weights,
    ``round(255 sqrt(largest))``. shape: (n, m). blocks: how many blocks of queries it took."""

    levels: Tensor
    shape: tuple[int, int]
    pool_rows: int
    pool_cols: int
    blocks: int


def attend_by_blocks(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    bias: Tensor | None = None,
    sinks: Tensor | None = None,
    side: int = SIDE,
    block_rows: int = BLOCK_ROWS,
    block_bytes: int = BLOCK_BYTES,
    **options: Any,
) -> tuple[Tensor, Thumbnails]:
    """attend()'s output (h, n, v) of query (h, n, d), key (h, m, d), value (h, m, v), and its thumbnails.

    mask, bias: (1 or h, n or 1, m) or (n, m); sinks: (h, 1 or n, 1). options: attend()'s scale,
    softcap, temperature. side: the most rows and columns of a thumbnail. block_rows, block_bytes: the
    most queries of a block, and the most its weights may take; at least one row is taken. Raises
    ``ValueError`` as attend() does, and for weights that are no numbers in [0, 1].
    """
    h, n, m = query.shape[0], query.shape[-2], key.shape[-2]
    if query.dim() != 3 or n == 0 or m == 0:
        raise ValueError(f"one layer has query (h, n, d) and keys, got {tuple(query.shape)} and {m} keys")
    if mask is not None:
        check_mask(mask, (h, n, m))
    pool_rows, pool_cols = math.ceil(n / side), math.ceil(m / side)
    output = value.new_empty(h, n, value.shape[-1])
    levels = torch.zeros(
        h, math.ceil(n / pool_rows), math.ceil(m / pool_cols), dtype=torch.uint8, device=query.device
    )
    low, high, count = torch.zeros((), device=query.device), torch.zeros((), device=query.device), 0
    most = max(1, min(block_rows, block_bytes // (h * m * query.element_size())))
    for rows in _blocks(n, pool_rows, most):
        keys = _seen(mask, rows, m, pool_cols)
        attended = attend(
            query[:, rows], key[:, keys], value[:, keys], _part(mask, rows, keys),
            bias=_part(bias, rows, keys), sinks=_part(sinks, rows, keys), **options,
        )  # fmt: skip
        output[:, rows] = attended.output
        assert attended.weights is not None
        cells = _largest(_largest(attended.weights, 1, pool_rows), 2, pool_cols)
        low, high = torch.minimum(low, cells.amin()), torch.maximum(high, cells.amax())
        new = cells.sqrt().mul_(255).add_(0.5).to(torch.uint8)
        top, left = rows.start // pool_rows, keys.start // pool_cols
        target = levels[:, top : top + new.shape[1], left : left + new.shape[2]]
        torch.maximum(target, new, out=target)  # a block may be a part of one thumbnail's row
        count += 1
    # NaN fails too; 0.001 for rounding in half precision
    if not (low.item() >= 0 and high.item() <= 1.001):
        raise ValueError(f"weights must be numbers in [0, 1], but range from {low} to {high}")
    return output, Thumbnails(levels, (n, m), pool_rows, pool_cols, count)


def _blocks(n: int, pool: int, rows: int) -> Iterator[slice]:
    """Blocks of about ``rows`` queries: whole groups of ``pool``, or parts of one group."""
    group = rows // pool * pool or pool
    for top in range(0, n, group):
        bottom = min(top + group, n)
        for start in range(top, bottom, min(rows, group)):
            yield slice(start, min(start + min(rows, group), bottom))


def _seen(mask: Tensor | None, rows: slice, m: int, pool: int) -> slice:
    """From the first to the last key that a query of this block may attend, at the thumbnail's grid."""
    if mask is None:
        return slice(0, m)
    part = _part(mask, rows, slice(0, m))
    assert part is not None
    places = part.expand(*part.shape[:-1], m).reshape(-1, m).any(0).nonzero()
    if len(places) == 0:
        return slice(0, 1)
    first, last = int(places[0]), int(places[-1])
    return slice(first // pool * pool, last + 1)


def _part(matrix: Tensor | None, rows: slice, columns: slice) -> Tensor | None:
    """The block of a matrix (..., n or 1, m or 1) that broadcasts to the scores."""
    if matrix is None:
        return None
    matrix = matrix[..., rows, :] if matrix.shape[-2] > 1 else matrix
    return matrix[..., columns] if matrix.shape[-1] > 1 else matrix


def _largest(x: Tensor, dimension: int, factor: int) -> Tensor:
    """The largest of every ``factor`` neighbours along a dimension; the last may be fewer."""
    whole = x.shape[dimension] // factor * factor
    groups = x.narrow(dimension, 0, whole).reshape(
        *x.shape[:dimension], whole // factor, factor, *x.shape[dimension + 1 :]
    )
    rest = x.narrow(dimension, whole, x.shape[dimension] - whole)
    # along the last dimension a few strided maxima are faster than a maximum of a few
    short = factor <= 16 and dimension == x.dim() - 1
    found = reduce(torch.maximum, groups.unbind(-1)) if short else groups.amax(dimension + 1)
    return found if not rest.numel() else torch.cat([found, rest.amax(dimension, keepdim=True)], dimension)


def pack_thumbnails(layers: Sequence[Thumbnails]) -> dict[str, Any]:
    """What :func:`attention.export.packing.pack_overview` makes of the same layers, from their thumbnails."""
    if len(layers) == 0 or any(layer.levels.shape != layers[0].levels.shape for layer in layers):
        raise ValueError("layers need one shape, at least one layer")
    first, levels = layers[0], torch.stack([layer.levels.cpu() for layer in layers])
    return {
        "data": base64.b64encode(levels.numpy().data).decode("ascii"), "encoding": "sqrt-u8",
        "layers": len(layers), "heads": levels.shape[1], "rows": levels.shape[2], "cols": levels.shape[3],
        "queries": first.shape[0], "keys": first.shape[1],
        "pool_rows": first.pool_rows, "pool_cols": first.pool_cols,
        "pooled": first.pool_rows > 1 or first.pool_cols > 1,
    }  # fmt: skip


def weights_at(
    query: Tensor, key: Tensor, rows: slice, columns: slice, mask: Tensor | None = None,
    *, bias: Tensor | None = None, sinks: Tensor | None = None, **options: Any,
) -> Tensor:  # fmt: skip
    """The exact weights of some rows and columns: query (..., n, d), key (..., m, d) -> (..., r, c).

    Makes r x m numbers, whatever n; arguments as above.
    """
    every = slice(0, key.shape[-2])
    attended = attend(
        query[..., rows, :], key, key[..., :1], _part(mask, rows, every),
        bias=_part(bias, rows, every), sinks=_part(sinks, rows, every), **options,
    )  # fmt: skip
    assert attended.weights is not None
    weights: Tensor = attended.weights[..., columns]
    return weights


def largest_at(
    query: Tensor, key: Tensor, side: int, mask: Tensor | None = None,
    *, block_rows: int = BLOCK_ROWS, **rules: Any,
) -> tuple[Tensor, int, int]:  # fmt: skip
    """One head's map: the largest weight of every pool_rows x pool_cols, exactly, block by block.

    query (n, d), key (m, d); side: the most rows and columns of the map. rules: bias, sinks and
    attend()'s options. Returns (map (rows, cols), pool_rows, pool_cols).
    """
    n, m = len(query), len(key)
    pool_rows, pool_cols = math.ceil(n / side), math.ceil(m / side)
    found = query.new_zeros(math.ceil(n / pool_rows), math.ceil(m / pool_cols))
    for rows in _blocks(n, pool_rows, block_rows):
        weights = weights_at(query, key, rows, slice(0, m), mask, **rules)
        cells = _largest(_largest(weights, 0, pool_rows), 1, pool_cols)
        top = rows.start // pool_rows
        target = found[top : top + len(cells)]
        torch.maximum(target, cells, out=target)
    return found, pool_rows, pool_cols
