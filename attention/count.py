"""What does it cost? Counted from the tensors that were really made, or timed; never claimed.

:class:`Count` watches a block of code: every matrix product adds its multiplications, every new tensor
its bytes. :func:`measure_curve` times a function over lengths and fits the exponent p of ``cost ~ n^p``:
near 1 twice the text costs twice as much, near 2 four times.

>>> with Count() as count:
...     scores = torch.ones(8, 4) @ torch.ones(4, 8)
>>> count.multiplications, count.largest  # 8 x 4 x 8 products, and 8 x 8 numbers
(256, 64)
"""

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

PRODUCTS = {"mm": (0, 1), "bmm": (0, 1), "addmm": (1, 2), "baddbmm": (1, 2), "mv": (0, 1), "dot": (0, 1)}


class Count(TorchDispatchMode):
    """Counts what happens inside its ``with`` block, on any device.

    multiplications: number-by-number products in matrix products and in PyTorch's fused attention, which
        counts as if nothing were masked; element-wise work (exp, additions) is left out.
    made: bytes of all tensors that were made. peak: the most bytes of them alive at one time. largest:
        numbers in the largest of them. What a kernel keeps to itself is not seen.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.multiplications = self.made = self.peak = self.largest = 0
        self._alive: dict[int, int] = {}  # storage -> bytes
        self._now = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        known = {x.untyped_storage()._cdata for x in tree_leaves((args, kwargs)) if _is_stored(x)}
        result = func(*args, **(kwargs or {}))
        self.multiplications += _products(str(func.overloadpacket.__name__), args)
        for tensor in tree_leaves(result):
            if _is_stored(tensor) and tensor.untyped_storage()._cdata not in known:  # no view
                self._add(tensor)
        return result

    def _add(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        place, size = storage._cdata, storage.nbytes()
        if place in self._alive:
            return
        self._alive[place] = size
        self._now += size
        self.made += size
        self.peak = max(self.peak, self._now)
        self.largest = max(self.largest, size // tensor.element_size())
        weakref.finalize(storage, self._free, place)

    def _free(self, place: int) -> None:
        self._now -= self._alive.pop(place, 0)


class Products(TorchDispatchMode):
    """Counts multiplications alone, with half the work of :class:`Count`. parts: by what ``part`` was."""

    def __init__(self, part: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.part = part
        self.parts: dict[str, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = _products(func.overloadpacket.__name__, args)
        if made:
            self.parts[self.part] = self.parts.get(self.part, 0) + made
        return func(*args, **(kwargs or {}))


def _is_stored(x: object) -> bool:
    return isinstance(x, Tensor) and x.layout == torch.strided


def _products(name: str, args: tuple[Any, ...]) -> int:
    """The multiplications of one call: (..., n, d) times (..., d, m) takes n d m for each leading index."""
    if name in PRODUCTS:
        left, right = (args[at] for at in PRODUCTS[name])
        return int(left.numel()) * (right.shape[-1] if right.dim() > 1 else 1)
    if name.startswith("_scaled_dot_product") and "backward" not in name:
        query, key, value = args[:3]
        return int(query.numel() * key.shape[-2] + math.prod(query.shape[:-1]) * value[0, 0].numel())
    return 0


def bytes_of(*tensors: Tensor) -> int:
    """The bytes these tensors' own numbers take: count times size, a view as if it were copied."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@dataclass(frozen=True)
class Curve:
    """costs[i] was met at lengths[i]; exponent: the slope of log cost over log length."""

    lengths: tuple[int, ...]
    costs: tuple[float, ...]
    exponent: float


def fit_exponent(lengths: Sequence[int], costs: Sequence[float]) -> float:
    """p of the least squares line ``log cost = p log n + c``; ``ValueError`` without two lengths > 0.

    >>> round(fit_exponent([10, 20, 40], [3.0, 12.0, 48.0]), 6)  # twice as long, four times the cost
    2.0
    """
    if len(lengths) != len(costs) or len(set(lengths)) < 2 or min(*lengths, *costs) <= 0:
        raise ValueError(
            "an exponent takes at least two different lengths with one cost each, all above 0; got "
            f"lengths {list(lengths)} and costs {list(costs)}"
        )
    x, y = [math.log(n) for n in lengths], [math.log(cost) for cost in costs]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return slope / sum((a - mean_x) ** 2 for a in x)


def count_curve(job: Callable[[int], object], lengths: Sequence[int], what: str = "multiplications") -> Curve:
    """``job(n)`` for every length, and what :class:`Count` saw: "multiplications", "made" or "peak"."""
    costs: list[float] = []
    for n in lengths:
        with Count() as count:
            job(n)
        costs.append(float(getattr(count, what)))
    return Curve(tuple(lengths), tuple(costs), fit_exponent(lengths, costs))


def measure_curve(job: Callable[[int], object], lengths: Sequence[int], repeats: int = 3) -> Curve:
    """Seconds of ``job(n)``, the shortest of ``repeats`` runs after one that is not counted."""
    costs: list[float] = []
    for n in lengths:
        job(n)
        costs.append(min(_seconds(job, n) for _ in range(repeats)))
    return Curve(tuple(lengths), tuple(costs), fit_exponent(lengths, costs))


def _seconds(job: Callable[[int], object], n: int) -> float:
    _synchronise()
    start = time.perf_counter()
    job(n)
    _synchronise()
    return max(time.perf_counter() - start, 1e-9)


def _synchronise() -> None:
    if torch.cuda.is_available():  # its calls return before the work is done
        torch.cuda.synchronize()
