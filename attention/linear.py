"""What if the softmax were a plain product? Then attention is a recurrent network with a matrix for memory.

Where a weight is ``f(q) . f(k)``, the sum over keys can be made before the query is known:
``sum_j (f(q) . f(k_j)) v_j = f(q) (sum_j f(k_j) v_j^T)``. The bracket is a state of r x v numbers that grows
with no text (Katharopoulos et al. 2020, equations 4 to 6 and 16 to 20). Features f that are random make the
Gaussian kernel so (Rahimi and Recht 2007; positive ones, Choromanski et al. 2021), with an error that falls
like 1/sqrt(r). A state that only adds forgets nothing; the delta rule overwrites (Schlag et al. 2021).

Shapes: n queries, m keys, d features, v value features, r random or other features.

>>> one = torch.ones(3, 1)
>>> linear_attend(one, one, torch.tensor([[1.0], [3.0], [8.0]]), causal=True).output.flatten()  # means so far
tensor([1., 2., 4.])
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .masks import causal_mask, check_mask
from .pooling import Attended

Features = Callable[[Tensor], Tensor]


def positive_part(x: Tensor) -> Tensor:
    """``elu(x) + 1``, above 0 everywhere: Katharopoulos et al. 2020, equation 7. (..., d) -> (..., d)."""
    return F.elu(x) + 1


@dataclass(frozen=True, eq=False)
class Fourier:
    """``[cos(w x), sin(w x)] / sqrt(r)``: f(q) . f(k) is near ``exp(-|q - k|^2 / 2)``.

    directions w (r, d), standard normal. Off by at most about 1/sqrt(2r) a pair, and now and then below
    0. Rahimi and Recht 2007, algorithm 1 in its paired form.
    """

    directions: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """(..., d) -> (..., 2r)."""
        turns = x @ self.directions.T
        return torch.cat([turns.cos(), turns.sin()], -1) / math.sqrt(len(self.directions))


@dataclass(frozen=True, eq=False)
class Positive:
    """``exp(w x - |x|^2) / sqrt(r)``: the same kernel by features above 0, so no sum of weights vanishes.

    directions w (r, d). Exact at x = 0, and wild far from it. Choromanski et al. 2021, lemma 1, times the
    ``exp(-|x|^2 / 2)`` that turns the softmax kernel into the Gaussian one.
    """

    directions: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """(..., d) -> (..., r)."""
        powers = x @ self.directions.T - x.square().sum(-1, keepdim=True)
        return powers.exp() / math.sqrt(len(self.directions))


def random_directions(features: int, d: int, seed: int = 0) -> Tensor:
    """(features, d) standard normal numbers; the first ones of a seed are the same for every count."""
    return torch.randn(features, d, generator=torch.Generator().manual_seed(seed))


def linear_attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    features: Features = positive_part,
    causal: bool = False,
) -> Attended:
    """As a matrix: weights ``f(q) . f(k) / sum``, Katharopoulos et al. 2020, equation 4.

    query (..., n, d), key (..., m, d), value (..., m, v); mask: boolean, True = may attend. causal: no
    looking ahead, as :func:`linear_steps`. Returns output, weights and unnormalised scores. A row whose
    scores sum to 0, as one with nothing to attend to, gets zeros.
    """
    scores = features(query) @ features(key).mT  # (..., n, m)
    if mask is not None:
        check_mask(mask, scores.shape)
        scores = scores.masked_fill(~mask, 0)
    if causal:
        scores = scores.masked_fill(~causal_mask(scores.shape[-2], scores.shape[-1], scores.device), 0)
    total = scores.sum(-1, keepdim=True)
    weights = scores / total.masked_fill(total == 0, 1)
    return Attended(weights @ value, weights, scores)


@dataclass(frozen=True, eq=False)
class State:
    """What is left of all tokens so far. memory (..., r, v): sum of f(k) v^T. total (..., r): sum of f(k).
    output (..., v): what the newest query reads, f(q) memory / (f(q) . total)."""

    memory: Tensor
    total: Tensor
    output: Tensor


def linear_steps(
    query: Tensor, key: Tensor, value: Tensor, features: Features = positive_part
) -> Iterator[State]:
    """The same as a recurrent network, one state per token: query, key (..., n, d), value (..., n, v)."""
    asked, kept = features(query), features(key)
    memory = kept.new_zeros(*kept.shape[:-2], kept.shape[-1], value.shape[-1])
    total = kept.new_zeros(*kept.shape[:-2], kept.shape[-1])
    for at in range(query.shape[-2]):
        memory = memory + kept[..., at, :, None] * value[..., at, None, :]
        total = total + kept[..., at, :]
        row = asked[..., at, :]
        weight = (row * total).sum(-1, keepdim=True)
        output = (row[..., None, :] @ memory)[..., 0, :] / weight.masked_fill(weight == 0, 1)
        yield State(memory, total, output)


def delta_steps(
    query: Tensor, key: Tensor, value: Tensor, rate: Tensor | float = 1.0, *, features: Features = lambda x: x
) -> Iterator[State]:
    """The delta rule: what a key holds is corrected, not added to. Schlag et al. 2021.

    ``S <- S + rate f(k) (v - S^T f(k))^T`` with f(k) of length 1 first; rate in [0, 1], a number or (..., n):
    1 replaces what the key held, 0 writes nothing. Reading is f(q) S, with nothing to divide by.
    """
    asked, kept = F.normalize(features(query), dim=-1), F.normalize(features(key), dim=-1)
    rates = torch.as_tensor(rate, dtype=kept.dtype, device=kept.device).expand(kept.shape[:-1])
    if ((rates < 0) | (rates > 1)).any():
        raise ValueError("the rate must lie in [0, 1]: 1 replaces what a key held, 0 writes nothing")
    memory = kept.new_zeros(*kept.shape[:-2], kept.shape[-1], value.shape[-1])
    total = kept.new_zeros(*kept.shape[:-2], kept.shape[-1])
    for at in range(query.shape[-2]):
        row = kept[..., at, :]
        found = (row[..., None, :] @ memory)[..., 0, :]
        wrong = rates[..., at, None] * (value[..., at, :] - found)
        memory = memory + row[..., :, None] * wrong[..., None, :]
        total = total + row
        yield State(memory, total, (asked[..., at, None, :] @ memory)[..., 0, :])
