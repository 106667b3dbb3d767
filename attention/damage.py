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
from .masks import causal_mask, pad_sequences, padding_mask
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

    Up to the first layer's keys all rows are the same, and are computed for one.
    """

    def __init__(
        self, decoder: Decoder, groups: Sequence[int], ranks: Sequence[int], bases: Sequence[Tensor],
        biases: Sequence[Tensor],
    ) -> None:  # fmt: skip
        super().__init__(decoder)
        self.groups, self.ranks, self.bases, self.biases = groups, ranks, bases, biases
        self.kept = [0] * (len(groups) + len(ranks))

    def embed(self, ids: Tensor, positions: Tensor) -> Tensor:
        return self.decoder.embed(ids[:1], positions).expand(len(ids), -1, -1)

    def project(self, layer: int, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if layer:
            query, key, value = self.decoder.project(layer, x)
        else:
            query, key, value = (
                part.expand(len(x), -1, -1, -1) for part in self.decoder.project(layer, x[:1])
            )
        forms, kept, shared = [], list[int](), len(self.groups)
        for at, groups in enumerate(self.groups):
            means = [share_heads(side[at : at + 1], groups) for side in (key, value)]
            kept.append(bytes_of(*means))
            every = [mean.repeat_interleave(key.shape[1] // groups, 1) for mean in means]
            forms.append(torch.stack(every, 1))  # (1, 2, g, n, d)
        if self.ranks:
            squeezed, held = self._squeezed(layer, key[shared:], value[shared:])
            kept += [bytes_of(row[:, :rank]) for row, rank in zip(held, self.ranks, strict=True)]
            forms.append(squeezed)
        self.kept = [new + (old if layer else 0) for new, old in zip(kept, self.kept, strict=True)]
        key, value = torch.cat(forms).unbind(1)
        return query, key, value

    def _squeezed(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """:func:`squeeze` of each row to its rank: the basis of the largest, and none of its later axes.

        Keys and values (forms, 2, g, n, d), and what is held of each token, (forms, n, r).
        """
        most = max(self.ranks)
        basis, bias, ranks = self.bases[layer][:, :most], self.biases[layer], torch.tensor(self.ranks)
        within = (torch.arange(most) < ranks[:, None]).to(key)[:, None]  # (forms, 1, r)
        both = torch.cat([_merge(key), _merge(value)], -1) - bias  # (forms, n, 2 g d)
        held = both @ basis * within
        sides: Tensor = (held @ basis.T + bias).unflatten(-1, (2, key.shape[1], -1))
        return sides.permute(0, 2, 3, 1, 4), held


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


def run_texts(
    decoder: Decoder,
    texts: Sequence[Tensor],
    form: int | None,
    bases: Sequence[Tensor] = (),
    biases: Sequence[Tensor] = (),
    *,
    shared: bool,
    causal: bool,
) -> list[Tensor]:
    """Logits (n, vocabulary) of each text (n,), by one pass of a padded batch.

    form: key heads if ``shared``, None for the model's own; else the rank of :func:`run_squeezed`.
    """
    ids, lengths = pad_sequences([text.tolist() for text in texts])
    mask = padding_mask(lengths, ids.shape[1])[:, None]  # (b, 1, 1, n)
    if causal:
        mask = mask & causal_mask(ids.shape[1])
    if not shared:
        decoder = Squeezed(decoder, [basis[:, :form] for basis in bases], biases)
    elif form is not None:
        decoder = Shared(decoder, form)
    rows = forward(decoder, ids.to(texts[0].device), mask=mask.to(texts[0].device))
    return [row[: len(text)] for row, text in zip(rows, texts, strict=True)]


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
        plain = latent.attend(x[None], at, kept).output[0]
        found[name] = (plain - expected).abs().max().item()
    absorbed = latent.attend(x[None], at, kept, absorbed=True).output[0]
    found |= {"absorbed": (plain - absorbed).abs().max().item(), "kept": sum(x.shape[-1] for x in kept)}
    return found | {"keys": 2 * h * d + rotary}


def _merge(x: Tensor) -> Tensor:
    """(b, g, m, d) -> (b, m, g d)."""
    return x.transpose(1, 2).flatten(2)
