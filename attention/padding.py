"""Chapter 3b: a ragged batch, and what padding does to it.

Sentences of different length are filled up to one length so that they fit into one tensor. The
filling must not be looked at: this chapter measures what happens when it is.

Shapes: b sentences, n positions (padding included), d features. Query, key and value are all the
token's own vector, so that nothing but the mask differs between two runs.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from .masks import causal_mask, pad_sequences, padding_mask
from .pooling import Attended, attend

MASKS = ("padding", "causal", "both", "none")
LARGEST = 10_000.0  # the largest number in size: its square is a score, and float32 holds it
# a word, one CJK character, or one other visible sign
TOKEN = re.compile(
    r"[+-]?\d+(?:\.\d+)?|[\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af]|[^\W_]+(?:['’][^\W_]+)*|[^\s]"
)
PAD = "∅"


class Batch(NamedTuple):
    """tokens: b lists of n strings, padded with "∅"; ids (b, n), 0 is padding; lengths (b,);
    vectors (b, n, d), zeros at padding, as ``nn.Embedding(padding_idx=0)`` gives; numeric: whether
    the tokens were numbers, in which case d is 1 and a token's vector is the number itself."""

    tokens: list[list[str]]
    ids: Tensor
    lengths: Tensor
    vectors: Tensor
    numeric: bool


def split_line(line: str) -> list[str]:
    """Words, numbers and signs of a line; Chinese, Japanese and Korean by character.

    >>> split_line("Tom's 2 cats 爱鱼")
    ["Tom's", '2', 'cats', '爱', '鱼']
    """
    return TOKEN.findall(line)


@lru_cache(maxsize=4096)  # the vectors are read only
def word_vector(word: str, d: int = 4) -> Tensor:
    """A made-up embedding (d,) with one decimal, between -1.5 and 1.5, always the same for a word."""
    digest = hashlib.sha256(word.lower().encode("utf-8", "replace")).digest()
    return torch.tensor([digest[i % 32] % 31 - 15 for i in range(d)]) / 10


def are_numbers(words: Iterable[str]) -> bool:
    """Whether every word is a number, so that a token's vector is the number itself.

    >>> are_numbers(["3", "-1.5"]), are_numbers(["3", "cats"])
    (True, False)
    """
    return all(re.fullmatch(r"[+-]?\d+(\.\d+)?", word) for word in words)


def read_batch(lines: list[str], extra: int = 0, d: int = 4) -> Batch:
    """One sentence a line -> a padded batch with ``extra`` more positions than the longest needs.

    An empty line stays: it is a sentence with nothing but padding. Raises ``ValueError`` when no
    line has a token, or where all are numbers and one is beyond ``LARGEST``.
    """
    tokens = [split_line(line) for line in lines]
    if not any(tokens):
        raise ValueError("read_batch needs at least one word or number, got empty lines only")
    words = list(dict.fromkeys(token for line in tokens for token in line))
    numeric = are_numbers(words)
    far = next((word for word in words if numeric and abs(float(word)) > LARGEST), None)
    if far is not None:
        raise ValueError(f"numbers go up to {LARGEST:g} in size, got {far[:24]}; write a smaller one")
    number = {word: i + 1 for i, word in enumerate(words)}  # 0 is kept for padding
    length = max(len(line) for line in tokens) + extra
    ids, lengths = pad_sequences([[number[t] for t in line] for line in tokens], length=length)
    rows = [torch.tensor([float(w)]) if numeric else word_vector(w, d) for w in words]
    table = torch.stack([torch.zeros_like(rows[0]), *rows])  # (vocabulary + 1, d)
    padded = [line + [PAD] * (length - len(line)) for line in tokens]
    return Batch(padded, ids, lengths, table[ids], numeric)


def batch_mask(kind: str, lengths: Tensor, length: int) -> Tensor | None:
    """The mask (b, n, n) of a kind in ``MASKS``, True = may attend; None for "none"."""
    if kind not in MASKS:
        raise ValueError(f"mask must be one of {MASKS}, got {kind!r}")
    if kind == "none":
        return None
    b = len(lengths)
    mask = torch.ones(b, length, length, dtype=torch.bool)
    if kind in ("padding", "both"):
        mask = mask & padding_mask(lengths, length)
    if kind in ("causal", "both"):
        mask = mask & causal_mask(length)
    return mask


def attend_batch(batch: Batch, kind: str) -> Attended:
    """Self-attention over a batch: output (b, n, d), weights and scores (b, n, n)."""
    x = batch.vectors
    return attend(x, x, x, batch_mask(kind, batch.lengths, x.shape[1]))


def leak(weights: Tensor, lengths: Tensor) -> Tensor:
    """The share of weight on padding keys, a mean over the real queries: (b, n, n) -> (b,).

    A sentence without tokens has no real query: there it is the mean over all its rows.
    """
    n = weights.shape[-1]
    real = padding_mask(lengths, n).squeeze(1)  # (b, n)
    on_padding = (weights * ~real[:, None, :]).sum(-1)  # (b, n)
    counted = real | (lengths == 0)[:, None]
    return (on_padding * counted).sum(-1) / counted.sum(-1).clamp(min=1)


def drift(batch_lines: list[str], kind: str, most: int = 16) -> Tensor:
    """How far the output of the shortest sentence moves as padding grows: (most + 1,) distances.

    Entry p is the largest Euclidean distance, over the sentence's real tokens, between its outputs
    with p extra padding positions and with none at all (the sentence alone).
    """
    lines = [line for line in batch_lines if split_line(line)]
    shortest = min(lines, key=lambda line: len(split_line(line)))
    longest = read_batch([shortest], most)
    n, x = int(longest.lengths), longest.vectors  # (1, n + most, d)
    # all lengths at once: what entry p does not have yet is hidden from it, whatever the kind
    mask = padding_mask(torch.arange(n, n + most + 1), n + most)  # (most + 1, 1, n + most)
    kept = batch_mask(kind, longest.lengths, n + most)
    if kept is not None:
        mask = mask & kept  # (most + 1, n + most, n + most)
    query = x.expand(most + 1, -1, -1)  # (most + 1, n + most, d)
    padded = attend(query, x, x, mask).output[:, :n]  # (most + 1, n, d)
    moved: Tensor = (padded - padded[0]).norm(dim=-1).amax(-1)
    return moved
