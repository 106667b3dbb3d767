"""The long form of tests/serving/fuzz.py: minutes of nonsense, memory and a second learner's waiting.

The learner's waiting is told as a ratio to the same questions without strangers, since a machine's own
pace says nothing.
"""

from __future__ import annotations

import statistics

from tests.bench import report
from tests.bench.load import wait_for_models
from tests.serving.fuzz import fuzz
from tests.serving.processes import app_server

MB = 2**20


def main(seconds: float = 300.0, seed: int = 1) -> None:
    with app_server() as server:
        wait_for_models(server)
        alone = fuzz(server, 10.0, at_once=0)
        warm = fuzz(server, seconds / 5, seed)
        found = fuzz(server, seconds, seed + 1)
        print(f"  {found.requests} requests in {seconds:g} s: {dict(sorted(found.statuses.items()))}")
        first, then = (one.grown / MB for one in (warm, found))
        print(f"  memory: {first:.0f} MB in the first {seconds / 5:g} s, {then:.0f} MB after")
        for name, share in (("median", 0.5), ("95th of 100", 0.95)):
            with_them, without = (1000 * _at(one.waited, share) for one in (found, alone))
            print(f"  the second learner's wait, {name}: {with_them:.0f} ms ({without:.0f} alone)")
        ratio = statistics.median(found.waited) / statistics.median(alone.waited)
        report("the second learner's median wait, of that alone", ratio, 10.0)
        report("answers that break a promise", len(found.bad) + len(warm.bad), 0)
        for text in [*warm.bad, *found.bad][:5]:
            print("   ", text)


def _at(seconds: list[float], share: float) -> float:
    return sorted(seconds)[min(int(share * len(seconds)), len(seconds) - 1)]
