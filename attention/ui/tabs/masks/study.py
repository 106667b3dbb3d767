"""What a learner sets in the masks tab, and the batch attended with and without the mask."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ....export.heatmap import clean_label
from ....padding import (
    LARGEST,
    MASKS,
    Batch,
    are_numbers,
    attend_batch,
    batch_mask,
    leak,
    read_batch,
    split_line,
)
from ....pooling import Attended
from ...page.fields import Choice, Text, Whole, given
from ...page.guard import Refusal

LINES, TOKENS = 6, 16


@dataclass(frozen=True)
class Inputs:
    """A batch, one sentence a line, and which of them is looked at."""

    text: str = given(Text("the quick brown fox jumps\nhello world\nyes", 1000, lines=4))
    mask: str = given(Choice("padding", MASKS))
    sentence: int = given(Whole(2, 1, LINES))
    extra: int = given(Whole(0, 0, 8))


@dataclass(frozen=True, eq=False)
class Study:
    """The batch attended without a mask and with the chosen one. chosen: index of the sentence."""

    inputs: Inputs
    lines: list[str]
    batch: Batch
    chosen: int
    mask: Tensor | None  # of the whole batch, (b, n, n)
    bare: Attended
    kept: Attended

    @property
    def tokens(self) -> list[str]:
        """The chosen sentence's tokens, padding included."""
        return self.batch.tokens[self.chosen]

    @cached_property
    def allowed(self) -> Tensor:
        """(n, n) bool: who may be attended in the chosen sentence."""
        n = len(self.tokens)
        return torch.ones(n, n, dtype=torch.bool) if self.mask is None else self.mask[self.chosen]

    @cached_property
    def leaked(self) -> float:
        """The weight that the chosen sentence gives to padding when nothing is masked."""
        return leak(self.bare.weights, self.batch.lengths)[self.chosen].item()


def study(inputs: Inputs) -> Study:
    """Read the batch and attend to it twice."""
    lines = lines_of(inputs.text)
    if not any(map(split_line, lines)):
        raise Refusal("no_tokens", field="masks.text")
    batch = read_batch(lines, inputs.extra)
    # while a batch is being typed it is shorter than the slider; notices() says what is shown
    chosen = min(inputs.sentence, len(lines)) - 1
    mask = batch_mask(inputs.mask, batch.lengths, batch.ids.shape[1])
    bare = attend_batch(batch, "none")
    return Study(inputs, lines, batch, chosen, mask, bare, attend_batch(batch, inputs.mask))


def lines_of(text: str) -> list[str]:
    """The sentences of the batch; trailing empty lines are dropped, inner ones stay."""
    lines = text.rstrip().split("\n")
    if len(lines) > LINES:
        raise Refusal("too_many_lines", field="masks.text", limit=LINES, count=len(lines))
    tokens = [split_line(line) for line in lines]
    for i, line in enumerate(tokens, 1):
        if len(line) > TOKENS:
            raise Refusal("too_many_tokens", field="masks.text", line=i, limit=TOKENS, count=len(line))
    if are_numbers(word for line in tokens for word in line):
        for i, word in ((i, word) for i, line in enumerate(tokens, 1) for word in line):
            if abs(float(word)) > LARGEST:
                size = {"number": clean_label(word), "limit": f"{LARGEST:g}"}
                raise Refusal("number_size", field="masks.text", line=i, **size)
    return lines
