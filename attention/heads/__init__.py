"""Chapter 13: what do the heads of a real model do?

Chapter 12 hands over one weight matrix per head. :mod:`attention.heads.reading` reads one of them; this
chapter looks at all at once: how each head spreads its weight (:func:`statistics`), and whether it
keeps to a rule that could be said in words (:func:`roles`). A rule counts only when it beats the
same weights on shuffled positions. Attention is not explanation by itself (Jain and Wallace 2019;
Wiegreffe and Pinter 2019).

Shapes: L layers, h heads, n tokens. ``layers`` is a list of L tensors (h, n, n); ``special`` says
for each token whether the tokenizer added it ([CLS], [SEP]).

>>> previous = torch.eye(8).roll(-1, 1)  # every query looks at the key before it
>>> [result.role for result in roles([previous[None]], list(range(8)), [False] * 8)]
['previous']
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .reading import (
    allowed_keys,
    check_weights,
    entropy,
    hide_special,
    join_pieces,
    mean_distance,
    pair_filter,
    renormalise,
    rollout,
    sink_share,
    threshold,
    value_weighted,
)

__all__ = [
    "ROLES", "RoleScore", "allowed_keys", "check_weights", "entropy", "hide_special", "join_pieces",
    "mean_distance", "pair_filter", "patterns", "renormalise", "roles", "rollout", "sink_columns",
    "sink_share", "statistics", "threshold", "value_weighted",
]  # fmt: skip

ROLES = ("previous", "next", "same", "sink", "induction", "broad")
# Of a row's weight: less than this above chance is too little to name a head after.
MARGIN = 0.10
# Of the normalised entropy, which moves in a narrow band: 0.90 by chance at 64 keys, 1 at most.
BROAD_MARGIN = 0.02
FEWEST_SHUFFLES = 20


def sink_columns(special: Sequence[bool]) -> list[int]:
    """Where weight is parked: the first token and every token that the tokenizer added."""
    return [column for column, added in enumerate(special) if added or column == 0]


def statistics(
    layers: Sequence[Tensor], special: Sequence[bool], mask: str | Tensor = "none"
) -> dict[str, Tensor]:
    """One number per head, averaged over the queries that have a choice: three maps (L, h).

    "entropy", normalised to [0, 1]; "distance" in tokens; "sink", the share of weight on the first
    and special tokens. Under a causal mask the first query can only look at itself: it would read
    as a perfect sink, so queries without a choice are left out (a head with no other gets 0).
    """
    allowed = _check_layers(layers, special, mask)
    columns = sink_columns(special)
    free = (allowed.sum(1) > 1).nonzero().flatten()
    parking = (allowed[:, columns].sum(1) < allowed.sum(1)).nonzero().flatten()
    found: dict[str, list[Tensor]] = {"entropy": [], "distance": [], "sink": []}
    for weights in layers:
        found["entropy"].append(_mean(entropy(weights, allowed, normalised=True), free))
        found["distance"].append(_mean(mean_distance(weights), free))
        found["sink"].append(_mean(sink_share(weights, columns), parking))
    return {name: torch.stack(values) for name, values in found.items()}


def _mean(per_query: Tensor, rows: Tensor) -> Tensor:
    """(h, n) -> (h,): the mean over rows, 0 where there are none."""
    return per_query[..., rows].sum(-1) / max(1, len(rows))


def _check_layers(layers: Sequence[Tensor], special: Sequence[bool], mask: str | Tensor) -> Tensor:
    """The keys that may be attended (n, n), once the layers are known to fit the tokens."""
    n = len(special)
    if len(layers) == 0 or n == 0:
        raise ValueError(f"need at least one layer and one token, got {len(layers)} and {n}")
    allowed = allowed_keys(mask, n, n).cpu()
    for weights in layers:
        if weights.dim() != 3 or weights.shape != (len(layers[0]), n, n):
            raise ValueError(
                f"every layer needs shape ({len(layers[0])}, {n}, {n}): as many heads as the first "
                f"layer, a row and column per entry of special; got {tuple(weights.shape)}"
            )
        outside = 0 if allowed.all() else weights[:, ~allowed].amax().item()
        if outside > 1e-6:
            raise ValueError(
                f"weight {outside:.3g} lies on a key that the mask {mask!r} forbids; pass the mask "
                'that the model ran with ("none" when its causal mask was switched off)'
            )
    return allowed


class RoleScore(NamedTuple):
    """How well one head keeps to one rule.

    score: the share of weight on the keys that the rule names ("broad": normalised entropy).
    chance: what the same weights score with shuffled positions ("broad": weights drawn at random).
    The head is given the role when its score exceeds threshold.
    """

    layer: int
    head: int
    role: str
    score: float
    chance: float
    threshold: float

    @property
    def given(self) -> bool:
        return self.score > self.threshold


def patterns(token_ids: Sequence[int], special: Sequence[bool], allowed: Tensor) -> dict[str, Tensor]:
    """The keys that each rule names, boolean (n, n) per role; "broad" names none and is left out.

    previous, next: the neighbour. same: keys with the query's own token, itself included. sink: the
    first and the special tokens. induction: the token after an earlier occurrence of the query's
    token, as far as it lies before the previous token, which is another role's (Olsson et al.
    2022). Rows where a rule names every allowed key, and so cannot be broken, are emptied.
    """
    if len(token_ids) != len(special):
        raise ValueError(
            f"token_ids and special need one entry per token, got {len(token_ids)} and {len(special)}"
        )
    ids, added = torch.as_tensor(token_ids), torch.as_tensor(special, dtype=torch.bool)
    position = torch.arange(len(ids))
    offset = position - position[:, None]  # key minus query
    same = ids[:, None] == ids
    after = F.pad((same & (offset < 0) & ~added[:, None])[:, :-1], (1, 0))
    named = {
        "previous": offset == -1,
        "next": offset == 1,
        "same": same,
        "sink": (added | (position == 0)).expand_as(same),
        "induction": after & (offset < -1),
    }
    named = {role: pattern & allowed for role, pattern in named.items()}
    return {role: pattern & (pattern.sum(1) < allowed.sum(1))[:, None] for role, pattern in named.items()}


def roles(
    layers: Sequence[Tensor],
    token_ids: Sequence[int],
    special: Sequence[bool],
    mask: str | Tensor = "none",
    *,
    shuffles: int = 200,
    generator: torch.Generator | None = None,
    every: bool = False,
) -> list[RoleScore]:
    """Name the heads that keep to a rule on this very text, better than chance.

    layers: L tensors (h, n, n). mask: "none", "causal" or boolean (n, n).
    A score is the mean, over the queries that the rule speaks of, of the weight on the keys it
    names. For chance the keys of every row are shuffled among the allowed ones, ``shuffles`` times
    (fewer, at least 20, for a rule that names very many keys); all heads share the shuffles.
    threshold is the best shuffle + 0.10. "broad" asks for a normalised entropy 0.02 and three
    standard deviations above that of weights drawn evenly from the simplex.
    generator: default a fresh one with seed 0, so that the answer depends on the arguments alone.
    every: also return the pairs that failed. Sorted by layer, head, then score, best first.
    A rule that the text gives no occasion for (no repeated token: no induction) is not listed.
    """
    allowed = _check_layers(layers, special, mask)
    if shuffles < FEWEST_SHUFFLES:
        raise ValueError(f"shuffles must be at least {FEWEST_SHUFFLES}, got {shuffles}")
    generator = torch.Generator().manual_seed(0) if generator is None else generator
    trials = {}
    for role, pattern in patterns(token_ids, special, allowed).items():
        if pattern.any():
            count = max(FEWEST_SHUFFLES, min(shuffles, 2**19 // int(pattern.sum())))
            real = pattern.flatten().nonzero().T  # (1, keys named)
            random = _shuffled(pattern, allowed, count, generator)
            trials[role] = torch.cat([real, random]), int(pattern.any(1).sum())
    free = (allowed.sum(1) > 1).nonzero().flatten()
    broad = _broad_by_chance(allowed.sum(1)[free].double()) if len(free) else None

    found = []
    for layer, weights in enumerate(layers):
        check_weights(weights)
        table = weights.detach().float().cpu().flatten(1).T.contiguous()  # (n*n, h)
        results: dict[str, tuple[Tensor, ...]] = {}
        for role, (cells, rows) in trials.items():
            score = F.embedding_bag(cells, table, mode="sum") / rows  # (1 + shuffles, h)
            results[role] = score[0], score[1:].mean(0), score[1:].amax(0) + MARGIN
        if broad is not None:
            score = _mean(entropy(weights.detach(), allowed, normalised=True), free).cpu()
            results["broad"] = score, *(torch.full_like(score, bound) for bound in broad)
        for role, columns in results.items():
            numbers = zip(*(column.tolist() for column in columns), strict=True)
            found += [RoleScore(layer, head, role, *three) for head, three in enumerate(numbers)]
    found = [result for result in found if every or result.given]
    return sorted(found, key=lambda result: (result.layer, result.head, -result.score))


def _shuffled(pattern: Tensor, allowed: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Each row's named keys moved to as many random allowed ones: flat cells (count, keys named).

    Floyd's sampling (Bentley and Floyd 1987), all rows and shuffles at once: to choose k of a
    keys, step s draws from the first a-k+s+1; a key drawn before gives way to the last of them.
    """
    rows = pattern.any(1).nonzero().flatten()
    names, choices = pattern[rows].sum(1), allowed[rows].sum(1)
    taken = torch.zeros(count * len(rows) * pattern.shape[1], dtype=torch.bool)
    start = torch.arange(count * len(rows)).view(count, -1) * pattern.shape[1]
    chosen = torch.empty(int(names.max()), count, len(rows), dtype=torch.int64)
    for step in range(len(chosen)):
        last = (choices - names + step).clamp_max(choices - 1)
        draw = torch.rand(count, len(rows), generator=generator, dtype=torch.float64)
        draw = (draw * (last + 1)).long()
        chosen[step] = torch.where(taken[start + draw], last, draw)
        taken[start + chosen[step]] = True
    # rows that name fewer keys than the fullest stopped meaning anything past their own count
    filled = torch.arange(len(chosen)) < names[:, None]  # (rows, keys)
    chosen = chosen.permute(1, 2, 0)[:, filled]  # (count, keys named)
    row = torch.arange(len(rows))[:, None].expand(filled.shape)[filled]
    order = (~allowed[rows]).to(torch.uint8).argsort(dim=1, stable=True)  # allowed keys first
    return order[row, chosen] + rows[row] * pattern.shape[1]


def _broad_by_chance(choices: Tensor) -> tuple[float, float]:
    """Mean normalised entropy of rows drawn evenly from the simplex, and the threshold above it.

    Moments of the entropy under a flat Dirichlet with a = choices: its mean is 1/2 + ... + 1/a;
    the variance follows from E[p_i ln p_i p_j ln p_j] (Wolpert and Wolf 1995).
    """
    a, digamma = choices, torch.special.digamma
    trigamma: Callable[[Tensor], Tensor] = partial(torch.special.polygamma, 1)
    one, two, three = (torch.full_like(a, number) for number in (1.0, 2.0, 3.0))
    mean = digamma(a + 1) - digamma(two)
    own = (digamma(three) - digamma(a + 2)) ** 2 + trigamma(three) - trigamma(a + 2)
    cross = (digamma(two) - digamma(a + 2)) ** 2 - trigamma(a + 2)
    variance = (two * own + (a - one) * cross) / (a + 1) - mean**2
    chance = (mean / a.log()).mean()
    deviation = (variance / a.log() ** 2).sum().sqrt() / len(a)
    return chance.item(), (chance + 3 * deviation + BROAD_MARGIN).item()
