"""Chapter 14: ten mistakes, each beside the right way, computed and not just told.

``PITFALLS[id](seed=0, ...)`` gives an :class:`Exercise`: tensors of both ways under equal names where
both have them, and the numbers to read off. What a learner is asked, and why the answer is what it
is, stands in the lessons; here are only the facts.

>>> exercise = PITFALLS["full_width_heads"](n=10, d_model=64, num_heads=8)
>>> exercise.readouts["ratio"]
8.0
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..masks import (
    masked_softmax,
    padding_mask,
    softmax_with_minus_1e9,
    softmax_with_minus_inf,
)
from ..pooling import attend
from .exercise import Exercise, Pitfall, by_id, entropy, pitfall
from .pitfalls_heads import full_width_heads, heads_not_dividing, scale_by_d_model, split_without_transpose

__all__ = ["PITFALLS", "Exercise", "Pitfall", "softmax_jacobian"]


@pitfall("matchmaker", keys=(2, 64), draws=(1, 1000))
def no_scaling(generator: torch.Generator, keys: int = 8, draws: int = 200) -> Exercise:
    """No division by sqrt(d) at all, for d = 1, 2, 4 .. 512; every curve (10,), mean of the draws.

    variance of the scores: 1 when scaled, d when not. entropy of the weights, in nats. gradient:
    norm of the softmax's Jacobian ``dw_i/ds_j = w_i (1[i=j] - w_j)``: near zero, nothing is learned.
    """
    widths = 2 ** torch.arange(10)
    curves: dict[bool, dict[str, list[Tensor]]] = {
        scaled: {"variance": [], "entropy": [], "gradient": []} for scaled in (True, False)
    }
    for d in widths.tolist():
        query = torch.randn(draws, 1, d, generator=generator)
        key = torch.randn(draws, keys, d, generator=generator)
        for scaled, curve in curves.items():
            attended = attend(query, key, key, scale=None if scaled else 1.0)
            curve["variance"].append(attended.scores.square().mean())
            curve["entropy"].append(entropy(attended.weights).mean())
            jacobian = softmax_jacobian(attended.weights[:, 0])
            curve["gradient"].append(jacobian.flatten(1).norm(dim=1).mean())
    right, wrong = (
        {"d": widths} | {name: torch.stack(values) for name, values in curves[scaled].items()}
        for scaled in (True, False)
    )
    readouts = {"gradient_ratio_at_512": (right["gradient"][-1] / wrong["gradient"][-1]).item()}
    for way, side in (("right", right), ("wrong", wrong)):
        for name in ("variance", "entropy", "gradient"):
            readouts[f"{way}_{name}_at_512"] = side[name][-1].item()
    return Exercise(right, wrong, readouts)


def softmax_jacobian(weights: Tensor) -> Tensor:
    """weights (..., m) -> (..., m, m): ``J = diag(w) - w w^T``, how each weight moves with each score."""
    return torch.diag_embed(weights) - weights[..., :, None] * weights[..., None, :]


@pitfall("matchmaker", n=(1, 16), m=(2, 16))
def softmax_axis(generator: torch.Generator, n: int = 3, m: int = 5) -> Exercise:
    """Softmax down the queries instead of along the keys, scores (n, m).

    The columns then sum to one: each key shares itself out, and a query may get any amount.
    """
    scores = torch.randn(n, m, generator=generator)
    right, wrong = masked_softmax(scores), scores.softmax(dim=-2)
    return Exercise(
        right={"scores": scores, "weights": right, "row_sums": right.sum(-1)},
        wrong={"scores": scores, "weights": wrong, "row_sums": wrong.sum(-1)},
        readouts={
            "right_largest_error": (right.sum(-1) - 1).abs().max().item(),
            "wrong_largest_error": (wrong.sum(-1) - 1).abs().max().item(),
        },
    )


@pitfall("masks", m=(1, 16))
def all_zero_mask(generator: torch.Generator, m: int = 4) -> Exercise:
    """``masked_fill`` where nothing may be attended, weights (2, m): one usual row, one empty row.

    Filled with -inf the empty row is 0/0 = NaN; filled with -1e9 it is uniform over the very keys
    that were forbidden; this package defines zeros.
    """
    scores = torch.randn(2, m, generator=generator)
    mask = torch.tensor([[True], [False]]).expand(2, m)
    minus_inf, minus_1e9 = (
        softmax_with_minus_inf(scores, mask),
        softmax_with_minus_1e9(scores, mask),
    )
    zeros = masked_softmax(scores, mask)
    return Exercise(
        right={"scores": scores, "weights": zeros},
        wrong={"minus_inf": minus_inf, "minus_1e9": minus_1e9},
        readouts={
            "right_forbidden_weight": zeros[1].sum().item(),
            "minus_inf_nan": float(minus_inf.isnan().sum()),
            "minus_1e9_forbidden_weight": minus_1e9[1].sum().item(),
        },
    )


@pitfall("masks", n=(2, 16), real=(1, 15))
def inverted_mask(generator: torch.Generator, n: int = 5, real: int = 3) -> Exercise:
    """One boolean mask, two meanings, both of them PyTorch's own.

    ``F.scaled_dot_product_attention``: True = may attend. ``nn.MultiheadAttention``: True = may
    NOT. ``may`` (n,) marks the ``real`` first of n tokens; each is called with it, and with its
    inverse. weights (n, n) are nn.MultiheadAttention's, output (n, 8) sdpa's.
    """
    if real >= n:
        raise ValueError(f"real must be less than n to leave some padding, got {real} of {n}")
    may = padding_mask(torch.tensor([real]), n)[0, 0]
    x = torch.randn(1, n, 8, generator=generator)
    w_qkv = torch.randn(24, 8, generator=generator) / math.sqrt(8)
    rightly, wrongly = _torch_mha(x, ~may, w_qkv), _torch_mha(x, may, w_qkv)
    return Exercise(
        right={"may": may, "weights": rightly, "output": _sdpa(x, may)},
        wrong={"may": may, "weights": wrongly, "output": _sdpa(x, ~may)},
        readouts={
            "right_on_padding": rightly[:, real:].sum(-1).max().item(),
            "wrong_on_padding": wrongly[:, real:].sum(-1).min().item(),
            "sdpa_moved": (_sdpa(x, may) - _sdpa(x, ~may)).abs().max().item(),
        },
    )


def _torch_mha(x: Tensor, ignored: Tensor, w_qkv: Tensor) -> Tensor:
    """The weights (n, n) of nn.MultiheadAttention, through the function behind it: no random state."""
    identity = torch.eye(x.shape[-1])
    x = x.transpose(0, 1)  # (n, 1, d)
    _, weights = F.multi_head_attention_forward(
        x, x, x, x.shape[-1], 1, w_qkv, None, None, None, False, 0.0,
        identity, None, training=False, key_padding_mask=ignored[None],
    )  # fmt: skip
    assert weights is not None  # need_weights is on by default
    return weights[0]


def _sdpa(x: Tensor, mask: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(x, x, x, attn_mask=mask[None, None])[0]


@pitfall("masks", real=(1, 16), most=(1, 64))
def average_over_padding(generator: torch.Generator, real: int = 3, most: int = 12) -> Exercise:
    """A sentence vector as the mean of its tokens, padding counted in.

    A padded place is not zero (it has an embedding, a position, a bias). With 0 .. ``most`` paddings,
    moved (most + 1,): how far the mean went from that of the bare sentence; length: norm of the mean.
    """
    words = torch.randn(real, 8, generator=generator)
    padding = torch.randn(8, generator=generator)
    means: dict[str, list[Tensor]] = {"right": [], "wrong": []}
    for extra in range(most + 1):
        x = torch.cat([words, padding.expand(extra, 8)])
        mask = padding_mask(torch.tensor([real]), real + extra)[0]  # (1, real + extra)
        # equal scores: attention that is a mean over what may be attended
        means["right"].append(attend(x[:1], x, x, mask, scale=0.0).output[0])
        means["wrong"].append(x.mean(0))
    sides = {}
    for way, vectors in means.items():
        mean = torch.stack(vectors)  # (most + 1, 8)
        sides[way] = {"moved": (mean - words.mean(0)).norm(dim=-1), "length": mean.norm(dim=-1)}
    return Exercise(
        **sides,
        readouts={f"{way}_moved": side["moved"][-1].item() for way, side in sides.items()},
    )


@pitfall("matchmaker", n=(1, 16), dropout=(0.0, 0.9), draws=(1, 2000))
def dropout_on_weights(
    generator: torch.Generator, n: int = 6, dropout: float = 0.3, draws: int = 500
) -> Exercise:
    """Dropout on the weights in training: rows sum to one only on average.

    weights (n, n) and row_sums (n,) of one draw; mean_row_sums (n,) over ``draws`` of them, near 1
    because the survivors are divided by 1 - p.
    """
    x = torch.randn(n, 8, generator=generator)
    calm = attend(x, x, x).weights
    dropped = [attend(x, x, x, dropout=dropout, generator=generator).weights for _ in range(draws)]
    sums = torch.stack(dropped).sum(-1)  # (draws, n)
    return Exercise(
        right={"weights": calm, "row_sums": calm.sum(-1)},
        wrong={"weights": dropped[0], "row_sums": sums[0], "mean_row_sums": sums.mean(0)},
        readouts={
            "right_largest_error": (calm.sum(-1) - 1).abs().max().item(),
            "wrong_largest_error": (sums[0] - 1).abs().max().item(),
            "wrong_mean_row_sum": sums.mean().item(),
            "smallest_row_sum": sums.min().item(),
            "largest_row_sum": sums.max().item(),
        },
    )


PITFALLS = by_id(
    no_scaling, softmax_axis, all_zero_mask, inverted_mask, average_over_padding, dropout_on_weights,
    scale_by_d_model, split_without_transpose, heads_not_dividing, full_width_heads,
)  # fmt: skip
