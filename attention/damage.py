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
from .sharing import Latent, Svd, common_svd, share_heads


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
        key, value, kept = squeeze(key, value, self.bases[layer], self.biases[layer])
        self.kept = kept + (self.kept if layer else 0)
        return query, key, value


def squeeze(key: Tensor, value: Tensor, basis: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, int]:
    """Key and value (b, g, m, d) as they come back from r numbers a token, and the bytes of these."""
    both = torch.cat([_merge(key), _merge(value)], dim=-1) - bias  # (b, m, 2 g d)
    latent = both @ basis  # (b, m, r)
    both = latent @ basis.T + bias
    key, value = (
        part.reshape(*part.shape[:2], old.shape[1], -1).transpose(1, 2)
        for part, old in zip(both.chunk(2, dim=-1), (key, value), strict=True)
    )
    return key, value, bytes_of(latent)


class Several(Around):
    """A decoder that reads one text in many forms at once, each in a row of the batch: first those with
    ``groups`` key heads, then those squeezed to ``ranks`` numbers. kept: each form's bytes of the last run.
    """

    def __init__(
        self, decoder: Decoder, groups: Sequence[int], ranks: Sequence[int], bases: Sequence[Tensor],
        biases: Sequence[Tensor],
    ) -> None:  # fmt: skip
        super().__init__(decoder)
        self.groups, self.ranks, self.bases, self.biases = groups, ranks, bases, biases
        self.kept = [0] * (len(groups) + len(ranks))

    def project(self, layer: int, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        query, *sides = self.decoder.project(layer, x)
        forms, kept = [], []
        for at, groups in enumerate(self.groups):
            means = [share_heads(side[at : at + 1], groups) for side in sides]
            kept.append(bytes_of(*means))
            forms.append([mean.repeat_interleave(sides[0].shape[1] // groups, 1) for mean in means])
        for at, rank in enumerate(self.ranks, len(self.groups)):
            key, value = (side[at : at + 1] for side in sides)
            *form, held = squeeze(key, value, self.bases[layer][:, :rank], self.biases[layer])
            kept.append(held)
            forms.append(form)
        self.kept = [new + (old if layer else 0) for new, old in zip(kept, self.kept, strict=True)]
        keys, values = (torch.cat(each) for each in zip(*forms, strict=True))
        return query, keys, values


def latent_bases(module: Any, num_layers: int) -> tuple[list[Tensor], list[Tensor]]:
    """Every layer's basis (2 h d, min(2 h d, D)), the most important axes first, and biases (2 h d,).

    The first r columns are the best for rank r (Eckart and Young 1936), over all inputs of equal size.
    """
    bases, biases = [], []
    for layer in range(num_layers):
        _, w_k, w_v, bias = projections(module, layer)
        bases.append(common_svd(w_k, w_v)[0])
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


def run_forms(
    decoder: Decoder,
    ids: Tensor,
    groups: Sequence[int],
    ranks: Sequence[int] = (),
    bases: Sequence[Tensor] = (),
    biases: Sequence[Tensor] = (),
    *,
    causal: bool,
) -> list[tuple[Tensor, int]]:
    """What :func:`run_shared` gives for each of groups and :func:`run_squeezed` for each of ranks, by one
    pass of a batch: to rounding the same, in a fraction of the time for a short text. Raises ``ValueError``
    without any form, and for ranks with keys that are turned."""
    if not groups and not ranks:
        raise ValueError("at least one form is needed: give groups or ranks")
    if ranks and decoder.rotary:
        raise ValueError("keys that are turned do not come from a short vector: they need a rotary part")
    several = Several(decoder, groups, ranks, bases, biases)
    logits = forward(several, ids.expand(len(groups) + len(ranks), -1), causal=causal)
    return [(rows, kept // len(ids)) for rows, kept in zip(logits, several.kept, strict=True)]


def rotary_proof(
    w_q: Tensor, w_k: Tensor, w_v: Tensor, x: Tensor, rank: int, rotary: int = 8, svd: Svd | None = None
) -> dict[str, float]:
    """Latent attention with a rotary part of its own, in a layer with w_q, w_k, w_v (h, d, D), on x (m, D).

    The rotary features' matrices are drawn (seed 0): this shows the arithmetic, not a trained model.
    svd: of :func:`common_svd`, where it is known already.
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
    svd, found = common_svd(w_k, w_v) if svd is None else svd, {}
    for name, r in (("full", min(2 * h * d, width)), ("squeezed", rank)):
        latent = Latent.of_heads(w_q, w_k, w_v, r, rotary_query, rotary_key, svd)
        kept = latent.keep(x[None], at)
        plain, absorbed = (latent.attend(x[None], at, kept, absorbed=way).output[0] for way in (False, True))
        found[name] = (plain - expected).abs().max().item()
        found["absorbed"] = (plain - absorbed).abs().max().item()
        found["kept"] = sum(part.shape[-1] for part in kept)
    return found | {"keys": 2 * h * d + rotary}


def _merge(x: Tensor) -> Tensor:
    """(b, g, m, d) -> (b, m, g d)."""
    return x.transpose(1, 2).flatten(2)
