"""What the scene computes: queries, keys and values, and every step of their tiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from .....masks import causal_mask
from .....online import tile_steps
from .....online.running import TileStep
from .....pooling import attend
from ..inputs import SPREAD, Inputs

D, V = 4, 2  # features of a query and of a value


@dataclass(frozen=True, eq=False)
class Study:
    """Queries (n, 4), keys (m, 4), values (m, 2), every step of their tiles, and what was stored.

    output (n, 2), lse (n,): of online_attend. whole: attend()'s answer, which had the whole matrix.
    """

    inputs: Inputs
    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None
    steps: list[TileStep]
    output: Tensor
    lse: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.query), len(self.key)

    @cached_property
    def scores(self) -> Tensor:
        """(n, m), -inf where masked: what no step ever holds, put together from the tiles."""
        scores = torch.full(self.shape, -math.inf)
        for step in self.steps:
            if step.scores is not None:
                scores[step.rows, step.columns] = step.scores
        return scores

    @cached_property
    def weights(self) -> Tensor:
        """(n, m): ``exp(score - lse)``."""
        return torch.exp(self.scores - self.lse.masked_fill(self.lse == -math.inf, 0)[:, None])

    @property
    def held(self) -> int:
        """Numbers in the buffers of the fullest step."""
        return max(step.held for step in self.steps)

    @property
    def skipped(self) -> int:
        return sum(step.scores is None for step in self.steps)

    @cached_property
    def error(self) -> float:
        """The largest difference to the output that had the whole matrix."""
        whole = attend(self.query, self.key, self.value, self.mask).output
        return (self.output - whole).abs().max().item()

    @cached_property
    def rise(self) -> tuple[int, int] | None:
        """(step, row) of the first tile that raises a maximum which was there before."""
        for at, step in enumerate(self.steps):
            for i in range(step.rows.stop - step.rows.start):
                if 0.01 < step.rescale[i, 0].item() < 1:
                    return at, step.rows.start + i
        return None

    def before(self, at: int) -> TileStep | None:
        """The step before, if it was of the same rows."""
        return self.steps[at - 1] if at and self.steps[at - 1].rows == self.steps[at].rows else None


def study(inputs: Inputs) -> Study:
    """Draw queries, keys and values, and walk through the tiles once; what is stored comes from the end."""
    n, m = inputs.queries, inputs.keys
    query, key, value = drawn(n, m, inputs.seed)
    mask = causal_mask(n, m) if inputs.look_back else None
    steps = list(tile_steps(query, key, value, mask, tile=inputs.tile))
    output, lse = torch.zeros(n, V), torch.full((n,), -math.inf)
    for step in steps:
        if step.columns.stop == m:  # the row is complete
            output[step.rows] = step.output / step.total.masked_fill(step.total == 0, 1)
            lse[step.rows] = (step.maximum + step.total.log())[:, 0]
    return Study(inputs, query, key, value, mask, steps, output, lse)


def drawn(n: int, m: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """query (n, 4), key (m, 4), value (m, 2) of a seed."""
    generator = torch.Generator().manual_seed(seed)
    query = SPREAD * torch.randn(n, D, generator=generator)
    return query, torch.randn(m, D, generator=generator), torch.randn(m, V, generator=generator)
