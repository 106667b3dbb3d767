"""What the scene computes: two stories read behind three masks, and how many are continued rightly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from .....decode import Decoder
from .....decode.decoders import decoder_of
from .....masks import pad_sequences
from .....pretrained.adopted import to_gpt2
from .....storyteller.sentences import PATTERNS, make_story
from .....storyteller.train import encode, load
from .....window_figures import WINDOWS, figures, read
from .....windows import loss_by_position, reach, window_mask
from ..inputs import Inputs

SHORTEST, LONGEST = 16, 24  # tokens of the two stories that are read
FROM = 12  # the seed that 0 stands for: in both languages it opens with an answer a window hides
STORIES = 20  # held-out stories of each pattern
EARLY = 8  # queries that are too near the first token to tell what they park there


@dataclass(frozen=True, eq=False)
class Study:
    """Two stories read with every key, behind a window, and with the first tokens kept beside it.

    weights (h, n, n): the last layer's under the mask that was chosen. parked_here: the mean weight on the
    first token with every key, all layers and heads, queries from the 9th on. losses: (n - 1,) by setting.
    heard (L, n, n): who hears whom after each layer. right: the share of held-out stories that were continued
    rightly, by setting.
    """

    inputs: Inputs
    tokens: tuple[str, ...]
    mask: Tensor
    weights: Tensor
    parked_here: float
    losses: dict[str, Tensor]
    heard: Tensor
    right: dict[str, float]

    @property
    def window(self) -> int:
        return int(self.inputs.window)

    @property
    def first(self) -> int:
        return int(self.inputs.first)

    @property
    def measured(self) -> int:
        """The window that the larger model was measured behind: none is below 16."""
        return max(self.window, WINDOWS[0])

    @property
    def settings(self) -> list[str]:
        """The settings that differ: the first tokens only where some are kept."""
        return ["full", "near"] + ["both"] * (self.first > 0)

    @cached_property
    def parked(self) -> Tensor:
        """(L, h): the larger model's mean weight on the first token."""
        return torch.tensor(figures()["first_share"])

    def larger(self, setting: str) -> Tensor:
        """(511,): the larger model's loss by position; setting may be "learned" too."""
        kind = {"near": "0", "both": str(self.first), "learned": "learned"}.get(setting)
        return _curve("full" if kind is None else f"{self.measured}.{kind}")

    def damage(self, setting: str) -> float:
        """How much a setting adds to the larger model's mean loss."""
        return (self.larger(setting).mean() - self.larger("full").mean()).item()


@lru_cache(maxsize=32)
def _curve(name: str) -> Tensor:
    return torch.tensor(figures()["loss"][name])


@lru_cache(maxsize=1)
def small() -> Decoder:
    """The storyteller, opened so that any mask can be laid over it."""
    return decoder_of(to_gpt2(load()))


def stories(language: str, seed: int) -> tuple[str, ...]:
    """Two stories of a language in one text, of 16 to 24 tokens."""
    generator = torch.Generator().manual_seed(FROM + seed)
    while True:
        first, second = (
            make_story(
                PATTERNS[int(torch.randint(len(PATTERNS), (), generator=generator))], language, generator
            )
            for _ in range(2)
        )
        if SHORTEST <= len(first.tokens) + len(second.tokens) <= LONGEST:
            return (*first.tokens, *second.tokens)


@torch.no_grad()
def study(inputs: Inputs) -> Study:
    """Read the stories three times, follow who hears whom, and count what is continued rightly."""
    tokens = stories(inputs.stories, inputs.seed)
    n, window, first = len(tokens), int(inputs.window), int(inputs.first)
    ids = torch.tensor([encode(tokens)])
    masks = {"full": window_mask(n, n, n), "near": window_mask(n, n, window)}
    masks["both"] = window_mask(n, n, window, first) if first else masks["near"]
    seen: list[Tensor] = []  # the weights (settings, h, n, n) of every layer
    each = torch.stack(list(masks.values()))[:, None]  # (settings, 1, n, n): a row of the batch for each
    logits = read(small(), ids.expand(len(masks), -1), each, look=seen.append)
    losses = dict(zip(masks, loss_by_position(logits, ids.expand(len(masks), -1)), strict=True))
    here = torch.cat([layer[:1] for layer in seen])[..., EARLY:, 0].mean().item()
    heard = reach([masks["both"]] * inputs.layers)
    kept = {"full": (n, 0), "near": (window, 0), "both": (window, first)}
    right = {name: accuracy(inputs.stories, *each) if name != "full" else accuracy(inputs.stories, 64, 0)
             for name, each in kept.items()}  # fmt: skip
    return Study(inputs, tokens, masks["both"], seen[-1][-1], here, losses, heard, right)


@lru_cache(maxsize=64)
def accuracy(language: str, window: int, first: int) -> float:
    """The share of 100 held-out stories whose settled word the storyteller still finds likeliest."""
    prompts, lengths, wanted = examples(language)
    n = prompts.shape[1]
    found = read(small(), prompts, window_mask(n, n, window, first)).argmax(-1)
    found = found.gather(1, lengths[:, None] - 1)[:, 0]
    return (found == wanted).float().mean().item()


@lru_cache(maxsize=2)
def examples(language: str) -> tuple[Tensor, Tensor, Tensor]:
    """(prompts (b, n), lengths (b,), settled words (b,)) of held-out stories, all patterns alike."""
    generator = torch.Generator().manual_seed(4)
    drawn = [make_story(p, language, generator, held_out=True) for p in PATTERNS for _ in range(STORIES)]
    prompts, lengths = pad_sequences([encode(story.prompt) for story in drawn])
    return prompts, lengths, torch.tensor(encode(story.answer for story in drawn))
