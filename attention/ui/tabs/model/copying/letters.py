"""Letters as tokens, and back."""

from __future__ import annotations

import torch
from torch import Tensor

from ..inputs import LETTERS


def tokens_of(text: str) -> Tensor:
    """Checked letters as token ids (n,)."""
    return torch.tensor([LETTERS.index(letter) for letter in text])


def letters_of(ids: Tensor) -> list[str]:
    """Token ids (n,) as letters."""
    return [LETTERS[token] for token in ids.tolist()]
