"""How far is far? Marks of position that speak of distance: a penalty (ALiBi), or a rotation made slower.

ALiBi adds nothing to a word; it takes ``slope * distance`` off every score, another slope in every head
(Press et al. 2022). Rotary positions turn queries and keys; a text longer than any in training turns them
to angles never met, so the angles are made smaller: all alike (linear), the slow ones only (NTK), or each by
how often it turned within the training length (YaRN, Peng et al. 2023). Each has its curve over distance.

Shapes: h heads, n queries, m keys, d features, k distances.

>>> alibi_slopes(4).tolist()
[0.25, 0.0625, 0.015625, 0.00390625]
>>> alibi_bias(2, 2, 1)
tensor([[[ 0.0000, -0.0039],
         [-0.0039,  0.0000]]])
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .position import frequencies


def alibi_slopes(num_heads: int) -> Tensor:
    """(h,): ``2^(-8/h), 2^(-16/h), ..., 2^-8`` for a power of two; Press et al. 2022, section 3.

    Otherwise those of the next smaller power of two, then every second one of the next larger, as in the
    paper's code. Raises ``ValueError`` for less than one head.
    """
    if num_heads < 1:
        raise ValueError(f"num_heads must be at least 1, got {num_heads}")
    whole = 2 ** int(math.log2(num_heads))
    slopes = [2 ** (-8 * (i + 1) / whole) for i in range(whole)]
    slopes += [2 ** (-4 * (2 * i + 1) / whole) for i in range(num_heads - whole)]
    return torch.tensor(slopes)


def alibi_bias(n: int, m: int, num_heads: int) -> Tensor:
    """``-slope * |i - j|`` as attend()'s bias, (h, n, m); with m > n the queries are the last n of m.

    Under a causal mask only j <= i counts, and this is the paper's; without one it looks both ways alike.
    """
    at = torch.arange(m - n, m)
    return 0 - alibi_slopes(num_heads)[:, None, None] * (at[:, None] - torch.arange(m)).abs()


def alibi_by_distance(distances: Tensor, slope: float) -> Tensor:
    """``exp(-slope * distance)``: what a key's weight is multiplied by, beside one at distance 0. (k,)."""
    return (-slope * distances.abs().float()).exp()


def linear_frequencies(d: int, factor: float, base: float = 10000.0) -> Tensor:
    """``base^(-2i/d) / factor``, (d/2,), float64: position p turns as p / factor did. Chen et al. 2023."""
    return frequencies(_even(d, factor), base) / factor


def ntk_frequencies(d: int, factor: float, base: float = 10000.0) -> Tensor:
    """The frequencies of the base ``base * factor^(d / (d - 2))``, (d/2,), float64.

    The fastest pair stays as it was, the slowest is divided by factor, and what lies between, between.
    Peng et al. 2023, section 3.1. d >= 4.
    """
    if d < 4:
        raise ValueError(f"with d = {d} the one pair is the fastest and the slowest; take d >= 4")
    return frequencies(_even(d, factor), base * factor ** (d / (d - 2)))


def yarn_frequencies(
    d: int, factor: float, trained: int, base: float = 10000.0, fast: float = 32.0, slow: float = 1.0
) -> Tensor:
    """Pairs that turned ``fast`` times or more in ``trained`` positions stay, those below ``slow`` are
    divided by factor, a straight line lies between: (d/2,), float64. Peng et al. 2023.

    The ends of the line are whole pairs, as in the paper's code. :func:`yarn_attention` belongs to it.
    """
    plain = frequencies(_even(d, factor), base)
    if trained < 1 or not 0 < slow < fast:
        raise ValueError(f"trained must be at least 1 and 0 < slow < fast, got {trained}, {slow}, {fast}")

    def pair(turns: float) -> float:
        """Which pair turns this often: ``trained * base^(-2i/d) / 2 pi = turns``, solved for i."""
        return d * math.log(trained / (2 * math.pi * turns)) / (2 * math.log(base))

    first, last = max(math.floor(pair(fast)), 0), min(math.ceil(pair(slow)), d - 1)
    width = max(last - first, 0.001)
    share = ((torch.arange(d // 2, dtype=torch.float64) - first) / width).clamp(0, 1)
    return plain * (1 - share) + plain / factor * share


def yarn_attention(factor: float) -> float:
    """``0.1 ln(factor) + 1``: YaRN multiplies rotated queries and keys by it, so scores by its square."""
    return 0.1 * math.log(factor) + 1 if factor > 1 else 1.0


def rotate_by(x: Tensor, positions: Tensor, frequency: Tensor) -> Tensor:
    """:func:`attention.position.rotate` with frequencies (d/2,) of one's own: x (..., n, d) -> same."""
    if x.shape[-1] != 2 * len(frequency):
        raise ValueError(f"d = {x.shape[-1]} features make {x.shape[-1] / 2} pairs, got {len(frequency)}")
    angles = positions.double()[..., None] * frequency.to(positions.device)
    sin, cos = angles.sin().to(x.dtype), angles.cos().to(x.dtype)
    left, right = x[..., 0::2], x[..., 1::2]
    return torch.stack([left * cos - right * sin, left * sin + right * cos], dim=-1).flatten(-2)


def rotary_by_distance(distances: Tensor, frequency: Tensor) -> Tensor:
    """``mean_i cos(distance * frequency_i)``: the score of two equal vectors, beside distance 0. (k,).

    Of vectors whose pairs are all as long as each other, such as a row of ones.
    """
    return (distances.double()[..., None] * frequency).cos().mean(-1).float()


def turns_within(frequency: Tensor, length: int) -> Tensor:
    """How often each pair goes round within a text: (d/2,). Below 1, not every angle was met in training."""
    return frequency * length / (2 * math.pi)


def _even(d: int, factor: float) -> int:
    if d % 2 or d < 2 or not factor >= 1:
        raise ValueError(f"d must be even and at least 2, and factor at least 1; got {d} and {factor}")
    return d
