"""How can a row be softmaxed that nobody ever sees whole? This is what FlashAttention does.

A softmax needs its row's largest score and its row's sum before the first weight is known. Both can be
kept running instead: when a later tile of keys brings a larger score, everything summed so far is
multiplied by ``exp(old maximum - new maximum)``, and it is as if the new maximum had been known from the
start (Milakov and Gimelshein 2018, algorithm 3). With the output rescaled in the same way, only one tile
of the n x m scores exists at a time (Dao et al. 2022, algorithm 1). What is kept per row is one number,
the log of its sum of exponentials, from which any weight can be had again (:func:`weight_from_lse`).

Shapes: n queries, m keys, d features, v value features, r and c rows and columns of a tile.

>>> query, key = torch.ones(1, 1), torch.tensor([[0.0], [1.0], [3.0]])
>>> [round(step.rescale.item(), 4) for step in tile_steps(query, key, key, tile=1)]  # 0, e^-1, e^-2
[0.0, 0.3679, 0.1353]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Unpack

import torch
from torch import Tensor

from .running import ByTiles, TileStep, learned_of, walk, weights_of
from .tiles import Options, Problem


@dataclass(frozen=True, eq=False)
class Online:
    """What :func:`online_attend` returns: output (..., n, v), and lse, from which weights can be had.

    lse (..., n): log of each row's sum of exponentials, sink included; -inf where nothing is allowed.
    tiles, skipped: tiles of the score matrix, and how many of them the mask made needless. held: numbers
    in all buffers of the fullest step, all heads together; the whole matrix would be (..., n, m) of them.
    """

    output: Tensor
    lse: Tensor
    tiles: int
    skipped: int
    held: int


def online_attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    tile: int = 64,
    **options: Unpack[Options],
) -> Online:
    """:func:`attention.pooling.attend`, seeing ``tile`` x ``tile`` scores at a time.

    options: attend()'s scoring, scale, temperature, bias, softcap and sinks; dropout it has none. Tiles in
    which nothing may be attended are skipped; a row with nothing to attend to gets zeros. Gradients flow
    to query, key, value, bias, sinks and the scoring's own tensors, once: backward computes each tile
    again from lse (Dao et al. 2022, algorithm 4). Half precision is summed in float32.
    Raises ``ValueError`` as attend() does, and for a tile below 1.
    """
    given, counts = Problem.of(query, key, value, mask, **options), [0, 0, 0]
    tensors = (query, key, value, given.bias, given.sinks, *learned_of(given).values())
    output, lse = ByTiles.apply(given, _checked(tile), counts, *tensors)  # type: ignore[no-untyped-call]
    return Online(output, lse, *counts)


def tile_steps(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    tile: int = 64,
    **options: Unpack[Options],
) -> Iterator[TileStep]:
    """The same one tile after the other, without gradients: what a picture plays. No step changes later."""
    with torch.no_grad():
        yield from walk(Problem.of(query, key, value, mask, **options), _checked(tile))


def weight_from_lse(
    query: Tensor,
    key: Tensor,
    lse: Tensor,
    row: int,
    column: int,
    mask: Tensor | None = None,
    **options: Unpack[Options],
) -> Tensor:
    """``exp(score - lse)``: one weight (...,) of a computation that never stored them.

    lse (..., n) as :func:`online_attend` or a fused kernel returned it; options as there. A masked cell
    gets 0. Raises ``ValueError`` for a cell outside.
    """
    given = Problem.of(query, key, key, mask, **options)
    n, m = given.shape[-2:]
    if not (0 <= row < n and 0 <= column < m):
        raise ValueError(f"cell ({row}, {column}) lies outside {n} queries x {m} keys")
    rows = slice(row, row + 1)
    return weights_of(given.at(rows, slice(column, column + 1)).scores(), lse[..., rows])[..., 0, 0]


def _checked(tile: int) -> int:
    if tile < 1:
        raise ValueError(f"tile must be at least 1 row and column, got {tile}")
    return tile
