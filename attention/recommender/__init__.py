"""Chapter 11: what shall this reader read next?

The matchmaker grown up: every candidate item is a query and looks at the user's history, whose
items are keys and values. A thriller looks at the thrillers and ignores the cakes; the mean over
the history, which all candidates would share, cannot do that. The history has no order here, and
without positions attention sees none (chapter 7).

    query = W_q e_candidate    key = W_k e_history    value = W_v e_history
    score(candidate) = attend(query, key, value) . e_candidate + popularity(candidate)

Zhou et al. 2018, "Deep Interest Network for Click-Through Rate Prediction", section 4.3, has the
candidate attend in this way; there the weights come from a small network and are not normalised.
Items and users are made up (:mod:`attention.recommender.items`).

Shapes: u users, n = 64 items, m items of history, d features.
"""

from __future__ import annotations

import argparse
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..assets import assets
from ..cell import Cell, explain
from ..classifier import renormalise
from ..pooling import Attended, attend
from ..training import check_whole, generator_at, train_steps
from .items import ITEMS, Users, make_users

TRAINED = assets() / "trained" / "recommender.safetensors"
MEAN = TRAINED.with_name("recommender_mean.safetensors")
DATA_SEED, TRAINING_USERS, HELD_OUT_USERS, SPARE = 0, 8000, 1000, 200
MAX_HISTORY = 20
# (steps, learning rate): the second phase settles what the first has found
PHASES = ((600, 1e-2), (200, 2e-3))


class Recommender(nn.Module):
    """Candidates attend to a history. generator: source of the initial weights.

    item (n, d): one vector per item; w_q, w_k, w_v (d, d); popularity (n,): a score that every
    user sees.
    """

    def __init__(self, d: int = 16, generator: torch.Generator | None = None) -> None:
        super().__init__()

        def normal(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape, generator=generator) / d**0.5)

        self.item = normal(len(ITEMS), d)
        self.w_q, self.w_k, self.w_v = normal(d, d), normal(d, d), normal(d, d)
        self.popularity = nn.Parameter(torch.zeros(len(ITEMS)))

    def project(self, history: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """history (..., m) item ids -> query (n, d), key and value (..., m, d)."""
        past = self.item[history]
        return F.linear(self.item, self.w_q), F.linear(past, self.w_k), F.linear(past, self.w_v)

    def attend(self, history: Tensor, scale: float | None = None) -> Attended:
        """history (..., m) -> output (..., n, d), weights (..., n, m). scale 0 is uniform."""
        return attend(*self.project(history), scale=scale)

    def score(self, output: Tensor) -> Tensor:
        """output (..., n, d) -> scores (..., n): how well what was found fits the candidate."""
        return (output * self.item).sum(-1) + self.popularity

    def forward(self, history: Tensor, scale: float | None = None) -> Tensor:
        """history (u, m) -> scores (u, n), -inf for what the user has had already."""
        scores = self.score(self.attend(history, scale).output)
        return scores.scatter(-1, history, float("-inf"))


@dataclass(frozen=True)
class Recommended:
    """A ranking, opened.

    history: m item ids. scores (n,): one per item of the catalogue. ranking: ids of the items not
    in the history, best first. weights (n, m): row i is how candidate i looks at the history,
    learned or changed. popularity (n,): the part of the score that does not depend on the user.
    contributions (n, m): what each item of the history adds to each score; with popularity they
    add up to the scores. query (n, d), key and value (m, d): for :func:`explain_cell`.
    """

    history: list[int]
    scores: Tensor
    ranking: list[int]
    weights: Tensor
    popularity: Tensor
    contributions: Tensor
    query: Tensor
    key: Tensor
    value: Tensor


@torch.no_grad()
def recommend(
    model: Recommender, history: Sequence[int], *, weights_override: Tensor | None = None
) -> Recommended:
    """Rank the catalogue for one history of item ids.

    history: 0 to 20 different ids in [0, 64); with none, nothing can be attended to, the output is
        zero by the mask rule, and the ranking is the popularity.
    weights_override: (64, m), finite and >= 0, used instead of the learned weights after each row
        is divided by its sum (a row of zeros stays zeros).
    Raises ``ValueError`` for a history or weights that break these rules.
    """
    ids = check_history(history)
    query, key, value = model.project(torch.tensor(ids, dtype=torch.int64))
    weights = attend(query, key, value).weights
    if weights_override is not None:
        weights = renormalise(weights_override, weights.shape)
    scores = model.score(weights @ value)
    order = scores.argsort(descending=True, stable=True).tolist()
    return Recommended(
        history=ids, scores=scores, ranking=[item for item in order if item not in ids],
        weights=weights, popularity=model.popularity,
        # score = sum_j weight_ij (value_j . item_i): one summand for each item of the history
        contributions=weights * (model.item @ value.T), query=query, key=key, value=value,
    )  # fmt: skip


def check_history(history: Sequence[int]) -> list[int]:
    """The history as a list of ids. Raises ``ValueError`` as :func:`recommend` says."""
    ids = list(history)
    if len(ids) > MAX_HISTORY:
        raise ValueError(f"a history has at most {MAX_HISTORY} items, got {len(ids)}")
    for item in ids:
        if isinstance(item, bool) or not isinstance(item, int) or not 0 <= item < len(ITEMS):
            raise ValueError(f"an item is a whole number in [0, {len(ITEMS)}), got {item!r}")
    if len(set(ids)) < len(ids):
        raise ValueError(f"a history names every item once, got {ids}")
    return ids


def explain_cell(recommended: Recommended, candidate: int, column: int) -> Cell:
    """Open one learned weight: how candidate ``candidate`` looks at history item ``column``."""
    return explain(recommended.query, recommended.key, recommended.value, candidate, column)


_LOCK = threading.Lock()  # lru_cache alone would build once for each of the first callers


def user_data() -> tuple[Users, Users]:
    """(training, held-out) users, always the same; made once. No history is in both."""
    with _LOCK:
        return _user_data()


@lru_cache(maxsize=1)
def _user_data() -> tuple[Users, Users]:
    generator = torch.Generator().manual_seed(DATA_SEED)
    users = make_users(TRAINING_USERS + HELD_OUT_USERS + SPARE, generator)
    histories = [tuple(sorted(history)) for history in users.history.tolist()]  # order means nothing here
    met = set(histories[:TRAINING_USERS])
    new = [i for i in range(TRAINING_USERS, len(histories)) if histories[i] not in met][:HELD_OUT_USERS]
    training = Users(*(field[:TRAINING_USERS] for field in users))
    return training, Users(*(field[new] for field in users))


class Record(NamedTuple):
    """One chunk: steps done in all; its losses in nats; held-out recall at 5 and at 10."""

    step: int
    losses: list[float]
    recall_5: float
    recall_10: float


def train_chunk(
    state: bytes | None,
    *,
    seed: int = 0,
    steps: int = 50,
    batch_size: int = 128,
    learning_rate: float = 1e-2,
) -> tuple[bytes, Record]:
    """Train for some steps more: state None begins, bytes go on where they stopped.

    The loss is the cross-entropy of the item each user chose next, among all items not yet had.
    seed in [0, 2^31) and the same in every chunk; steps in [1, 1000]; batch_size in [1, 512];
    learning_rate in (0, 0.1]. Returns the next state (under 2 MB) and a :class:`Record`; two
    chunks of 10 equal one of 20 bit for bit. Raises ``ValueError`` for anything outside, and for
    a state that ``train_chunk`` did not make.
    """
    model, state, step, losses = _advance(state, seed, steps, batch_size, learning_rate)
    scores = model(user_data()[1].history)
    return state, Record(step, losses, recall(scores, 5), recall(scores, 10))


def _advance(
    state: bytes | None,
    seed: int,
    steps: int,
    batch_size: int,
    learning_rate: float,
    scale: float | None = None,
) -> tuple[Recommender, bytes, int, list[float]]:
    check_whole("batch_size", batch_size, 1, 512)
    users = user_data()[0]
    model = Recommender(generator=generator_at(seed, -1))

    def loss_at(generator: torch.Generator) -> Tensor:
        batch = torch.randint(len(users.wanted), (batch_size,), generator=generator)
        return F.cross_entropy(model(users.history[batch], scale), users.wanted[batch])

    state, step, losses = train_steps(
        model, loss_at, state, seed=seed, steps=steps, learning_rate=learning_rate
    )
    return model.requires_grad_(False), state, step, losses


def train(seed: int = 0, phases: Sequence[tuple[int, float]] = PHASES, uniform: bool = False) -> Recommender:
    """The shipped training, seconds on one core. uniform: without attention, the mean instead."""
    if not phases:
        raise ValueError("phases must hold at least one (steps, learning rate), got none")
    state: bytes | None = None
    scale = 0.0 if uniform else None
    for steps, learning_rate in phases:
        model, state, *_ = _advance(state, seed, steps, 128, learning_rate, scale)
    return model


def recall(scores: Tensor, k: int, users: Users | None = None) -> float:
    """recall@k: the share of held-out users whose next item is among their k best scores.

    scores (u, n), -inf for items already had; users: default the held-out ones.
    """
    users = user_data()[1] if users is None else users
    best = scores.topk(k, dim=-1).indices  # (u, k)
    return (best == users.wanted[:, None]).any(-1).float().mean().item()


def popularity_scores(training: Users, history: Tensor) -> Tensor:
    """The baseline: how often each item occurs in the training users, -inf where had: (u, n)."""
    chosen = torch.cat([training.history.flatten(), training.wanted])
    counts = torch.bincount(chosen, minlength=len(ITEMS)).float()
    return counts.repeat(len(history), 1).scatter(-1, history, float("-inf"))


def evaluate(model: Recommender, k: int = 10) -> dict[str, float]:
    """Held-out recall@k of the model, of the model with uniform weights, of a model that was trained
    with uniform weights and is scored with them, and of popularity."""
    training, held_out = user_data()
    return {
        "attention": recall(model(held_out.history), k),
        "weights made uniform": recall(model(held_out.history, scale=0.0), k),
        "mean, trained as such": recall(load_recommender(MEAN)(held_out.history, scale=0.0), k),
        "popularity": recall(popularity_scores(training, held_out.history), k),
    }


def save(model: Recommender, path: Path) -> None:
    """Weights as safetensors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: p.detach().contiguous() for name, p in model.named_parameters()}, path)
    path.chmod(0o644)  # save_file leaves it readable to its owner alone


def load_recommender(path: Path = TRAINED) -> Recommender:
    """The shipped recommender; read once, shared by all callers, changed by none. path ``MEAN``: the
    baseline, trained without attention and to be run with ``scale=0.0``."""
    with _LOCK:
        return _load_shipped(path)


@lru_cache(maxsize=2)
def _load_shipped(path: Path) -> Recommender:
    model = Recommender()
    model.load_state_dict(load_file(path), strict=True)
    return model.eval().requires_grad_(False)


def main(arguments: list[str] | None = None) -> None:
    """The command line: train and write both files, or evaluate what is shipped."""
    parser = argparse.ArgumentParser(prog="python -m attention.recommender")
    parser.add_argument("command", choices=("train", "evaluate"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    if options.command == "train":
        for path in (TRAINED, MEAN):
            save(train(options.seed, uniform=path == MEAN), path)
        _load_shipped.cache_clear()
    marks = {k: evaluate(load_recommender(), k) for k in (1, 5, 10)}
    print(f"held-out recall@k ({HELD_OUT_USERS} users)")
    for name in marks[1]:
        print(f"{name:22}", "  ".join(f"@{k} {marks[k][name]:6.1%}" for k in marks))
