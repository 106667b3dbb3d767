"""Chapter 10b: training the two text models on the made-up reviews, and marking them.

Held-out reviews share no bag of words with the training reviews (``reviews.split_reviews``), so a
model that only counts gets exactly one of each pair right. Some are a training sentence behind another
opener, "honestly ," for "well ,"; the others, whose core is new, are marked apart as well.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..masks import pad_sequences, padding_mask
from ..pooling import attend
from ..training import check_whole, generator_at, train_steps
from .reviews import Review, make_reviews, nouns, shortest_reviews, split_reviews, tokenise
from .text_model import UNKNOWN, BagOfWords, TextClassifier

DATA_SEED, DATA_COUNT = 0, 15_000
# shares of the training tokens hidden, so that <unk> learns to mean little: a noun, and any other word
UNKNOWN_NOUN, UNKNOWN_RATE = 0.2, 0.01
SEED = 1  # of the weights shipped; of 0 to 3 it reads words it has never seen best
# (steps, learning rate): each phase settles what the one before has found
PHASES = ((5000, 3e-3), (4000, 1.5e-3), (3000, 3e-4))


class Data(NamedTuple):
    """The reviews, and as tensors: ids (u, n), lengths (u,), labels (u,) for both parts.

    new: for each held-out review, whether no training review has the words of its core."""

    training: list[Review]
    held_out: list[Review]
    new: list[bool]
    vocabulary: tuple[str, ...]
    training_tensors: tuple[Tensor, Tensor, Tensor]
    held_out_tensors: tuple[Tensor, Tensor, Tensor]


_LOCK = threading.Lock()  # lru_cache alone would build once for each of the first callers


def review_data() -> Data:
    """The made-up reviews of this project, always the same; built once (a few seconds)."""
    with _LOCK:
        return _review_data()


@lru_cache(maxsize=1)
def _review_data() -> Data:
    reviews = make_reviews(DATA_COUNT, torch.Generator().manual_seed(DATA_SEED))
    shortest = shortest_reviews()
    bags = {tuple(sorted(tokenise(review.text))) for review in shortest}
    reviews = [r for r in reviews if tuple(sorted(tokenise(r.text))) not in bags]
    parts = split_reviews(reviews, torch.Generator().manual_seed(DATA_SEED))
    # about one training review in ten: rarer, they stay half learned
    parts[0].extend(shortest * 2)
    words = {token for review in parts[0] for token in tokenise(review.text)}
    vocabulary = ("<pad>", "<unk>", *sorted(words))
    encode = TextClassifier(vocabulary, generator=torch.Generator()).encode
    tensors = [
        (
            *pad_sequences([encode(tokenise(review.text)) for review in part]),
            torch.tensor([review.label for review in part]),
        )
        for part in parts
    ]
    cores = {tuple(sorted(tokenise(review.core))) for review in parts[0]}
    new = [tuple(sorted(tokenise(review.core))) not in cores for review in parts[1]]
    return Data(*parts, new, vocabulary, *tensors)


def advance(
    state: bytes | None, seed: int, steps: int, batch_size: int, learning_rate: float
) -> tuple[TextClassifier, bytes, int, list[float]]:
    """One stretch of training from ``state`` (None begins), see ``classifier.train_chunk``.

    Returns ``(model, state, steps done in all, losses)``, the model frozen.
    """
    check_whole("batch_size", batch_size, 1, 256)
    data = review_data()
    ids, lengths, labels = data.training_tensors
    model = TextClassifier(data.vocabulary, generator=generator_at(seed, -1))
    named = nouns()
    rates = torch.tensor([UNKNOWN_NOUN if word in named else UNKNOWN_RATE for word in data.vocabulary])

    def loss_at(generator: torch.Generator) -> Tensor:
        batch = torch.randint(len(ids), (batch_size,), generator=generator)
        hidden = torch.rand(batch_size, ids.shape[1], generator=generator) < rates[ids[batch]]
        logits = model(ids[batch].masked_fill(hidden, UNKNOWN), lengths[batch])
        return F.cross_entropy(logits, labels[batch])

    state, step, losses = train_steps(
        model, loss_at, state, seed=seed, steps=steps, learning_rate=learning_rate
    )
    return model.requires_grad_(False), state, step, losses


def train(seed: int = SEED, phases: Sequence[tuple[int, float]] = PHASES) -> TextClassifier:
    """The shipped training: about a minute on one core."""
    state: bytes | None = None
    chunks = [(min(500, steps - done), rate) for steps, rate in phases for done in range(0, steps, 500)]
    if not chunks:
        raise ValueError(f"phases must hold steps to train for, got {phases!r}; give (steps, learning rate)")
    for steps, learning_rate in chunks:
        model, state, step, losses = advance(state, seed, steps, 64, learning_rate)
        print(f"step {step}: loss {sum(losses[-50:]) / len(losses[-50:]):.4f}", flush=True)
    return model


def train_bag_of_words(steps: int = 300) -> BagOfWords:
    """Logistic regression on counts, all training reviews at once, to convergence."""
    data = review_data()
    *inputs, labels = data.training_tensors
    model = BagOfWords(data.vocabulary)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(steps):
        loss = F.cross_entropy(model(*inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.requires_grad_(False)


@torch.no_grad()
def predict(
    model: TextClassifier | BagOfWords, ids: Tensor, lengths: Tensor, weights: str = "learned",
    seed: int = 0,
) -> Tensor:  # fmt: skip
    """Logits (b, c) with the learned weights, "uniform" ones, or the learned ones "permuted"."""
    if weights == "learned":
        logits: Tensor = model(ids, lengths)
        return logits
    if weights not in ("uniform", "permuted"):
        raise ValueError(f"weights must be learned, uniform or permuted, got {weights!r}")
    if not isinstance(model, TextClassifier):
        raise ValueError(f"a bag of words has no weights to be {weights}; pass a TextClassifier")
    mask = padding_mask(lengths, ids.shape[1])  # (b, 1, n)
    query, key, value = model.attention.project(model.embed(ids))
    scale = 0.0 if weights == "uniform" else None
    changed = attend(query, key, value, mask[:, None], scale=scale).weights
    if weights == "permuted":
        noise = torch.rand(changed.shape, generator=generator_at(seed, 0))
        # padding sorts last, so that only the weights of real tokens change places
        changed = changed.gather(-1, noise.masked_fill(~mask[:, None], 2.0).argsort(dim=-1))
    return model.read(model.gather(changed, value), mask)


def evaluate(model: TextClassifier | BagOfWords, weights: str = "learned", seed: int = 0) -> dict[str, float]:
    """Held-out accuracy: "all"; "new", of those whose core no training review has; "negation", which
    is flip, double and pair together; by rule ("double", "flip", "keep", "pair", "word").
    weights, seed: see :func:`predict`."""
    data = review_data()
    ids, lengths, labels = data.held_out_tensors
    right = predict(model, ids, lengths, weights, seed).argmax(dim=-1) == labels
    rules = [review.rule for review in data.held_out]
    groups = {"all": [True] * len(rules), "new": data.new}
    groups["negation"] = [rule in ("flip", "double", "pair") for rule in rules]
    groups |= {kind: [rule == kind for rule in rules] for kind in sorted(set(rules))}
    return {name: right[torch.tensor(group)].float().mean().item() for name, group in groups.items()}


def permutation_effect(model: TextClassifier, seed: int = 0) -> tuple[float, float]:
    """Over the held-out reviews: the share of labels that permuting moves, and the median total
    variation distance between the two predictions (Jain and Wallace 2019, figure 6)."""
    ids, lengths, _ = review_data().held_out_tensors
    before = predict(model, ids, lengths).softmax(-1)
    after = predict(model, ids, lengths, "permuted", seed).softmax(-1)
    moved = (before.argmax(-1) != after.argmax(-1)).float().mean().item()
    return moved, ((before - after).abs().sum(-1) / 2).median().item()
