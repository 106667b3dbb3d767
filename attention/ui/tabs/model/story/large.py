"""One forward pass of a large decoder, by what each head and feed-forward says for the next word.

A stream of 576 numbers is not drawn number by number; what adds up in it is: the logit of the word that
comes next is the sum of what the embedding, every head and every feed-forward add to it, the last norm
frozen (:func:`attention.circuits.logit_parts`). So a layer is a row of shares, and the spine carries their
running total down to the logit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor

from .....circuits import Lens, LogitParts, lens, logit_parts
from .....circuits.layout import inside
from .....circuits.walk import Walked, layout_of, walk
from .....decode.speaking import ends_of, speak
from .....pretrained import Model, ModelRefused, Tokens, tokenize
from .....pretrained.tokens import readable
from .....storyteller.writing import Choice
from ....page.busy import slot
from ....page.guard import Refusal
from ....page.loads import Absent, Waiting, model_of
from ....page.scene import Unready
from ..inputs import Inputs
from .study import Point, Telling

LONGEST = 64  # tokens, those written included: each step walks the whole text


@dataclass(frozen=True, eq=False)
class Large(Telling):
    """tokens: the text with what was written; given: how many of them were typed; choices: of the words
    after the last typed one. place: the column that is drawn, from 0. target: the word whose logit is
    taken apart: the drawn one, or the likeliest where the next word was typed."""

    inputs: Inputs
    model: Model
    tokens: Tokens
    given: int
    choices: tuple[Choice, ...]
    place: int
    way: Walked
    logits: Tensor

    @property
    def names(self) -> list[str]:
        return list(self.tokens.tokens)

    @property
    def prefix(self) -> Tokens:
        """The text as far as the column: later words cannot reach it."""
        return self.tokens.take(range(self.place + 1))

    @property
    def target(self) -> int:
        return self.candidates.words[0] if self.drawn is None else self.drawn.word

    @property
    def ended(self) -> bool:
        return self.choices[-1].word in ends_of(self.model)

    @cached_property
    def shares(self) -> LogitParts:
        """What each part adds to the logit of the word that comes."""
        return logit_parts(self.model, self.prefix, self.target)

    @cached_property
    def lens(self) -> Lens:
        """The next word as each layer would say it."""
        return lens(self.model, self.prefix)

    def spelled(self, word: int) -> str:
        name = self.model.tokenizer.convert_ids_to_tokens(word)
        return readable(name, self.model.byte_level) if name else str(word)

    def at(self, kind: str, layer: int | None = None) -> list[int]:
        """Which of the parts these are."""
        return [i for i, one in enumerate(self.shares.parts) if one.kind == kind and one.layer == layer]

    @cached_property
    def begun(self) -> list[int]:
        """The parts that are there before the first layer: embedding, position, biases."""
        return [i for i, one in enumerate(self.shares.parts) if one.layer is None]

    @cached_property
    def strongest(self) -> list[int]:
        """Per layer the head that says most, for or against."""
        return [
            max(range(self.model.num_heads), key=lambda h: abs(self.shares.values[heads[h]].item()))
            for heads in (self.at("head", layer) for layer in range(self.model.num_layers))
        ]

    @cached_property
    def running(self) -> list[float]:
        """The total on the spine: before the first layer, and after each."""
        values, totals = self.shares.values, [0.0]
        totals[0] = values[self.begun].sum().item()
        for layer in range(self.model.num_layers):
            added = values[self.at("head", layer) + self.at("feed_forward", layer)].sum().item()
            totals.append(totals[-1] + added)
        return totals

    def weights(self, layer: int, head: int) -> Tensor:
        """(place + 1,): what a head of the column looks at."""
        seen = [one for one in self.way.seen if one.weights is not None][layer]
        assert seen.weights is not None
        return seen.weights[head].cpu()

    @cached_property
    def shown(self) -> tuple[Point, ...]:
        """Every point of the picture, from the words down."""
        values = self.shares.values
        found = [Point("begun", values[self.begun])]
        for layer, best in enumerate(self.strongest):
            found += [
                Point("weights", self.weights(layer, best), layer, best),
                Point("shares", values[self.at("head", layer)], layer),
                Point("net", values[self.at("feed_forward", layer)], layer),
                Point("total", torch.tensor([self.running[layer + 1]]), layer),
            ]
        found.append(Point("size", self.size.reshape(1)))
        return (*found, Point("logits", self.logits[list(self.candidate_words)]))

    @cached_property
    def size(self) -> Tensor:
        """What the last norm divides the stream by."""
        last = layout_of(self.model).streams[-1].last
        end = self.way.end[-1].double().cpu()
        if isinstance(last, torch.nn.LayerNorm):
            return (end.var(correction=0) + last.eps).sqrt()
        return (end.square().mean() + last.variance_epsilon).sqrt()


def study(inputs: Inputs) -> Large:
    """Read the text, write on, and walk the column that is looked at."""
    try:
        model = model_of(inputs.teller)
    except Absent as absent:
        raise Unready(absent, partial(Waiting, "waiting", absent), code_of(inputs)) from absent
    return studied(inputs, model)


def studied(inputs: Inputs, model: Model) -> Large:
    """The same with a model that is there."""
    try:
        layout = layout_of(model)
        tokens = tokenize(model, inputs.text)
    except ModelRefused as refused:
        raise Refusal("empty", field="model.text") from refused
    limit = min(LONGEST, model.max_tokens) - inputs.written
    if len(tokens) > limit:
        raise Refusal("story_long", field="model.text", limit=limit, length=len(tokens))
    with slot("forward", limit=2):
        longer, choices = speak(
            model, tokens, inputs.written + 1, seed=inputs.seed, temperature=inputs.temperature,
            k=inputs.top_k or None,
        )  # fmt: skip
        text = longer.take(range(len(tokens) + len(choices) - 1))
        if inputs.place > len(text):
            raise Refusal("out_of_range", field="model.place", low="0", high=str(len(text)))
        place = (inputs.place or len(text)) - 1
        way = walk(model, layout, text.take(range(place + 1))).streams[-1]
        logits: Tensor = inside(model).get_output_embeddings()(way.last[-1] * layout.scale).detach().cpu()
        return Large(inputs, model, text, len(tokens), tuple(choices), place, way, logits)


def ready(inputs: Inputs, seconds: float | None) -> None:
    """Wait for the model, where one is needed."""
    if inputs.scene == "story" and inputs.teller != "storyteller":
        model_of(inputs.teller, seconds)


def code_of(inputs: Inputs, place: int | None = None, target: int | None = None) -> str:
    """What prints the shares and what each layer would say."""
    k = inputs.top_k or None
    column = f"range({place + 1})" if place is not None else "range(len(tokens) + len(choices) - 1)"
    word = target if target is not None else "choices[-1].word"
    return f"""from attention.circuits import lens, logit_parts
from attention.decode.speaking import speak
from attention.pretrained import load_model, tokenize

model = load_model({inputs.teller!r})
tokens = tokenize(model, {inputs.text!r})
text, choices = speak(model, tokens, {inputs.written + 1}, seed={inputs.seed},
                      temperature={inputs.temperature!r}, k={k})
print(text.tokens, [choice.word for choice in choices])
column = text.take({column})  # as far as the word that is drawn
parts = logit_parts(model, column, {word})
print(parts.total)  # the logit of that word
for part, share in zip(parts.parts, parts.values):
    print(part, float(share))
print(lens(model, column).words(1))  # after each layer: its likeliest word
"""
