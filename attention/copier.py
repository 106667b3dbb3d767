"""Chapter 18, part 1: a network that is attention and nothing else.

``x = E[ids]``, per layer ``x = x + heads(norm(x))`` where positions are added to the inputs of queries and
keys only (so that what is copied is the token, not its place), then ``logits = x U^T``.

Shapes: b sequences, n tokens, V vocabulary, L layers, h heads, d features of a head.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .masks import causal_mask
from .multihead import MultiHeadAttention, merge_heads
from .pooling import attend

VOCABULARY, WIDTH, HEADS = 24, 48, 2
LONGEST = 16  # so many tokens can be repeated at all
POSITIONS = 48  # sequences begin anywhere among them, so that a late place does not tell a long one
Seen = tuple[Tensor, Tensor, Tensor, Tensor]  # a layer's queries, keys, values (b, h, n, d), and weights


class Copier(nn.Module):
    """layers of attention without feed-forwards; generator: source of the first parameters."""

    def __init__(self, layers: int = 2, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(VOCABULARY, WIDTH, generator=generator))
        self.position = nn.Parameter(torch.randn(POSITIONS, WIDTH, generator=generator))
        # small, or the first logits are wild guesses that take a hundred steps to unlearn
        self.unembedding = nn.Parameter(0.2 * torch.randn(VOCABULARY, WIDTH, generator=generator))
        self.norms = nn.ModuleList([nn.LayerNorm(WIDTH) for _ in range(layers)])
        self.layers = nn.ModuleList(
            [MultiHeadAttention(WIDTH, HEADS, generator=generator) for _ in range(layers)]
        )

    def forward(self, ids: Tensor, start: int | Tensor = 0) -> Tensor:
        """ids (b, n) -> logits (b, n, V). start: the position of the first token, one or (b, 1)."""
        return self._run(ids, frozenset(), None, start)

    @torch.no_grad()
    def look(
        self, ids: Tensor, knock_out: Collection[tuple[int, int]] = frozenset()
    ) -> tuple[Tensor, Tensor]:
        """ids (b, n) -> logits (b, n, V) and weights (b, L, h, n, n).

        knock_out: (layer, head) pairs whose output is made zero; their weights are shown all the same.
        """
        seen: list[Seen] = []
        logits = self._run(ids, frozenset(knock_out), seen)
        return logits, torch.stack([weights for *_, weights in seen], 1)

    @torch.no_grad()
    def vectors(
        self, ids: Tensor, layer: int, head: int, knock_out: Collection[tuple[int, int]] = frozenset()
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values (n, d) of one head on ids (n,), as :meth:`look` has them."""
        seen: list[Seen] = []
        self._run(ids[None], frozenset(knock_out), seen)
        query, key, value, _ = seen[layer]
        return query[0, head], key[0, head], value[0, head]

    def _run(
        self,
        ids: Tensor,
        gone: frozenset[tuple[int, int]],
        seen: list[Seen] | None,
        start: int | Tensor = 0,
    ) -> Tensor:
        n = ids.shape[-1]
        if not 1 <= n <= 2 * LONGEST:
            raise ValueError(f"a sequence has 1 to {2 * LONGEST} tokens, got {n}; shorten it")
        position = self.position[start + torch.arange(n, device=ids.device)]
        mask, x = causal_mask(n, device=ids.device), F.embedding(ids, self.embedding)
        for number, (norm, layer) in enumerate(zip(self.norms, self.layers, strict=True)):
            assert isinstance(layer, MultiHeadAttention)
            read = norm(x)
            placed = read + position
            query, key, value = layer.project(placed, placed, read)
            attended = attend(query, key, value, mask, need_weights=seen is not None)
            output = attended.output
            for head in (head for at, head in gone if at == number):
                output[:, head] = 0
            if seen is not None and attended.weights is not None:
                seen.append((query, key, value, attended.weights))
            x = x + F.linear(merge_heads(output), layer.w_o, layer.b_o)
        return x @ self.unembedding.T
