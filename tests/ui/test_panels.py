"""The pictures' small parts."""

from __future__ import annotations

import pytest
import torch

from attention.ui.page.panels import largest, signed
from attention.ui.page.questions import view_of
from attention.ui.tabs.masks import TAB
from tests.ui.views import matrix_of


@pytest.mark.parametrize(("numbers", "high"), [
    ([0.0, 0.0], 1.0), ([], 1.0), ([float("-inf"), 0.0], 1.0), ([1e-8, -2e-8], 1.0),  # a rounding of 0
    ([0.5, -2.0, float("nan")], 2.0), ([3e-5], 3e-5),
])  # fmt: skip
def test_a_scale_ends_at_the_largest_number_and_of_zeros_at_1(numbers, high):
    assert signed(torch.tensor(numbers)) == pytest.approx((-high, high, True))
    assert largest(torch.tensor(numbers), torch.zeros(2)) == pytest.approx(high)


def test_a_sentence_without_tokens_shows_zeros_on_a_scale_that_can_be_read():
    view = view_of(TAB, "en", {"text": "a b\n\nc", "sentence": 2})
    zeros = [p for p in view["panels"] if p["kind"] == "heatmap" and p["diverging"]]
    assert zeros and all((p["low"], p["high"]) == (-1, 1) for p in zeros if not matrix_of(p).any())
