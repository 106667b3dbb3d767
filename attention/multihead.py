"""Chapter 6: why look through one pair of eyes when several cost the same?

A head is attention over its own small projection of every token. Several heads side by side can
follow several relations at once (the word before, the verb, the sentence's end), and because each
works in d_model/num_heads dimensions, all of them together cost what one full-width head costs.

Vaswani et al. 2017, section 3.2.2: ``head_i = attend(x W_q^i, x W_k^i, x W_v^i)`` and
``output = concat(head_1 .. head_h) W_o``.

Shapes: b batch, h heads, n queries, m keys, d_model token features, d = d_model / h head features.

>>> generator = torch.Generator().manual_seed(0)
>>> attended = MultiHeadAttention(d_model=6, num_heads=2, generator=generator)(torch.rand(1, 4, 6))
>>> attended.output.shape, attended.weights.shape
(torch.Size([1, 4, 6]), torch.Size([1, 2, 4, 4]))
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .masks import causal_mask, check_mask
from .pooling import Attended, Pooled, attend


def head_width(d_model: int, num_heads: int) -> int:
    """d = d_model / num_heads. Raises ``ValueError`` with the divisors if it is not whole."""
    if d_model < 1 or num_heads < 1:
        raise ValueError(
            f"d_model and num_heads must be at least 1, got d_model {d_model} and num_heads {num_heads}"
        )
    if d_model % num_heads:
        divisors = [h for h in range(1, d_model + 1) if d_model % h == 0]
        raise ValueError(
            f"num_heads must divide d_model, got {num_heads} heads for d_model {d_model} "
            f"(remainder {d_model % num_heads}); {d_model} can be split into "
            f"{', '.join(map(str, divisors))} heads"
        )
    return d_model // num_heads


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """(..., n, d_model) -> (..., h, n, d), a view: head i takes features i*d to (i+1)*d.

    First the features are cut, then heads and tokens swap places. Cutting straight into
    (h, n, d) would give a head pieces of different tokens (pitfalls, ``split_without_transpose``).
    Raises ``ValueError`` when num_heads does not divide d_model.
    """
    d = head_width(x.shape[-1], num_heads)
    split: Tensor = x.unflatten(-1, (num_heads, d))  # (..., n, h, d)
    return split.transpose(-3, -2)


def merge_heads(x: Tensor) -> Tensor:
    """(..., h, n, d) -> (..., n, h*d), the inverse of :func:`split_heads`."""
    return x.transpose(-3, -2).flatten(-2)


class SelfAttention(nn.Module):
    """One head: every token asks, answers and carries a value, all by learned projections.

    d_model: width of a token. d: width of query, key and value, default d_model. dropout: on the
    weights, in [0, 1), active in training mode. bias: whether the projections have one, default
    no. generator: source of the initial weights (Glorot and Bengio 2010, equation 16), default
    torch's global one.
    """

    def __init__(
        self,
        d_model: int,
        d: int | None = None,
        dropout: float = 0.0,
        bias: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        d = d_model if d is None else d
        self.dropout = dropout
        self.w_q, self.b_q = _projection(d_model, d, bias, generator)
        self.w_k, self.b_k = _projection(d_model, d, bias, generator)
        self.w_v, self.b_v = _projection(d_model, d, bias, generator)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x (..., n, d_model) -> query, key, value, each (..., n, d)."""
        return (
            F.linear(x, self.w_q, self.b_q),
            F.linear(x, self.w_k, self.b_k),
            F.linear(x, self.w_v, self.b_v),
        )

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
        need_weights: bool = True,
        generator: torch.Generator | None = None,
    ) -> Attended | Pooled:
        """x (..., n, d_model) -> output (..., n, d), weights and scores (..., n, n).

        mask: boolean, broadcastable to (..., n, n), True = may attend. causal: additionally, no
        looking ahead. generator: the source of dropout's randomness.
        """
        if causal:
            mask = _and_causal(mask, x.shape[-2], x.shape[-2], x.device)
        return attend(
            *self.project(x),
            mask,
            dropout=self.dropout if self.training else 0.0,
            generator=generator,
            need_weights=need_weights,
        )


class MultiHeadAttention(nn.Module):
    """num_heads heads side by side, in one multiplication per projection.

    The three input projections are the rows of one matrix w_qkv (3 d_model, d_model): a single
    large product is faster than three, and splitting its result costs nothing. Arguments as for
    :class:`SelfAttention`; bias defaults to True, as in PyTorch's layer, whose weights
    :meth:`load_from_torch` copies. Raises ``ValueError`` when num_heads does not divide d_model.
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.d = head_width(d_model, num_heads)
        self.d_model, self.num_heads, self.dropout = d_model, num_heads, dropout
        self.w_qkv, self.b_qkv = _projection(d_model, d_model, bias, generator, copies=3)
        self.w_o, self.b_o = _projection(d_model, d_model, bias, generator)

    def project(
        self, query: Tensor, key: Tensor | None = None, value: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """query (b, n, d_model), key and value (b, m, d_model) -> (b, h, n or m, d) each."""
        key = query if key is None else key
        value = key if value is None else value
        if key is query and value is query:
            parts = F.linear(query, self.w_qkv, self.b_qkv).chunk(3, dim=-1)
        else:
            weights = self.w_qkv.chunk(3)
            biases = (None, None, None) if self.b_qkv is None else self.b_qkv.chunk(3)
            parts = tuple(map(F.linear, (query, key, value), weights, biases))
        query, key, value = (split_heads(part, self.num_heads) for part in parts)
        return query, key, value

    def forward(
        self,
        query: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
        need_weights: bool = True,
        generator: torch.Generator | None = None,
    ) -> Attended | Pooled:
        """Attend from query (b, n, d_model) to key and value (b, m, d_model).

        key: default query (self-attention). value: default key. mask: boolean, True = may attend,
        (n, m) for all, (b, 1, m) for padding, (b, n, m), or (b, h, n, m) for a mask per head.
        causal: additionally, no looking ahead. need_weights: False takes PyTorch's fused kernel.
        generator: the source of dropout's randomness, in training mode.
        Returns output (b, n, d_model), weights and scores (b, h, n, m). Raises ``ValueError`` for
        shapes or masks that break these rules.
        """
        self._check(query, key, value)
        query, key, value = self.project(query, key, value)
        n, m = query.shape[-2], key.shape[-2]
        if mask is not None:
            if mask.dim() == 3:
                mask = mask[:, None]  # (b, n or 1, m) -> (b, 1, n or 1, m): the same for every head
            elif mask.dim() == 2 and mask.shape != (n, m):
                raise ValueError(
                    f"a mask of two dimensions is (n, m) = ({n}, {m}), got {tuple(mask.shape)}; "
                    "a padding mask (b, m) needs mask[:, None]"
                )
            check_mask(mask, (query.shape[0], self.num_heads, n, m))
        if causal:
            mask = _and_causal(mask, n, m, query.device)
        scale = 1 / math.sqrt(self.d)
        if need_weights:
            # n * d queries are fewer numbers to scale than n * m scores; and matmul would copy each
            # head into one piece anyway, later, when the projections have left the cache
            query, scale = query.clone(memory_format=torch.contiguous_format).mul_(scale), 1.0
            key, value = key.contiguous(), value.contiguous()
        attended = attend(
            query,
            key,
            value,
            mask,
            scale=scale,
            dropout=self.dropout if self.training else 0.0,
            generator=generator,
            need_weights=need_weights,
        )
        output = F.linear(merge_heads(attended.output), self.w_o, self.b_o)
        return attended.with_output(output)

    def load_from_torch(self, mha: nn.MultiheadAttention) -> MultiHeadAttention:
        """Copy the weights of PyTorch's layer and return self.

        PyTorch's masks say True = may NOT attend: give this layer ``~key_padding_mask[:, None]``.
        Raises ``ValueError`` for sizes that differ, or options that this layer does not have.
        """
        if mha.in_proj_weight is None or mha.bias_k is not None or mha.add_zero_attn:
            raise ValueError(
                "only a plain nn.MultiheadAttention can be copied: kdim and vdim equal to "
                "embed_dim, add_bias_kv=False, add_zero_attn=False"
            )
        ours = (self.d_model, self.num_heads, self.b_qkv is not None)
        theirs = (mha.embed_dim, mha.num_heads, mha.in_proj_bias is not None)
        if ours != theirs:
            raise ValueError(
                f"both layers need the same (d_model, num_heads, bias): this one has {ours}, "
                f"nn.MultiheadAttention has {theirs}"
            )
        with torch.no_grad():
            self.w_qkv.copy_(mha.in_proj_weight)
            self.w_o.copy_(mha.out_proj.weight)
            if self.b_qkv is not None and self.b_o is not None:
                self.b_qkv.copy_(mha.in_proj_bias)
                self.b_o.copy_(mha.out_proj.bias)
        return self

    def _check(self, query: Tensor, key: Tensor | None, value: Tensor | None) -> None:
        for name, x in (("query", query), ("key", key), ("value", value)):
            if x is not None and (x.dim() != 3 or x.shape[-1] != self.d_model):
                raise ValueError(f"{name} must be (batch, length, {self.d_model}), got {tuple(x.shape)}")


class Multiplications(NamedTuple):
    """How many number-by-number products one layer takes, part by part."""

    projections: int
    scores: int
    weighted_sum: int
    output: int

    @property
    def total(self) -> int:
        return sum(self)


def count_multiplications(
    n: int, d_model: int, num_heads: int, per_head_full_width: bool = False
) -> Multiplications:
    """Products needed for n tokens attending to each other.

    Per head of width d: 3 n d_model d for query, key and value, n n d for the scores, n n d for
    the weighted sum, n d d_model for its part of W_o. With d = d_model / num_heads the heads add
    up to one full-width head. per_head_full_width: the mistake d = d_model in each head instead.

    >>> count_multiplications(10, 64, 8).total == count_multiplications(10, 64, 1).total
    True
    """
    d = d_model if per_head_full_width else head_width(d_model, num_heads)
    width = num_heads * d  # of all heads together
    return Multiplications(3 * n * d_model * width, n * n * width, n * n * width, n * width * d_model)


def _projection(
    d_in: int, d_out: int, bias: bool, generator: torch.Generator | None, copies: int = 1
) -> tuple[nn.Parameter, nn.Parameter | None]:
    """``copies`` stacked (d_out, d_in) matrices, each filled by Glorot's rule, and a zero bias."""
    blocks = [torch.empty(d_out, d_in) for _ in range(copies)]
    for block in blocks:
        nn.init.xavier_uniform_(block, generator=generator)
    weight = nn.Parameter(torch.cat(blocks))
    return weight, nn.Parameter(torch.zeros(copies * d_out)) if bias else None


def _and_causal(mask: Tensor | None, n: int, m: int, device: torch.device) -> Tensor:
    causal = causal_mask(n, m, device)
    return causal if mask is None else causal & mask
