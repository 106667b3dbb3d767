"""Heavy work is bounded per process: so many at once, a few waiting, a polite "busy" beyond that.

A handler runs in one of about forty threads that all tabs share. Those who compute and those who
wait are counted, so that a light tab always finds a free thread: at most ``WAITING`` wait in all
lines together, and every line's ``limit`` is small.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

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


def on_gpu(function: Callable[P, T]) -> Callable[P, T]:
    """Run a function on a GPU that Hugging Face lends for the call (ZeroGPU), else right here.

    There the function runs in a forked process: it gets and returns pickled values, so it should take
    names rather than models, move what it needs to ``pick_device()`` and answer with CPU tensors.
    Without the package ``spaces`` (or on other hardware) the function comes back unchanged.
    """
    try:
        import spaces
    except ImportError:
        return function
    return spaces.GPU(function)
