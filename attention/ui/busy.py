"""Heavy work is bounded per process: so many at once, a few waiting, a polite "busy" beyond that.

A handler runs in one of about forty threads that all tabs share. Those who compute and those who
wait are counted, so that a light tab always finds a free thread: at most ``WAITING`` wait in all
lines together, and every line's ``limit`` is small.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch

from .guard import Refusal

log = logging.getLogger("attention.ui")
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


class GpuRefused(RuntimeError):
    """No GPU was lent for this call: a quota is used up, none is free, or the lending is out of order."""


REST = 60.0  # seconds to do without a GPU after a refusal: each question costs up to a minute of waiting


def on_gpu(function: Callable[P, T], seconds: Callable[P, int] | None = None) -> Callable[P, T]:
    """Run a function on a GPU that Hugging Face lends for the call (ZeroGPU), else right here.

    seconds: how long to ask for, from the same arguments; a short call is let in sooner and costs less
    of the visitor's quota. There the function runs in a forked process: arguments and result are
    pickled, so it takes names rather than models, answers with CPU tensors (``lent_gpu``) and returns
    what it refuses. Whatever is raised is therefore the lending's own, and becomes ``GpuRefused``.
    Without the package ``spaces`` the function comes back unchanged, as from ``spaces`` elsewhere.
    """
    try:
        from spaces import GPU
    except ImportError:
        return function
    lent: Callable[P, T] = GPU(duration=seconds)(function)
    if lent is function:
        return function
    rested = 0.0

    @wraps(function)
    def asked(*arguments: P.args, **named: P.kwargs) -> T:
        nonlocal rested
        if time.monotonic() < rested:
            raise GpuRefused("no GPU was lent a moment ago")
        try:
            return lent(*arguments, **named)
        except Exception as error:  # its own errors, its HTTP client's, a worker that died
            rested = time.monotonic() + REST
            # its messages are written for a visitor, its traces hold a request: the kind is enough
            log.warning("no GPU was lent (%s); the CPU computes for %.0f s", type(error).__name__, REST)
            raise GpuRefused("no GPU was lent") from error

    return asked


@contextmanager
def lent_gpu(module: torch.nn.Module) -> Iterator[Callable[[T], T]]:
    """With a lent GPU, move the module there and back; yields what brings a result to the CPU.

    Everywhere else the module stays where it is, and results come as they are.
    """
    if not (ZERO_GPU and torch.cuda.is_initialized()):  # only the forked process has one
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
