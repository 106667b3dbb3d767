"""Chapter 3, beside the text: the same numbers sooner. Skip it until you wonder where the time goes.

``attend`` is a product, a softmax and a product. On a CPU most of its time goes not into sums but
into n * m numbers being carried to and from memory, so every trick here carries fewer of them:

* a scale that is a power of two goes to the n * d numbers of the query (:func:`dot_scores`);
* the weights are written over the scores (:func:`softmax_over`), which are computed once more if
  anybody asks for them;
* where no weights are wanted they are never stored (:func:`fused`).

What they return equals the plain path of :mod:`attention.pooling`, bit for bit but for the last one.

Shapes: as in ``pooling``: n queries, m keys, d features, v value features.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from .scoring import Dot


def weigh(
    query: Tensor, key: Tensor, factor: float, bias: Tensor | None, mask: Tensor | None
) -> tuple[Tensor, Callable[[], Tensor]]:
    """Weights (..., n, m) of ``softmax(factor q.k + bias)``, and a function that gives the scores."""
    score = partial(dot_scores, query, key, factor, bias)
    return softmax_over(score(), mask), score


def dot_scores(query: Tensor, key: Tensor, factor: float, bias: Tensor | None = None) -> Tensor:
    """``factor q.k + bias``: query (..., n, d), key (..., m, d) -> (..., n, m), never masked."""
    if math.frexp(factor)[0] == 0.5:
        # a power of two loses no digit, so it may go to the n*d numbers instead of the n*m
        scores = Dot()(query if factor == 1 else query * factor, key)
    else:
        # after the product, as transformers' eager attention does: equal to it bit for bit
        scores = Dot()(query, key).mul_(factor)
    return scores if bias is None else scores + bias


def softmax_over(scores: Tensor, mask: Tensor | None) -> Tensor:
    """``masked_softmax(scores, mask)`` in the memory of scores, which are lost."""
    empty = None
    if mask is not None:
        blocked = ~mask
        empty = ~mask.any(dim=-1, keepdim=True)  # (..., n, 1)
        if empty.any():
            blocked = blocked & ~empty
        else:
            empty = None
        # detached, for the gradient at a weight of 0 is 0 without a second pass over the mask
        _block(scores.detach(), blocked)
    if scores.dtype in (torch.float16, torch.bfloat16):
        weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(scores.dtype)
    elif scores.requires_grad:
        weights = torch.softmax(scores, dim=-1)
    else:
        weights = torch.softmax(scores, dim=-1, out=scores)
    return weights if empty is None else weights.masked_fill(empty, 0)


def _block(scores: Tensor, blocked: Tensor) -> None:
    """Write -inf into scores (..., n, m) where ``blocked``, broadcastable to it, is True."""
    if scores.sum().isfinite():
        # up to ten times as fast as masked_fill_ on a CPU, but it would let a NaN stand
        limit = torch.full_like(blocked, float("inf"), dtype=scores.dtype)
        torch.minimum(scores, limit.masked_fill_(blocked, float("-inf")), out=scores)
    else:
        scores.masked_fill_(blocked, float("-inf"))


def fusible(query: Tensor, key: Tensor, value: Tensor, factor: float) -> bool:
    """Whether :func:`fused` is right: it takes a scale of 0 for none, and NaN now as 0, now as NaN.

    The sums may overflow where every number is finite; the plain path is then taken, rightly too.
    """
    return factor != 0 and all(math.isfinite(x.detach().sum().item()) for x in (query, key, value))


def fused(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    factor: float,
    bias: Tensor | None,
    mask: Tensor | None,
    dropout: float,
) -> Tensor:
    """The output (..., n, v) by ``F.scaled_dot_product_attention``, which never stores the weights.

    It adds in another order, so the last digits may differ. dropout draws from torch's global
    source of randomness.
    """
    if bias is not None:
        mask = bias if mask is None else bias.masked_fill(~mask, float("-inf"))
    if mask is not None:
        mask = torch.atleast_2d(mask)  # (m,) -> (1, m), which the kernel wants
    return F.scaled_dot_product_attention(query, key, value, mask, dropout, scale=factor)
