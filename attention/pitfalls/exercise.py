"""The frame of chapter 14: a mistake and the right way side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Exercise:
    """Both ways side by side: tensors by name, and the numbers to read off by name.

    A NaN in ``wrong`` is the lesson, not a fault (only ``all_zero_mask`` has one).
    """

    right: dict[str, Tensor]
    wrong: dict[str, Tensor]
    readouts: dict[str, float]


@dataclass(frozen=True)
class Pitfall:
    """A mistake that can be computed: ``pitfall(**parameters) -> Exercise``.

    tab: id of the tab it belongs to. limits: smallest and largest value of every parameter
    beside seed (whole numbers where the limits are); a value outside raises ``ValueError``.
    """

    id: str
    tab: str
    run: Callable[..., Exercise]
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)

    def __call__(self, seed: int = 0, **parameters: float) -> Exercise:
        for name, given in parameters.items():
            if name not in self.limits:
                raise ValueError(
                    f"{self.id} has no parameter {name!r}; it takes seed"
                    + "".join(f", {known}" for known in self.limits)
                )
            low, high = self.limits[name]
            whole = isinstance(low, int)
            if not low <= given <= high or (whole and not isinstance(given, int)):
                kind = "a whole number " if whole else ""
                raise ValueError(f"{name} must be {kind}from {low} to {high}, got {given}")
        return self.run(torch.Generator().manual_seed(seed), **parameters)


def pitfall(tab: str, **limits: tuple[float, float]) -> Callable[[Callable[..., Exercise]], Pitfall]:
    """Decorator: ``run(generator, **parameters) -> Exercise`` becomes the :class:`Pitfall` of its name."""
    return lambda run: Pitfall(run.__name__, tab, run, limits)


def by_id(*pitfalls: Pitfall) -> dict[str, Pitfall]:
    """Pitfalls by their ids, in this order."""
    return {pitfall.id: pitfall for pitfall in pitfalls}


def entropy(weights: Tensor) -> Tensor:
    """weights (..., m) -> entropy (...) in nats; 0 log 0 = 0."""
    surprise: Tensor = torch.special.entr(weights)
    return surprise.sum(-1)
