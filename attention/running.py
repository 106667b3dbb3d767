"""The running softmax, forward and backward: the engine of ``online``.

Forward, :func:`walk` yields every tile with the state after it: what it would be if the keys so far were
all there are. Backward, :class:`ByTiles` makes each tile of weights again from one number per row.

Shapes: n queries, m keys, d features, v value features, r and c rows and columns of a tile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .tiles import MINUS_INF, Problem, wide


@dataclass(frozen=True, eq=False)
class TileStep:
    """The state after one tile of one block of rows.

    scores (..., r, c): -inf where masked; None if the tile was skipped, which leaves the state alone.
    maximum, total (..., r, 1): running maximum (-inf before the first allowed key) and sum of exponentials.
    rescale (..., r, 1): what older total and output were multiplied by. output (..., r, v): before its
    division by the total. held: numbers in all buffers of this step.
    """

    rows: slice
    columns: slice
    scores: Tensor | None
    maximum: Tensor
    rescale: Tensor
    total: Tensor
    output: Tensor
    held: int


def walk(given: Problem, tile: int) -> Iterator[TileStep]:
    """Every tile in turn. The sink is what a row starts with: its logit as maximum, exp(0) = 1 as sum."""
    for rows, columns in given.tiles(tile):
        part = given.at(rows, columns)
        if columns.start == 0:
            first = torch.full((*part.shape[:-1], 1), MINUS_INF, dtype=wide(given.query.dtype))
            maximum = first.to(given.query.device)
            if part.sinks is not None:
                maximum = part.sinks.to(maximum).expand(maximum.shape)
            total = (maximum > MINUS_INF).to(maximum)
            output = maximum.new_zeros(*part.shape[:-1], given.value.shape[-1])
        if part.is_masked():
            yield TileStep(rows, columns, None, maximum, torch.ones_like(total), total, output, 0)
            continue
        scores = part.scores()  # (..., r, c)
        larger = torch.maximum(maximum, scores.amax(-1, keepdim=True))
        shift = larger.masked_fill(larger == MINUS_INF, 0)  # -inf - -inf would be NaN
        rescale = torch.exp(maximum - shift)
        terms = torch.exp(scores - shift)
        total = total * rescale + terms.sum(-1, keepdim=True)
        output = output * rescale + _summed(terms, part.value.to(terms.dtype), part.mask)
        maximum = larger
        buffers = (part.query, part.key, part.value, scores, terms, maximum, rescale, total, output)
        held = sum(x.numel() for x in buffers)
        yield TileStep(rows, columns, scores, maximum, rescale, total, output, held)


def _summed(terms: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """``terms @ value``, where a NaN or infinity behind the mask counts for nothing: 0 times NaN is NaN."""
    output = terms @ value  # (..., r, v)
    if mask is None or output.sum().isfinite():
        return output
    parts = terms[..., None] * value[..., None, :, :]  # (..., r, c, v), in this rare case only
    return parts.where(mask[..., None], 0).sum(-2)


def weights_of(scores: Tensor, lse: Tensor) -> Tensor:
    """scores (..., r, c), -inf where masked, and lse (..., r) -> ``exp(score - lse)``, (..., r, c)."""
    return torch.exp(scores - lse.masked_fill(lse == MINUS_INF, 0)[..., None])


def learned_of(given: Problem) -> dict[str, Tensor]:
    """The scoring's own tensors by name, such as Bilinear's weight."""
    return {name: x for name, x in vars(given.scoring).items() if isinstance(x, Tensor)}


def _with(given: Problem, query: Any, key: Any, value: Any, bias: Any, sinks: Any, *learned: Any) -> Problem:
    """The same problem of other tensors."""
    fields = {**vars(given.scoring), **dict(zip(learned_of(given), learned, strict=True))}
    scoring = type(given.scoring)(**fields)
    return replace(given, query=query, key=key, value=value, bias=bias, sinks=sinks, scoring=scoring)


class ByTiles(torch.autograd.Function):
    """Forward keeps the output and one number per row; backward makes every tile of weights again."""

    @staticmethod
    def forward(ctx: Any, given: Problem, tile: int, counts: list[int], *tensors: Any) -> Any:
        output = given.value.new_zeros(*given.shape[:-1], given.value.shape[-1])
        lse = torch.full(given.shape[:-1], MINUS_INF, dtype=wide(output.dtype), device=output.device)
        if given.sinks is not None:
            lse = given.sinks.to(lse).expand(*given.shape[:-1], 1)[..., 0].clone()
        for step in walk(_with(given, *tensors), tile):
            counts[:] = counts[0] + 1, counts[1] + (step.scores is None), max(counts[2], step.held)
            if step.columns.stop == given.shape[-1]:  # the row is complete
                total = step.total.masked_fill(step.total == 0, 1)  # of a row with nothing: 0 / 1
                output[..., step.rows, :] = step.output / total
                lse[..., step.rows] = (step.maximum + total.log())[..., 0]
        ctx.save_for_backward(output, lse, *tensors)
        ctx.given, ctx.tile = given, tile
        return output, lse

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_output: Tensor, d_lse: Tensor) -> Any:
        output, lse, *tensors = ctx.saved_tensors
        given = _with(ctx.given, *tensors)
        gradients = [None if x is None else torch.zeros_like(x, dtype=wide(x.dtype)) for x in tensors]
        # sum_j P_ij dP_ij = dO_i . O_i: the row's sum without the row (Dao et al. 2022, section 3.1)
        row = (d_output * output).sum(-1).to(lse) - d_lse  # (..., n)
        for rows, columns in given.tiles(ctx.tile):
            if not given.at(rows, columns).is_masked():
                _add_tile(given, (rows, columns), d_output, lse, row, gradients)
        if given.sinks is not None:
            d_sinks = -weights_of(given.sinks.to(lse).expand(*lse.shape, 1), lse) * row[..., None]
            gradients[4] = d_sinks.sum_to_size(given.sinks.shape)
        cast = [None if d is None else d.to(x.dtype) for d, x in zip(gradients, tensors, strict=True)]
        return None, None, None, *cast


def _add_tile(given: Problem, here: tuple[slice, slice], d_output: Tensor, lse: Tensor, row: Tensor,
              gradients: list[Tensor | None]) -> None:  # fmt: skip
    """Add one tile's part to the gradients of query, key, value, bias, sinks and learned tensors."""
    rows, part, into = here[0], given.at(*here), _with(given, *gradients).at(*here)  # views of the sums
    leaves = [None if x is None else x.detach().requires_grad_()
              for x in (part.query, part.key, part.bias, *learned_of(part).values())]  # fmt: skip
    with torch.enable_grad():
        scores = _with(part, *leaves[:2], part.value, leaves[2], part.sinks, *leaves[3:]).scores()
    weights = weights_of(scores.detach(), lse[..., rows])  # (..., r, c)
    d_output, value = d_output[..., rows, :].to(weights), part.value.to(weights)
    d_weights = d_output @ value.transpose(-2, -1)
    d_scores = weights * (d_weights - row[..., rows, None])
    wanted = [x for x in leaves if x is not None]
    sums = [x for x in (into.query, into.key, into.bias, *learned_of(into).values()) if x is not None]
    found = torch.autograd.grad(scores, wanted, d_scores.sum_to_size(scores.shape))
    for total, part_of_it in zip(sums, found, strict=True):
        total += part_of_it
    into.value.add_((weights.transpose(-2, -1) @ d_output).sum_to_size(part.value.shape))
