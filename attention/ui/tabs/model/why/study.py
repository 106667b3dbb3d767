"""What the scene looks at: a sentence, its partner, two candidates for the next word, one head, one cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from .....circuits import (
    Compared,
    Grid,
    Lens,
    LogitParts,
    Part,
    Patched,
    ScoreParts,
    Tables,
    compare,
    lens,
    logit_parts,
    patch,
    patch_grid,
    score_parts,
    tables,
)  # fmt: skip
from .....circuits.walk import Walk, layout_of, walk
from .....pretrained import Layer, Model, ModelRefused, Run, Tokens, run, tokenize
from .....pretrained.tokens import readable
from ....page.busy import slot
from ....page.guard import Refusal
from ..inputs import Inputs
from ..models import model_named

# every head is tried at every token, which costs more than its square: tokens up to which that is seconds
LONGEST = {"storyteller": 48, "minilm": 32, "smollm2": 32}
AT_ONCE = 16  # heads up to which all of them are tried with the first picture


@dataclass(frozen=True, eq=False)
class Study:
    """tokens, other: of equal length; other None: heads are knocked out instead of replaced. own, there:
    what the model makes of both, as they are.

    target, instead: numbers of two words; None in a model that names no next word. query, key: the cell.
    """

    inputs: Inputs
    model: Model
    tokens: Tokens
    other: Tokens | None
    own: Run
    there: Run | None
    target: int | None
    instead: int | None
    query: int
    key: int

    @property
    def speaks(self) -> bool:
        """Whether the model names a next word."""
        return self.target is not None

    @property
    def small(self) -> bool:
        """Whether all heads are tried at once, with the first picture."""
        return self.model.num_layers * self.model.num_heads <= AT_ONCE

    @property
    def long(self) -> bool:
        """Whether trying all heads takes so long that the page does it layer by layer."""
        return self.model.name == "smollm2"

    @property
    def chosen(self) -> tuple[int, int]:
        return self.inputs.layer, self.inputs.head

    @cached_property
    def way(self) -> Walk:
        """The sentence on its way, the chosen layer kept as a whole."""
        return walk(self.model, layout_of(self.model), self.tokens, keep={self.inputs.layer})

    @cached_property
    def layer(self) -> Layer:
        """The chosen layer: queries, keys, values and weights of all its heads."""
        whole = next(seen.whole for seen in self.way.streams[-1].seen if seen.whole is not None)
        return whole

    def weights_of(self, part: Part) -> Tensor:
        """The weights (n,) with which a head looks from the last token."""
        writers = layout_of(self.model).streams[-1].writers
        for writer, seen in zip(writers, self.way.streams[-1].seen, strict=True):
            if writer.layer == part.layer and seen.weights is not None:
                return seen.weights[part.head].cpu()
        raise ValueError(f"{part} is no head")

    @cached_property
    def shares(self) -> LogitParts:
        """What each part says for the word, rather than the other."""
        assert self.target is not None
        how = self.inputs.convention
        return logit_parts(self.model, self.tokens, self.target, self.instead, how)

    @cached_property
    def lens(self) -> Lens:
        return lens(self.model, self.tokens)

    @cached_property
    def grid(self) -> Grid:
        """Every head at every token, replaced (or knocked out)."""
        return self.all_heads(self.other)

    @cached_property
    def knocked(self) -> Grid:
        """Every head knocked out, whole."""
        return self.grid if self.other is None else self.all_heads(None, each_position=False)

    def all_heads(self, other: Tokens | None, each_position: bool = True) -> Grid:
        with slot("grid"):
            return patch_grid(
                self.model, self.tokens, other, self.target, self.instead, each_position=each_position
            )

    @cached_property
    def compared(self) -> Compared | None:
        """Heads whose share and effect disagree; None where there are no shares."""
        return compare(self.shares, self.knocked) if self.speaks else None

    @cached_property
    def patched(self) -> Patched:
        """The chosen head replaced (or knocked out) at all tokens."""
        return self.replaced(self.chosen, None)

    @cached_property
    def silent(self) -> Patched:
        """The chosen head knocked out."""
        return self.patched if self.other is None else patch(self.model, self.tokens, None, [self.chosen])

    def replaced(self, head: tuple[int, int], position: int | None) -> Patched:
        return patch(self.model, self.tokens, self.other, [head], position)

    @cached_property
    def score(self) -> ScoreParts:
        """Where the score of the chosen cell comes from."""
        return score_parts(self.model, self.tokens, *self.chosen, self.query, self.key)

    @cached_property
    def tables(self) -> Tables:
        """Raises ``ValueError`` for a model that has too many words, or turns by position."""
        return tables(self.model, *self.chosen)

    # -- names ------------------------------------------------------------------------------------

    def spelled(self, word: int) -> str:
        """A word of the vocabulary as a person reads it."""
        name = self.model.tokenizer.convert_ids_to_tokens(word)
        return readable(name, self.model.byte_level) if name else str(word)

    @property
    def names(self) -> tuple[str, str]:
        """The word and the one it is held against."""
        assert self.target is not None and self.instead is not None
        return self.spelled(self.target), self.spelled(self.instead)

    def difference(self, logits: Tensor | None) -> float:
        """By how much the word's logit is above the other's."""
        assert logits is not None and self.target is not None
        return (logits[self.target] - logits[self.instead]).item()

    def says(self, logits: Tensor | None) -> int:
        """The likeliest next word."""
        assert logits is not None
        return int(logits.argmax())

    def probability(self, logits: Tensor | None, word: int | None) -> float:
        assert logits is not None and word is not None
        return torch.softmax(logits.double(), -1)[word].item()


def study(inputs: Inputs) -> Study:
    """Read both sentences, and find the two words; raises ``Refusal`` where something does not fit."""
    model = model_named(inputs.model)
    tokens = read(model, inputs.text, "text")
    other = read(model, inputs.other, "other") if inputs.other.strip() else None
    if other is not None and len(other) != len(tokens):
        raise Refusal("why_lengths", field="model.other", part="model.text",
                      first=len(tokens), second=len(other))  # fmt: skip
    for name, count in (("layer", model.num_layers), ("head", model.num_heads)):
        if getattr(inputs, name) >= count:
            raise Refusal("out_of_range", field=f"model.{name}", low="0", high=str(count - 1))
    own = run(model, tokens, capture=None, logits=True)
    there = None if other is None else run(model, other, capture=None, logits=True)
    target, instead = candidates(inputs, model, own, there) if model.has_logits else (None, None)
    query = min(inputs.query, len(tokens) - 1)
    key = min(inputs.key, query if model.kind == "decoder" else len(tokens) - 1)
    return Study(inputs, model, tokens, other, own, there, target, instead, query, key)


def read(model: Model, text: str, field: str) -> Tokens:
    """A sentence as the model's tokens."""
    try:
        tokens = tokenize(model, text)
    except ModelRefused as refused:
        if refused.reason == "empty":
            raise Refusal("empty", field=f"model.{field}") from refused
        raise Refusal("model_too_long", field=f"model.{field}", limit=model.max_tokens) from refused
    limit = LONGEST[model.name]
    if len(tokens) > limit:
        raise Refusal("why_too_long", field=f"model.{field}", limit=limit, count=len(tokens))
    return tokens


def candidates(inputs: Inputs, model: Model, own: Run, there: Run | None) -> tuple[int, int]:
    """The word asked about and the one it is held against.

    Left open, they are what the model would say after this sentence and after the other, or the second
    choice where it would say the same.
    """
    assert own.logits is not None
    best = own.logits.topk(3).indices.tolist()
    target = best[0] if not inputs.word.strip() else one_token(model, inputs.word, "word")
    if inputs.instead.strip():
        instead = one_token(model, inputs.instead, "instead")
    else:
        theirs = None if there is None else there.logits
        ordered = [*([] if theirs is None else [int(theirs.argmax())]), *best]
        instead = next(word for word in ordered if word != target)
    if target == instead:
        raise Refusal("why_same_word", field="model.instead", part="model.word")
    return target, instead


def one_token(model: Model, word: str, field: str) -> int:
    """A typed word's number; it must be one token, with the blank before it where the model writes one."""
    with model.lock:
        blank = " " if model.byte_level else ""
        ids = model.tokenizer(blank + word.strip(), add_special_tokens=False)["input_ids"]
    if len(ids) != 1 or ids[0] == model.tokenizer.unk_token_id:
        raise Refusal("why_word", field=f"model.{field}", word=word.strip())
    return int(ids[0])
