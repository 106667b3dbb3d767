"""Kernel regression: attention over measured points, with a chosen or a learned width."""

from __future__ import annotations

from ...page.scene import Tab
from . import chosen, learned
from .inputs import HOURS, Inputs

TAB = Tab(
    id="kernel",
    inputs=Inputs,
    switches=("method",),
    scenes={"average": chosen.AVERAGE, "bandwidth": chosen.BANDWIDTH, "learned": learned.SCENE},
    examples=(
        ("example_average", {"method": "average"}),
        ("example_narrow", {"bandwidth": 0.05}),
        ("example_wide", {"bandwidth": 2.0}),
        ("example_learned", {"method": "learned"}),
        ("example_self", {"method": "learned", "exclude_self": False, "steps": 200, "learning_rate": 10}),
        ("example_own", {"points": HOURS, "bandwidth": 1.5, "learning_rate": 0.5}),
    ),
)  # fmt: skip
