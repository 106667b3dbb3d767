"""Do twelve heads need twelve sets of keys and values? What the cache keeps can be shared, or squeezed.

Grouped heads (Ainslie et al. 2023) let several query heads read one key and value head; with one for all it
is multi-query attention (Shazeer 2019). Latent attention (DeepSeek-V2, 2024, section 2.1) keeps one short
vector per token instead, from which every head makes its own keys and values; since those are linear, their
matrices can be moved to the query and the output ("absorbed"), and the long keys are never made. Positions
do not survive that move, so they get a few rotated features of their own, shared by all heads.

Shapes: h query heads, g key and value heads, n queries, m keys, d features, D features of a token, r rank,
p rotary features.

>>> keys = torch.tensor([[[1.0]], [[3.0]], [[10.0]], [[20.0]]])  # four heads of one token and feature
>>> share_heads(keys, 2).flatten()
tensor([ 2., 15.])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .masks import check_mask
from .pooling import Attended, attend
from .position import rotate


def share_heads(heads: Tensor, groups: int, *, repeat: bool = False) -> Tensor:
    """The mean of each group of neighbouring heads: (..., h, m, d) -> (..., g, m, d).

    heads: keys, values, or a projection's rows (h, d, D), which comes to the same because both are linear
    (Ainslie et al. 2023, figure 1). repeat: each mean stands h/g times, (..., h, m, d), for code that wants
    one per query head. Not retrained, the model is a damaged one. ``ValueError`` if g does not divide h.
    """
    h = heads.shape[-3]
    if groups < 1 or h % groups:
        divisors = [g for g in range(1, h + 1) if h % g == 0]
        raise ValueError(f"groups must divide the {h} heads, got {groups}; choose from {divisors}")
    means = heads.reshape(*heads.shape[:-3], groups, h // groups, *heads.shape[-2:]).mean(-3)
    return means.repeat_interleave(h // groups, -3) if repeat else means


def grouped_attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, **options: Any
) -> Attended:
    """attend() with query (b, h, n, d) and fewer key and value heads, (b, g, m, d): h/g queries share each.

    Query head i reads key head ``i // (h/g)``, as PyTorch's ``enable_gqa`` does. No key is copied: the
    queries of a group become rows of one problem. mask, and attend()'s bias and sinks, broadcast to
    (b, h, n, m or 1); the other options are attend()'s. Returns output (b, h, n, v), weights (b, h, n, m).
    """
    b, h, n, _ = query.shape
    g, m = key.shape[1], key.shape[2]
    if g < 1 or h % g:
        raise ValueError(f"the query heads must be a multiple of the key heads, got {h} and {g}")

    def fold(x: Tensor | None, last: int) -> Tensor | None:
        """(b, h, n, last) -> (b, g, h/g * n, last); what is the same for every row stays small."""
        if x is None or g == h or (x.dim() < 3 and n == 1):
            return x
        return x.expand(b, h, n, last).reshape(b, g, -1, last)

    if mask is not None:
        check_mask(mask, (b, h, n, m))
    options |= {"bias": fold(options.get("bias"), m), "sinks": fold(options.get("sinks"), 1)}
    attended = attend(query.reshape(b, g, h // g * n, -1), key, value, fold(mask, m), **options)
    output = attended.output.reshape(b, h, n, -1)
    if attended.weights is None:
        bare: Attended = attended.with_output(output)
        return bare
    return Attended(output, attended.weights.reshape(b, h, n, m), lambda: _unfold(attended, (b, h, n, m)))


def _unfold(attended: Attended, shape: tuple[int, ...]) -> Tensor:
    assert attended.scores is not None  # they are there whenever the weights are
    return attended.scores.reshape(shape)


Svd = tuple[Tensor, Tensor, Tensor]  # left (a, r), sizes (r,), right (r, b)


def common_svd(w_k: Tensor, w_v: Tensor) -> Svd:
    """The singular value decomposition of w_k (h, d, D) and w_v (h, v, D), one above the other."""
    left, sizes, right = torch.linalg.svd(
        torch.cat([w_k.flatten(0, 1), w_v.flatten(0, 1)]), full_matrices=False
    )
    return left, sizes, right


@dataclass(frozen=True, eq=False)
class Latent:
    """Attention over a latent vector of r numbers per token, DeepSeek-V2 equations 9 to 19.

    w_q (h, d, D); down (r, D), up_key (h, d, r), up_value (h, v, r): keys and values of head i are
    ``up_i (down x)``. rotary_query (h, p, D), rotary_key (p, D): p features more, turned to the position,
    one key for all heads; p may be 0. norm (r,): weight of an RMS norm after down, None for none; eps.
    """

    w_q: Tensor
    down: Tensor
    up_key: Tensor
    up_value: Tensor
    rotary_query: Tensor
    rotary_key: Tensor
    norm: Tensor | None = None
    eps: float = 1e-6

    @staticmethod
    def of_heads(
        w_q: Tensor, w_k: Tensor, w_v: Tensor, rank: int, rotary_query: Tensor, rotary_key: Tensor,
        svd: Svd | None = None,
    ) -> Latent:  # fmt: skip
        """The best rank-r replacement of w_k (h, d, D) and w_v (h, v, D), from their :func:`common_svd`.

        With rank = min(h * (d + v), D) nothing is lost (Eckart and Young 1936). ``ValueError`` beyond.
        svd: where it is known already, for another rank.
        """
        left, sizes, right = common_svd(w_k, w_v) if svd is None else svd
        if not 1 <= rank <= len(sizes):
            raise ValueError(f"rank must lie in [1, {len(sizes)}], got {rank}")
        up = left[:, :rank] * sizes[:rank]
        up_key, up_value = up.split([w_k[..., 0].numel(), w_v[..., 0].numel()])
        up_key = up_key.reshape(*w_k.shape[:2], rank)
        up_value = up_value.reshape(*w_v.shape[:2], rank)
        return Latent(w_q, right[:rank], up_key, up_value, rotary_query, rotary_key)

    def keep(self, x: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """What the cache keeps of x (b, m, D): latent (b, m, r) and rotated key (b, m, p)."""
        latent = x @ self.down.T
        if self.norm is not None:
            latent = latent * torch.rsqrt(latent.square().mean(-1, keepdim=True) + self.eps) * self.norm
        return latent, _turn(x @ self.rotary_key.T, positions)

    def attend(
        self, x: Tensor, positions: Tensor, kept: tuple[Tensor, Tensor], mask: Tensor | None = None,
        *, absorbed: bool = False,
    ) -> Attended:  # fmt: skip
        """Queries of x (b, n, D) over what was kept of m tokens: output (b, h, n, v), weights (b, h, n, m).

        absorbed: the matrices up move to query and output, so that nothing of size h * m * d is made:
        ``q . (U c) = (U^T q) . c`` and ``sum_j w_j (U c_j) = U (sum_j w_j c_j)``.
        """
        latent, turned = (part[:, None] for part in kept)  # (b, 1, m, r or p): of all heads
        query = x[:, None] @ self.w_q.mT  # (b, h, n, d)
        rotary = _turn(x[:, None] @ self.rotary_query.mT, positions)  # (b, h, n, p)
        scale = (query.shape[-1] + rotary.shape[-1]) ** -0.5
        if absorbed:
            query, key, value = query @ self.up_key, latent, latent
        else:
            key, value = latent @ self.up_key.mT, latent @ self.up_value.mT
            turned = turned.expand(*key.shape[:-1], -1)
        query, key = torch.cat([query, rotary], -1), torch.cat([key, turned], -1)
        attended = attend(query, key, value, mask, scale=scale)
        return attended.with_output(attended.output @ self.up_value.mT) if absorbed else attended


def _turn(x: Tensor, positions: Tensor) -> Tensor:
    return rotate(x, positions) if x.shape[-1] else x
