"""A circuit that forms: ten seeds within half a minute, and what of them is learned."""

from __future__ import annotations

import time

from attention.copying import CHANCE_LOSS, train

from . import report

SEEDS, STEPS = 10, 300
SECONDS = 30.0  # for all ten


def main() -> None:
    """The time as a share of half a minute; then the least and the most of what was measured."""
    start = time.perf_counter()
    exams = [train(seed=seed, steps=STEPS, every=STEPS).steps[-1].exam for seed in range(SEEDS)]
    report(f"ten seeds, of {SECONDS:.0f} s", (time.perf_counter() - start) / SECONDS, 1.0)
    prefix = [exam.prefix.max().item() for exam in exams]
    learned = sum(
        exam.loss < CHANCE_LOSS / 2 and best >= 0.5 for exam, best in zip(exams, prefix, strict=True)
    )
    print(f"  learned {learned} of {SEEDS}, lowest prefix score {min(prefix):.2f}", flush=True)
