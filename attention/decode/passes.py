"""Writing one word at a time, with a cache and without: the same words, at another price.

:func:`forward` runs any :class:`Decoder` on this package's attention; :func:`write` lets it write, and
counts bytes and seconds; :func:`write_at_once` needs fewer passes for the same words; :func:`moved_keys`
shows that only the causal mask makes a cache legal.

Shapes: b texts, n new tokens, m tokens so far, h heads, g key and value heads, d features per head, D
features of a token's vector, L layers.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..cache import KeyValueCache
from ..masks import causal_mask
from ..sharing import grouped_attend
from ..windows import window_mask


class Decoder(Protocol):
    """What a decoder offers, so that one attention and one cache serve them all.

    embed: ids (b, n) at positions (n,) -> (b, n, D). project: a layer's norm and projections of x (b, n, D)
    -> query (b, h, n, d), key and value (b, g, n, d), not yet turned. rotate: queries or keys (b, ., n, d)
    turned to positions (n,); with learned positions, rotary is False and they come back as they are.
    finish: a layer's output projection, residuals and feed-forward; attended is (b, h, n, d). logits: x
    (b, n, D) -> (b, n, vocabulary). scale: what scores are multiplied by, None for 1/sqrt(d).
    """

    num_layers: int
    rotary: bool
    scale: float | None

    def embed(self, ids: Tensor, positions: Tensor) -> Tensor: ...
    def project(self, layer: int, x: Tensor) -> tuple[Tensor, Tensor, Tensor]: ...
    def rotate(self, x: Tensor, positions: Tensor) -> Tensor: ...
    def finish(self, layer: int, x: Tensor, attended: Tensor) -> Tensor: ...
    def logits(self, x: Tensor) -> Tensor: ...


class Around:
    """A decoder that passes everything on to another one; what is to be different is overridden."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self.num_layers, self.rotary, self.scale = decoder.num_layers, decoder.rotary, decoder.scale

    def embed(self, ids: Tensor, positions: Tensor) -> Tensor:
        return self.decoder.embed(ids, positions)

    def project(self, layer: int, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.decoder.project(layer, x)

    def rotate(self, x: Tensor, positions: Tensor) -> Tensor:
        return self.decoder.rotate(x, positions)

    def finish(self, layer: int, x: Tensor, attended: Tensor) -> Tensor:
        return self.decoder.finish(layer, x, attended)

    def logits(self, x: Tensor) -> Tensor:
        return self.decoder.logits(x)


@torch.no_grad()
def forward(
    decoder: Decoder,
    ids: Tensor,
    cache: KeyValueCache | None = None,
    *,
    causal: bool = True,
    window: int | None = None,
    sinks: int = 0,
    positions: Tensor | None = None,
    mask: Tensor | None = None,
    last_only: bool = False,
) -> Tensor:
    """Logits (b, n, vocabulary) of ids (b, n), which follow what the cache holds and are added to it.

    causal: False lets every token see every other, which no cache survives. window, sinks: as in
    :func:`attention.windows.window_mask`; a cache then forgets what no later token may see, and takes one
    token at a time once it holds something. positions (n,): default those after the tokens seen. mask
    (n, m): replaces the mask that all this makes. last_only: (b, 1, vocabulary), of the last token.
    """
    n = ids.shape[-1]
    if n < 1 or (window is not None and cache is not None and cache.length and n > 1):
        raise ValueError(f"a step takes one token or more, with a window one at a time; got {n}")
    start = 0 if cache is None else cache.seen
    if positions is None:
        positions = torch.arange(start, start + n, device=ids.device)
    if cache is not None and window is not None and cache.length:
        cache.evict(window - 1, sinks)
    m = n + (0 if cache is None else cache.length)
    if mask is None and window is not None and m == n:
        mask = window_mask(n, n, window, sinks, ids.device)
    elif mask is None and causal and n > 1:
        mask = causal_mask(n, m, ids.device)
    x = decoder.embed(ids, positions)
    for layer in range(decoder.num_layers):
        query, key, value = decoder.project(layer, x)
        query, key = decoder.rotate(query, positions), decoder.rotate(key, positions)
        if cache is not None:
            key, value = cache.append(layer, key, value)
        attended = grouped_attend(query, key, value, mask, scale=decoder.scale, need_weights=False)
        x = decoder.finish(layer, x, attended.output)
    return decoder.logits(x[:, -1:] if last_only else x)


@dataclass(frozen=True)
class Written:
    """What :func:`write` wrote. tokens: the ids, greedily chosen. logits (steps, vocabulary): what each was
    chosen from. seconds: of each step. bytes: of the cache after each step, 0 without one."""

    tokens: list[int]
    logits: Tensor
    seconds: list[float]
    bytes: list[int]


def write(decoder: Decoder, prompt: Tensor, steps: int, *, cached: bool = True) -> Written:
    """Continue one text, prompt (n,), by the likeliest token, ``steps`` times.

    cached: a step reads the last token only; False reads the whole text again. The first step reads the
    prompt in both cases. Raises ``ValueError`` for no prompt or no step.
    """
    if prompt.dim() != 1 or len(prompt) < 1 or steps < 1:
        raise ValueError(f"one text of at least one token, and one step; got {tuple(prompt.shape)}, {steps}")
    cache = KeyValueCache() if cached else None
    text, rows, seconds, sizes = prompt[None], [], [], []
    for step in range(steps):
        begin = time.perf_counter()
        read = text[:, -1:] if cache is not None and step else text
        rows.append(forward(decoder, read, cache, last_only=True)[0, 0])
        text = torch.cat([text, rows[-1].argmax().reshape(1, 1)], dim=-1)
        seconds.append(time.perf_counter() - begin)
        sizes.append(0 if cache is None else cache.bytes)
    return Written(text[0, len(prompt) :].tolist(), torch.stack(rows), seconds, sizes)


def write_at_once(
    decoder: Decoder, prompt: Tensor, steps: int, guess: Sequence[int] = (), *, window: int | None = None
) -> tuple[list[int], Tensor]:
    """The tokens and logits (steps, vocabulary) of :func:`write` without a cache, in fewer passes than steps.

    Behind a causal mask one pass answers for every beginning of its text. So guess all the tokens; a pass
    says which is likeliest at each place, and that is the next guess, until nothing changes: every pass
    leaves at least one token more that stands behind right ones only (Jacobi's iteration; Santilli et al.
    2023). guess: what is probably written; it may spare passes and changes nothing else. window: as in
    :func:`forward`.
    """
    begun = [*guess, *[0] * steps][:steps]
    tokens = torch.tensor(begun, dtype=prompt.dtype, device=prompt.device)
    for _ in range(steps + 1):
        text = torch.cat([prompt, tokens[:-1]])
        logits = forward(decoder, text[None], window=window)[0, len(prompt) - 1 :]
        before, tokens = tokens, logits.argmax(-1)
        if torch.equal(before, tokens):
            break
    return tokens.tolist(), logits


def moved_keys(decoder: Decoder, ids: Tensor, *, causal: bool) -> Tensor:
    """How far the keys of ids[:-1] move, layer by layer, when the last token is read too: (L,).

    The largest change of any number. With a causal mask 0, up to rounding; without, 0 in the first layer,
    whose keys come from the words alone, and not in the deeper ones: a cached key would be a wrong one.
    """
    before, after = KeyValueCache(), KeyValueCache()
    forward(decoder, ids[None, :-1], before, causal=causal)
    forward(decoder, ids[None], after, causal=causal)
    pairs = ((before.view(layer)[0], after.view(layer)[0]) for layer in range(decoder.num_layers))
    return torch.stack([(new[..., :-1, :] - old).abs().max() for old, new in pairs])
