"""What the cache scene knows: every step of a text, with a cache and without, and what is switched on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from .....cache import KeyValueCache
from .....decode import forward
from .....decode.cache_pitfalls import Wrong, first_wrong
from .....decode.decoders import decoder_of
from .....ledger import Counts, Step, first_written, keep_ledger, reread
from .....pooling import attend
from .....pretrained import Model
from ....page.busy import slot
from ....page.guard import Refusal
from ..inputs import STEPS, Inputs
from ..models import ids_of, loading_of, model_named, names_of

SLOW_STEPS = 8  # written by a model of the size of SmolLM2
WINDOW = 8  # tokens that the mistake "evict" keeps
OTHER = "eve lost the lamp . fay found the lamp"  # the text of the mistake "shared", before the learner's
MOVED = 1e-4  # of a key's number: more than rounding


@dataclass(frozen=True, eq=False)
class Study:
    """cached, whole: every step with and without a cache; free: without the causal mask, if it is off.

    wrong: what the chosen mistake did; cut: whether the text was too long for the picture; ids (n,) and
    prompt: its tokens.
    """

    inputs: Inputs
    model: Model
    cut: bool
    ids: Tensor
    prompt: list[str]
    cached: list[Step]
    whole: list[Step]
    free: list[Step] | None
    wrong: Wrong | None

    @property
    def ledger(self) -> list[Step]:
        """The steps in the picture."""
        return self.cached if self.free is None else self.free

    @property
    def at(self) -> int:
        return min(self.inputs.step, len(self.ledger) - 1)

    @property
    def now(self) -> Step:
        return self.ledger[self.at]

    @cached_property
    def written(self) -> list[str]:
        """What the steps wrote."""
        return names_of(self.model, [one.token for one in self.ledger])

    @property
    def tokens(self) -> list[str]:
        """All that was read up to the step."""
        return [*self.prompt, *self.written[: self.at]]

    @property
    def group(self) -> int:
        """The key head that the open query head reads."""
        return self.inputs.head * self.now.keys.shape[1] // self.now.queries.shape[1]

    @property
    def query(self) -> Tensor:
        """(d,) of the last token read."""
        return self.now.queries[self.inputs.layer, self.inputs.head]

    @property
    def sides(self) -> tuple[Tensor, Tensor]:
        """Keys and values (m, d) of the open layer and head."""
        return self.now.keys[self.inputs.layer, self.group], self.now.values[self.inputs.layer, self.group]

    @cached_property
    def before(self) -> tuple[Tensor, Tensor]:
        """The same as each row was when its token was first read."""
        keys, values = first_written(self.ledger[: self.at + 1])
        return keys[self.inputs.layer, self.group], values[self.inputs.layer, self.group]

    @property
    def moved(self) -> Tensor:
        """(m,): the largest change of a key's number since it was first read."""
        return (self.sides[0] - self.before[0]).abs().amax(-1)

    @cached_property
    def again(self) -> Tensor:
        """(L, g, m, d): the keys with the mask, where all words up to the step are read again."""
        text = torch.cat([self.ids, self.ids.new_tensor([one.token for one in self.cached[: self.at]])])
        cache, decoder = KeyValueCache(), decoder_of(self.model.module)
        forward(decoder, text[None], cache, last_only=True)
        return torch.cat([cache.view(layer)[0] for layer in range(decoder.num_layers)])

    @cached_property
    def weights(self) -> Tensor:
        """(1, m)"""
        scale = decoder_of(self.model.module).scale
        weights: Tensor = attend(self.query[None], *self.sides, scale=scale).weights
        return weights

    @property
    def each(self) -> int:
        """Bytes that one token adds."""
        return self.cached[1].bytes - self.cached[0].bytes


_counts: WeakKeyDictionary[Any, Counts] = WeakKeyDictionary()  # by model, for as long as it is loaded


class Ledger(NamedTuple):
    """A model's steps; the prompt (n,) and its tokens; whether the text was cut."""

    steps: list[Step]
    prompt: Tensor
    names: list[str]
    cut: bool


def ledger_of(name: str, text: str, how: str) -> Ledger:
    """What a model writes. how: "cached"; "whole", the same without a cache; "free", without the mask."""
    return (_of_small if name == "storyteller" else _of_large)(name, text, how)


def _ledger_of(name: str, text: str, how: str) -> Ledger:
    model = model_named(name, "")
    if how == "cached":
        prompt, cut = ids_of(model, text, "cost.story")
        known = Ledger([], prompt, names_of(model, prompt), cut)
    else:
        known = ledger_of(name, text, "cached")
    decoder, prompt, cached = decoder_of(model.module), known.prompt, how == "cached"
    with slot("cost", limit=2):
        counts = _counts.setdefault(model.module, {})
        if how == "whole":
            steps = reread(decoder, prompt, known.steps, counts)
        else:
            steps = keep_ledger(
                decoder, prompt, _steps_of(name), cached=cached, causal=cached, counts=counts
            )  # fmt: skip
    return known._replace(steps=steps)


# for the next question about the same text: half a MB each at most, so that a class finds its own, or 15
_of_small, _of_large = lru_cache(maxsize=96)(_ledger_of), lru_cache(maxsize=8)(_ledger_of)


def _steps_of(name: str) -> int:
    return STEPS if name == "storyteller" else SLOW_STEPS


@lru_cache(maxsize=48)
def wrong_of(name: str, text: str, mistake: str) -> Wrong:
    """What a mistake does to a model's steps."""
    model, right = model_named(name, ""), ledger_of(name, text, "cached")
    other = ids_of(model, OTHER, "cost.story")[0] if mistake == "shared" else None
    with slot("cost", limit=2):
        return first_wrong(
            decoder_of(model.module), right.prompt, _steps_of(name), None if mistake == "none" else mistake,
            window=WINDOW, other=other, guess=[step.token for step in right.steps],
        )  # fmt: skip


def study(inputs: Inputs) -> Study:
    """Every step with a cache and without, and what is switched on."""
    model = model_named(inputs.writer, snippet_of(inputs, inputs.step))
    if inputs.layer >= model.num_layers or inputs.head >= model.num_heads:
        field, count = (
            ("layer", model.num_layers) if inputs.layer >= model.num_layers else ("head", model.num_heads)
        )
        raise Refusal("out_of_range", field=f"cost.{field}", low="0", high=str(count - 1))
    text = inputs.story
    cached, whole = ledger_of(inputs.writer, text, "cached"), ledger_of(inputs.writer, text, "whole")
    free = None if inputs.looks_back else ledger_of(inputs.writer, text, "free").steps
    wrong = None
    if inputs.mistake != "none" and not _cannot(inputs):
        wrong = wrong_of(inputs.writer, text, inputs.mistake)
    return Study(
        inputs, model, cached.cut, cached.prompt, cached.names, cached.steps, whole.steps, free, wrong
    )


def _cannot(inputs: Inputs) -> bool:
    """Turning a key twice takes positions that turn."""
    return inputs.mistake == "twice" and inputs.writer == "storyteller"


def snippet_of(inputs: Inputs, at: int) -> str:
    """The lines that print the weights of the new query."""
    loads, loading = loading_of(inputs.writer)
    steps = _steps_of(inputs.writer)
    free = "" if inputs.looks_back else ", cached=False, causal=False"
    return f"""import torch
from attention import attend
{loads}
from attention.decode.decoders import decoder_of
from attention.ledger import keep_ledger
from attention.pretrained import tokenize

model = {loading}
ids = torch.tensor(tokenize(model, {inputs.story!r}).ids[:32])
decoder = decoder_of(model.module)
ledger = keep_ledger(decoder, ids, {steps}{free})
layer, head = {inputs.layer}, {inputs.head}
step = ledger[{at}]
group = head * step.keys.shape[1] // step.queries.shape[1]    # heads may share a key
query, keys, values = step.queries[layer, head], step.keys[layer, group], step.values[layer, group]
print(attend(query[None], keys, values, scale=decoder.scale).weights)  # the new query's row
print([one.multiplications for one in ledger])
print([one.bytes for one in ledger])                                   # kept after each step
"""
