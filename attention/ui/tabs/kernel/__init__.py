"""Kernel regression: attention over measured points, with a chosen or a learned width."""

from __future__ import annotations

from dataclasses import replace

from ...page.scene import Scene, Tab
from . import chosen, learned
from .inputs import DATA, HOURS, Inputs

AVERAGE = Scene(
    fields=DATA, study=chosen.study_average, panels=chosen.panels, sheet=chosen.sheet,
    snippet=chosen.snippet, results=chosen.results, tasks=chosen.tasks, notices=chosen.notices,
)  # fmt: skip

TAB = Tab(
    id="kernel",
    inputs=Inputs,
    switches=("method",),
    scenes={
        "average": AVERAGE,
        "bandwidth": replace(AVERAGE, fields=("bandwidth", *DATA), study=chosen.study_bandwidth),
        "learned": Scene(
            fields=("exclude_self", "steps", "learning_rate", *DATA), study=learned.study,
            panels=learned.panels, sheet=learned.sheet, snippet=learned.snippet,
            results=learned.results, tasks=learned.tasks, notices=learned.notices,
        ),
    },
    examples=(
        ("example_average", {"method": "average"}),
        ("example_narrow", {"bandwidth": 0.05}),
        ("example_wide", {"bandwidth": 2.0}),
        ("example_learned", {"method": "learned"}),
        ("example_self", {"method": "learned", "exclude_self": False, "steps": 200, "learning_rate": 10}),
        ("example_own", {"points": HOURS, "bandwidth": 1.5, "learning_rate": 0.5}),
    ),
)  # fmt: skip
