"""The storyteller: a whole language model, small enough to be read in one sitting.

Words become vectors, their places are added, and every layer adds to this **residual stream**: first
what the heads brought from earlier words, then what a feed-forward net makes of the sum. A last norm
and the embedding itself, read the other way round, turn the stream into one number per word:

``x = E[ids] + P``, per layer ``x = x + heads(norm(x))`` and ``x = x + W_2 gelu(W_1 norm(x))``, then
``logits = norm(x) E^T``.

GPT-2's own arrangement (Radford et al. 2019, section 2.3: the norm before each part, one after the
last), so that the same weights in transformers' GPT-2 give the same numbers. The heads are this
package's :class:`~attention.multihead.MultiHeadAttention`; the unembedding is tied to the embedding
(Press and Wolf 2017). "Residual stream" is Elhage et al. 2021's word.

Shapes: b texts, n words, V vocabulary, D stream, h heads, d = D / h, f feed-forward.

>>> model = Storyteller(Sizes(vocabulary=7, length=8), torch.Generator().manual_seed(0))
>>> model(torch.tensor([[1, 2, 3]])).shape
torch.Size([1, 3, 7])
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..multihead import MultiHeadAttention
from ..position import sinusoidal_encoding


@dataclass(frozen=True)
class Sizes:
    """vocabulary: how many words; length: the longest text; width: D; hidden: f."""

    vocabulary: int
    length: int = 80
    width: int = 64
    heads: int = 4
    layers: int = 2
    hidden: int = 128


@dataclass(frozen=True, eq=False)
class LayerPoints:
    """Every point of one layer, for one text.

    stream (n, D) comes in; normed (n, D) is what the heads read; query, key, value (h, n, d); scores
    and weights (h, n, n); heads (h, n, d) = weights value; written (h, n, D): what each head adds, so
    ``attention = written.sum(0) + b_o``; middle = stream + attention; read (n, D), its norm; hidden
    (n, f) after the gelu; feed_forward (n, D); after = middle + feed_forward.
    """

    stream: Tensor
    normed: Tensor
    query: Tensor
    key: Tensor
    value: Tensor
    scores: Tensor
    weights: Tensor
    heads: Tensor
    written: Tensor
    attention: Tensor
    middle: Tensor
    read: Tensor
    hidden: Tensor
    feed_forward: Tensor
    after: Tensor


@dataclass(frozen=True, eq=False)
class Points:
    """Every point of one forward pass: ``layers[0].stream = embedding + position``.

    embedding, position, normed (n, D); logits (n, V), of the word after each.
    """

    embedding: Tensor
    position: Tensor
    layers: tuple[LayerPoints, ...]
    normed: Tensor
    logits: Tensor


class Layer(nn.Module):
    """Heads, then feed-forward, each behind a norm and added to the stream."""

    def __init__(self, sizes: Sizes, generator: torch.Generator | None) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(sizes.width), nn.LayerNorm(sizes.width)
        self.attention = MultiHeadAttention(sizes.width, sizes.heads, generator=generator)
        self.w_1 = nn.Parameter(_glorot(sizes.hidden, sizes.width, generator))
        self.b_1 = nn.Parameter(torch.zeros(sizes.hidden))
        self.w_2 = nn.Parameter(_glorot(sizes.width, sizes.hidden, generator))
        self.b_2 = nn.Parameter(torch.zeros(sizes.width))

    def forward(self, stream: Tensor) -> Tensor:
        """stream (b, n, D) -> stream (b, n, D)."""
        stream = stream + self.attention(self.norm_1(stream), causal=True, need_weights=False).output
        return stream + self.feed_forward(self.norm_2(stream))[1]

    def feed_forward(self, read: Tensor) -> tuple[Tensor, Tensor]:
        """read (..., D) -> hidden (..., f) and what is added (..., D)."""
        hidden = F.gelu(F.linear(read, self.w_1, self.b_1), approximate="tanh")
        return hidden, F.linear(hidden, self.w_2, self.b_2)

    def points(self, stream: Tensor) -> LayerPoints:
        """The same as :meth:`forward` for one text (n, D), with nothing thrown away."""
        normed = self.norm_1(stream)
        query, key, value = (part[0] for part in self.attention.project(normed[None]))
        attended = self.attention(normed[None], causal=True)
        heads = attended.weights[0] @ value  # (h, n, d)
        w_o = self.attention.w_o.T.reshape(self.attention.num_heads, -1, len(stream.T))  # (h, d, D)
        attention = attended.output[0]
        middle = stream + attention
        read = self.norm_2(middle)
        hidden, feed_forward = self.feed_forward(read)
        return LayerPoints(
            stream=stream, normed=normed, query=query, key=key, value=value,
            scores=attended.scores[0], weights=attended.weights[0], heads=heads, written=heads @ w_o,
            attention=attention, middle=middle, read=read, hidden=hidden, feed_forward=feed_forward,
            after=middle + feed_forward,
        )  # fmt: skip


class Storyteller(nn.Module):
    """The whole model; generator: source of the initial weights, default torch's global one."""

    def __init__(self, sizes: Sizes, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.sizes = sizes
        # small: begun large, words keep to themselves and every pair of people is learned by heart
        self.embedding = nn.Parameter(0.2 * torch.randn(sizes.vocabulary, sizes.width, generator=generator))
        # learned, but begun as sines: "three words back" is then a turn that a head finds quickly
        self.position = nn.Parameter(0.3 * sinusoidal_encoding(sizes.length, sizes.width))
        self.layers = nn.ModuleList([Layer(sizes, generator) for _ in range(sizes.layers)])
        self.norm = nn.LayerNorm(sizes.width)

    def forward(self, ids: Tensor) -> Tensor:
        """ids (b, n) -> logits (b, n, V). Raises ``ValueError`` for a text that is too long."""
        self._check(ids)
        stream = F.embedding(ids, self.embedding) + self.position[: ids.shape[-1]]
        for layer in self.layers:
            stream = layer(stream)
        normed: Tensor = self.norm(stream)
        return normed @ self.embedding.T

    @torch.no_grad()
    def points(self, ids: Tensor) -> Points:
        """ids (n,), one text -> every number of its pass; ``logits`` are :meth:`forward`'s."""
        if ids.dim() != 1:
            raise ValueError(f"points() opens one text at a time, ids (n,), got {tuple(ids.shape)}")
        self._check(ids)
        embedding, position = self.embedding[ids], self.position[: len(ids)].detach()
        layers: list[LayerPoints] = []
        stream = embedding + position
        for layer in self.layers:
            assert isinstance(layer, Layer)
            layers.append(layer.points(stream))
            stream = layers[-1].after
        normed = self.norm(stream)
        return Points(embedding, position, tuple(layers), normed, normed @ self.embedding.T)

    def _check(self, ids: Tensor) -> None:
        length, words = self.sizes.length, self.sizes.vocabulary
        if not 1 <= ids.shape[-1] <= length:
            raise ValueError(f"a text has 1 to {length} words, got {ids.shape[-1]}; shorten it")
        if not (0 <= int(ids.min()) and int(ids.max()) < words):
            raise ValueError(f"words are numbered 0 to {words - 1}, got {ids.min()} to {ids.max()}")


def _glorot(rows: int, columns: int, generator: torch.Generator | None) -> Tensor:
    weight = torch.empty(rows, columns)
    nn.init.xavier_uniform_(weight, generator=generator)
    return weight
