"""Reading one weight matrix: numbers per query, ways to cut it, and what it says about the output.

The first half of chapter 13; :mod:`attention.heads` builds on it and hands on every name. A weight
says how much of a value vector is taken, not how much that changes the answer: the value may be
short (:func:`value_weighted`), and it was itself mixed by the layers below (:func:`rollout`).

Shapes: ... any leading dimensions (layers, heads), n queries, m keys, d features, D model width.

>>> entropy(torch.tensor([[0.5, 0.5], [1.0, 0.0]]))
tensor([0.6931, 0.0000])
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..masks import causal_mask, check_mask


def check_weights(weights: Tensor) -> Tensor:
    """Return weights (..., n, m) when every one is finite and >= 0, else raise ``ValueError``."""
    if weights.dim() < 2 or not weights.is_floating_point() or weights.numel() == 0:
        raise ValueError(
            "weights need shape (..., queries, keys), at least one of each, and a floating dtype; "
            f"got {tuple(weights.shape)} of {weights.dtype}"
        )
    low, high = (bound.item() for bound in torch.aminmax(weights))
    if not (low >= 0 and math.isfinite(high)):  # NaN fails both comparisons
        raise ValueError(
            f"weights must be finite and at least 0, but range from {low} to {high}; pass the "
            "softmax's result, not the scores"
        )
    return weights


def allowed_keys(mask: str | Tensor, n: int, m: int) -> Tensor:
    """mask "none", "causal", or boolean (n, m) with True = may attend -> boolean (n, m)."""
    if isinstance(mask, Tensor):
        check_mask(mask, (n, m))
        return mask.expand(n, m)
    if mask not in ("none", "causal"):
        raise ValueError(f'mask must be "none", "causal" or a boolean tensor, got {mask!r}')
    return causal_mask(n, m) if mask == "causal" else torch.ones(n, m, dtype=torch.bool)


def entropy(weights: Tensor, mask: str | Tensor = "none", *, normalised: bool = False) -> Tensor:
    """How evenly each query spreads its weight: ``-sum_j w_j ln w_j``, in nats, with 0 ln 0 = 0.

    weights (..., n, m) -> (..., n). normalised: divide by ln(number of allowed keys), so that 1 is
    perfectly even; a row with one allowed key or none has no choice and gets 0. A row of zeros
    gets 0 either way.
    """
    check_weights(weights)
    # the clamp makes 0 ln 0 = 0; torch.special.entr says the same and takes seven times as long
    nats = 0 - weights.clamp_min(torch.finfo(weights.dtype).tiny).log().mul(weights).sum(-1)
    if not normalised:
        return nats
    choices = allowed_keys(mask, *weights.shape[-2:]).sum(-1).to(nats)
    return torch.where(choices > 1, nats / choices.clamp_min(2).log(), torch.zeros_like(nats))


def mean_distance(weights: Tensor) -> Tensor:
    """How far each query looks, in tokens: ``sum_j w_ij |i - j|``; (..., n, m) -> (..., n)."""
    n, m = check_weights(weights).shape[-2:]
    distance = (torch.arange(n)[:, None] - torch.arange(m)).abs().to(weights)
    return (weights * distance).sum(-1)


def sink_share(weights: Tensor, columns: Sequence[int]) -> Tensor:
    """The weight each query gives to the keys in columns; weights (..., n, m) -> (..., n)."""
    m = check_weights(weights).shape[-1]
    columns = sorted(set(columns))
    if columns and not 0 <= columns[0] <= columns[-1] < m:
        raise ValueError(f"columns must lie in [0, {m}), got {columns}")
    return weights[..., columns].sum(-1)


def rollout(layers: Sequence[Tensor], add_residual: bool = True) -> Tensor:
    """Attention followed down to the input: ``R_l = A_l R_(l-1)``, ``A = (mean over heads + I)/2``.

    layers: L tensors (h, n, n), first layer first. Returns (L, n, n): entry [l, i, j] is the share
    of input token j in position i after layer l, so the last matrix speaks of the whole model.
    add_residual: the I stands for the residual connection; False leaves the bare product. Rows are
    divided by their sum, and a row of zeros stays zero. Abnar and Zuidema 2020, equation 1 and
    section 3. The values' sizes are not considered, nor are the feed-forward layers.
    """
    if len(layers) == 0:
        raise ValueError("rollout needs at least one layer, got none")
    shares: list[Tensor] = []
    for weights in layers:
        n, m = check_weights(weights).shape[-2:]
        if weights.dim() != 3 or n != m or (shares and n != shares[0].shape[-1]):
            raise ValueError(
                "rollout follows self-attention: every layer needs shape (heads, n, n) with one "
                f"n, got {tuple(weights.shape)}"
            )
        step = weights.mean(0)
        if add_residual:
            step = (step + torch.eye(n, dtype=step.dtype, device=step.device)) / 2
        step = renormalise(step)
        shares.append(step @ shares[-1] if shares else step)
    return torch.stack(shares)


def value_weighted(weights: Tensor, value: Tensor, output_projection: Tensor | None = None) -> Tensor:
    """What each key really adds: ``|| w_ij v_j W_O ||``. Kobayashi et al. 2020, equation 5.

    weights (h, n, m), value (h, m, d), output_projection (h, d, D), one slice of W_O per head, or
    None for the norm of w_ij v_j alone. Returns (h, n, m). A large weight on a short vector adds
    little: so it is with most sinks.
    """
    if value.dim() != 3 or value.shape[:2] != (weights.shape[0], weights.shape[-1]):
        raise ValueError(
            f"weights {tuple(weights.shape)} need one value for every head and key, got {tuple(value.shape)}"
        )
    if output_projection is not None:
        if output_projection.shape[:2] != (value.shape[0], value.shape[2]):
            raise ValueError(
                f"values {tuple(value.shape)} need a projection (heads, d, D), got "
                f"{tuple(output_projection.shape)}; reshape W_O to one slice per head"
            )
        value = value @ output_projection  # (h, m, D)
    # w >= 0 is a plain factor of the norm, so no (h, n, m, D) tensor is needed
    lengths: Tensor = value.norm(dim=-1)[:, None, :]
    return check_weights(weights) * lengths


def renormalise(weights: Tensor) -> Tensor:
    """Every row divided by its sum; a row of zeros stays zero. (..., n, m) -> (..., n, m)."""
    total = check_weights(weights).sum(-1, keepdim=True)
    return weights / torch.where(total > 0, total, torch.ones_like(total))


def hide_special(weights: Tensor, special: Sequence[bool]) -> Tensor:
    """Without the special tokens' rows and columns, rows brought back to a sum of one.

    weights (..., n, n), special n booleans -> (..., n', n'). A row that gave all its weight to
    special tokens becomes zeros: the head was parked there.
    """
    kept = [index for index, added in enumerate(special) if not added]
    _check_square(weights, len(special), "special")
    return renormalise(weights[..., kept, :][..., kept]) if kept else weights[..., :0, :0]


def pair_filter(weights: Tensor, segment: Sequence[int], part: str) -> Tensor:
    """One block of a sentence pair: queries of one segment, keys of another.

    weights (..., n, n); segment n numbers, 0 = A, 1 = B, anything else = neither; part "A->A",
    "A->B", "B->A" or "B->B", query first. Rows are not renormalised: what is missing from a row
    is what the query gives to the rest. A segment without tokens gives an empty block.
    """
    _check_square(weights, len(segment), "segment")
    names = {"A": 0, "B": 1}
    ends = part.split("->")
    if len(ends) != 2 or not set(ends) <= set(names):
        raise ValueError(f'part must be "A->A", "A->B", "B->A" or "B->B", got {part!r}')
    rows, columns = ([index for index, number in enumerate(segment) if number == names[end]] for end in ends)
    return weights[..., rows, :][..., columns]


def join_pieces(weights: Tensor, continues: Sequence[bool]) -> Tensor:
    """Subword pieces as whole words: the sum over a word's keys, the mean over its queries.

    weights (..., n, n); continues n booleans, True where a piece carries on the word before it.
    Returns (..., words, words); a row that summed to one still does. Clark et al. 2019,
    section 4.1.
    """
    _check_square(weights, len(continues), "continues")
    if continues[0]:
        raise ValueError("the first piece cannot continue a word: continues[0] must be False")
    word = (~torch.as_tensor(continues, dtype=torch.bool)).cumsum(0) - 1  # (n,): piece -> word
    pieces = torch.nn.functional.one_hot(word).to(weights)  # (n, words)
    return (pieces / pieces.sum(0)).T @ check_weights(weights) @ pieces


def threshold(weights: Tensor, minimum: float) -> Tensor:
    """Weights below minimum set to 0, the others untouched; minimum in [0, 1]."""
    if not 0 <= minimum <= 1:
        raise ValueError(f"minimum must lie in [0, 1], got {minimum}")
    return check_weights(weights).masked_fill(weights < minimum, 0)


def _check_square(weights: Tensor, n: int, name: str) -> None:
    if weights.dim() < 2 or weights.shape[-2:] != (n, n) or n == 0:
        raise ValueError(
            f"{name} needs one entry per token: got {n} for weights of shape {tuple(weights.shape)}"
        )
