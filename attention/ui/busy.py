"""Heavy work is bounded per process: so many at once, a few waiting, a polite "busy" beyond that.

A handler runs in one of about forty threads that all tabs share, so those who wait are counted
too: a light tab must always find a free thread.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .guard import Refusal

WAITING = 12  # at most this many threads may stand in one line


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
    """
    with _guard:
        line = _lines.setdefault(name, _Line(limit))
        free = line.places.acquire(blocking=False)
        if not free and line.waiting >= waiting:
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
