"""The kernel chapter as a running sum: how many random features until the curve is the same, and how sure?

Kernel regression weighs every measured point; with random features it needs only sums over them. What that
costs in accuracy is not only measured but bounded: if no kernel value is off by more than e, then no answer
is off by more than ``e * sum_j |y_j - f(q)| / D(q)``, with D the sum of the random kernel's values, since
``f^ - f = sum_j (K^_j - K_j) (y_j - f) / D``.

Shapes: n queries, m keys and values, plain numbers as in ``kernel``; r random features.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from .count import fit_exponent
from .kernel import nadaraya_watson
from .linear import Features, Fourier, Positive, linear_attend, random_directions

KINDS: dict[str, Callable[[Tensor], Features]] = {"fourier": Fourier, "positive": Positive}


@dataclass(frozen=True, eq=False)
class Recovered:
    """Kernel regression by random features. output, exact (n,): with them, and as ``kernel`` does it.

    kernel_error: the largest error of any kernel value. error: the largest of the outputs. bound (n,): what
    error cannot exceed, from the kernel error; infinite where the random weights do not sum above 0.
    """

    output: Tensor
    exact: Tensor
    kernel_error: float
    error: float
    bound: Tensor


def recover(
    queries: Tensor, keys: Tensor, values: Tensor, bandwidth: float, features: int, *,
    kind: str = "fourier", seed: int = 0,
) -> Recovered:  # fmt: skip
    """``nadaraya_watson(queries, keys, values, bandwidth)`` by ``features`` random directions of ``seed``.

    kind "fourier" (two numbers a direction) or "positive". The places are measured in bandwidths from their
    middle, where positive features are at their best. Raises ``ValueError`` for another kind, no feature, or
    what kernel refuses.
    """
    if kind not in KINDS or features < 1:
        raise ValueError(f"kind must be fourier or positive, features 1 or more; got {kind!r}, {features}")
    queries, keys, values = queries.double(), keys.double(), values.double()
    exact = nadaraya_watson(queries, keys, values, bandwidth).output
    middle = (keys.max() + keys.min()) / 2
    asked, kept = (((x - middle) / bandwidth)[:, None] for x in (queries, keys))
    made = KINDS[kind](random_directions(features, 1, seed).double())
    attended = linear_attend(asked, kept, values[:, None], features=made)
    assert attended.scores is not None
    output = attended.output[:, 0]
    off = (attended.scores - (-(asked - kept.T).square() / 2).exp()).abs()  # (n, m)
    total = attended.scores.sum(-1)
    bound = off.max() * (values - exact[:, None]).abs().sum(-1) / total.clamp_min(0)
    return Recovered(output, exact, off.max().item(), (output - exact).abs().max().item(), bound)


@dataclass(frozen=True)
class ErrorCurve:
    """kernel_errors[i]: root mean square error of a kernel value with counts[i] features; exponent: of the
    fitted power law, near -1/2 for independent features."""

    counts: tuple[int, ...]
    kernel_errors: tuple[float, ...]
    exponent: float


def error_curve(
    distances: Tensor, counts: Sequence[int], *, kind: str = "fourier", seeds: int = 8
) -> ErrorCurve:
    """How the error of ``exp(-distance^2 / 2)`` falls, seen from place 0: distances (n,) in bandwidths."""
    if kind not in KINDS or seeds < 1:
        raise ValueError(f"kind must be fourier or positive, seeds 1 or more; got {kind!r}, {seeds}")
    places = distances.double()[:, None]
    exact, errors = (-distances.double().square() / 2).exp(), []
    for count in counts:
        squares = []
        for seed in range(seeds):
            made = KINDS[kind](random_directions(count, 1, seed).double())
            squares.append(((made(places) * made(0 * places[:1])).sum(-1) - exact).square().mean().item())
        errors.append(math.sqrt(sum(squares) / seeds))
    return ErrorCurve(tuple(counts), tuple(errors), fit_exponent(counts, errors))
