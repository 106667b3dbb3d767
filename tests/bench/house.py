"""By how much a full house makes the process grow, for each of the heavy scenes in turn.

In a process of its own for each: what the one left is not the other's.
"""

from __future__ import annotations

from collections.abc import Iterable

from tests.bench import report
from tests.bench.load import wait_for_models
from tests.serving.house import PEOPLE, QUESTIONS, full_house
from tests.serving.processes import app_server

MB = 2**20
MOST = 1000  # MB, as tests/serving/test_strangers.py asserts


def main(names: Iterable[str] = QUESTIONS) -> None:
    for name in names:
        with app_server() as server:
            wait_for_models(server)
            rest = server.rss()
            grown, answered = full_house(server, QUESTIONS[name])
            print(f"  {name}: {answered} of {PEOPLE} answered, {rest / MB:.0f} MB at rest")
            report(f"full house, {name}: MB more at the peak", grown / MB, MOST)
