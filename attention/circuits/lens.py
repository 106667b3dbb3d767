"""The lens: which word would come next if the model stopped here?

The stream keeps one meaning from layer to layer, so the last norm and the unembedding can be held
against it anywhere on the way (nostalgebraist 2020, "interpreting GPT: the logit lens"). Nothing in the
training asks a model to have an opinion early; the lens shows what is there to be read, not what later
layers do read.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..pretrained.model import Model
from ..pretrained.tokens import Tokens, readable
from .layout import inside
from .parts import CONVENTIONS, speaking_layout
from .walk import freeze, walk


@dataclass(frozen=True, eq=False)
class Lens:
    """logits (L + 1, V): after the embedding, then after each layer; the last row is the model's own.

    With "shared" the rows' differences are the sums of the layers' shares in logit_parts.
    """

    logits: Tensor
    convention: str
    position: int
    names: tuple[str, ...] | None

    @property
    def steps(self) -> Tensor:
        """(L + 1, V): the first row, then what each layer changed; they sum to the last row."""
        return torch.cat([self.logits[:1], self.logits[1:] - self.logits[:-1]])

    def words(self, count: int = 5) -> list[list[tuple[int, float]]]:
        """Per row the likeliest words: (number, probability)."""
        best = torch.softmax(self.logits.double(), -1).topk(min(count, self.logits.shape[-1]))
        rows = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return [list(zip(words, shares, strict=True)) for words, shares in rows]

    def name(self, word: int) -> str:
        """A word's number as a person reads it."""
        return str(word) if self.names is None else self.names[word]


@torch.inference_mode()
def lens(model: Model, tokens: Tokens, position: int | None = None, convention: str = "sum") -> Lens:
    """The next word as every layer would say it, after the token at ``position`` (default the last).

    convention: "sum" norms the stream of each layer by its own size, as the model would if it ended
    there (and as the lens is usually drawn); "shared" by the size at the very end, so that the rows
    differ by exactly what was added. Raises ``ValueError`` for a model without next words.
    """
    if convention not in CONVENTIONS:
        raise ValueError(f"convention must be one of {CONVENTIONS}, got {convention!r}")
    layout = speaking_layout(model)
    stream = layout.streams[-1]
    walked = walk(model, layout, tokens).streams[-1]
    at = len(walked.end) - 1 if position is None else position
    if not 0 <= at < len(walked.end):
        raise ValueError(f"position must lie in [0, {len(walked.end) - 1}], got {position}")
    begun = [
        seen.stream[at]
        for number, seen in enumerate(walked.seen)
        if number == 0 or stream.writers[number - 1].kind == "feed_forward"
    ]
    rows = torch.stack([*begun, walked.end[at]])  # (L + 1, D)
    if convention == "shared":
        frozen = freeze(stream.last, walked.end[at : at + 1])
        read = (frozen.linear(rows.cpu().double()) + frozen.bias).to(rows)
    else:
        read = stream.finish(rows)
    logits: Tensor = inside(model).get_output_embeddings()(read * layout.scale).cpu()
    return Lens(logits, convention, at, _names(model, logits.shape[-1]))


def _names(model: Model, count: int) -> tuple[str, ...] | None:
    """How the vocabulary reads, where it is small enough to be listed."""
    if model.tokenizer is None or count > 2000:
        return None
    names = model.tokenizer.convert_ids_to_tokens(list(range(count)))
    return tuple(readable(name, model.byte_level) if name else "␣" for name in names)
