"""Measurements: ``python -m tests.bench PART...`` (parts: ``__main__.PARTS``), or all.

Times on a shared machine mean little alone, so every figure is a ratio of two things timed in turn
in one run, and a line reads ``name: ratio (goal)``.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch


def time_in_turn(ours: Callable[[], object], theirs: Callable[[], object], seconds: float = 2.0) -> float:
    """Median of time(ours) / time(theirs) over pairs of runs: A B, B A, A B, ...

    Each run repeats its function often enough to last 5 ms; ``seconds`` bounds the whole, at least
    7 pairs are taken.
    """
    for warm_up in (ours, theirs) * 3:
        warm_up()
    repeats = max(1, round(0.005 / max(_clock(theirs, 3), 1e-9)))
    ratios: list[float] = []
    end = time.perf_counter() + seconds
    while len(ratios) < 7 or time.perf_counter() < end:
        if len(ratios) % 2:
            b, a = _clock(theirs, repeats), _clock(ours, repeats)
        else:
            a, b = _clock(ours, repeats), _clock(theirs, repeats)
        ratios.append(a / b)
    return statistics.median(ratios)


def report(name: str, ratio: float, goal: float) -> None:
    """Print one figure; ``!`` in front marks one that misses its goal."""
    print(f"{'  ' if ratio <= goal else '! '}{name}: {ratio:.2f} ({goal:.2f})", flush=True)


def synchronise() -> None:
    """Wait for the GPU, whose calls return before the work is done."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _clock(function: Callable[[], object], repeats: int) -> float:
    """Seconds for one call, the mean over ``repeats``."""
    synchronise()
    start = time.perf_counter()
    for _ in range(repeats):
        function()
    synchronise()
    return (time.perf_counter() - start) / repeats
