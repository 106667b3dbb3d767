"""Find the bug: short programs that fail, what happens when they run, and the repair.

``programs`` holds the code, ``claims`` what is often said about attention, as numbers. The programs
are run by the tests, each in a process of its own.
"""

from .claims import (
    batched_shapes,
    identity_heatmap,
    projection_count,
    random_weights_spread,
    regularised,
    score_count,
)
from .programs import PROGRAMS, Program

__all__ = [
    "PROGRAMS",
    "Program",
    "batched_shapes",
    "identity_heatmap",
    "projection_count",
    "random_weights_spread",
    "regularised",
    "score_count",
]
