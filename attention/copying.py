"""Chapter 18: watch a circuit form. How does a network learn to repeat what it saw once?

A few random tokens, and then the same again: from the repetition on, everything can be known, if one
looks up what came **after** the earlier occurrence of the token at hand. No single head can: the token
to look for does not say what follows it. Two layers can, and nobody tells them how: a head of layer 0
becomes "previous token" (it writes into every token which one stood before it), and a head of layer 1
then looks for the token whose predecessor was the one at hand and copies it, an **induction head**
(Elhage et al. 2021; Olsson et al. 2022). It comes late and all at once, and the loss falls with it.

The network is a :class:`~attention.copier.Copier`. The loss is counted over the repetition, for what comes
before cannot be known. Lengths vary from batch to batch: at one fixed length there is a cheaper trick,
"look 11 back", which :func:`evaluate` at another length uncovers.

Shapes: b sequences, n = 2 * length tokens, V vocabulary, L layers, h heads.

>>> repeated(1, 3, torch.Generator().manual_seed(0)).tolist()
[[20, 15, 5, 20, 15, 5]]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .cell import Cell, explain
from .copier import LONGEST, POSITIONS, VOCABULARY, Copier
from .copying_heads import rank_heads, repeated_tokens
from .masks import causal_mask
from .states import check_step
from .training import Run, generator_at, recipe_of

__all__ = [
    "CHANCE_LOSS", "LENGTHS", "Copier", "Exam", "Step", "Training", "best_heads", "by_distance",
    "evaluate", "follows", "open_weight", "prefix_scores", "rank_heads", "repeated", "repeated_tokens",
    "train",
]  # fmt: skip

LENGTHS = (6, 12)  # shortest and longest of the training, before the repetition
BATCH, RATE, STEPS = 64, 5e-3, 400
CHANCE_LOSS = math.log(VOCABULARY)  # what knowing nothing costs
_EXAM = 2**31 - 1  # the seed of the sequences it is examined on, which no training uses


def repeated(count: int, length: int, generator: torch.Generator) -> Tensor:
    """(count, 2 * length): random tokens, and the same again."""
    if not 1 <= length <= LONGEST:
        raise ValueError(f"a sequence to repeat has 1 to {LONGEST} tokens, got {length}")
    return torch.randint(VOCABULARY, (count, length), generator=generator).repeat(1, 2)


def follows(ids: Tensor) -> Tensor:
    """Keys that stand right after an earlier occurrence of the query's own token.

    ids (..., n) -> boolean (..., n, n); the previous token itself does not count, as in
    :func:`attention.heads.patterns`, whose "induction" this is.

    >>> follows(torch.tensor([7, 8, 7]))[2].tolist()  # the second 7 looks for what came after the first
    [False, False, False]
    >>> follows(torch.tensor([7, 8, 9, 7]))[3].tolist()
    [False, True, False, False]
    """
    n = ids.shape[-1]
    place = torch.arange(n, device=ids.device)
    earlier = (ids[..., :, None] == ids[..., None, :]) & (place < place[:, None])
    after = F.pad(earlier[..., :-1], (1, 0))  # the key one on
    return after & (place < place[:, None] - 1)


def prefix_scores(weights: Tensor, ids: Tensor) -> Tensor:
    """The mean weight that queries with an earlier occurrence put on what came after it.

    weights (..., h, n, n), ids (..., n) -> (h,): 1 for a perfect induction head (Olsson et al. 2022,
    "prefix matching score"). Zeros where nothing occurs twice.
    """
    named = follows(ids)[..., None, :, :]  # (..., 1, n, n)
    rows = int(named.any(-1).sum())
    total = (weights * named).sum((-1, -2)).reshape(-1, weights.shape[-3]).sum(0)
    return total / max(1, rows)


def by_distance(weights: Tensor) -> Tensor:
    """The mean weight at each distance back: (..., n, n) -> (..., n); [1] is the previous token's."""
    n = weights.shape[-1]
    return torch.stack([weights.diagonal(-back, -2, -1).mean(-1) for back in range(n)], -1)


@dataclass(frozen=True, eq=False)
class Exam:
    """How a network does on sequences of one length that no training used.

    loss, accuracy: over the repeated half (where the next token can be known). prefix (L, h); distance
    (L, h, n): the mean weight at each distance; previous (L, h) is its [1].
    """

    loss: float
    accuracy: float
    prefix: Tensor
    distance: Tensor

    @property
    def previous(self) -> Tensor:
        return self.distance[..., 1]


def evaluate(
    model: Copier,
    length: int = LENGTHS[1],
    knock_out: Collection[tuple[int, int]] = frozenset(),
    count: int = 128,
) -> Exam:
    """Examine on ``count`` sequences of ``length`` tokens (2 to 16) and their repetition.

    No token stands twice in the first part, so that one key alone is right, by chance too.
    """
    if length < 2:
        raise ValueError(f"a repetition of {length} has nothing to be known; give 2 tokens or more")
    ids = _exam_sequences(count, length)
    logits, maps = model.look(ids, knock_out)
    # the last token of the first half does not tell that a repetition begins
    said, wanted = logits[:, length:-1], ids[:, length + 1 :]
    prefix = torch.stack([prefix_scores(maps[:, layer], ids) for layer in range(maps.shape[1])])
    return Exam(
        loss=F.cross_entropy(said.flatten(0, 1), wanted.flatten()).item(),
        accuracy=(said.argmax(-1) == wanted).float().mean().item(),
        prefix=prefix,
        distance=by_distance(maps).mean(0),
    )


def _exam_sequences(count: int, length: int) -> Tensor:
    """(count, 2 * length): different random tokens, and the same again."""
    noise = torch.rand(count, VOCABULARY, generator=torch.Generator().manual_seed(_EXAM))
    return noise.argsort(1)[:, :length].repeat(1, 2)


@dataclass(frozen=True, eq=False)
class Step:
    """One recorded moment. step: steps done; loss: of the last batch (None at 0);
    exam: on unseen sequences; maps (L, h, n, n): both layers' weights on the shown sequence;
    network: the parameters by name, where they were to be kept."""

    step: int
    loss: float | None
    exam: Exam
    maps: Tensor
    network: dict[str, Tensor] | None = None


@dataclass(frozen=True, eq=False)
class Training:
    """steps: as far as recorded in this call. state: bytes to go on from. shown (n,): the maps' tokens."""

    steps: tuple[Step, ...]
    state: bytes | None
    model: Copier
    shown: Tensor


def train(
    layers: int = 2,
    seed: int = 0,
    steps: int = STEPS,
    *,
    every: int = 10,
    lengths: tuple[int, int] = LENGTHS,
    state: bytes | None = None,
    keep: bool = False,
    stop: Callable[[], bool] = lambda: False,
    report: Callable[[Step], None] = lambda step: None,
) -> Training:
    """Train on repeated random sequences and record every ``every``-th step.

    layers: 1 (the control, which never learns it) to 3. lengths: shortest and longest, (12, 12) for the
    trick. state: of an earlier call with the same layers, seed and lengths, to go on; then the records
    begin after it, and they are those of one long call, bit for bit. keep: the network of each record,
    0.1 MB. stop: asked after each record.
    Adam (Kingma and Ba 2015) at 5e-3, 64 sequences a step. Raises ``ValueError`` for numbers outside.
    """
    if layers not in (1, 2, 3):
        raise ValueError(f"layers must be 1, 2 or 3, got {layers!r}")
    shortest, longest = lengths
    if not 2 <= shortest <= longest <= LONGEST:
        raise ValueError(f"lengths must be two numbers from 2 to {LONGEST}, in order, got {lengths}")
    if not (1 <= every <= 1000 and 1 <= steps <= 5000):
        raise ValueError(f"every must lie in [1, 1000] and steps in [1, 5000], got {every} and {steps}")
    shown = _exam_sequences(1, longest)[0]
    model = Copier(layers, generator_at(seed, -1))
    varied = shortest < longest

    def loss_at(generator: torch.Generator) -> Tensor:
        length = int(torch.randint(shortest, longest + 1, (), generator=generator))
        ids = repeated(BATCH, length, generator)
        last = POSITIONS - 2 * length if varied else 0
        start = torch.randint(last + 1, (BATCH, 1), generator=generator)
        said, wanted = model(ids[:, :-1], start)[:, length:], ids[:, length + 1 :]
        return F.cross_entropy(said.flatten(0, 1), wanted.flatten())

    records: list[Step] = []

    def record(step: int, loss: float | None) -> None:
        network = {name: one.detach().clone() for name, one in model.named_parameters()} if keep else None
        maps = model.look(shown[None])[1][0]
        records.append(Step(step, loss, evaluate(model, longest), maps, network))
        report(records[-1])

    recipe = recipe_of(model, lambda _, generator: loss_at(generator))
    run = Run.begin(recipe, seed) if state is None else Run.unpack(recipe, seed, state)
    if state is None:
        record(0, None)
    last = run.step + steps
    check_step(last)
    while run.step < last and not stop():
        losses = [run.advance(RATE) for _ in range(min(every, last - run.step))]
        record(run.step, losses[-1])
    state = run.pack() if run.step > last - steps else state  # nothing was done: as it came
    return Training(tuple(records), state, model, shown)


def best_heads(exam: Exam) -> tuple[tuple[int, int], tuple[int, int]]:
    """(layer, head) of the previous-token head and of the copying head, by their scores."""
    heads = exam.prefix.shape[1]
    previous, prefix = exam.previous.argmax().item(), exam.prefix.argmax().item()
    return divmod(int(previous), heads), divmod(int(prefix), heads)


def open_weight(
    model: Copier,
    ids: Tensor,
    layer: int,
    head: int,
    row: int,
    column: int,
    knock_out: Collection[tuple[int, int]] = frozenset(),
) -> Cell:
    """One weight on ids (n,), from query and key to what it moves (:func:`attention.cell.explain`)."""
    query, key, value = model.vectors(ids, layer, head, knock_out)
    return explain(query, key, value, row, column, causal_mask(len(ids)))
