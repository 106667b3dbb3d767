"""What the scene computes: one output in two ways, a regression by random features, ten writes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from .....kernel import make_data
from .....linear import State, delta_steps, linear_attend, linear_steps
from .....linear.random_features import ErrorCurve, Recovered, error_curve, recover
from .....pooling import Attended
from ..inputs import Inputs

TOKENS, D, V = 8, 3, 2  # of the little recurrent network
POINTS, NOISE, QUERIES = 40, 0.3, 50  # of the kernel regression
COUNTS = (2, 4, 8, 16, 32, 64, 128, 256, 512)  # features of the error's curve
FAR = 2.0  # bandwidths over which that error is taken
KEYS, WRITES = "ABCD", 10  # of the memory that is overwritten


@dataclass(frozen=True, eq=False)
class Study:
    """The same attention as a matrix and as states, a regression by random features, and overwriting.

    query, key (8, 3), value (8, 2); written: key of each write; told (10,): its value; queries (50,), x and
    y (40,): of the regression. added, corrected (10, 4): what each key gives back after each write, by the
    sum and by the delta rule.
    """

    inputs: Inputs
    query: Tensor
    key: Tensor
    value: Tensor
    whole: Attended
    states: list[State]
    x: Tensor
    y: Tensor
    queries: Tensor
    found: Recovered
    curve: ErrorCurve
    written: list[int]
    told: Tensor
    added: Tensor
    corrected: Tensor

    @cached_property
    def error(self) -> float:
        """The largest difference between both ways to the same output."""
        outputs = torch.stack([state.output for state in self.states])
        return (outputs - self.whole.output).abs().max().item()

    @cached_property
    def last(self) -> Tensor:
        """(10, 4): what was written last to each key, NaN before its first."""
        rows, now = [], [math.nan] * len(KEYS)
        for at, told in zip(self.written, self.told.tolist(), strict=True):
            now[at] = told
            rows.append(list(now))
        return torch.tensor(rows)

    @property
    def most(self) -> float:
        """The largest of what no answer's error can exceed; infinite where nothing can be said."""
        return self.found.bound.max().item()


def study(inputs: Inputs) -> Study:
    """Both ways to one output, the regression with the chosen features, and ten writes."""
    generator = torch.Generator().manual_seed(inputs.seed)
    query, key = torch.randn(2, TOKENS, D, generator=generator)
    value = torch.randn(TOKENS, V, generator=generator)
    written = torch.randint(len(KEYS), (WRITES,), generator=generator).tolist()
    written[0] = written[-3] = 0  # A is written at the beginning and again near the end
    told = torch.randint(1, 10, (WRITES,), generator=generator).float()
    x, y = make_data(POINTS, NOISE, inputs.seed)
    queries = torch.linspace(x.min().item(), x.max().item(), QUERIES)
    found = recover(queries, x, y, inputs.bandwidth, inputs.features, kind=inputs.random, seed=inputs.seed)
    added, corrected = memories(written, told, inputs.rate)
    return Study(
        inputs, query, key, value, linear_attend(query, key, value, causal=True),
        list(linear_steps(query, key, value)), x, y, queries, found, falling(inputs.random),
        written, told, added, corrected,
    )  # fmt: skip


def memories(written: list[int], told: Tensor, rate: float) -> tuple[Tensor, Tensor]:
    """What every key gives back after every write, (writes, keys): by the sum, by the delta rule."""
    one = torch.eye(len(KEYS))
    keys, values = one[written], told[:, None]
    asked = one[:, None].expand(-1, len(written), -1)  # each key asked at every step
    keys, values = keys.expand(len(KEYS), -1, -1), values.expand(len(KEYS), -1, -1)
    sums = [state.output for state in linear_steps(asked, keys, values, lambda x: x)]
    fixed = [state.output for state in delta_steps(asked, keys, values, rate)]
    return torch.stack(sums)[..., 0], torch.stack(fixed)[..., 0]


@lru_cache(maxsize=2)  # one of each kind
def falling(kind: str) -> ErrorCurve:
    """The error over features, the mean of 16 draws."""
    return error_curve(torch.linspace(0, FAR, 9), COUNTS, kind=kind, seeds=16)
