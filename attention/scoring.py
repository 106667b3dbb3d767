"""Chapter 1: how well does a key fit a query?

A score is one number per (query, key) pair; attention turns a row of scores into weights. Every
scoring here is a sum of products over dimensions, ``score = sum_i left_i * right_i``, and each
class can hand back those factors, so that any score in the app opens into its terms.

Shapes: n queries, m keys, d features, u hidden units. Leading dimensions broadcast.

>>> import torch
>>> query = torch.tensor([[1.0, 2.0]])
>>> key = torch.tensor([[3.0, 1.0], [0.0, -1.0]])
>>> Dot()(query, key)
tensor([[ 5., -2.]])
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


def check_features(query: Tensor, key: Tensor) -> None:
    """Raise ``ValueError`` unless query (..., n, d) and key (..., m, d) share d."""
    if query.dim() < 2 or key.dim() < 2:
        raise ValueError(
            f"query and key need at least two dimensions (rows, features), got shapes "
            f"{tuple(query.shape)} and {tuple(key.shape)}; add a row dimension with [None]"
        )
    if query.shape[-1] != key.shape[-1]:
        raise ValueError(
            f"query and key must share their last dimension d, got {query.shape[-1]} and "
            f"{key.shape[-1]}; project one of them, or use Additive, which has its own widths"
        )


@dataclass(frozen=True)
class Dot:
    """Dot product, ``score = sum_i q_i k_i``.

    The division by sqrt(d) of Vaswani et al. 2017, equation 1, is not part of it: it is the
    ``scale`` of :func:`attention.pooling.attend`, so that it can be switched off and looked at.
    """

    def __call__(self, query: Tensor, key: Tensor) -> Tensor:
        """query (..., n, d), key (..., m, d) -> scores (..., n, m)."""
        check_features(query, key)
        return query @ key.transpose(-2, -1)

    def factors(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """One query (d,) and one key (d,) -> left (d,), right (d,): q and k themselves."""
        return query, key

    def default_scale(self, d: int) -> float:
        """1/sqrt(d): keeps the variance of the score at 1 when q and k have unit variance."""
        return 1 / math.sqrt(d)


@dataclass(frozen=True)
class Bilinear:
    """Bilinear ("general") score, ``q^T W k``, weight W (d_q, d_k). Luong et al. 2015, eq. 8."""

    weight: Tensor

    def __call__(self, query: Tensor, key: Tensor) -> Tensor:
        """query (..., n, d_q), key (..., m, d_k) -> scores (..., n, m)."""
        if query.shape[-1] != self.weight.shape[0] or key.shape[-1] != self.weight.shape[1]:
            raise ValueError(
                f"W has shape {tuple(self.weight.shape)}, so it takes queries of width "
                f"{self.weight.shape[0]} and keys of width {self.weight.shape[1]}; got "
                f"{query.shape[-1]} and {key.shape[-1]}"
            )
        return (query @ self.weight) @ key.transpose(-2, -1)

    def factors(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """One query (d_q,) and one key (d_k,) -> left = qW (d_k,), right = k (d_k,)."""
        return query @ self.weight, key

    def default_scale(self, d: int) -> float:
        """1: W can learn any scale itself."""
        return 1.0


@dataclass(frozen=True)
class Additive:
    """Additive score, ``v^T tanh(W_q q + W_k k)``. Bahdanau et al. 2015, appendix A.1.2.

    w_q (u, d_q), w_k (u, d_k), v (u,): u hidden units; queries and keys may differ in width.
    """

    w_q: Tensor
    w_k: Tensor
    v: Tensor

    def __call__(self, query: Tensor, key: Tensor) -> Tensor:
        """query (..., n, d_q), key (..., m, d_k) -> scores (..., n, m)."""
        if query.shape[-1] != self.w_q.shape[1] or key.shape[-1] != self.w_k.shape[1]:
            raise ValueError(
                f"W_q takes queries of width {self.w_q.shape[1]} and W_k keys of width "
                f"{self.w_k.shape[1]}, got {query.shape[-1]} and {key.shape[-1]}"
            )
        # (..., n, 1, u) + (..., 1, m, u): every pair meets, so memory grows with n * m * u
        hidden = (query @ self.w_q.T).unsqueeze(-2) + (key @ self.w_k.T).unsqueeze(-3)
        return torch.tanh(hidden) @ self.v

    def factors(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """One query (d_q,) and one key (d_k,) -> left = v (u,), right = the tanh units (u,)."""
        return self.v, torch.tanh(self.w_q @ query + self.w_k @ key)

    def default_scale(self, d: int) -> float:
        """1: tanh bounds every unit already."""
        return 1.0


@dataclass(frozen=True)
class Gaussian:
    """Gaussian kernel as a score, ``-|q - k|^2 / (2 h^2)`` with bandwidth h > 0, in units of q.

    Its softmax over the keys is the Nadaraya-Watson estimator (Nadaraya 1964, Watson 1964).
    """

    bandwidth: float | Tensor = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.bandwidth, Tensor) and not self.bandwidth > 0:
            raise ValueError(
                f"bandwidth must be greater than 0, got {self.bandwidth}; 0 divides by zero, and a "
                "negative one would pass unseen because only its square is used"
            )

    def __call__(self, query: Tensor, key: Tensor) -> Tensor:
        """query (..., n, d), key (..., m, d) -> scores (..., n, m), all <= 0."""
        check_features(query, key)
        difference = query.unsqueeze(-2) - key.unsqueeze(-3)  # (..., n, m, d)
        return -(difference / self.bandwidth).square().sum(-1) / 2

    def factors(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """One query (d,) and one key (d,) -> left = -(q-k)/(2h^2), right = q-k."""
        difference = query - key
        return -difference / (2 * self.bandwidth**2), difference

    def default_scale(self, d: int) -> float:
        """1: the bandwidth is the scale."""
        return 1.0


Scoring = Dot | Bilinear | Additive | Gaussian
