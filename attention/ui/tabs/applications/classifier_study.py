"""A review as the classifier reads it, and with the weights that the learner changed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ....classifier import Classified, classify, load_classifier, permutations
from .fields import SHUFFLES, Inputs
from .reading import labels, tokens_of, with_even_weights


@dataclass(frozen=True, eq=False)
class Study:
    """A review as the model reads it, and with the weights that the learner changed.

    factors: (n,), how much each token counts, 1 as learned.
    """

    inputs: Inputs
    factors: Tensor
    learned: Classified
    read: Classified

    @cached_property
    def names(self) -> list[str]:
        return labels(self.read)

    @cached_property
    def received(self) -> Tensor:
        """(h, n): what each head takes from each token."""
        return self.read.weights.mean(-2)

    @cached_property
    def effects(self) -> Tensor:
        """(h, n, c): what a token's value would add to the logits with all of a head's weight."""
        model, value = load_classifier(), self.read.value
        w_o = model.attention.w_o.unflatten(1, (len(value), -1))  # (d_model, h, d)
        return torch.einsum("hnd,ohd,co->hnc", value, w_o, model.weight)

    @cached_property
    def shuffled(self) -> Tensor:
        """P(positive) after each of SHUFFLES permutations of the learned weights."""
        received = permutations(self.read.original_weights, range(SHUFFLES)).mean(-2)  # (s, h, n)
        logits = torch.einsum("shn,hnc->sc", received, self.effects) + self.read.base
        return logits.softmax(-1)[:, 1]


def study(inputs: Inputs) -> Study:
    """Read the review with the learned weights, and with the changed ones."""
    count, model, text = len(tokens_of(inputs.text)), load_classifier(), inputs.text
    given = [float(part) for part in inputs.token_weights.split(",") if part][:count]
    factors = torch.tensor(given + [1.0] * (count - len(given)))
    learned = read = classify(model, text)
    if inputs.override == "permute":
        read = classify(model, text, permute_seed=inputs.permute_seed)
    elif inputs.override == "drag":
        read = classify(model, text, weights_override=learned.weights * factors)
    elif inputs.override == "uniform":
        read = with_even_weights(learned, text)
    return Study(inputs, factors, learned, read)
