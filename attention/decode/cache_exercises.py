"""The five cache mistakes small enough to be read off: one rotary head, one new query.

``cache_pitfalls`` makes them in whole models; here each is an :class:`~attention.pitfalls.Exercise` as those
of chapter 14 are. A score of turned vectors knows nothing
but the distance from query to key, so a wrong place is a wrong **distance**, and that is what is shown.

Shapes: n tokens that the query may see, d features.

>>> EXERCISES["cache_restart"](written=2).wrong["distance"].tolist()  # a prompt of 4, two more at 0 each
[0.0, -1.0, -2.0, -3.0, 0.0, 0.0]
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..cache import KeyValueCache
from ..pitfalls.exercise import Exercise, by_id, pitfall
from ..pooling import attend
from ..position import rotate

D = 16  # features of the head
PROMPT = 4  # tokens that are read at once, before one at a time


def _draw(generator: torch.Generator, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key, value (n, d), before any turn."""
    query, key, value = torch.randn(3, n, D, generator=generator)
    return query, key, value


def _kept(key: Tensor, value: Tensor, places: Tensor, window: int | None = None) -> KeyValueCache:
    """A cache that has been given one token after the other, each key turned by its place."""
    cache = KeyValueCache()
    for at in range(len(key)):
        if window is not None:
            cache.evict(window - 1)
        cache.append(
            0, rotate(key[None, None, at : at + 1], places[at : at + 1]), value[None, None, at : at + 1]
        )
    return cache


def _read(query: Tensor, place: int, cache: KeyValueCache, mask: Tensor | None = None) -> dict[str, Tensor]:
    """What the query (d,) at a place makes of the cache: weights (n,) and output (d,)."""
    key, value = cache.view(0)
    found = attend(rotate(query[None], torch.tensor([place])), key[0, 0], value[0, 0], mask)
    return {"weights": found.weights[0], "output": found.output[0]}


def _compare(right: dict[str, Tensor], wrong: dict[str, Tensor], **readouts: float) -> Exercise:
    """Both sides, and how far the output moved."""
    moved = (right["output"] - wrong["output"]).abs().max().item()
    return Exercise(right, wrong, {"moved": moved, **readouts})


@pitfall("cost", written=(1, 12))
def cache_restart(generator: torch.Generator, written: int = 4) -> Exercise:
    """Positions restart at 0: every pass of one token counts as if its token were the first.

    distance (n,): from the query, at the last of ``written`` tokens behind a prompt of 4, to each key.
    """
    n = PROMPT + written
    query, key, value = _draw(generator, n)
    right, wrong = torch.arange(n), torch.arange(n)
    wrong[PROMPT:] = 0
    sides = [
        _read(query[-1], int(places[-1]), _kept(key, value, places))
        | {"distance": (places[-1] - places).float()}
        for places in (right, wrong)
    ]
    return _compare(*sides, behind=float((sides[1]["distance"] < 0).sum()))


@pitfall("cost", n=(2, 12))
def cache_twice(generator: torch.Generator, n: int = 6) -> Exercise:
    """A key rotated twice: kept turned, and turned again by whoever reads it; the newest is turned once."""
    query, key, value = _draw(generator, n)
    places = torch.arange(n)
    again = places * 2
    again[-1] = n - 1
    sides = [
        _read(query[-1], n - 1, _kept(key, value, turned)) | {"distance": (n - 1 - turned).float()}
        for turned in (places, again)
    ]
    return _compare(*sides, before=sides[1]["distance"][-2].item())


@pitfall("cost", n=(2, 12))
def cache_corner(generator: torch.Generator, n: int = 6) -> Exercise:
    """The causal mask at the wrong corner: ``tril`` of (1, n) leaves one new query the first key alone."""
    query, key, value = _draw(generator, n)
    cache = _kept(key, value, torch.arange(n))
    masks = torch.ones(1, n, dtype=torch.bool).tril(n - 1), torch.ones(1, n, dtype=torch.bool).tril()
    right, wrong = (_read(query[-1], n - 1, cache, mask) for mask in masks)
    return _compare(right, wrong, seen=float((wrong["weights"] > 0).sum()))


@pitfall("cost", n=(2, 16), window=(2, 8))
def cache_evict(generator: torch.Generator, n: int = 8, window: int = 5) -> Exercise:
    """Eviction without re-rotation: places are counted by what is left, keys were turned for the old count.

    Of n tokens the last ``window`` are kept; right and wrong keep the same ones.
    """
    query, key, value = _draw(generator, n)
    right = torch.arange(n)
    wrong = right.clamp(max=window - 1)  # the length of the cache when the token came
    sides = [
        _read(query[-1], int(places[-1]), _kept(key, value, places, window))
        | {"distance": (places[-1] - places[-window:]).float()}
        for places in (right, wrong)
    ]
    return _compare(*sides, before=sides[1]["distance"][-2].item(), gone=float(max(0, n - window)))


@pitfall("cost", other=(1, 8))
def cache_shared(generator: torch.Generator, other: int = 4) -> Exercise:
    """A cache shared by two sentences: ``other`` keys of another text stand before one's own five."""
    own = 5
    query, key, value = _draw(generator, other + own)
    places = torch.arange(other + own)
    wrong = _read(query[-1], other + own - 1, _kept(key, value, places))
    right = _read(query[-1], own - 1, _kept(key[other:], value[other:], places[:own]))
    right["weights"] = torch.cat([torch.zeros(other), right["weights"]])  # beside the wrong one's
    return _compare(right, wrong, foreign=wrong["weights"][:other].sum().item())


EXERCISES = by_id(cache_restart, cache_twice, cache_corner, cache_evict, cache_shared)
