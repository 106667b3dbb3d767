"""Heavy work is bounded per process: so many at once, a few waiting, a polite "busy" beyond that.

A handler runs in one of about forty threads that all tabs share. Those who compute and those who
wait are counted, so that a light tab always finds a free thread: at most ``WAITING`` wait in all
lines together, and every line's ``limit`` is small.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from typing import Any, ParamSpec, TypeVar

import torch

from .guard import Refusal

WAITING = 12  # threads that may stand in all lines together, out of Gradio's 40
P = ParamSpec("P")
T = TypeVar("T")


class _Line:
    def __init__(self, limit: int) -> None:
        self.places = threading.BoundedSemaphore(limit)
        self.waiting = 0


_lines: dict[str, _Line] = {}
_guard = threading.Lock()


@contextmanager
def slot(name: str, *, limit: int = 2, wait: float = 10.0, waiting: int = WAITING) -> Iterator[None]:
    """Hold one of ``limit`` places called ``name``; the first call of a name sets its limit.

    Waits up to ``wait`` seconds if fewer than ``waiting`` others do; else raises ``Refusal("busy")``.
    Also a decorator: ``@slot("training")``, below a cache, so that a remembered answer needs no place.
    """
    with _guard:
        line = _lines.setdefault(name, _Line(limit))
        free = line.places.acquire(blocking=False)
        everybody = sum(each.waiting for each in _lines.values())
        if not free and (line.waiting >= waiting or everybody >= WAITING):
            raise Refusal("busy")
        line.waiting += not free
    if not free:
        try:
            free = line.places.acquire(timeout=wait)
        finally:
            with _guard:
                line.waiting -= 1
        if not free:
            raise Refusal("busy")
    try:
        yield
    finally:
        line.places.release()


ZERO_GPU = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def on_gpu(function: Callable[P, T]) -> Callable[P, T]:
    """Run a function on a GPU that Hugging Face lends for the call (ZeroGPU), else right here.

    There the function runs in a forked process: arguments and result are pickled, so it takes names
    rather than models, and answers with CPU tensors (``lent_gpu``). Without the package ``spaces``
    the function comes back unchanged, as it does from ``spaces`` itself on other hardware.
    """
    try:
        from spaces import GPU  # type: ignore[import-untyped]
    except ImportError:
        return function
    lent: Callable[P, T] = GPU(function)
    return lent


@contextmanager
def lent_gpu(module: torch.nn.Module) -> Iterator[Callable[[T], T]]:
    """With a lent GPU, move the module there and back; yields what brings a result to the CPU.

    Everywhere else the module stays where it is, and results come as they are.
    """
    if not (ZERO_GPU and torch.cuda.is_initialized()):  # type: ignore[no-untyped-call]  # only the forked process has one
        yield lambda result: result
        return
    module.to("cuda")
    try:
        yield to_cpu
    finally:
        module.to("cpu")


def to_cpu(result: Any) -> Any:
    """The same value with every tensor in it on the CPU."""
    if isinstance(result, torch.Tensor):
        return result.cpu()
    if isinstance(result, dict):
        return {key: to_cpu(value) for key, value in result.items()}
    if isinstance(result, list | tuple):
        return type(result)(map(to_cpu, result))
    if is_dataclass(result) and not isinstance(result, type):
        return replace(result, **{one.name: to_cpu(getattr(result, one.name)) for one in fields(result)})
    return result
