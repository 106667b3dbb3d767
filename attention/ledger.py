"""What does a step really compute, and what does it only read again?

:func:`keep_ledger` lets a decoder write and notes every step: the query that was new, the keys and values
that were there, and the multiplications of each part of the model, counted while they happen. Written with
a cache, without one, or without the causal mask, where the keys of old words move at every step.

Shapes: n tokens read in a step, m tokens so far, h heads, g key and value heads, d features, L layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from .cache import KeyValueCache
from .count import Products
from .decode import Around, Decoder, forward

Counts = dict[tuple[int, int, bool], dict[str, int]]  # by tokens read, tokens before, causal
PARTS = ("projections", "attention", "rest", "words")


class Counted(Around):
    """Notes the queries of a text, layer by layer, and what each part of the model multiplies.

    "projections": queries, keys and values; "rest": output projection and feed-forward; "words": from the
    last vector to the logits. What a forward pass multiplies besides is its attention.
    """

    def __init__(self, decoder: Decoder) -> None:
        super().__init__(decoder)
        self.queries: list[Tensor] = []  # per layer (h, n, d), turned to their positions
        self.products = Products("attention")
        self._fresh = False  # whether queries come next to be turned

    @property
    def parts(self) -> dict[str, int]:
        """What each of PARTS multiplied."""
        return {part: self.products.parts.get(part, 0) for part in PARTS}

    @contextmanager
    def within(self, part: str) -> Iterator[None]:
        """Count as this part what would else be attention."""
        self.products.part = part
        try:
            yield
        finally:
            self.products.part = "attention"

    def project(self, layer: int, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        with self.within("projections"):
            projected = self.decoder.project(layer, x)
        self._fresh = True
        return projected

    def rotate(self, x: Tensor, positions: Tensor) -> Tensor:
        turned = self.decoder.rotate(x, positions)
        if self._fresh:
            self.queries.append(turned[0])
        self._fresh = False
        return turned

    def finish(self, layer: int, x: Tensor, attended: Tensor) -> Tensor:
        with self.within("rest"):
            return self.decoder.finish(layer, x, attended)

    def logits(self, x: Tensor) -> Tensor:
        with self.within("words"):
            return self.decoder.logits(x)


@dataclass(frozen=True, eq=False)
class Step:
    """One step. read: tokens that went through the model; token: the one it chose; logits (vocabulary,).

    queries (L, h, d): of the last token. keys, values (L, g, m, d): all that it looks at. parts: what each
    of PARTS multiplied. bytes: of keys and values that are kept for the next step, 0 without a cache.
    """

    read: int
    token: int
    logits: Tensor
    queries: Tensor
    keys: Tensor
    values: Tensor
    parts: dict[str, int]
    bytes: int

    @property
    def multiplications(self) -> int:
        return sum(self.parts.values())


@torch.no_grad()
def keep_ledger(
    decoder: Decoder, prompt: Tensor, steps: int, *, cached: bool = True, causal: bool = True,
    counts: Counts | None = None,
) -> list[Step]:  # fmt: skip
    """Write ``steps`` tokens after prompt (n,) greedily, as :func:`attention.decode.write` does, and note it.

    counts: what this model's passes multiplied so far, by their shapes. Counting takes as long as the pass,
    and a pass of the same shapes multiplies the same; what is not there yet is counted, and kept there.
    Raises ``ValueError`` for a cache without the causal mask: its keys would be wrong ones.
    """
    if cached and not causal:
        raise ValueError("a cache needs the causal mask: without it old keys change; set cached=False")
    cache, text, ledger = KeyValueCache(), prompt[None], []
    counts = {} if counts is None else counts
    for step in range(steps):
        if not cached:
            cache = KeyValueCache()
        read = text[:, -1:] if cached and step else text
        shapes = read.shape[-1], cache.length, causal
        counted = Counted(decoder)
        with nullcontext() if shapes in counts else counted.products:
            logits = forward(counted, read, cache, causal=causal, last_only=True)[0, 0]
        parts = dict(counts.setdefault(shapes, counted.parts))
        token, (queries, keys, values) = int(logits.argmax()), _noted(counted, cache)
        kept = cache.bytes if cached else 0
        ledger.append(Step(read.shape[-1], token, logits, queries[:, :, -1], keys, values, parts, kept))
        text = torch.cat([text, text.new_tensor([[token]])], dim=-1)
    return ledger


@torch.no_grad()
def reread(
    decoder: Decoder, prompt: Tensor, ledger: Sequence[Step], counts: Counts | None = None
) -> list[Step]:
    """The steps of :func:`keep_ledger` without a cache, for what a ledger with one wrote: by a single pass.

    Behind the causal mask no token changes what was computed before it, so a pass over the whole text holds
    the pass over each of its beginnings, and says whether each token of the ledger is the likeliest. Where
    one is not (two were equal to rounding), the steps are gone through one by one. What a step multiplies
    by itself is taken from counts, or counted in a pass of its own.
    """
    counts = {} if counts is None else counts
    tokens = prompt.new_tensor([step.token for step in ledger])
    text, start = torch.cat([prompt, tokens[:-1]])[None], len(prompt)
    for n in range(start, text.shape[-1] + 1):
        if (n, 0, True) not in counts:
            with (counted := Counted(decoder)).products:
                forward(counted, text[:, :n], KeyValueCache(), last_only=True)
            counts[n, 0, True] = counted.parts
    counted, cache = Counted(decoder), KeyValueCache()
    logits = forward(counted, text, cache)[0, start - 1 :]
    if not torch.equal(logits.argmax(-1), tokens):
        return keep_ledger(decoder, prompt, len(ledger), cached=False, counts=counts)
    queries, keys, values = _noted(counted, cache)
    return [
        Step(n, step.token, row, queries[:, :, n - 1], keys[..., :n, :], values[..., :n, :],
             dict(counts[n, 0, True]), 0)
        for n, (step, row) in enumerate(zip(ledger, logits, strict=True), start)
    ]  # fmt: skip


def _noted(counted: Counted, cache: KeyValueCache) -> tuple[Tensor, Tensor, Tensor]:
    """The pass' queries (L, h, n, d), and copies of the keys and values (L, g, m, d) that it looked at."""
    keys, values = zip(*(cache.view(layer) for layer in range(counted.num_layers)), strict=True)
    return torch.stack(counted.queries), torch.cat(keys), torch.cat(values)


def first_written(ledger: list[Step]) -> tuple[Tensor, Tensor]:
    """Keys and values (L, g, m, d) as each was when its token was first read: what a cache would hold."""
    keys, values = ledger[0].keys, ledger[0].values
    for step in ledger[1:]:
        m = keys.shape[-2]
        keys = torch.cat([keys, step.keys[..., m:, :]], dim=-2)
        values = torch.cat([values, step.values[..., m:, :]], dim=-2)
    return keys, values
