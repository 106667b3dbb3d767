"""Find the bug: short programs that fail, what happens when they run, and the repair.

``programs`` holds the code, ``outcome`` runs it, ``claims`` counts what is often said about attention, and
``claimed`` makes exercises of that. The tests run each program in a process of its own as well.
"""

from .claimed import CLAIMS
from .claims import (
    batched_shapes,
    identity_heatmap,
    projection_count,
    random_weights_spread,
    regularised,
    score_count,
)
from .outcome import Outcome, run
from .programs import PROGRAMS, Program

__all__ = [
    "CLAIMS",
    "PROGRAMS",
    "Outcome",
    "Program",
    "batched_shapes",
    "identity_heatmap",
    "projection_count",
    "random_weights_spread",
    "regularised",
    "run",
    "score_count",
]
