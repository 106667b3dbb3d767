"""What does a trained model lose when its heads share keys, or keep a short vector instead?

Nothing is trained again here, so this is damage, not what such a model could do: one trained that way from
the start (Shazeer 2019) or for a twentieth of its time more (Ainslie et al. 2023) loses little.

Shapes: h query heads, g key and value heads, m tokens, d features per head, D features of a token, r rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .cache import KeyValueCache
from .count import bytes_of
from .decode import Around, Decoder, forward
from .decode.decoders import projections
from .pooling import attend
from .position import rotate
from .sharing import Latent, share_heads


class Shared(Around):
    """A decoder with ``groups`` key and value heads, each the mean of neighbours of its own."""

    def __init__(self, decoder: Decoder, groups: int) -> None:
        super().__init__(decoder)
        self.groups = groups

    def project(self, layer: int, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        query, key, value = self.decoder.project(layer, x)
        return query, share_heads(key, self.groups), share_heads(value, self.groups)


class Squeezed(Around):
    """A decoder whose keys and values come from r numbers per token and layer, the best r that there are.

    bases: a layer's (2 g d, r), from :func:`latent_bases`; biases (2 g d,). The vector that is kept is
    ``U^T (K, V)``, which is :class:`attention.sharing.Latent`'s up to a change of its axes. kept: bytes of
    these vectors of the last run.
    """

    def __init__(self, decoder: Decoder, bases: Sequence[Tensor], biases: Sequence[Tensor]) -> None:
        super().__init__(decoder)
        if decoder.rotary:
            raise ValueError("keys that are turned do not come from a short vector: they need a rotary part")
        self.bases, self.biases, self.kept = bases, biases, 0

    def project(self, layer: int, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        query, key, value = self.decoder.project(layer, x)
        both = torch.cat([_merge(key), _merge(value)], dim=-1) - self.biases[layer]  # (b, m, 2 g d)
        latent = both @ self.bases[layer]  # (b, m, r)
        self.kept = bytes_of(latent) + (self.kept if layer else 0)
        both = latent @ self.bases[layer].T + self.biases[layer]
        key, value = (
            part.reshape(*part.shape[:2], old.shape[1], -1).transpose(1, 2)
            for part, old in zip(both.chunk(2, dim=-1), (key, value), strict=True)
        )
        return query, key, value


def latent_bases(module: Any, num_layers: int) -> tuple[list[Tensor], list[Tensor]]:
    """Every layer's basis (2 h d, min(2 h d, D)), the most important axes first, and biases (2 h d,).

    The first r columns are the best for rank r (Eckart and Young 1936), over all inputs of equal size.
    """
    bases, biases = [], []
    for layer in range(num_layers):
        _, w_k, w_v, bias = projections(module, layer)
        bases.append(torch.linalg.svd(torch.cat([w_k, w_v]).flatten(0, 1), full_matrices=False)[0])
        biases.append(bias)
    return bases, biases


def run_shared(decoder: Decoder, ids: Tensor, groups: int | None, *, causal: bool) -> tuple[Tensor, int]:
    """Logits (n, vocabulary) of ids (n,) with ``groups`` key heads, None for the model's own; bytes a token.

    The bytes are those of a real cache, all layers.
    """
    cache = KeyValueCache()
    logits = forward(decoder if groups is None else Shared(decoder, groups), ids[None], cache, causal=causal)
    return logits[0], cache.bytes // len(ids)


def run_squeezed(
    decoder: Decoder,
    ids: Tensor,
    bases: Sequence[Tensor],
    biases: Sequence[Tensor],
    rank: int,
    *,
    causal: bool,
) -> tuple[Tensor, int]:
    """The same with ``rank`` numbers per token and layer in place of its keys and values."""
    squeezed = Squeezed(decoder, [basis[:, :rank] for basis in bases], biases)
    logits = forward(squeezed, ids[None], causal=causal)
    return logits[0], squeezed.kept // len(ids)


def rotary_proof(
    w_q: Tensor, w_k: Tensor, w_v: Tensor, x: Tensor, rank: int, rotary: int = 8
) -> dict[str, float]:
    """Latent attention with a rotary part of its own, in a layer with w_q, w_k, w_v (h, d, D), on x (m, D).

    The rotary features' matrices are drawn (seed 0): this shows the arithmetic, not a trained model.
    Returns the largest error of any output: "full" of the full rank, "absorbed" between both forms at
    ``rank``, "squeezed" of ``rank``; "kept" and "keys": numbers per token, with it and without.
    """
    h, d, width = w_q.shape
    drawn = torch.Generator().manual_seed(0)
    rotary_query = torch.randn(h, rotary, width, generator=drawn).to(x) / width**0.5
    rotary_key = torch.randn(rotary, width, generator=drawn).to(x) / width**0.5
    at = torch.arange(len(x), device=x.device)
    turned = rotate(x @ rotary_key.T, at).expand(h, -1, -1)
    query = torch.cat([x @ w_q.mT, rotate(x @ rotary_query.mT, at)], dim=-1)  # (h, m, d + p)
    key = torch.cat([x @ w_k.mT, turned], dim=-1)
    expected = attend(query, key, x @ w_v.mT).output
    found = {}
    for name, r in (("full", min(2 * h * d, width)), ("squeezed", rank)):
        latent = Latent.of_heads(w_q, w_k, w_v, r, rotary_query, rotary_key)
        kept = latent.keep(x[None], at)
        plain, absorbed = (latent.attend(x[None], at, kept, absorbed=way).output[0] for way in (False, True))
        found[name] = (plain - expected).abs().max().item()
        found["absorbed"] = (plain - absorbed).abs().max().item()
        found["kept"] = sum(part.shape[-1] for part in kept)
    return found | {"keys": 2 * h * d + rotary}


def _merge(x: Tensor) -> Tensor:
    """(b, g, m, d) -> (b, m, g d)."""
    return x.transpose(1, 2).flatten(2)
