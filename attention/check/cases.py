"""Twenty drawn cases for each function, and this package's own answer to each.

A case is the positional arguments; the answer is computed by the reference, never stored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .. import kernel, masks, multihead, position
from ..pooling import attend as attend_reference

COUNT = 20
Arguments = tuple[Any, ...]


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
    """(b, h, n, d), (b, h, m, d), (b, h, m, v), mask (b, 1, n, m) or None -> (b, h, n, v)."""
    return attend_reference(query, key, value, mask).output


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """scores (n, m), mask (n, m), True = may attend -> weights (n, m)."""
    return masks.masked_softmax(scores, mask)


def positional_encoding(length: int, d: int) -> Tensor:
    """(length, d), sine and cosine in turn."""
    return position.sinusoidal_encoding(length, d)


def kernel_regression(queries: Tensor, keys: Tensor, values: Tensor, bandwidth: float) -> Tensor:
    """(n,), (m,), (m,), h -> (n,)."""
    return kernel.nadaraya_watson(queries, keys, values, bandwidth).output


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """x (b, n, d), mask (b, n), True = a word -> (b, d)."""
    kept = mask[..., None].to(x.dtype)
    return (x * kept).sum(-2) / kept.sum(-2)


def online_softmax(score_blocks: list[Tensor], value_blocks: list[Tensor]) -> Tensor:
    """Blocks of scores (k,) and values (k, v) -> the weighted sum (v,)."""
    return torch.softmax(torch.cat(score_blocks), -1) @ torch.cat(value_blocks)


class Cache:
    """``step(query, key, value)``, each (d,): the output (d,) over every key seen so far."""

    def __init__(self) -> None:
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []

    def step(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """One token more."""
        self.keys.append(key)
        self.values.append(value)
        return attend_reference(query[None], torch.stack(self.keys), torch.stack(self.values)).output[0]


REFERENCE: dict[str, Callable[..., Any]] = {
    "attend": attend,
    "masked_softmax": masked_softmax,
    "split_heads": multihead.split_heads,
    "positional_encoding": positional_encoding,
    "kernel_regression": kernel_regression,
    "masked_mean": masked_mean,
    "online_softmax": online_softmax,
    "Cache": Cache,
}


def draw(name: str, seed: int = 0) -> list[Arguments]:
    """Twenty cases in float64; every fourth with scores in the hundreds, where exp overflows."""
    generator = torch.Generator().manual_seed(seed)
    return [_case(name, place, generator) for place in range(COUNT)]


def _normal(*shape: int, generator: torch.Generator) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def _whole(low: int, high: int, generator: torch.Generator) -> int:
    return int(torch.randint(low, high + 1, (), generator=generator))


def _case(name: str, place: int, generator: torch.Generator) -> Arguments:
    # large in the third of every four; 2000 is beyond float64's exp, too
    large = 2000.0 if place % 4 == 2 else 1.0
    n, m, d = _whole(2, 4, generator), _whole(5, 7, generator), _whole(2, 4, generator)
    if name == "attend":
        b, h, v = _whole(1, 2, generator), _whole(2, 4, generator), _whole(2, 3, generator)
        query = _normal(b, h, n, d, generator=generator) * large
        key = _normal(b, h, m, d, generator=generator)
        value = _normal(b, h, m, v, generator=generator)
        mask = _mask(place, n, m, generator).expand(b, 1, n, m) if place % 4 else None
        return query, key, value, mask
    if name == "masked_softmax":
        return _normal(n, m, generator=generator) * large, _mask(place, n, m, generator)
    if name == "split_heads":
        heads = _whole(2, 4, generator)
        return _normal(2, n + 1, heads * d, generator=generator), heads
    if name == "positional_encoding":
        return _whole(2, 40, generator), 2 * _whole(2, 16, generator)
    if name == "kernel_regression":
        bandwidth = 0.2 + float(torch.rand((), generator=generator))
        places = (_normal(n, generator=generator), _normal(m, generator=generator))
        # far from every measured point: each kernel is 0 unless the largest is taken away first
        return places[0] + (60.0 if large > 1 else 0.0), places[1], _normal(m, generator=generator), bandwidth
    if name == "masked_mean":
        lengths = torch.randint(1, n + 1, (2,), generator=generator)
        return _normal(2, n + 2, d, generator=generator), torch.arange(n + 2) < lengths[:, None]
    if name == "online_softmax":
        sizes = [_whole(1, 4, generator) for _ in range(3)]
        scores = [_normal(k, generator=generator) * large for k in sizes]
        return scores, [_normal(k, d, generator=generator) for k in sizes]
    steps = [tuple(_normal(3, d, generator=generator)) for _ in range(m)]
    return ([(query * large, key, value) for query, key, value in steps],)


def _mask(place: int, n: int, m: int, generator: torch.Generator) -> Tensor:
    """Some keys masked, each row keeping one; with place % 4 == 3 the first row is empty."""
    mask = torch.rand(n, m, generator=generator) < 0.6
    mask[:, 0], mask[:, -1] = True, False
    if place % 4 == 3:
        mask[0] = False
    return mask


def call(name: str, function: Callable[..., Any], arguments: Arguments) -> Tensor:
    """The function's answer as one tensor; a Cache is stepped through and its outputs stacked.

    (output, weights) and our own Attended count as their output. Raises ``TypeError`` for no tensor.
    """
    if name == "Cache":
        cache = function()
        return torch.stack([_tensor(cache.step(*step)) for step in arguments[0]])
    return _tensor(function(*arguments))


def _tensor(found: Any) -> Tensor:
    found = getattr(found, "output", found)
    if isinstance(found, tuple | list) and found and isinstance(found[0], Tensor):
        found = found[0]
    if not isinstance(found, Tensor):
        raise TypeError(f"a torch tensor is expected, got {type(found).__name__}")
    return found


def leaves(arguments: Any) -> list[Tensor]:
    """Every floating tensor in the arguments, in order: what a gradient is taken for."""
    if isinstance(arguments, Tensor):
        return [arguments] if arguments.is_floating_point() else []
    if isinstance(arguments, tuple | list):
        return [leaf for item in arguments for leaf in leaves(item)]
    return []


def copy(arguments: Any, gradient: bool = False) -> Any:
    """The arguments with tensors of their own, so that writing into one harms nobody else."""
    if isinstance(arguments, Tensor):
        fresh = arguments.detach().clone()
        return fresh.requires_grad_(gradient and fresh.is_floating_point())
    if isinstance(arguments, tuple | list):
        return type(arguments)(copy(item, gradient) for item in arguments)
    return arguments
