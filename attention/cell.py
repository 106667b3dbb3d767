"""Chapter 3, continued: one weight of attention, opened into arithmetic that adds up.

:func:`explain` walks from two vectors to one weight and to what that weight moves, and keeps every
number on the way. Every sheet of the page is written from what it returns.

Shapes: n queries, m keys, k summands of a score, v value features.

>>> one = torch.ones(1, 1)
>>> cell = explain(one, torch.tensor([[0.0], [math.log(3)]]), torch.tensor([[8.0], [4.0]]), 0, 1)
>>> round(cell.raw, 4), round(cell.weight, 4), round(cell.contribution.item(), 4)
(1.0986, 0.75, 3.0)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from .pooling import attend, scores_shape
from .scoring import Dot, Scoring

Some = TypeVar("Some", bound=Scoring)


class Whole(NamedTuple):
    """The head that a cell is of, float64: query (n, d), key (m, d), value (m, v), mask (n, m)."""

    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor
    scoring: Scoring
    row: int
    column: int


@dataclass(frozen=True)
class Cell:
    """One cell of a weight matrix, opened: every number between the vectors and the weight.

    left, right, terms (k,): the factors of the score per dimension and their products; their sum
    is ``raw``. ``scaled = raw * scale / temperature`` (after the soft cap if there is one),
    ``logit = scaled + bias``. ``numerator = exp(logit - shift)`` with shift the row's largest
    allowed logit, ``denominator`` the row's sum (sink included), ``weight`` their quotient, 0 when
    the cell is masked. contribution (v,) = weight * value, one summand of output (v,). whole: all
    that the row is computed from; None where a bias, a soft cap or a sink comes in as well.
    """

    query: Tensor
    key: Tensor
    left: Tensor
    right: Tensor
    terms: Tensor
    raw: float
    scale: float
    temperature: float
    scaled: float
    bias: float
    allowed: bool
    logit: float
    shift: float
    numerator: float
    denominator: float
    weight: float
    value: Tensor
    contribution: Tensor
    output: Tensor
    whole: Whole | None = None


def explain(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    row: int,
    column: int,
    mask: Tensor | None = None,
    *,
    scoring: Scoring | None = None,
    scale: float | None = None,
    temperature: float = 1.0,
    bias: Tensor | None = None,
    softcap: float | None = None,
    sinks: Tensor | None = None,
) -> Cell:
    """Open cell (row, column) of one head: query (n, d), key (m, d), value (m, v).

    mask, bias (n, m) or broadcastable; sinks (n or 1, 1). The other arguments are attend()'s, and
    the weight and output are attend()'s too, to rounding. Raises ``ValueError`` for a cell outside.
    """
    scoring = Dot() if scoring is None else scoring
    shape = scores_shape(query, key, value)
    if len(shape) != 2:
        raise ValueError(f"explain opens one head of one text at a time, got scores {shape}")
    n, m = shape
    if not (0 <= row < n and 0 <= column < m):
        raise ValueError(f"cell ({row}, {column}) lies outside {n} queries x {m} keys")
    # float64 so that the sheet adds up; on the CPU because mps has no float64
    query, key, value = _double(query), _double(key), _double(value)
    bias = None if bias is None else _double(bias)
    sinks = None if sinks is None else _double(sinks)
    mask = None if mask is None else mask.cpu()
    scoring = _scoring_in_double(scoring)
    scale = scoring.default_scale(query.shape[-1]) if scale is None else scale
    attended = attend(
        query, key, value, mask, scoring=scoring, scale=scale, temperature=temperature,
        bias=bias, softcap=softcap, sinks=sinks,
    )  # fmt: skip

    left, right = scoring.factors(query[row], key[column])
    terms = left * right
    raw = terms.sum().item()
    scaled = raw * scale if softcap is None else softcap * math.tanh(raw * scale / softcap)
    scaled = scaled / temperature
    may = torch.ones(n, m, dtype=torch.bool) if mask is None else mask.expand(n, m)
    allowed_row = may[row]
    added = 0.0 if bias is None else bias.expand(n, m)[row, column].item()
    logits = attended.scores[row]
    candidates = logits[allowed_row]
    if sinks is not None:
        candidates = torch.cat([candidates, sinks.expand(n, 1)[row]])
    shift = candidates.max().item() if candidates.numel() else 0.0
    allowed = bool(allowed_row[column])
    logit = logits[column].item()
    weight = attended.weights[row, column].item()
    # as in attend(), what cannot be attended adds nothing, NaN and infinity neither
    contribution = weight * (value[column] if allowed else value[column].nan_to_num(0, 0, 0))
    plain = bias is None and softcap is None and sinks is None
    return Cell(
        query=query[row], key=key[column], left=left, right=right, terms=terms, raw=raw,
        scale=scale, temperature=temperature, scaled=scaled, bias=added, allowed=allowed,
        logit=logit, shift=shift,
        numerator=math.exp(logit - shift) if allowed else 0.0,
        denominator=(candidates - shift).exp().sum().item(),
        weight=weight, value=value[column], contribution=contribution,
        output=attended.output[row],
        whole=Whole(query, key, value, may, scoring, row, column) if plain else None,
    )  # fmt: skip


def _double(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().double()


def _scoring_in_double(scoring: Some) -> Some:
    """The same scoring with its tensors in float64 on the CPU."""
    fields = {
        name: _double(field) if isinstance(field, Tensor) else field for name, field in vars(scoring).items()
    }
    return type(scoring)(**fields)
