"""What is often said about attention, held against numbers.

Shapes: h heads, n queries, m keys, d features.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from ..multihead import MultiHeadAttention, SelfAttention
from ..pooling import attend


class Scores(NamedTuple):
    """How many numbers are held: scores of one head, scores of all, numbers of all projections."""

    one_head: int
    all_heads: int
    projected: int


def score_count(n: int, num_heads: int, d_model: int) -> Scores:
    """ "Several heads need less memory": counted on a layer that runs.

    The projections stay 3 n d_model whatever the number of heads; the scores grow to h n^2.

    >>> score_count(10, 4, 8)
    Scores(one_head=100, all_heads=400, projected=240)
    """
    x = torch.zeros(1, n, d_model)
    layers = [MultiHeadAttention(d_model, heads, generator=torch.Generator()) for heads in (1, num_heads)]
    with torch.no_grad():
        counted = [layer(x).weights.numel() for layer in layers]
        projected = sum(part.numel() for part in layers[1].project(x))
    return Scores(counted[0], counted[1], projected)


class Spread(NamedTuple):
    """Standard deviation of the scores q.k / sqrt(d), mean largest weight of a row, the weights (n, n)."""

    scores: float
    largest_weight: float
    weights: Tensor


def random_weights_spread(d: int = 64, n: int = 64, seed: int = 0) -> tuple[Spread, Spread]:
    """Weights by ``randn(d, d)`` against Glorot's: (randn, Glorot), tokens of unit variance.

    With randn each projection multiplies the variance by d, so that scores spread by about d even
    after the division by sqrt(d), and a row looks at one key only. Glorot and Bengio 2010, eq. 16.
    """
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=generator)
    plain = [torch.randn(d, d, generator=generator) for _ in range(2)]
    glorot = SelfAttention(d, generator=generator)
    found = []
    for w_q, w_k in (plain, [glorot.w_q.detach(), glorot.w_k.detach()]):
        attended = attend(x @ w_q.T, x @ w_k.T, x)
        scores, weights = attended.scores, attended.weights
        assert scores is not None and weights is not None
        found.append(Spread(scores.std().item(), weights.amax(-1).mean().item(), weights))
    return found[0], found[1]


class Regularised(NamedTuple):
    """Entropy (nats) of a row, the norm of W, and the row itself, after a training with one kind of L2."""

    entropy: float
    norm: float
    weights: tuple[float, ...]


@lru_cache(maxsize=64)
def regularised(kind: str, strength: float = 0.3, steps: int = 400, seed: int = 0) -> Regularised:
    """L2 on the attention weights against L2 on the matrices: they are not the same thing.

    One query learns to copy the value of key 0 by scores ``x W k``; kind "none", "weights" (adds
    strength * sum of squared attention weights, smallest where a row is even) or "matrices"
    (strength * |W|^2, which shrinks the scores through W). Raises ``ValueError`` for another kind.
    """
    if kind not in ("none", "weights", "matrices"):
        raise ValueError(f"kind must be none, weights or matrices, got {kind!r}")
    generator = torch.Generator().manual_seed(seed)
    x, key = torch.randn(1, 4, generator=generator), torch.randn(5, 4, generator=generator)
    value = torch.eye(5)
    w = torch.zeros(4, 4, requires_grad=True)
    optimiser = torch.optim.Adam([w], lr=0.05)
    for _ in range(steps):
        attended = attend(x @ w, key, value)
        weights = attended.weights
        assert weights is not None
        loss = (attended.output - value[:1]).square().sum()
        penalties = {"weights": weights.square().sum(), "matrices": w.square().sum()}
        penalty = penalties.get(kind, torch.zeros(()))
        optimiser.zero_grad()
        (loss + strength * penalty).backward()
        optimiser.step()
    with torch.no_grad():
        weights = attend(x @ w, key, value).weights
        assert weights is not None
        entropy = torch.special.entr(weights).sum().item()
        return Regularised(entropy, w.norm().item(), tuple(weights[0].tolist()))


class Projections(NamedTuple):
    """Linear layers of a whole attention layer by what they make, and their numbers of parameters."""

    names: tuple[str, ...]
    parameters: int
    without_output: int


def projection_count(d_model: int) -> Projections:
    """ "Q, K and V come from four linear layers": three do, the fourth mixes the heads afterwards.

    Counted without biases on :class:`MultiHeadAttention`.

    >>> projection_count(8)
    Projections(names=('query', 'key', 'value', 'output'), parameters=256, without_output=192)
    """
    layer = MultiHeadAttention(d_model, 1, bias=False, generator=torch.Generator())
    inputs = layer.w_qkv.numel()
    return Projections(("query", "key", "value", "output"), inputs + layer.w_o.numel(), inputs)


def batched_shapes(n: int, a: int, b: int, c: int) -> tuple[int, ...]:
    """(n, a, b)(n, b, c) -> (n, a, c): n products side by side, each equal to its own.

    Raises ``ValueError`` if a product in the batch differs from the single one (it does not).

    >>> batched_shapes(2, 3, 4, 5)
    (2, 3, 5)
    """
    generator = torch.Generator().manual_seed(0)
    left = torch.randn(n, a, b, generator=generator, dtype=torch.float64)
    right = torch.randn(n, b, c, generator=generator, dtype=torch.float64)
    together = torch.bmm(left, right)
    alone = torch.stack([left[i] @ right[i] for i in range(n)])
    if not torch.allclose(together, alone):
        raise ValueError("a product in the batch differs from the single one")
    return tuple(together.shape)


def identity_heatmap(n: int = 10, d: int = 8, seed: int = 0) -> tuple[Tensor, Tensor, float]:
    """``eye(n)`` as a heatmap against computed weights: (eye, weights, on the diagonal).

    eye(n) says that every word looks at itself alone, whatever the text; it is not attention of
    anything. on the diagonal: mean computed weight there, for random tokens.
    """
    x = torch.randn(n, d, generator=torch.Generator().manual_seed(seed))
    weights = attend(x, x, x, scale=1 / math.sqrt(d)).weights
    assert weights is not None
    return torch.eye(n), weights, weights.diagonal().mean().item()
