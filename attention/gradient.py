"""Chapter 4, backwards: would the loss fall if this number were a little larger?

Learning asks that of every number on the way. ``loss.backward()`` answers for any computation, from a record
that it keeps of all its steps; for attention the answers are a few products of matrices, which can be read,
and which take a fifth of the time where the matrices are small. With the scores S, the weights A, the
output O = A V, and G = dL/dO, which comes from whoever used the output:

    dL/dV = A^T G                              a value hears from all queries that looked at it
    dL/dA = G V^T                              a weight: what more of this value would do
    dL/dS = A * (dL/dA - rowsum(A * dL/dA))    a score: only what is better than the row's average
    dL/dQ = scale dL/dS K                      a query is drawn to keys that should score higher
    dL/dK = scale dL/dS^T Q                    and a key to such queries

The third is the softmax's: a row's weights sum to 1, so one gains what the others lose. All five stand in
FlashAttention's appendix B.2 (Dao et al. 2022). They are computed here in autograd's own order, so that
hundreds of steps by them end where autograd's would.

Shapes: b batch, n queries, m keys, d features, v value features.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Gradients(NamedTuple):
    """dL/dQ (b, n, d), dL/dK (b, m, d), dL/dV (b, m, v)."""

    query: Tensor
    key: Tensor
    value: Tensor


def attention_gradients(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    weights: Tensor,
    upstream: Tensor,
    *,
    scale: float,
    keep: Tensor | None = None,
    dropout: float = 0.0,
) -> Gradients:
    """The gradients of ``softmax(scale Q K^T) V``, from its weights and ``upstream``, dL/dO.

    query (b, n, d), key (b, m, d), value (b, m, v), weights (b, n, m) before dropout, upstream (b, n, v).
    keep: boolean (b, n, m), the weights that dropout left, ``dropout`` its probability; default all. A key
    behind a mask has a weight of 0, and so no part in any of them. Nothing is checked: this is called in
    every step of a training.
    """
    gains, used = torch.bmm(upstream, value.mT), weights  # (b, n, m)
    if keep is not None:
        gains, used = gains / (1 - dropout) * keep, weights * keep / (1 - dropout)
    scores = softmax_gradient(weights, gains).mul_(scale)
    return Gradients(torch.bmm(scores, key), torch.bmm(scores.mT, query), torch.bmm(used.mT, upstream))


def softmax_gradient(weights: Tensor, gains: Tensor) -> Tensor:
    """``A * (gains - rowsum(A * gains))``: A = softmax(S) and gains = dL/dA (..., n, m) -> dL/dS.

    >>> weights, gains = torch.tensor([[0.5, 0.5]]), torch.tensor([[0.0, 1.0]])
    >>> softmax_gradient(weights, gains)  # 0.5 (0 - 0.5), 0.5 (1 - 0.5)
    tensor([[-0.2500,  0.2500]])
    """
    return torch._softmax_backward_data(gains, weights, -1, weights.dtype)  # PyTorch's own, in one pass
