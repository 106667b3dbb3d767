"""Chapter 10a: the two models of chapter 10, one that sees order and one that only counts.

Shapes: b texts, n tokens, h heads, d_model token features, c = 2 classes (negative, positive).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..masks import padding_mask
from ..multihead import MultiHeadAttention, merge_heads
from ..position import sinusoidal_encoding
from .reviews import LABELS, MAX_TOKENS

PAD, UNKNOWN = 0, 1


class TextClassifier(nn.Module):
    """Embedding + sinusoidal positions, one multi-head attention, masked mean pooling, linear.

    vocabulary: the words, "<pad>" and "<unk>" first. generator: source of the initial weights.
    """

    position: Tensor

    def __init__(
        self,
        vocabulary: Sequence[str],
        d_model: int = 64,
        num_heads: int = 4,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.vocabulary = tuple(vocabulary)
        self.ids = {word: i for i, word in enumerate(self.vocabulary)}
        # small beside the positions' 1, so that who stands next to whom is seen from the start
        self.embedding = nn.Parameter(0.2 * torch.randn(len(self.ids), d_model, generator=generator))
        self.attention = MultiHeadAttention(d_model, num_heads, generator=generator)
        self.weight = nn.Parameter(torch.zeros(len(LABELS), d_model))
        self.bias = nn.Parameter(torch.zeros(len(LABELS)))
        self.register_buffer("position", sinusoidal_encoding(MAX_TOKENS, d_model), persistent=False)

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """Tokens -> ids; a word that is not in the vocabulary becomes <unk>, id 1."""
        return [self.ids.get(token, UNKNOWN) for token in tokens]

    def embed(self, ids: Tensor) -> Tensor:
        """ids (b, n) -> (b, n, d_model): what the word is plus where it stands."""
        return self.embedding[ids] + self.position[: ids.shape[1]]

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """ids (b, n), padded with 0, and lengths (b,) -> logits (b, c)."""
        mask = padding_mask(lengths, ids.shape[1])  # (b, 1, n)
        output = self.attention(self.embed(ids), mask=mask).output
        return self.read(output, mask)

    def gather(self, weights: Tensor, value: Tensor) -> Tensor:
        """What the attention puts out under these weights: (..., h, n, n) and (..., h, n, d) ->
        (..., n, d_model)."""
        return F.linear(merge_heads(weights @ value), self.attention.w_o, self.attention.b_o)

    def read(self, output: Tensor, mask: Tensor) -> Tensor:
        """output (b, n, d_model), mask (b, 1, n) -> mean over real words -> logits (b, c)."""
        return F.linear(masked_mean(output, mask), self.weight, self.bias)


class BagOfWords(nn.Module):
    """The baseline: logistic regression on word counts, blind to order."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(len(LABELS), len(vocabulary)))
        self.bias = nn.Parameter(torch.zeros(len(LABELS)))

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """ids (b, n), lengths (b,) -> logits (b, c)."""
        real = padding_mask(lengths, ids.shape[1])[:, 0].float()  # (b, n)
        counts = torch.zeros(len(ids), self.weight.shape[1]).scatter_add_(1, ids, real)
        return F.linear(counts, self.weight, self.bias)


def masked_mean(output: Tensor, mask: Tensor) -> Tensor:
    """Mean over the real positions: output (b, n, d_model), mask (b, 1, n) -> (b, d_model)."""
    real = mask.transpose(-2, -1).to(output.dtype)  # (b, n, 1)
    return (output * real).sum(-2) / real.sum(-2).clamp(min=1)
