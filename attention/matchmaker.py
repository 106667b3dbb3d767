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
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

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


@dataclass(frozen=True)
class People:
    """Made-up people over e evenings; the first evening is the one shown, and not trained on.

    queries (e, n, d), keys (e, m, d), values (e, m, v); match (e, n): the index of the candidate
    who suits each query best.
    """

    queries: Tensor
    keys: Tensor
    values: Tensor
    match: Tensor


def make_people(num_candidates: int = 6, seed: int = 0, num_evenings: int = 33) -> People:
    """Six traits each: two that everybody boasts of, four on which people are honest.

    A value has +1 or -1 per trait, and no two candidates of an evening agree on all honest ones.
    A key is +1 for the two boasts, whoever it is, and the value for the rest, plus noise of 0.2.
    Query i is the value of candidate i plus noise of 0.3. The hidden rule: the best match is the
    candidate whose VALUE is nearest. (In the heatmap these lie on the diagonal; attention sees no
    positions, so it cannot take advantage of that.) Up to 8 candidates are told apart within 200
    steps of :func:`train_dating`; more take longer.

    Raises ``ValueError`` unless there are 2 to 16 candidates and at least 2 evenings.
    """
    if not 2 <= num_candidates <= 16:
        raise ValueError(
            f"num_candidates must lie in [2, 16], got {num_candidates}: choosing takes two, and "
            "four honest traits tell 16 people apart"
        )
    if num_evenings < 2:
        raise ValueError(f"one evening is shown and others trained on, got {num_evenings} in all")
    generator = torch.Generator().manual_seed(seed)
    shape = (num_evenings, num_candidates)

    # a random order of the numbers 0..15 per evening; the four bits of each are the honest traits
    codes = torch.rand(num_evenings, 16, generator=generator).argsort(dim=1)[:, :num_candidates]
    honest = (codes[..., None] >> torch.arange(4)) % 2 * 2.0 - 1
    hidden = torch.randint(2, (*shape, 2), generator=generator) * 2.0 - 1
    values = torch.cat([hidden, honest], dim=-1)
    claims = torch.cat([torch.ones_like(hidden), honest], dim=-1)
    keys = claims + 0.2 * torch.randn(*shape, 6, generator=generator)
    queries = values + 0.3 * torch.randn(*shape, 6, generator=generator)
    return People(queries, keys, values, torch.cdist(queries, values).argmin(dim=-1))


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
    training, before = Training(people), None
    while not training.diverged and run.step <= steps:
        try:
            run.measure()
            if run.step in keep:
                _record(training, run, weight_decay)
        except Diverged:
            training.diverged = True
        else:
            before = [matrix.detach().clone() for matrix in run.parameters]
            run.update(learning_rate)
    if training.diverged and before is not None and training.steps[-1] < run.step - 1:
        run.step -= 1
        with torch.no_grad():  # one step back, where the numbers were finite still
            for matrix, finite in zip(run.parameters, before, strict=True):
                matrix.copy_(finite)
        _record(training, run, weight_decay)
    return training


def _recipe(people: People, dropout: float, weight_decay: float) -> Recipe[DatingAttention]:
    def model(generator: torch.Generator) -> DatingAttention:
        d, v = people.queries.shape[-1], people.values.shape[-1]
        return DatingAttention(d, v, dropout=dropout, generator=generator)

    def loss(network: DatingAttention, generator: torch.Generator) -> Tensor:
        misfit = _errors(network, people, slice(1, None), generator)[0].mean()
        return misfit + _penalty(network, weight_decay)

    return Recipe("matchmaker", model, loss, adam=False, largest=math.inf)


def _errors(
    network: DatingAttention,
    people: People,
    evenings: slice,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Attended]:
    """(output - value of the best match)^2 over some evenings, (e, n, v), and what was attended."""
    values = people.values[evenings]
    attended = network(people.queries[evenings], people.keys[evenings], values, None, generator)
    match = people.match[evenings, :, None].expand(-1, -1, values.shape[-1])
    return (attended.output - values.gather(1, match)).square(), attended


def _penalty(network: DatingAttention, weight_decay: float) -> Tensor:
    if weight_decay == 0:  # 0 * inf would be NaN
        return torch.zeros(())
    squares = sum((matrix.square().sum() for matrix in network.parameters()), start=torch.zeros(()))
    return weight_decay * squares


@torch.no_grad()
def _record(training: Training, run: Run[DatingAttention], weight_decay: float) -> None:
    """Append one entry, without dropout; ``Diverged``, and no entry, if a number is not finite."""
    network, people = run.model.eval(), training.people
    errors, attended = _errors(network, people, slice(None))
    network.train()
    misfit, held_out, weights = errors[1:].mean(), errors[0].mean(), attended.weights[0]
    penalty = _penalty(network, weight_decay)
    if not all(n.isfinite().all() for n in (misfit + penalty, held_out, weights, attended.output[0])):
        raise Diverged(f"the training diverged at step {run.step}")
    training.steps.append(run.step)
    training.loss.append((misfit + penalty).item())
    training.misfit.append(misfit.item())
    training.penalty.append(penalty.item())
    training.held_out.append(held_out.item())
    training.weights.append(weights)
    training.entropy.append(mean_entropy(weights))
    training.accuracy.append((weights.argmax(-1) == people.match[0]).float().mean().item())
    training.projections.append(network.projections())


def mean_entropy(weights: Tensor) -> float:
    """Mean over the rows of ``-sum_j w_j ln w_j``, in nats; weights (..., n, m). 0 ln 0 is 0.

    >>> round(mean_entropy(torch.tensor([[0.5, 0.5], [1.0, 0.0]])), 4)  # (ln 2 + 0) / 2
    0.3466
    """
    surprise: Tensor = torch.special.entr(weights)  # (..., n, m)
    return surprise.sum(dim=-1).mean().item()
