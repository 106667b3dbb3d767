"""Letting the storyteller write: a word is chosen by a number that anyone can check.

The likeliest k words stand side by side on a line from 0 to 1, each as wide as its probability (after
the temperature); a number drawn evenly from the line falls on one of them. The seed gives the numbers,
so the same seed tells the same story.

>>> choose(torch.tensor([0.5, 0.3, 0.2]).log(), 0.6).word  # 0.6 lies between 0.5 and 0.8
1
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from .sentences import vocabulary
from .train import encode
from .transformer import Storyteller

END = 0  # the number of the mark that ends a text


@lru_cache(maxsize=1)
def _cuts() -> re.Pattern[str]:
    """What is cut out of a typed text: punctuation, and Chinese at the longest words that are known."""
    chinese = sorted((word for word in vocabulary() if re.match(r"[\u3000-\uffef]", word)), key=len)
    return re.compile(f"([.,?]|{'|'.join(map(re.escape, reversed(chinese)))})")


def read(text: str) -> tuple[list[int], tuple[str, ...]]:
    """A text as it is typed -> the numbers of its words, and the words that no story uses.

    Lower case is made, punctuation is cut off, Chinese needs no spaces; an unknown word becomes
    ``<unk>``. Raises ``ValueError`` for a text without a word.

    >>> read("Ann sings.")[0] == [vocabulary().index(word) for word in ("ann", "sings", ".")]
    True
    """
    pieces = unicodedata.normalize("NFC", text).lower().split()
    words = [word for piece in pieces for word in _cuts().split(piece) if word]
    if not words:
        raise ValueError("a text must hold at least one word, got none; type one, such as 'ann and bo'")
    unknown = tuple(dict.fromkeys(word for word in words if word not in vocabulary()))
    return encode(words), unknown


def spoken(word: int) -> str:
    """A word's name by its number."""
    return vocabulary()[word]


@dataclass(frozen=True)
class Choice:
    """words, shares: the candidates, likeliest first, and their widths, which sum to 1; drawn: the
    number in [0, 1); word: on whose stretch, from ``start`` to ``stop``, it fell."""

    words: tuple[int, ...]
    shares: tuple[float, ...]
    drawn: float
    word: int
    start: float
    stop: float


def choose(logits: Tensor, drawn: float, temperature: float = 1.0, k: int | None = None) -> Choice:
    """The word on which ``drawn`` falls. logits (V,); k: only the k likeliest take part, default all.

    Raises ``ValueError`` for temperature <= 0, k < 1 or a drawn number outside [0, 1).
    """
    if not temperature > 0 or (k is not None and k < 1):
        raise ValueError(f"temperature must be above 0 and k at least 1, got {temperature} and {k}")
    if not 0 <= drawn < 1:
        raise ValueError(f"the drawn number must lie in [0, 1), got {drawn}")
    best = logits.double().topk(len(logits) if k is None else min(k, len(logits)))
    shares = torch.softmax(best.values / temperature, 0)
    stops = shares.cumsum(0)
    at = min(int((stops <= drawn).sum()), len(stops) - 1)  # the last stop may round to below 1
    words: list[int] = best.indices.tolist()
    stop = stops[at].item()
    return Choice(tuple(words), tuple(shares.tolist()), drawn, words[at], stop - shares[at].item(), stop)


@torch.no_grad()
def write(
    model: Storyteller, ids: Sequence[int], steps: int = 20, *, seed: int = 0, temperature: float = 1.0,
    k: int | None = None,
) -> list[Choice]:  # fmt: skip
    """Go on from ids, word by word, up to the end mark or ``steps`` words: one choice for each."""
    generator = torch.Generator().manual_seed(seed)
    text, choices = list(ids), list[Choice]()
    while len(choices) < steps and len(text) < model.sizes.length:
        drawn = torch.rand((), generator=generator, dtype=torch.float64).item()
        choices.append(choose(model(torch.tensor([text]))[0, -1], drawn, temperature, k))
        if choices[-1].word == END:
            break
        text.append(choices[-1].word)
    return choices
