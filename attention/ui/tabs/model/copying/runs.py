"""Recorded trainings: a pure function of their arguments, so the latest are kept for the next question."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from torch import Tensor

from .....copying import LENGTHS, Copier, Exam, Step, best_heads, train
from ....page.busy import slot

STEPS, EVERY = 300, 10  # two seconds on one core for two layers
FIXED = (LENGTHS[1], LENGTHS[1])  # one length alone
FIXED_STEPS = 150
KEPT = 64  # recordings, up to 3 MB each: all seeds of the page, so that a class trains each of them once
Head = tuple[int, int]  # layer, head


@dataclass(frozen=True, eq=False)
class Recording:
    """A whole training, with its network at each record."""

    layers: int
    steps: tuple[Step, ...]
    shown: Tensor

    @property
    def exam(self) -> Exam:
        """On unseen sequences, at the end."""
        return self.steps[-1].exam

    @property
    def pair(self) -> tuple[Head, Head]:
        """The previous-token head and the copying head; of one layer simply its heads, in order."""
        return best_heads(self.exam) if self.layers > 1 else ((0, 0), (0, 1))

    def network(self, at: int = -1) -> Copier:
        """The network as it was at a record."""
        network, kept = Copier(self.layers), self.steps[at].network
        assert kept is not None
        network.load_state_dict(kept)
        return network.requires_grad_(False)


_kept: OrderedDict[tuple[int, int, tuple[int, int]], Recording] = OrderedDict()
_guard = threading.Lock()


def recording(layers: int, seed: int, lengths: tuple[int, int] = LENGTHS) -> Recording:
    """The training of these arguments; one at a time in a process: others may want the same."""
    key = layers, seed, lengths
    if (held := _look(key)) is not None:
        return held
    with slot("copying", limit=1, wait=20.0):
        if (held := _look(key)) is not None:  # somebody else's, finished meanwhile
            return held
        made = record(layers, seed, lengths)
        with _guard:
            _kept[key] = made
            while len(_kept) > KEPT:
                _kept.popitem(last=False)
    return made


def _look(key: tuple[int, int, tuple[int, int]]) -> Recording | None:
    with _guard:
        if key in _kept:
            _kept.move_to_end(key)
        return _kept.get(key)


def record(layers: int, seed: int, lengths: tuple[int, int]) -> Recording:
    """Train, and keep the network at each record."""
    total = FIXED_STEPS if lengths == FIXED else STEPS
    made = train(layers, seed, total, every=EVERY, lengths=lengths, keep=True)
    return Recording(layers, made.steps, made.shown)
