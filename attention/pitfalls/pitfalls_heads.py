"""Chapter 14, part one: mistakes made when heads are split. The rest is in ``pitfalls``."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..masks import causal_mask
from ..multihead import count_multiplications, head_width, merge_heads, split_heads
from ..pooling import attend
from .exercise import Exercise, entropy, pitfall


@pitfall("heads", d_model=(1, 1024), num_heads=(1, 64), n=(2, 64))
def scale_by_d_model(
    generator: torch.Generator, d_model: int = 64, num_heads: int = 16, n: int = 8
) -> Exercise:
    """Dividing by sqrt(d_model) in a head that has only d = d_model / h features.

    Scores (h, n, n) of unit-variance queries and keys should have standard deviation 1; the wrong
    ones have 1/sqrt(h), so every row is flatter than it should be.
    """
    d = head_width(d_model, num_heads)
    query, key = torch.randn(2, num_heads, n, d, generator=generator)
    right = attend(query, key, key)
    wrong = attend(query, key, key, scale=1 / math.sqrt(d_model))
    return Exercise(
        right={"scores": right.scores, "weights": right.weights},
        wrong={"scores": wrong.scores, "weights": wrong.weights},
        readouts={
            "right_deviation": right.scores.square().mean().sqrt().item(),
            "wrong_deviation": wrong.scores.square().mean().sqrt().item(),
            "right_entropy": entropy(right.weights).mean().item(),
            "wrong_entropy": entropy(wrong.weights).mean().item(),
            "even_entropy": math.log(n),
        },
    )


@pitfall("heads", n=(2, 16), num_heads=(2, 8), changed=(0, 15))
def split_without_transpose(
    generator: torch.Generator, n: int = 6, num_heads: int = 2, changed: int | None = None
) -> Exercise:
    """Splitting heads with ``view(h, n, d)`` instead of ``view(n, h, d).transpose(0, 1)``.

    No error, and the right shape, but a head's row t is no longer token t: tokens (h, n, d) says
    whose feature stands there. Seen under a causal mask: token ``changed`` (default the middle) gets
    another vector, and moved (n,) tells how far each output went. Nothing before it may move.
    """
    changed = n // 2 if changed is None else changed
    if changed >= n:
        raise ValueError(f"changed must be one of the tokens 0 to {n - 1}, got {changed}")
    d_model = 4 * num_heads
    x = torch.randn(n, d_model, generator=generator)
    other = x.clone()
    other[changed] = torch.randn(d_model, generator=generator)
    owner = torch.arange(n)[:, None].expand(n, d_model)  # (n, d_model): whose feature it is

    def with_transpose(x: Tensor) -> Tensor:
        return split_heads(x, num_heads)

    def with_view(x: Tensor) -> Tensor:
        return x.reshape(num_heads, n, d_model // num_heads)

    sides = []
    for split in (with_transpose, with_view):
        before, after = (
            merge_heads(attend(heads, heads, heads, causal_mask(n)).output)
            for heads in (split(x), split(other))
        )
        sides.append({"tokens": split(owner), "moved": (after - before).abs().amax(-1)})
    right, wrong = sides
    return Exercise(
        right,
        wrong,
        readouts={
            "right_earlier_moved": right["moved"][:changed].sum().item(),
            "wrong_earlier_moved": wrong["moved"][:changed].sum().item(),
            "wrong_rows_of_one_token": _pure_rows(wrong["tokens"]),
            "right_rows_of_one_token": _pure_rows(right["tokens"]),
        },
    )


def _pure_rows(tokens: Tensor) -> float:
    """Share of rows (h, n, .) whose features are all of the token that the row stands for."""
    return (tokens == torch.arange(tokens.shape[1])[:, None]).all(-1).float().mean().item()


@pitfall("heads", d_model=(1, 1024), num_heads=(1, 1024))
def heads_not_dividing(generator: torch.Generator, d_model: int = 10, num_heads: int = 3) -> Exercise:
    """Rounding d_model / h down when it is not whole: the last features reach no head.

    used (d_model,): gradient norm of one layer's output by input feature, zero where nothing
    looks. divisors: the numbers of heads that do fit; right uses the largest not above num_heads.
    """
    if num_heads > d_model:
        raise ValueError(f"num_heads must be at most d_model, got {num_heads} for {d_model}")
    divisors = [h for h in range(1, d_model + 1) if d_model % h == 0]
    fits = max(h for h in divisors if h <= num_heads)
    x = torch.randn(4, d_model, generator=generator)
    used = []
    for h in (fits, num_heads):
        inputs = x.clone().requires_grad_()
        heads = split_heads(inputs[:, : d_model // h * h], h)
        (gradient,) = torch.autograd.grad(attend(heads, heads, heads).output.square().sum(), inputs)
        used.append(gradient.norm(dim=0))
    return Exercise(
        right={"used": used[0], "divisors": torch.tensor(divisors)},
        wrong={"used": used[1]},
        readouts={
            "remainder": float(d_model % num_heads),
            "lost_features": float((used[1] == 0).sum()),
            "fitting_heads": float(fits),
            "width": float(d_model // num_heads),
        },
    )


@pitfall("heads", n=(1, 4096), d_model=(1, 4096), num_heads=(1, 256))
def full_width_heads(
    generator: torch.Generator, n: int = 128, d_model: int = 384, num_heads: int = 12
) -> Exercise:
    """Every head projecting to d_model instead of d_model / h: h times the work.

    multiplications (4,): projections, scores, weighted sum, output. With the right width the
    number of heads does not matter.
    """
    one = count_multiplications(n, d_model, 1)
    right = count_multiplications(n, d_model, num_heads)
    wrong = count_multiplications(n, d_model, num_heads, per_head_full_width=True)
    return Exercise(
        right={"multiplications": torch.tensor(right), "one_head": torch.tensor(one)},
        wrong={"multiplications": torch.tensor(wrong)},
        readouts={
            "one_head": float(one.total),
            "right": float(right.total),
            "wrong": float(wrong.total),
            "ratio": wrong.total / right.total,
        },
    )
