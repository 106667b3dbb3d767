"""What a learner sets in the scene ``copy``: what to look at, which run, and what to do to it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .....copying import VOCABULARY
from ....page.fields import Choice, Text, Whole, given
from ....page.guard import Refusal

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWX"  # one a token
LONGEST_TEXT = 24  # letters: the length of two repetitions of twelve, and a map that can be read
STAGES = ("learn", "seeds", "use", "lengths", "models")
KNOCKS = ("none", "previous", "other", "copying")
MODELS = ("storyteller", "smollm2", "gpt2")  # decoders; the first comes with the package

assert len(LETTERS) == VOCABULARY


@dataclass(frozen=True)
class Sequence(Text):
    """Letters from A to X, spaces aside, each of them a token."""

    def check(self, value: object, label: str) -> str:
        text = super().check(value, label).upper()
        letters = "".join(text.split())
        if not 2 <= len(letters) <= LONGEST_TEXT or set(letters) - set(LETTERS):
            raise Refusal("not_letters", field=label, low="2", high=str(LONGEST_TEXT))
        return letters

    @property
    def limits(self) -> str:
        return f"2 to {LONGEST_TEXT} letters from A to X; spaces do not count."


@dataclass(frozen=True)
class Inputs:
    """``stage`` is what is looked at; the network of ``run_seed`` is trained for each of them."""

    scene: str = given(Choice("copy", ("copy",)))
    stage: str = given(Choice("learn", STAGES))
    layers: str = given(Choice("2", ("2", "1")))
    run_seed: int = given(Whole(0, 0, 9))
    sequence: str = given(Sequence("PAINTBOXPAINTBOX", limit=60))
    knock: str = given(Choice("none", KNOCKS))
    length: int = given(Whole(8, 2, 16))
    ranked: str = given(Choice("storyteller", MODELS))


def tokens_of(text: str) -> Tensor:
    """Checked letters as token ids (n,)."""
    return torch.tensor([LETTERS.index(letter) for letter in text])


def letters_of(ids: Tensor) -> list[str]:
    """Token ids (n,) as letters."""
    return [LETTERS[token] for token in ids.tolist()]
