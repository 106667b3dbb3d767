"""Mistakes people make with a cache, to switch on, and the first word that each gets wrong.

None of them raises an error, and the text still reads like text: the numbers are what shows them. Every
mistake is the right loop of ``decode`` with one thing changed.

Shapes: n tokens of a prompt, b texts, d features per head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..cache import KeyValueCache
from .passes import Decoder, forward, write_at_once

PITFALLS = ("restart", "twice", "corner", "evict", "shared")


class TurnedAgain(KeyValueCache):
    """Keys are kept already turned, and whoever reads them turns them once more."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self._decoder = decoder

    def append(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        keys, values = super().append(layer, key, value)
        old = keys[..., : keys.shape[-2] - key.shape[-2], :]
        positions = torch.arange(old.shape[-2], device=old.device)
        return torch.cat([self._decoder.rotate(old, positions), key], dim=-2), values


@dataclass(frozen=True)
class Wrong:
    """What a mistake did. tokens: what the model writes without it. logits, expected (steps, vocabulary).

    first: the first step, from 0, whose likeliest token is another than tokens[first], None if that never
    happened; instead: that other token. off (steps,): the largest error of any logit; with nothing wrong
    it is rounding.
    """

    tokens: list[int]
    logits: Tensor
    expected: Tensor
    first: int | None
    instead: int | None
    off: Tensor


def first_wrong(
    decoder: Decoder,
    prompt: Tensor,
    steps: int,
    pitfall: str | None = None,
    *,
    window: int = 8,
    other: Tensor | None = None,
    guess: Sequence[int] = (),
) -> Wrong:
    """Write ``steps`` tokens after prompt (n,) rightly, then the same tokens again with one mistake.

    pitfall: None for no mistake (a check of the cache itself), or
    "restart": every step counts its positions from 0, as if the new token were the first.
    "twice": keys that the cache keeps turned are turned again when they are read; needs rotary positions.
    "corner": the causal mask is aligned to the upper left corner, so a new token sees the first key only.
    "evict": the oldest keys are forgotten beyond ``window``, and positions are counted by what is left,
        while the keys that stay were turned for the old count. Measured against the same window, right.
    "shared": the cache still holds another text, other (k,), and positions go on behind it.
    guess: what is probably written rightly; it may save time and changes nothing.
    The right side never uses a cache. Up to the first wrong token both sides read the same text, so it is
    also the first one that differs when the mistake writes by itself.
    Raises ``ValueError`` for a mistake that is not known, or cannot be made with this decoder.
    """
    if pitfall not in (None, *PITFALLS):
        raise ValueError(f"pitfall must be one of {', '.join(PITFALLS)}, or None; got {pitfall!r}")
    if pitfall == "twice" and not decoder.rotary:
        raise ValueError("this decoder has learned positions: there is no turned key to turn twice")
    if (pitfall == "shared") != (other is not None):
        raise ValueError('the mistake "shared" needs another text, other (k,), and no other mistake does')
    limit = window if pitfall == "evict" else None
    tokens, expected = write_at_once(decoder, prompt, steps, guess, window=limit)
    cache = TurnedAgain(decoder) if pitfall == "twice" else KeyValueCache()
    if other is not None:
        forward(decoder, other[None], cache)
    text = torch.cat([prompt, torch.tensor(tokens[:-1], dtype=prompt.dtype, device=prompt.device)])
    start, rows = len(prompt), []
    for step in range(steps):
        new = text[None, :start] if step == 0 else text[None, start + step - 1 : start + step]
        n = new.shape[-1]
        at, mask = start + step - n, None  # the first position of the step, and what forward() makes
        if pitfall == "restart":
            at = 0
        elif other is not None:
            at += len(other)  # as a loop counts that asks the cache
        elif pitfall == "corner":
            mask = torch.ones(n, cache.length + n, dtype=torch.bool, device=prompt.device).tril()
        elif pitfall == "evict":
            if cache.length:
                cache.evict(window - 1)
            at = cache.length
        positions = torch.arange(at, at + n, device=prompt.device)
        narrow = limit if step == 0 else None
        rows.append(forward(decoder, new, cache, positions=positions, mask=mask, window=narrow)[0, -1])
    logits = torch.stack(rows)
    chosen = logits.argmax(-1).tolist()
    first = next((step for step in range(steps) if chosen[step] != tokens[step]), None)
    off = (logits - expected).abs().amax(-1)
    return Wrong(tokens, logits, expected, first, None if first is None else chosen[first], off)
