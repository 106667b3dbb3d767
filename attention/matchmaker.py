"""Chapter 4: learned projections. How does a network find out whom to look at?

A dating agency in numbers. A query is somebody's ideal partner, a key is what a candidate says of
themselves, a value is who they really are. Some claims are boasts, and the network is not told
which: :class:`DatingAttention` has to learn what to look for (w_q), what to believe (w_k) and what
to report (w_v). :func:`train_dating` keeps the weights on the way, so that the even attention of
the start can be compared with the sharp attention of the end. The sheet for a single query,
:func:`forward_steps`, is in steps.py and can be had from here too.

Shapes: e evenings, n queries (people looking), m keys (candidates), d traits, p features.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .gradient import attention_gradients
from .masks import masked_softmax
from .people import People, make_people
from .pooling import Attended, attend
from .steps import (
    SCORINGS,
    Example,
    Projections,
    Steps,
    example,
    forward_steps,
    make_projections,
    make_scoring,
)
from .training import Diverged, Recipe, Run

__all__ = [
    "SCORINGS",
    "DatingAttention",
    "Example",
    "People",
    "Projections",
    "Steps",
    "Training",
    "example",
    "forward_steps",
    "initialise",
    "make_people",
    "make_projections",
    "make_scoring",
    "mean_entropy",
    "train_dating",
]


AT_ONCE = 512  # steps whose matrices are held until they are recorded


class DatingAttention(nn.Module):
    """Attention with learned projections: ``softmax(x_q W_q (x_k W_k)^T / sqrt(p)) x_v W_v``.

    d traits in queries and keys, v in values, p features (default d) where they meet; the output
    has v features again, so that it can be compared with a person. dropout: probability of
    dropping a weight, in training only. The parameters come from ``generator``, see
    :func:`initialise`.
    """

    def __init__(
        self,
        d: int,
        v: int,
        p: int | None = None,
        *,
        dropout: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.w_q = nn.Linear(d, p or d, bias=False)
        self.w_k = nn.Linear(d, p or d, bias=False)
        self.w_v = nn.Linear(v, v, bias=False)
        self.dropout = dropout
        initialise(self, generator)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Attended:
        """query (..., n, d), key (..., m, d), value (..., m, v) -> Attended, output (..., n, v).

        mask: boolean, broadcastable to (..., n, m), True = may attend. generator: for dropout.
        """
        return attend(
            self.w_q(query), self.w_k(key), self.w_v(value), mask,
            dropout=self.dropout if self.training else 0.0, generator=generator,
        )  # fmt: skip

    def projections(self) -> Projections:
        """A copy of the matrices, (inputs, outputs) as :func:`forward_steps` takes them."""
        layers = (self.w_q, self.w_k, self.w_v)
        return Projections(*(layer.weight.detach().T.clone() for layer in layers))


def initialise(module: nn.Module, generator: torch.Generator | None) -> None:
    """Fill every matrix (outputs, inputs) uniformly in +-1/sqrt(inputs), in order of definition."""
    with torch.no_grad():
        for parameter in module.parameters():
            bound = parameter.shape[-1] ** -0.5
            parameter.uniform_(-bound, bound, generator=generator)


@dataclass
class Training:
    """What :func:`train_dating` recorded; every list has one entry per recorded step.

    steps: number of updates made so far. loss: on the training evenings, ``misfit + penalty``,
    without dropout. held_out: the misfit on the evening shown. weights: (n, m) on the evening
    shown. entropy: mean over its rows, in nats, ln m when even and 0 when sharp. accuracy: share
    of its rows whose largest weight is on the best match. projections: as forward_steps takes
    them, so that any cell opens. diverged: the numbers ran away; the last entry is then the last
    step at which all of them were finite.
    """

    people: People
    steps: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    misfit: list[float] = field(default_factory=list)
    penalty: list[float] = field(default_factory=list)
    held_out: list[float] = field(default_factory=list)
    weights: list[Tensor] = field(default_factory=list)
    entropy: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    projections: list[Projections] = field(default_factory=list)
    diverged: bool = False


def train_dating(
    *,
    seed: int = 0,
    steps: int = 200,
    learning_rate: float = 2.0,
    dropout: float = 0.0,
    weight_decay: float = 0.0,
    people: People | None = None,
    num_records: int = 60,
) -> Training:
    """Gradient descent, ``W <- W - learning_rate * dloss/dW``, on

    ``loss = mean((output - value of the best match)^2) + weight_decay * sum(W^2)``.

    seed: of the first matrices and of the dropout, not of the people (default
    ``make_people()``). steps: updates, >= 1, all evenings in each. learning_rate: > 0, default 2;
    8 and more diverge. dropout: in [0, 1). weight_decay: >= 0, L2. num_records: at most so
    many evenly spaced steps are kept, >= 2, the first (before any update) and last among them.

    The same arguments give the same numbers. Raises ``ValueError`` outside these ranges.
    """
    for name, number, low in (("steps", steps, 1), ("num_records", num_records, 2)):
        if number < low:
            raise ValueError(f"{name} must be at least {low}, got {number}")
    if not 0 < learning_rate < float("inf"):
        raise ValueError(f"learning_rate must be greater than 0 and finite, got {learning_rate}")
    if not 0 <= weight_decay < float("inf"):
        raise ValueError(f"weight_decay must be 0 or more and finite, got {weight_decay}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must lie in [0, 1), got {dropout}")
    people = make_people() if people is None else people
    if not all(traits.isfinite().all() for traits in (people.queries, people.keys, people.values)):
        raise ValueError("the traits of all people must be finite, got NaN or infinity among them")
    keep = set(torch.linspace(0, steps, min(num_records, steps + 1)).round().int().tolist())
    run = Run.begin(_recipe(people, dropout, weight_decay), seed)
    training, seen = Training(people), dict[int, list[Tensor]]()
    while not training.diverged and run.step <= steps:
        try:
            run.measure()
        except Diverged:
            training.diverged = True
        else:
            seen[run.step] = [matrix.detach().clone() for matrix in run.parameters]
            run.update(learning_rate)
        if training.diverged or run.step > steps or len(seen) >= AT_ONCE:
            _record(training, seen, keep, weight_decay)
            seen = dict(list(seen.items())[-1:])  # the next step may turn out not to be finite
    return training


def _recipe(people: People, dropout: float, weight_decay: float) -> Recipe[DatingAttention]:
    traits = people.queries[1:], people.keys[1:], people.values[1:]
    rows = [x.flatten(0, 1) for x in traits]  # everybody of all evenings
    wanted = _wanted(people)[1:]

    def model(generator: torch.Generator) -> DatingAttention:
        d, v = people.queries.shape[-1], people.values.shape[-1]
        return DatingAttention(d, v, dropout=dropout, generator=generator)

    def loss(network: DatingAttention, generator: torch.Generator) -> Tensor:
        output: Tensor = network(*traits, None, generator).output
        return (output - wanted).square().mean() + _penalty(network.parameters(), weight_decay)

    @torch.no_grad()
    def backward(network: DatingAttention, generator: torch.Generator) -> tuple[Tensor, list[Tensor]]:
        """The loss above and its gradients, written out: a fifth of the time for matrices this small."""
        matrices = network.w_q.weight, network.w_k.weight, network.w_v.weight
        query, key, value = map(F.linear, traits, matrices)
        scale = query.shape[-1] ** -0.5
        weights = masked_softmax(torch.bmm(query, key.mT).mul_(scale))  # (e, n, m)
        keep, used = None, weights
        if dropout > 0:
            keep = torch.rand(weights.shape, generator=generator) >= dropout
            used = weights * keep / (1 - dropout)
        error = torch.bmm(used, value) - wanted
        upstream = error * (2 / error.numel())
        found = attention_gradients(
            query, key, value, weights, upstream, scale=scale, keep=keep, dropout=dropout
        )  # fmt: skip
        # a row y = W x of every person: dL/dW is the sum of dL/dy x^T
        slopes = [torch.mm(y.flatten(0, 1).T, x) for y, x in zip(found, rows, strict=True)]
        loss = error.square().mean()
        if weight_decay > 0:
            loss += _penalty(matrices, weight_decay)
            slopes = [slope.add_(matrix * (2 * weight_decay))
                      for slope, matrix in zip(slopes, matrices, strict=True)]  # fmt: skip
        return loss, slopes

    return Recipe("matchmaker", model, loss, adam=False, largest=math.inf, backward=backward)


def _wanted(people: People) -> Tensor:
    """The value of each query's best match, (e, n, v)."""
    match = people.match[..., None].expand(-1, -1, people.values.shape[-1])
    return people.values.gather(1, match)


def _penalty(matrices: Iterable[Tensor], weight_decay: float) -> Tensor:
    """``weight_decay * sum(W^2)``: matrices (..., outputs, inputs) -> (...)."""
    if weight_decay == 0:  # 0 * inf would be NaN
        return torch.zeros(())
    return weight_decay * torch.cat([matrix.flatten(-2) for matrix in matrices], -1).square().sum(-1)


@torch.no_grad()
def _record(training: Training, seen: dict[int, list[Tensor]], keep: set[int], weight_decay: float) -> None:
    """Append an entry for each step to keep, without dropout, all in one pass; seen: matrices by step.

    A step at which a number is not finite ends the training: it has ``diverged``. Of a training that has,
    the last step at which all were finite is appended too.
    """
    last, people = training.steps[-1] if training.steps else -1, training.people
    steps = [step for step in seen if step > last and (training.diverged or step in keep)]
    if not steps:
        return
    matrices = [torch.stack(same) for same in zip(*(seen[step] for step in steps), strict=True)]  # (r, p, d)
    traits = people.queries, people.keys, people.values
    attended = attend(*(
        (x.flatten(0, 1) @ matrix.mT).unflatten(-2, x.shape[:2])  # (r, e, n, p)
        for x, matrix in zip(traits, matrices, strict=True)
    ))  # fmt: skip
    errors = (attended.output - _wanted(people)).square()
    misfit, held_out = errors[:, 1:].mean((1, 2, 3)), errors[:, 0].mean((1, 2))
    penalty = _penalty(matrices, weight_decay).expand(len(steps))
    weights = attended.weights[:, 0]
    loss = misfit + penalty
    finite = loss.isfinite() & held_out.isfinite()  # so were weights and outputs, or these were not
    good = int(finite.cumprod(0).sum())
    if good < len(steps) and not training.diverged:
        training.diverged = True  # somewhere between two steps to keep
        return _record(training, seen, keep, weight_decay)
    accuracy = (weights.argmax(-1) == people.match[0]).float().mean(-1)
    chosen = [i for i in range(good) if steps[i] in keep or i == good - 1]
    training.steps += [steps[i] for i in chosen]
    for name, numbers in (("loss", loss), ("misfit", misfit), ("penalty", penalty), ("held_out", held_out),
                          ("entropy", _entropies(weights)), ("accuracy", accuracy)):  # fmt: skip
        getattr(training, name).extend(numbers[chosen].tolist())
    training.weights += weights[chosen].unbind()
    kept = (matrix[chosen].mT for matrix in matrices)
    training.projections += map(Projections, *kept)


def mean_entropy(weights: Tensor) -> float:
    """Mean over the rows of ``-sum_j w_j ln w_j``, in nats; weights (..., n, m). 0 ln 0 is 0.

    >>> round(mean_entropy(torch.tensor([[0.5, 0.5], [1.0, 0.0]])), 4)  # (ln 2 + 0) / 2
    0.3466
    """
    return _entropies(weights).mean().item()


def _entropies(weights: Tensor) -> Tensor:
    """The same for each matrix (n, m) of its own: (..., n, m) -> (...)."""
    surprise: Tensor = torch.special.entr(weights)
    return surprise.sum(dim=-1).mean(dim=-1)
