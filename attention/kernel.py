"""Chapter 5: attention before it had the name. What is y at a place where nobody measured it?

Kernel regression answers with a weighted average of the measured y, near points counting more.
That is attention: the place asked about is the query, the measured x are the keys, the measured y
the values, and the score is a Gaussian kernel of chapter 1. Three weightings, each sharper:
:func:`average_pooling` (all alike), :func:`nadaraya_watson` (a bandwidth that somebody chose), and
:class:`LearnedWidth` (a width that :func:`train_width` finds).

Shapes: n queries, m keys and values, all plain numbers, so every argument here is a vector.

>>> x, y = torch.tensor([0.0, 1.0]), torch.tensor([10.0, 20.0])
>>> nadaraya_watson(torch.tensor([0.5]), x, y, bandwidth=1.0).output  # halfway: the mean
tensor([15.])
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from .cell import Cell, explain
from .giving_way import give_way
from .gradient import softmax_gradient
from .pooling import Attended, attend
from .scoring import Dot, Gaussian


def truth(x: Tensor) -> Tensor:
    """``2 sin x + x^0.8``, the curve behind the made-up data; x >= 0, else ``ValueError``."""
    if (x < 0).any():
        raise ValueError(f"x^0.8 has no real value below 0, got x = {x.min().item():g}")
    return 2 * torch.sin(x) + x**0.8


def make_data(num_points: int = 50, noise: float = 0.5, seed: int = 0) -> tuple[Tensor, Tensor]:
    """``y = truth(x) + noise * N(0, 1)`` at random x in [0, 5]; returns x (m,) sorted, y (m,).

    noise: standard deviation in units of y, >= 0, default 0.5. The x of a seed do not depend on
    noise. Raises ``ValueError`` for fewer than 2 points or a negative or infinite noise.
    """
    if num_points < 2:
        raise ValueError(f"num_points must be at least 2, got {num_points}")
    if not 0 <= noise < math.inf:
        raise ValueError(f"noise must be 0 or more and finite, got {noise}")
    generator = torch.Generator().manual_seed(seed)
    x = (5 * torch.rand(num_points, generator=generator)).sort().values
    return x, truth(x) + noise * torch.randn(num_points, generator=generator)


def leave_self_out(num_points: int) -> Tensor:
    """mask (m, m) that is False on the diagonal: a point may attend to all points but itself.

    The same as taking its own key and value off the list, m - 1 being left, for each query.
    """
    return ~torch.eye(num_points, dtype=torch.bool)


def average_pooling(queries: Tensor, keys: Tensor, values: Tensor) -> Attended:
    """The mean of all values whatever the query: attention with every score 0.

    queries (n,), keys (m,), values (m,), m >= 1 -> output (n,), weights and scores (n, m).
    """
    _check(queries, keys, values)
    attended = attend(queries[:, None], keys[:, None], values[:, None], scoring=Dot(), scale=0.0)
    return attended.with_output(attended.output[:, 0])


def nadaraya_watson(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    bandwidth: float,
    mask: Tensor | None = None,
) -> Attended:
    """``f(q) = sum_j softmax_j(-(q - k_j)^2 / (2 h^2)) y_j``, Nadaraya 1964, Watson 1964.

    queries (n,), keys (m,), values (m,), m >= 1 -> output (n,), weights and scores (n, m).
    bandwidth: h > 0, in units of the keys; small follows the nearest point, large is the mean.
    mask: boolean, broadcastable to (n, m), True = may attend. Keys at the same place share their
    weight evenly, and with one key every answer is its value.

    Raises ``ValueError`` for unequal lengths, no keys, NaN or infinity, and a bandwidth that is
    not positive, or so small beside the distances that their squares overflow.
    """
    _check(queries, keys, values)
    if not 0 < bandwidth < math.inf:
        raise ValueError(f"bandwidth must be greater than 0 and finite, got {bandwidth}")
    attended = attend(queries[:, None], keys[:, None], values[:, None], mask, scoring=Gaussian(bandwidth))
    if not attended.scores.isfinite().all():
        raise ValueError(
            f"bandwidth {bandwidth:g} is too small for the distances between queries and keys: "
            "their squared quotient leaves the range of float32; take a larger bandwidth"
        )
    return attended.with_output(attended.output[:, 0])


def errors_by_bandwidth(
    queries: Tensor, keys: Tensor, values: Tensor, expected: Tensor, bandwidths: Tensor
) -> Tensor:
    """Mean squared errors of :func:`nadaraya_watson` to ``expected`` (n,) at ``bandwidths`` (b,) -> (b,).

    The same arithmetic for all bandwidths at once. Raises ``ValueError`` as it does there, and where there
    is not one expected number per query.

    >>> x, y = torch.tensor([0.0, 1.0]), torch.tensor([0.0, 2.0])
    >>> errors_by_bandwidth(torch.tensor([0.5]), x, y, torch.tensor([3.0]), torch.tensor([0.1, 1.0]))
    tensor([4., 4.])
    """
    _check(queries, keys, values)
    if expected.shape != queries.shape:
        shapes = f"{tuple(queries.shape)} and {tuple(expected.shape)}"
        raise ValueError(f"one expected number per query, got shapes {shapes}")
    if not ((bandwidths > 0) & bandwidths.isfinite()).all():
        raise ValueError(f"bandwidths must be greater than 0 and finite, got {bandwidths.tolist()}")
    distances = (queries[:, None] - keys) / bandwidths[:, None, None]  # (b, n, m)
    predicted = torch.softmax(-distances.square() / 2, dim=-1) @ values
    return (predicted - expected).square().mean(dim=-1)


def open_cell(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    row: int,
    column: int,
    bandwidth: float | None = None,
    mask: Tensor | None = None,
) -> Cell:
    """One weight with its arithmetic; bandwidth None is average pooling. A learned w is 1/h."""
    _check(queries, keys, values)
    scoring, scale = (Dot(), 0.0) if bandwidth is None else (Gaussian(bandwidth), None)
    return explain(
        queries[:, None], keys[:, None], values[:, None], row, column, mask,
        scoring=scoring, scale=scale,
    )  # fmt: skip


NEAR = 40_000  # weights at a time: 160 kB, which a processor keeps at hand


class LearnedWidth(nn.Module):
    """Nadaraya-Watson with one parameter w: weights ``softmax_j(-((q - k_j) w)^2 / 2)``.

    w is one over the bandwidth, so 0 is the plain mean and nothing divides by it. start: the
    first w, default 1.
    """

    def __init__(self, start: float = 1.0) -> None:
        super().__init__()
        if not math.isfinite(start):
            raise ValueError(f"the first width must be finite, got {start}")
        self.width = nn.Parameter(torch.tensor(float(start)))

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Attended:
        """queries (n,), keys (m,), values (m,) -> output (n,), weights and scores (n, m)."""
        q, k = ((x * self.width)[:, None] for x in (queries, keys))  # (q w - k w)^2 = ((q - k) w)^2
        attended = attend(q, k, values[:, None], mask, scoring=Gaussian(1.0))
        return attended.with_output(attended.output[:, 0])


@dataclass
class WidthTraining:
    """What :func:`train_width` recorded, one entry per step, step 0 before any update.

    width: w. loss: what the training saw. held_out: mean squared error when each point is
    predicted from the others only; equal to the loss if exclude_self. true_error: mean squared
    error to truth() between the points, None where the truth is not known. diverged: w ran away,
    and the lists end at the last step with finite numbers.
    """

    width: list[float] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    held_out: list[float] = field(default_factory=list)
    true_error: list[float] | None = None
    diverged: bool = False


def train_width(
    x: Tensor,
    y: Tensor,
    *,
    exclude_self: bool = True,
    steps: int = 300,
    learning_rate: float = 5.0,
    start: float = 1.0,
    truth_known: bool = False,
) -> WidthTraining:
    """Find w by gradient descent on ``mean((f(x_i) - y_i)^2)``, f from the points themselves.

    exclude_self: a point is predicted from the others (:func:`leave_self_out`), default. With
    False it may look at itself; then the best it can do is to look at nothing else: w grows
    without end, the loss goes to 0 (unless two points share an x), the noise is learned by heart,
    and held_out and true_error show what that is worth.
    x (m,), y (m,), m >= 2. steps: >= 1. learning_rate: > 0, default 5, because the slope in w is
    gentle. start: the first w, not 0, where the slope is 0. truth_known: also measure against
    truth() on 100 places in [min x, max x].

    The same arguments give the same numbers. Raises ``ValueError`` outside these ranges.
    """
    return train_widths(
        x, y, exclude_self=[exclude_self], steps=steps, learning_rate=learning_rate, start=start,
        truth_known=truth_known,
    )[0]  # fmt: skip


def train_widths(
    x: Tensor,
    y: Tensor,
    *,
    exclude_self: Sequence[bool] = (True, False),
    steps: int = 300,
    learning_rate: float = 5.0,
    start: float = 1.0,
    truth_known: bool = False,
) -> list[WidthTraining]:
    """:func:`train_width` for each of exclude_self side by side, in little more than the time of one."""
    _check(x, x, y)
    if len(x) < 2:
        raise ValueError(f"a width takes at least 2 points to learn, got {len(x)}")
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if not 0 < learning_rate < math.inf:
        raise ValueError(f"learning_rate must be greater than 0 and finite, got {learning_rate}")
    if start == 0 or not math.isfinite(start):
        raise ValueError(f"the first width must be finite, and not 0, where nothing would move; got {start}")
    every = torch.zeros(len(x), len(x), device=x.device)
    others = every.masked_fill(~leave_self_out(len(x)).to(x.device), -math.inf)  # added to the scores
    barred = torch.stack([others if out else every for out in exclude_self])
    columns = zip(exclude_self, *_descend(x, y, barred, steps, learning_rate, start), strict=True)
    return [_recorded(x, y, *column, others, truth_known, steps) for column in columns]


@torch.no_grad()
def _descend(
    x: Tensor, y: Tensor, barred: Tensor, steps: int, learning_rate: float, start: float
) -> tuple[Tensor, Tensor]:
    """The widths on the way down and their losses, (t, steps + 1) each: a training for each barred (t, m, m).

    The gradient is written out, with queries ``q = w x`` and keys ``k = w x``, f = a y and a the softmax of
    ``s_ij = -(q_i - k_j)^2 / 2``:

        dL/da_ij = dL/df_i y_j,  dL/df_i = 2/m (f_i - y_i);  dL/ds is the softmax's (gradient.py)
        dL/dq_i = -sum_j dL/ds_ij (q_i - k_j),  dL/dk_j = sum_i dL/ds_ij (q_i - k_j)
        dL/dw = sum_i x_i (dL/dq_i + dL/dk_i)
    """
    width = torch.full((len(barred), 1), float(start), device=x.device)
    widths, losses = list[Tensor](), list[Tensor]()
    for _ in range(steps + 1):
        give_way()
        weights, apart = _weigh(width, x, x, barred)
        error = (weights @ y[:, None])[..., 0] - y
        widths.append(width[:, 0])
        losses.append(error.square().mean(-1))
        gains = (error * (2 / len(x)))[..., None] * y
        pulls = softmax_gradient(weights, gains).mul_(apart)
        query, key = -pulls.sum(2), pulls.sum(1)  # their gradients, (t, m)
        width = width - learning_rate * ((query * x).sum(-1, True) + (key * x).sum(-1, True))
    return torch.stack(widths, 1), torch.stack(losses, 1)


def _recorded(
    x: Tensor, y: Tensor, excluded: bool, widths: Tensor, losses: Tensor, others: Tensor, truth_known: bool,
    steps: int,
) -> WidthTraining:  # fmt: skip
    """One training's lists, to the last step at which every number is finite."""
    held_out = losses if excluded else _errors(widths, x, x, y, y, others)
    error = None
    if truth_known:
        places = torch.linspace(x.min().item(), x.max().item(), 100, device=x.device)
        error = _errors(widths, places, x, y, truth(places), torch.zeros_like(x))
    finite = torch.stack([widths, losses, held_out, *([] if error is None else [error])]).isfinite().all(0)
    end = int(finite.cumprod(0).sum())
    if end == 0:
        raise ValueError(f"a first width of {widths[0]:g} overflows with these points")
    width, loss, held, true = ([] if one is None else one[:end].tolist()
                               for one in (widths, losses, held_out, error))  # fmt: skip
    return WidthTraining(width, loss, held, true if truth_known else None, diverged=end <= steps)


def _weigh(widths: Tensor, queries: Tensor, keys: Tensor, barred: Tensor) -> tuple[Tensor, Tensor]:
    """The weights that :class:`LearnedWidth` gives at widths (t, 1), and ``q w - k w``: both (t, n, m).

    barred: added to the scores, -inf where a key may not be seen. Without attend()'s checks: at hundreds of
    widths they would be most of the time.
    """
    apart = (queries * widths)[:, :, None] - (keys * widths)[:, None]
    return torch.softmax(torch.addcmul(barred, apart, apart, value=-0.5), dim=-1), apart


@torch.no_grad()
def _errors(
    widths: Tensor, queries: Tensor, keys: Tensor, values: Tensor, expected: Tensor, barred: Tensor
) -> Tensor:
    """``mean((f(q_i) - expected_i)^2)`` for each width, as many at a time as stay near the processor."""
    at_once = max(1, NEAR // (len(queries) * len(keys)))
    parts = (
        _weigh(part, queries, keys, barred)[0] @ values[:, None] for part in widths[:, None].split(at_once)
    )
    return (torch.cat(list(parts))[..., 0] - expected).square().mean(-1)


def mean_squared_error(predicted: Tensor, expected: Tensor) -> float:
    """``mean((predicted - expected)^2)``, both (n,); ``ValueError`` where the lengths differ."""
    if predicted.shape != expected.shape:
        raise ValueError(
            f"one expected number per prediction, got shapes {tuple(predicted.shape)} and "
            f"{tuple(expected.shape)}"
        )
    return _mean_square(predicted - expected).item()


def _mean_square(difference: Tensor) -> Tensor:
    return difference.square().mean()


def _check(queries: Tensor, keys: Tensor, values: Tensor) -> None:
    if (queries.dim(), keys.dim(), values.dim()) != (1, 1, 1):
        shapes = tuple(tuple(tensor.shape) for tensor in (queries, keys, values))
        raise ValueError(f"queries, keys (x) and values (y) must be vectors, got shapes {shapes}")
    if len(keys) != len(values):
        raise ValueError(f"every x needs one y, got {len(keys)} x and {len(values)} y")
    if len(keys) == 0:
        raise ValueError("there must be at least one point, got none")
    for name, tensor in (("queries", queries), ("x", keys), ("y", values)):
        if not tensor.isfinite().all():
            raise ValueError(f"{name} must be finite, got NaN or infinity among them")
