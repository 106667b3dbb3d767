"""Chapter 4, the people: whom is there to choose from?

Evenings of a dating agency, made up so that somebody has to be seen through. What they are for stands in
matchmaker.py, from where they can be had too.

Shapes: e evenings, n queries (people looking), m keys (candidates), d traits of a key, v of a value.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


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
    steps of ``train_dating``; more take longer.

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
