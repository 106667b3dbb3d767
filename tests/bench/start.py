"""``python app.py`` to its first answer, against an empty Blocks that imports gradio and torch.

Both are started in turn, each in a fresh process. The ratio of processor time is printed as well:
it hardly depends on what else the machine is doing.
"""

from __future__ import annotations

import statistics

from tests.bench import report
from tests.serving.processes import app_server, empty_server

GOAL = 1.3


def main(pairs: int = 3) -> None:
    wall: list[float] = []
    cpu: list[float] = []
    for i in range(pairs):
        order = (empty_server, app_server) if i % 2 else (app_server, empty_server)
        seen = {}
        for start in order:
            with start() as server:
                seen[start] = server
        ours, theirs = seen[app_server], seen[empty_server]
        wall.append(ours.seconds / theirs.seconds)
        cpu.append(ours.cpu_at_start / theirs.cpu_at_start)
    report("start to first answer, wall time", statistics.median(wall), GOAL)
    report("start to first answer, processor time", statistics.median(cpu), GOAL)
