"""Chapter 7: what can attention not see without positions?

Attention is a sum over a set: shuffle the words and the outputs are the same vectors in other
places, so "the dog bit the man" and "the man bit the dog" are one sentence to it. Two cures:
add a vector per position (:func:`sinusoidal_encoding`) or turn query and key by an angle per
position (:func:`rotate`).

Shapes: n positions, d features, m distances.

>>> sinusoidal_encoding(2, 4)
tensor([[0.0000, 1.0000, 0.0000, 1.0000],
        [0.8415, 0.5403, 0.0100, 0.9999]])
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .multihead import SelfAttention
from .pooling import Attended, attend


def frequencies(d: int, base: float = 10000.0) -> Tensor:
    """``base^(-2i/d)``, radians per position, float64 (ceil(d/2),): from 1 down to almost 1/base."""
    if d < 1:
        raise ValueError(f"d must be at least 1, got {d}")
    if not base > 0:
        raise ValueError(f"base must be greater than 0, got {base}")
    return torch.as_tensor(float(base), dtype=torch.float64) ** (
        -torch.arange(0, d, 2, dtype=torch.float64) / d
    )


def encode_positions(positions: Tensor, d: int, base: float = 10000.0) -> Tensor:
    """positions (...), any real numbers -> encodings (..., d), float32.

    ``PE[p, 2i] = sin(p / base^(2i/d))``, ``PE[p, 2i+1] = cos(p / base^(2i/d))``,
    Vaswani et al. 2017, section 3.5. With odd d the last sine stands without its cosine.
    """
    # in float64: float32 would be off by 0.004 rad at position 100,000
    angles = positions.double()[..., None] * frequencies(d, base).to(positions.device)
    pairs = torch.stack([angles.sin(), angles.cos()], dim=-1)  # (..., ceil(d/2), 2)
    return pairs.flatten(-2)[..., :d].float()


def sinusoidal_encoding(length: int, d: int, base: float = 10000.0) -> Tensor:
    """Encodings of positions 0 .. length-1: (length, d), any length >= 0 and any d >= 1."""
    if length < 0:
        raise ValueError(f"length must be at least 0, got {length}")
    return encode_positions(torch.arange(length), d, base)


def similarity_by_distance(distances: Tensor, d: int, base: float = 10000.0) -> Tensor:
    """Dot product of two encodings as a function of their distance alone: (m,) -> (m,), float32.

    ``PE[p] . PE[p+k] = sum_i sin(p w_i) sin((p+k) w_i) + cos(p w_i) cos((p+k) w_i)
    = sum_i cos(k w_i)``: p is gone. d/2 at distance 0. With odd d only the whole pairs are summed;
    the lone sine adds a term of at most 1 that does depend on p.
    """
    w = frequencies(d, base)[: d // 2].to(distances.device)
    return (distances.double()[..., None] * w).cos().sum(-1).float()


def rotate(x: Tensor, positions: Tensor, base: float = 10000.0) -> Tensor:
    """Rotary embedding: turn each pair (x_2i, x_2i+1) by ``position * base^(-2i/d)`` radians.

    x (..., n, d) with d even, positions (n,) or broadcastable to (..., n) -> (..., n, d). A rotation
    keeps lengths, and ``rotate(q, p) . rotate(k, r)`` depends on q, k and p - r only: Su et al.
    2021 (RoFormer), equations 14 to 16 and 34. Raises ``ValueError`` for odd d.
    """
    d = x.shape[-1]
    if d % 2:
        raise ValueError(f"rotary embedding turns features in pairs, so d must be even, got {d}; use {d + 1}")
    angles = positions.double()[..., None] * frequencies(d, base).to(positions.device)
    sin, cos = angles.sin().to(x.dtype), angles.cos().to(x.dtype)  # (..., n, d/2)
    left, right = x[..., 0::2], x[..., 1::2]
    return torch.stack([left * cos - right * sin, left * sin + right * cos], dim=-1).flatten(-2)


def embed_words(words: Sequence[str], d: int, seed: int = 0) -> Tensor:
    """A random but fixed vector per word: (n, d), normal with variance 1.

    The same word and seed give the same vector, in any process and beside any other words.
    """
    return torch.stack([_embed(word, d, seed) for word in words])


def match_words(words: Sequence[str], shuffled: Sequence[str]) -> list[int]:
    """permutation with ``shuffled[i] = words[permutation[i]]``; of equal words the first first.

    Raises ``ValueError`` when the two are not the same words in another order.

    >>> match_words("the dog bit the man".split(), "the man bit the dog".split())
    [0, 4, 2, 3, 1]
    """
    places: dict[str, list[int]] = {}
    for place, word in enumerate(words):
        places.setdefault(word, []).append(place)
    if sorted(words) != sorted(shuffled):
        raise ValueError(f"both must have the same words, got {' '.join(words)!r} and {' '.join(shuffled)!r}")
    return [places[word].pop(0) for word in shuffled]


@dataclass(frozen=True)
class Shuffled:
    """Both orders of one sentence, read by the same attention.

    words, shuffled; permutation with ``shuffled[i] = words[permutation[i]]``; first, second: what
    attention returns for each, output (n, d), weights (n, n). restored, restored_weights: second's
    output and weights with the words put back into the first order. moved (n,): largest change of
    each word's output; difference: the largest of all, 0 up to rounding (1e-6) where order is not
    seen.
    """

    words: list[str]
    shuffled: list[str]
    permutation: list[int]
    first: Attended
    second: Attended
    restored: Tensor
    restored_weights: Tensor
    moved: Tensor
    difference: float


def shuffle_experiment(
    words: Sequence[str],
    shuffled: Sequence[str] | None = None,
    seed: int = 0,
    use_positions: bool = False,
    d: int = 32,
    kind: str = "sinusoidal",
) -> Shuffled:
    """Read words in two orders with one random self-attention, and put the outputs side by side.

    words: n >= 1 of them. shuffled: the same words in another order, default a random one of
    ``seed``, which also draws word vectors and projections. use_positions: with ``kind``
    "sinusoidal" (added to the word vectors) or "rotary" (query and key turned, d even). d: width.
    Raises ``ValueError`` for no words, other words, another kind.
    """
    if not words:
        raise ValueError("shuffle_experiment needs at least one word, got none")
    if kind not in ("sinusoidal", "rotary"):
        raise ValueError(f"kind must be 'sinusoidal' or 'rotary', got {kind!r}")
    generator = torch.Generator().manual_seed(seed)
    layer = SelfAttention(d, generator=generator)
    if shuffled is None:
        permutation = torch.randperm(len(words), generator=generator).tolist()
    else:
        permutation = match_words(words, shuffled)
    x = embed_words(words, d, seed)
    kind = kind if use_positions else "none"
    with torch.no_grad():
        first, second = _read(layer, x, kind), _read(layer, x[permutation], kind)
    back = torch.tensor(permutation).argsort()  # where each word of the first order went
    restored = second.output[back]
    moved = (restored - first.output).abs().amax(-1)
    return Shuffled(
        words=list(words),
        shuffled=[words[i] for i in permutation],
        permutation=permutation,
        first=first,
        second=second,
        restored=restored,
        restored_weights=second.weights[back][:, back],
        moved=moved,
        difference=moved.max().item(),
    )


def _read(layer: SelfAttention, x: Tensor, kind: str) -> Attended:
    positions = torch.arange(len(x))
    if kind == "sinusoidal":
        x = x + encode_positions(positions, x.shape[-1])
    query, key, value = layer.project(x)
    if kind == "rotary":
        query, key = rotate(query, positions), rotate(key, positions)
    return attend(query, key, value)


def _embed(word: str, d: int, seed: int) -> Tensor:
    # Python's own hash() differs from process to process
    digest = hashlib.sha256(f"{seed}:{word}".encode("utf-8", "surrogatepass")).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
    return torch.randn(d, generator=generator)
