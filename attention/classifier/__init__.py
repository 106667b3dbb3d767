"""Chapter 10: is a review good or bad, and does the attention say why?

``tokens -> embedding + position -> multi-head attention -> mean over the words -> linear``.
Nothing goes round the attention, so every bit of the prediction passes through the weights on
screen, and a weight that is dragged moves exactly what it contributes. Whether that makes the
weights an explanation is an exercise here: permute them and look at the prediction (Jain and
Wallace 2019, "Attention is not Explanation", section 4.2; Wiegreffe and Pinter 2019 reply).

The reviews are made up (:mod:`attention.classifier.reviews`). "good , not bad" and "bad , not good" hold the
same words, so a bag of words cannot tell them apart; ``evaluate`` shows it.

Shapes: b texts, n tokens, h heads, d = d_model / h, c = 2 classes (negative, positive).
"""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..assets import assets
from ..cell import Cell, explain
from ..multihead import merge_heads
from ..pooling import attend
from ..training import generator_at
from .reviews import LABELS, tokenise
from .text_model import UNKNOWN, BagOfWords, TextClassifier
from .text_training import (
    SEED,
    advance,
    evaluate,
    permutation_effect,
    review_data,
    train,
    train_bag_of_words,
)

TRAINED = assets() / "trained"
EXAMPLE = "boring start but a wonderful end"
Kind = TypeVar("Kind", TextClassifier, BagOfWords)
_LOCK = threading.Lock()  # lru_cache alone would load once for each of the first callers


@dataclass(frozen=True)
class Classified:
    """A prediction, opened.

    tokens: n strings; known: whether the vocabulary has them. probabilities, logits (c,), from
    ``weights`` (h, n, n): the learned ones, or the changed ones. original_probabilities (c,) and
    original_weights (h, n, n): the learned ones. pooled (d_model,): the mean that the linear layer
    reads. query, key, value (h, n, d): for :func:`explain_cell`. contributions (n, c): what each
    token, as a value, adds to the logits; they and ``base`` (c,) add up to the logits.
    decided: whether the vocabulary has any of the words, punctuation aside; if not, there is no verdict.
    label: "negative" or "positive", None without a verdict; moved: whether the changed weights changed it.
    """

    tokens: list[str]
    known: list[bool]
    probabilities: Tensor
    logits: Tensor
    weights: Tensor
    original_probabilities: Tensor
    original_weights: Tensor
    pooled: Tensor
    query: Tensor
    key: Tensor
    value: Tensor
    contributions: Tensor
    base: Tensor

    @property
    def decided(self) -> bool:
        pairs = zip(self.tokens, self.known, strict=True)
        return any(known and token[0].isalnum() for token, known in pairs)

    @property
    def label(self) -> str | None:
        return LABELS[int(self.probabilities.argmax())] if self.decided else None

    @property
    def moved(self) -> bool:
        before, after = self.original_probabilities.argmax(), self.probabilities.argmax()
        return self.decided and int(before) != int(after)


@torch.no_grad()
def classify(
    model: TextClassifier,
    text: str,
    *,
    weights_override: Tensor | None = None,
    permute_seed: int | None = None,
) -> Classified:
    """Predict the label of one text, with the learned attention or with a changed one.

    weights_override: (h, n, n), finite and >= 0, used instead of the learned weights after each
        row is divided by its sum; a row of zeros stays zeros, as a fully masked row does.
    permute_seed: shuffle the weights within every row of every head, by this seed (after the
        override, if both are given).
    Raises ``ValueError`` for text with no token or more than 64, and for weights that do not fit.
    """
    tokens = tokenise(text)
    ids = model.encode(tokens)
    query, key, value = (x[0] for x in model.attention.project(model.embed(torch.tensor([ids]))))
    learned = attend(query, key, value).weights
    weights = learned if weights_override is None else renormalise(weights_override, learned.shape)
    if permute_seed is not None:
        weights = permute(weights, permute_seed)

    everything = torch.ones(1, 1, len(ids), dtype=torch.bool)
    output = model.gather(weights, value)
    logits = model.read(output[None], everything)[0]
    before = model.gather(learned, value)
    nothing = model.gather(torch.zeros_like(learned[:, :1]), value)[0]  # (d_model,): where no value arrives
    # the mean over queries and all that follows are linear: each token's value has its own share
    received = weights.mean(dim=-2)  # (h, n): what each token gets from the average query
    shares = F.linear(merge_heads(received[..., None] * value), model.attention.w_o)
    return Classified(
        tokens=tokens, known=[i != UNKNOWN for i in ids],
        probabilities=logits.softmax(-1), logits=logits, weights=weights,
        original_probabilities=model.read(before[None], everything)[0].softmax(-1),
        original_weights=learned, pooled=output.mean(0), query=query, key=key, value=value,
        contributions=F.linear(shares, model.weight),
        base=F.linear(nothing, model.weight, model.bias),
    )  # fmt: skip


def renormalise(weights: Tensor, shape: Sequence[int]) -> Tensor:
    """Weights (..., n, m) >= 0 -> the same with rows that sum to 1; rows of zeros stay zeros.

    Raises ``ValueError`` unless they have the given shape and lie in [0, 1000000].
    """
    weights = torch.as_tensor(weights, dtype=torch.float32)
    if weights.shape != torch.Size(shape):
        raise ValueError(
            f"the weights must have the shape of the learned ones, {tuple(shape)}, got {tuple(weights.shape)}"
        )
    if not bool(((weights >= 0) & (weights <= 1e6)).all()):
        raise ValueError("weights must lie in [0, 1000000]: they are shares, before the division")
    total = weights.sum(dim=-1, keepdim=True)
    return torch.where(total > 0, weights / total.clamp(min=1e-30), torch.zeros(()))


def scale_token(weights: Tensor, token: int, factor: float) -> Tensor:
    """Drag one token: its column in every head times ``factor`` >= 0, rows divided by their sum."""
    if not 0 <= token < weights.shape[-1]:
        raise ValueError(f"token must lie in [0, {weights.shape[-1]}), got {token}")
    changed = weights.clone()
    changed[..., token] *= factor
    return renormalise(changed, weights.shape)


def permute(weights: Tensor, seed: int) -> Tensor:
    """Shuffle weights (..., n, m) within each row, every row on its own, by the seed."""
    return permutations(weights, [seed])[0]


def permutations(weights: Tensor, seeds: Iterable[int]) -> Tensor:
    """:func:`permute` by each of s seeds: weights (..., n, m) -> (s, ..., n, m)."""
    drawn = torch.stack([torch.rand(weights.shape, generator=generator_at(seed, 0)) for seed in seeds])
    return weights.expand_as(drawn).gather(-1, drawn.argsort(dim=-1))


def explain_cell(classified: Classified, head: int, row: int, column: int) -> Cell:
    """Open one cell of the learned weights: :func:`attention.cell.explain` of that head."""
    num_heads = len(classified.query)
    if not 0 <= head < num_heads:
        raise ValueError(f"head must lie in [0, {num_heads}), got {head}")
    query, key, value = (x[head] for x in (classified.query, classified.key, classified.value))
    return explain(query, key, value, row, column)


class Record(NamedTuple):
    """One chunk: steps done in all; its losses in nats; held-out accuracy, over all reviews and
    over the pairs alone; the example as it is classified now."""

    step: int
    losses: list[float]
    accuracy: float
    pair_accuracy: float
    example: Classified


def train_chunk(
    state: bytes | None,
    *,
    seed: int = 0,
    steps: int = 50,
    batch_size: int = 64,
    learning_rate: float = 5e-3,
    example: str = EXAMPLE,
) -> tuple[bytes, Record]:
    """Train for some steps more: state None begins, bytes go on where they stopped.

    seed in [0, 2^31) and the same in every chunk; steps in [1, 1000]; batch_size in [1, 256];
    learning_rate in (0, 0.1]. Returns the next state (under 2 MB) and a :class:`Record`; two
    chunks of 10 equal one of 20 bit for bit. Raises ``ValueError`` for anything outside, and for
    a state that ``train_chunk`` did not make.
    """
    model, state, step, losses = advance(state, seed, steps, batch_size, learning_rate)
    marks = evaluate(model)
    record = Record(step, losses, marks["all"], marks["pair"], classify(model, example))
    return state, record


def trained_path(name: str = "classifier") -> Path:
    """The shipped weights: classifier, or classifier_bag_of_words."""
    return TRAINED / f"{name}.safetensors"


def save(model: nn.Module, vocabulary: Sequence[str], path: Path) -> None:
    """Weights with the vocabulary beside them, in the file's metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: p.detach().contiguous() for name, p in model.named_parameters()}
    save_file(tensors, path, {"vocabulary": json.dumps(list(vocabulary), ensure_ascii=False)})
    path.chmod(0o644)  # save_file leaves it readable to its owner alone


def load(kind: type[Kind], path: Path) -> Kind:
    """What :func:`save` wrote. kind: TextClassifier or BagOfWords. Its parameters are frozen."""
    with safe_open(path, framework="pt") as file:
        model = kind(json.loads(file.metadata()["vocabulary"]))
        model.load_state_dict({name: file.get_tensor(name) for name in file.keys()}, strict=True)
    return model.eval().requires_grad_(False)


def load_classifier() -> TextClassifier:
    """The shipped classifier; read once, shared by all callers, changed by none."""
    with _LOCK:
        return _classifier()


def load_bag_of_words() -> BagOfWords:
    """The shipped baseline, in the same way; its ids are those of :func:`load_classifier`."""
    with _LOCK:
        return _bag_of_words()


@lru_cache(maxsize=1)
def _classifier() -> TextClassifier:
    return load(TextClassifier, trained_path())


@lru_cache(maxsize=1)
def _bag_of_words() -> BagOfWords:
    return load(BagOfWords, trained_path("classifier_bag_of_words"))


def main(arguments: list[str] | None = None) -> None:
    """The command line: train and write both files, or evaluate what is shipped."""
    parser = argparse.ArgumentParser(prog="python -m attention.classifier")
    parser.add_argument("command", choices=("train", "evaluate"))
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args(arguments)
    if options.command == "train":
        model = train(options.seed)
        save(model, model.vocabulary, trained_path())
        save(train_bag_of_words(), model.vocabulary, trained_path("classifier_bag_of_words"))
        _classifier.cache_clear()
        _bag_of_words.cache_clear()
    model = load_classifier()
    data = review_data()
    print(f"held-out accuracy ({len(data.held_out)} reviews, {sum(data.new)} of them with a new core)")
    rows = {
        "attention": evaluate(model),
        "weights made uniform": evaluate(model, "uniform"),
        "weights permuted": evaluate(model, "permuted"),
        "bag of words": evaluate(load_bag_of_words()),
    }
    for name, marks in rows.items():
        print(f"{name:21}", "  ".join(f"{rule} {mark:6.1%}" for rule, mark in marks.items()))
    moved, distance = permutation_effect(model)
    print(f"permuting moves {moved:.1%} of the labels; median total variation {distance:.3f}")
