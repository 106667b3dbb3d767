"""A real decoder writes as the storyteller does: a number of the seed falls on a word."""

from __future__ import annotations

from collections.abc import Collection

import torch

from ..cache import KeyValueCache
from ..pretrained.model import Model
from ..pretrained.tokens import Tokens, readable
from ..storyteller.writing import Choice, choose
from .decoders import decoder_of
from .passes import forward


@torch.inference_mode()
def speak(
    model: Model, tokens: Tokens, steps: int, *, seed: int = 0, temperature: float = 1.0, k: int | None = None
) -> tuple[Tokens, list[Choice]]:
    """Go on from tokens, up to the model's end mark or ``steps`` words: the longer text, a choice for each.

    The same numbers of the seed as :func:`attention.storyteller.writing.write`. Raises ``ValueError`` for
    a model that ``decoders`` does not know, and for steps < 1.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    decoder, cache = decoder_of(model.module), KeyValueCache()
    generator, ends, choices = torch.Generator().manual_seed(seed), ends_of(model), list[Choice]()
    new, device = list(tokens.ids), model.module.device
    while len(choices) < steps and len(tokens) < model.max_tokens:
        logits = forward(decoder, torch.tensor([new], device=device), cache, last_only=True)[0, 0].cpu()
        drawn = torch.rand((), generator=generator, dtype=torch.float64).item()
        choices.append(choose(logits, drawn, temperature, k))
        if choices[-1].word in ends:
            break
        new = [choices[-1].word]
        tokens = followed(model, tokens, *new)
    return tokens, choices


def ends_of(model: Model) -> Collection[int]:
    """The numbers of the marks that end a text."""
    ends = {getattr(model.tokenizer, "eos_token_id", None), model.module.config.eos_token_id}
    return {one for one in ends if isinstance(one, int)}


def followed(model: Model, tokens: Tokens, word: int) -> Tokens:
    """The text with one more token."""
    name = str(word)
    if model.tokenizer is not None:
        name = readable(model.tokenizer.convert_ids_to_tokens(word) or name, model.byte_level)
    last = [one for one in tokens.word_ids if one is not None]
    added = ((word,), (name,), (False,), (False,), (tokens.segment[-1],), (last[-1] + 1 if last else 0,))
    return Tokens(*(a + b for a, b in zip(vars(tokens).values(), added, strict=True)))
