"""Every snippet prints the numbers of its view: run for every example and compared panel by panel."""

from __future__ import annotations

import contextlib
import io
import re

import numpy as np
import pytest
import torch

from attention.ui import TABS
from attention.ui.page.questions import view_of
from tests.ui.views import packed

# the panels whose numbers a tab's snippet prints; the first that the view has is compared
SHOWN = {
    "matchmaker": ("weights", "training"),
    "kernel": ("weights",),
    "masks": ("after",),
    "heads": ("head", "weights"),
    "positions": ("encoding",),
    "decoder": ("alignment",),
    "applications": ("weights", "attention"),
    "cost": ("weights",),
}
CASES = [(tab, {}) for tab in TABS] + [(tab, changes) for tab in TABS for _, changes in tab.examples]
NUMBER = re.compile(r"-?\d+\.\d*(?:e[+-]\d+)?|-?\d+(?:e[+-]\d+)?|nan|inf")


def numbers_of(view) -> np.ndarray | None:
    for id in SHOWN[view["tab"]]:
        for panel in view["panels"]:
            if panel["id"] == id and "frames" in panel:
                return packed(panel["frames"])[-1]
            if panel["id"] == id and panel.get("data"):
                return packed(panel["data"])
    return None


@pytest.mark.parametrize(("tab", "changes"), CASES, ids=[f"{t.id}-{i}" for i, (t, _) in enumerate(CASES)])
def test_the_snippet_prints_the_numbers_of_the_view(tab, changes):
    view = view_of(tab, "en", changes)
    printed = io.StringIO()
    options = torch._tensor_str.PRINT_OPTS
    before = {name: getattr(options, name) for name in ("precision", "threshold", "linewidth", "sci_mode")}
    torch.set_printoptions(precision=7, threshold=10**7, linewidth=10**6, sci_mode=False)
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(view["code"], f"{tab.id}.py", "exec"), {})
    finally:
        torch.set_printoptions(**before)
    values = np.array([float(text) for text in NUMBER.findall(printed.getvalue())])
    shown = numbers_of(view)
    if shown is None:  # a mode without a matrix: its snippet is compared by the tab's own tests
        assert len(values)
        return
    expected = shown[np.isfinite(shown)].ravel()
    nearest = np.abs(values[None, :] - expected[:, None]).min(axis=1)
    assert nearest.max() < 2e-5, f"{(nearest >= 2e-5).sum()} of {len(expected)} numbers are not printed"
